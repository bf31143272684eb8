"""Go's table of functions and Rust's crates, of programs that those tools make."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from archscan.elf import read
from archscan.elf.language.go_functions import address_of_name, go_functions, name_at
from archscan.model import CryptoUse, Elf
from tests.crypto.test_constants import built, copies, facts

GO = """package main
import ("crypto/des"; "crypto/md5"; "crypto/rc4"; "fmt"; "os")
func main() {
	block, _ := des.NewTripleDESCipher([]byte(os.Args[1]))
	stream, _ := rc4.NewCipher([]byte(os.Args[1]))
	fmt.Println(md5.Sum([]byte(os.Args[0])), block, stream)
}
"""
STRONG = """package main
import ("crypto/sha256"; "fmt"; "os")
func main() { fmt.Println(sha256.Sum256([]byte(os.Args[0]))) }
"""
PROCESSORS = ["amd64", "386", "arm64", "arm", "ppc64le", "riscv64", "s390x"]


def by_language(found: Elf) -> dict[str, CryptoUse]:
    return {use.algorithm: use for use in copies(found) if use.evidence == "language"}


def go_built(folder: Path, source: str, *flags: str, processor: str = "amd64") -> Elf:
    (folder / "x.go").write_text(source)
    settings = {"GOARCH": processor, "CGO_ENABLED": "0", "GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod"}
    command = ["go", "build", *flags, "-o", str(folder / "x"), str(folder / "x.go")]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env={**os.environ, **settings})
    return facts((folder / "x").read_bytes())


@pytest.mark.full
@pytest.mark.parametrize("processor", PROCESSORS)
def test_go_programs_name_what_they_hold_also_stripped(tmp_path: Path, processor: str) -> None:
    for flags in (["-ldflags=-s -w"], []):
        found = go_built(tmp_path, GO, *flags, processor=processor)
        shown = by_language(found)
        assert set(shown) == {"3des", "des", "md5", "rc4"}
        assert shown["3des"].function == "crypto/des.NewTripleDESCipher"
        assert {use.role for use in shown.values()} == {"hash", "cipher"}
        constants = {use.algorithm: use for use in copies(found) if use.evidence == "constant"}
        assert set(constants) == {"md5", "des"}
        # On ARM, Go keeps the words of MD5 in a table; who reads it is not known there.
        assert (constants["md5"].function or "crypto/md5.").startswith("crypto/md5.")


@pytest.mark.full
@pytest.mark.parametrize("flags", [[], ["-buildmode=pie"]])
def test_places_of_go_functions_are_those_of_its_own_list(tmp_path: Path, flags: list[str]) -> None:
    go_built(tmp_path, GO, *flags)
    known = go_functions(read((tmp_path / "x").read_bytes()))
    assert known is not None
    lines = subprocess.run(["go", "tool", "nm", tmp_path / "x"], check=True, capture_output=True, text=True).stdout
    listed = {line.split()[2]: int(line.split()[0], 16) for line in lines.splitlines() if " T crypto/" in line}
    assert len(listed) > 10
    for name, address in listed.items():
        plain = name.removesuffix(".abi0")
        assert name_at(known, address) == plain.encode()
        assert address_of_name(known, known.names.index(b"\0" + plain.encode() + b"\0") + 1) == address


@pytest.mark.full
def test_a_go_program_without_weak_algorithms_shows_none(tmp_path: Path) -> None:
    assert copies(go_built(tmp_path, STRONG, "-ldflags=-s -w")) == []


# A crate of our own with the name that counts; the one of the registry is not there where tests run.
CRATE = """
#[inline(never)]
pub fn compress(state: &mut [u32; 4], block: &[u32; 16]) {
    for (at, word) in block.iter().enumerate() { state[at % 4] = state[at % 4].rotate_left(7).wrapping_add(*word); }
}
"""
RUST = """
fn main() {
    let mut state = [1u32, 2, 3, std::env::args().count() as u32];
    NAME::compress(&mut state, &[3u32; 16]);
    println!("{:?}", state);
}
"""


def rust_built(folder: Path, crate: str, mangling: str) -> Elf:
    (folder / "lib.rs").write_text(CRATE)
    (folder / "main.rs").write_text(RUST.replace("NAME", crate))
    rustc = [shutil.which("rustc") or "rustc", "--edition", "2021", "-C", f"symbol-mangling-version={mangling}"]
    older = ["-Z", "unstable-options"] if mangling == "legacy" else []
    settings = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    library = [*rustc, *older, "-O", "--crate-type=rlib", f"--crate-name={crate}", "lib.rs"]
    program = [*rustc, *older, "--extern", f"{crate}=lib{crate}.rlib", "main.rs", "-o", "x"]
    for command in (library, program):
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=settings)
    return facts((folder / "x").read_bytes())


@pytest.mark.full
@pytest.mark.parametrize("mangling", ["legacy", "v0"])
def test_symbols_of_a_crate_show_it_in_both_forms(tmp_path: Path, mangling: str) -> None:
    shown = by_language(rust_built(tmp_path, "md5", mangling))
    assert set(shown) == {"md5"}
    assert shown["md5"].confidence == "certain"
    assert "compress" in (shown["md5"].function or "")
    assert set(by_language(rust_built(tmp_path, "amd5", mangling))) == set()


def test_crates_that_paths_name_are_likely(tmp_path: Path) -> None:
    paths = (
        "/usr/share/cargo/registry/md-5-0.10.1/src/lib.rs"
        "/usr/share/cargo/registry/sha1collisiondetection-0.2.6/lib/sha1.rs"
        "/usr/share/cargo/registry/sha2-0.10.5/src/lib.rs"
        "/rustc/0123456789abcdef0123456789abcdef01234567/library/core/src/option.rs"
    )
    code = f'const char paths[] = "{paths}"; int main(int c, char **v) {{ return paths[c]; }}'
    unwinding = "void *_Unwind_GetLanguageSpecificData(void *); void *f(void *x) {"
    found = built(tmp_path, f"{code} {unwinding} return _Unwind_GetLanguageSpecificData(x); }}", "-static")
    shown = by_language(found)
    assert {name: use.confidence for name, use in shown.items()} == {"md5": "likely", "sha1": "likely"}
    assert shown["md5"].argument == "crate md-5 0.10.1 (crate-paths)"
