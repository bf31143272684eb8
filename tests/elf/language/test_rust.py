"""Crates, by the list of `cargo auditable` and by paths; and Rust told from C that it is linked with."""

from __future__ import annotations

import json
import subprocess
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscan.elf.language import has_c_part
from archscan.elf.language.rust import audited_crates
from archscan.model import Component, Elf
from tests.elf.building import compiled, seen, without_sections

# As panics of a program name them, one behind the other, without an end.
PATHS = (
    "called `Option::unwrap()` on a `None` value/usr/share/cargo/registry/aho-corasick-0.7.19/src/dfa.rs"
    "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde_json-1.0.107+build.1/src/de.rs"
    "/home/x/.cargo/registry/src/github.com-1ecc6299db9ec823/time-0.3.0-rc.2/src/lib.rs"
    "/home/x/.cargo/git/checkouts/left-pad-0123456789abcdef/1a2b3c4/src/lib.rs"
    "/rust/deps/gimli-0.32.3/src/read.rs/build/x/vendor/string_cache/src/atom.rs"
    "/build/x/debian/cargo_registry/sha-1-0.10.0/src/lib.rs/build/x/vendor/phf_shared-0.8.0/src/lib.rs"
    "/home/x/.cache/cargo-home/registry/src/index.crates.io-1949cf8c6b5b557f/wasi-0.11.0+wasi-snapshot-preview1/src/x.rs"
    "./third_party/rust/regex-automata/src/nfa/thompson.rs./third_party/rust/jxl-0.3.1/src/lib.rs"
    "../../third_party/rust/chromium_crates_io/vendor/serde_json_lenient-v0_2/src/de.rs/y/vendor/zlib-1.3.1/src/x.c"
    "/rustc/0123456789abcdef0123456789abcdef01234567/library/core/src/option.rs"
    "/usr/share/cargo/registry/aho-corasick-0.7.19/src/lib.rs"
)
NAMED = {
    ("aho-corasick", "0.7.19"), ("serde_json", "1.0.107+build.1"), ("time", "0.3.0-rc.2"), ("left-pad", "1a2b3c4"),
    ("gimli", "0.32.3"), ("string_cache", None), ("sha-1", "0.10.0"), ("phf_shared", "0.8.0"),
    ("wasi", "0.11.0+wasi-snapshot-preview1"), ("regex-automata", None), ("jxl", "0.3.1"), ("serde_json_lenient", None),
}  # fmt: skip
SOURCE = 'const char paths[] = "%s";\nint main(int c, char **v) { return paths[c]; }\n'


def crates(found: Elf) -> list[Component]:
    """The crates among the components."""
    return [row for row in found.components if row.ecosystem == "cargo"]


def audited(folder: Path, content: bytes) -> Elf:
    """A program that holds a list of crates."""
    out, packed = compiled(folder, "int main(void) { return 0; }\n"), folder / "packed"
    packed.write_bytes(content)
    subprocess.run(["objcopy", "--add-section", f".dep-v0={packed}", out], check=True)
    return seen(out)


@pytest.mark.parametrize("flags", [["-static"], ["-static-pie", "-fPIE"], ["-Wl,--no-as-needed", "-lgcc_s"]])
def test_crates_and_compiler_are_named_by_paths(tmp_path: Path, flags: list[str]) -> None:
    name = "_Unwind_GetLanguageSpecificData"
    call = f"void *{name}(void *);\nvoid *f(void *x) {{ return {name}(x); }}\n"
    out = compiled(tmp_path, SOURCE % PATHS + call * ("-lgcc_s" in flags), flags)
    for data in (out.read_bytes(), without_sections(out.read_bytes())):
        found = seen(data)
        assert (found.language, found.reasons["language"].code) == ("rust", "rust-library")
        assert {(row.name, row.version) for row in crates(found)} == NAMED
        assert {row.evidence for row in crates(found)} == {"crate-paths"}
        made = [row for row in found.components if row.name == "rustc"]
        assert made == [Component("toolchain", "rustc", "0123456789abcdef0123456789abcdef01234567", "library-paths")]


def test_strings_of_rust_in_a_program_that_unwinds_nothing_are_its_data(tmp_path: Path) -> None:
    found = seen(compiled(tmp_path, SOURCE % PATHS))
    assert (found.language, crates(found)) == ("c", [])


@pytest.mark.parametrize("call", ["", "puts", "__stack_chk_fail", "__memcpy_chk", "fprintf"])
def test_c_beside_rust_is_told_by_what_rust_does_not_call(tmp_path: Path, call: str) -> None:
    stub = compiled(tmp_path, "int _Unwind_GetLanguageSpecificData;\n", ["-shared", "-fPIC"], name="libunwind.so")
    source = (
        "extern char _Unwind_GetLanguageSpecificData[];\nchar *f(void) { return _Unwind_GetLanguageSpecificData; }\n"
    )
    source += f"extern void {call}();\nvoid g(void) {{ {call}(); }}\n" if call else ""
    flags = ["-shared", "-fPIC", "-fno-builtin", "-fno-stack-protector", "-w", "-s", str(stub)]
    found = seen(compiled(tmp_path, SOURCE.replace("main", "h") % PATHS + source, flags), "usr/lib/x.so")
    mixed = call not in ("", "puts")
    assert (found.language, has_c_part(found.reasons["language"])) == ("rust", mixed)
    assert (found.stack_protector == "n/a", found.fortify == "n/a") == (
        not mixed,
        call in ("", "puts", "__stack_chk_fail"),
    )


@pytest.mark.parametrize(
    ("flag", "verdict", "code"), [("none", "no", "no-landing-pads"), ("full", "unknown", "c-untold")]
)
def test_landing_pads_of_an_object_with_c_are_judged(tmp_path: Path, flag: str, verdict: str, code: str) -> None:
    """Rust's own compiler makes none. Where no function has one, no function in C has; else whose they are is open."""
    stub = compiled(tmp_path, "int _Unwind_GetLanguageSpecificData;\n", ["-shared", "-fPIC"], name="libunwind.so")
    source = (
        "extern char _Unwind_GetLanguageSpecificData[];\nchar *f(void) { return _Unwind_GetLanguageSpecificData; }\n"
    )
    source += "extern void __memcpy_chk();\nvoid g(void) { __memcpy_chk(); }\nvoid k(void) { g(); }\n"
    flags = ["-O2", "-shared", "-fPIC", "-fno-builtin", f"-fcf-protection={flag}", "-w", "-s", str(stub)]
    found = seen(compiled(tmp_path, SOURCE.replace("main", "h") % PATHS + source, flags), "usr/lib/x.so")
    assert (found.language, found.ibt_compiled, found.reasons["ibt_compiled"].code) == ("rust", verdict, code)
    assert found.stack_clash == "n/a"


@pytest.mark.parametrize("call", ["puts", "__memcpy_chk"])
def test_only_what_c_has_by_itself_is_judged_beside_rust(tmp_path: Path, call: str) -> None:
    """Rust's compiler makes no landing pads but probes large frames itself; whose such a frame is, nothing tells."""
    stub = compiled(tmp_path, "int _Unwind_GetLanguageSpecificData;\n", ["-shared", "-fPIC"], name="libunwind.so")
    source = (
        "extern char _Unwind_GetLanguageSpecificData[];\nchar *f(void) { return _Unwind_GetLanguageSpecificData; }\n"
        f"extern void {call}();\nvoid g(void) {{ char b[20000]; {call}(b); }}\n"
    )
    flags = ["-O2", "-shared", "-fPIC", "-fno-builtin", "-fcf-protection=none", "-w", "-s", str(stub)]
    found = seen(compiled(tmp_path, SOURCE.replace("main", "h") % PATHS + source, flags), "usr/lib/x.so")
    assert (found.language, found.stack_clash, found.reasons["stack_clash"].code) == ("rust", "n/a", "language")
    expected = ("n/a", "language") if call == "puts" else ("no", "no-landing-pads")
    assert (found.ibt_compiled, found.reasons["ibt_compiled"].code) == expected


def test_the_list_of_cargo_auditable_is_read(tmp_path: Path) -> None:
    packages = [
        {"name": "app", "version": "0.1.0", "source": "local", "dependencies": [1], "root": True},
        {"name": "serde", "version": "1.0.190", "source": "crates.io"},
        {"name": "cc", "version": "1.0.83", "source": "crates.io", "kind": "build"},
    ]
    found = audited(tmp_path, zlib.compress(json.dumps({"packages": packages}).encode()))
    assert (found.language, found.reasons["language"].code) == ("rust", "dep-v0")
    assert crates(found) == [
        Component("cargo", "app", "0.1.0", "dep-v0"),
        Component("cargo", "cc", "1.0.83", "dep-v0-build"),
        Component("cargo", "serde", "1.0.190", "dep-v0"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        zlib.compress(b"{}"),
        zlib.compress(b'{"packages": 3}'),
        zlib.compress(b'{"packages": [{"name": 1, "version": "2"}]}'),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b'{"x":' + b"[" * 100_000),
        zlib.compress(b"{}")[:-3],
    ],
)
def test_a_list_that_cannot_be_read_leaves_the_language(tmp_path: Path, content: bytes) -> None:
    found = audited(tmp_path, content or b"\0")
    assert (found.language, crates(found), found.reasons["language"].truncated) == ("rust", [], True)


def test_a_bomb_of_crates_is_not_unpacked() -> None:
    bomb = zlib.compress(b'{"packages": [' + b" " * (512 << 20) + b"]}", 9)
    start = time.process_time()
    assert audited_crates(bomb) is None
    assert time.process_time() - start < 1


def test_a_million_crates_are_cut_short(tmp_path: Path) -> None:
    rows = ",".join(f'{{"name":"x{number}","version":"1.0.0"}}' for number in range(150_000))
    found = audited(tmp_path, zlib.compress(f'{{"packages":[{rows}]}}'.encode()))
    assert (len(crates(found)), found.reasons["language"].truncated) == (10_000, True)


def test_paths_that_hardly_match_cost_no_time(tmp_path: Path) -> None:
    text = "cargo/registry/src/" + "a-" * 40 + "/vendor/a/src/" + "a/" * 70
    source = f'const char a[] = "library/std/src/{text * 2000}";\nint main(int c, char **v) {{ return a[c]; }}\n'
    out = compiled(tmp_path, source, ["-static"])
    start = time.process_time()
    assert crates(seen(out)) == []
    assert time.process_time() - start < 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_none(content: bytes) -> None:
    for packed in (content, zlib.compress(content)):
        assert audited_crates(packed) is None


_NAMES = st.text(max_size=300)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_NAMES, _NAMES, st.sampled_from(["runtime", "build", "x"])), max_size=20))
def test_every_crate_of_a_list_is_found(rows: list[tuple[str, str, str]]) -> None:
    text = json.dumps({"packages": [{"name": name, "version": version, "kind": kind} for name, version, kind in rows]})
    found = audited_crates(zlib.compress(text.encode()))
    assert found is not None
    kept = {row for row in rows if len(row[0]) <= 256 and len(row[1]) <= 256}
    assert found[1] == all(row in kept for row in rows)
    assert len(found[0]) == len({(name, version, kind == "build") for name, version, kind in kept})
