"""Sanitizers, Control Flow Integrity and SafeStack, by what gcc and clang make of their flags."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from archscan.model import Elf
from tests.elf.building import compiled, seen

SOURCE = """
#include <stdio.h>
#include <string.h>
static int one(int c) { return c + 1; }
static int two(int c) { return c * 2; }
int (*called[2])(int) = {one, two};
int main(int c, char **v) { int b[16]; strcpy((char *)b, v[0]); return called[c & 1](b[c] * c) + puts(v[0]); }
"""
COLUMNS = ("sanitizers", "clang_cfi", "safe_stack")


def _columns(found: Elf) -> tuple[object, ...]:
    return tuple(getattr(found, name) for name in COLUMNS)


def _names(found: Elf, column: str) -> set[str | None]:
    return {site.name for site in found.reasons[column].sites}


def _library(folder: Path, soname: str, symbols: str) -> Path:
    """A library that defines functions of such names."""
    body = "".join(f"void {name}(void) {{}}\n" for name in symbols.split())
    return compiled(folder, body, ["-shared", "-fPIC", f"-Wl,-soname,{soname}"], name=soname)


def _calling(folder: Path, symbols: str, soname: str = "libx.so.1") -> Elf:
    library = _library(folder, soname, symbols)
    body = "".join(f"void {name}(void);\n" for name in symbols.split())
    calls = "".join(f"{name}();" for name in symbols.split())
    return seen(compiled(folder, f"{body}int main(void) {{ {calls} return 0; }}", [str(library)], name="user"))


@pytest.mark.parametrize(
    ("flag", "names", "sign"), [("address", "address", "__asan_init"), ("undefined", "undefined", "libubsan.so.1")]
)
def test_what_gcc_instruments(tmp_path: Path, flag: str, names: str, sign: str) -> None:
    found = seen(compiled(tmp_path, SOURCE, ["-O1", f"-fsanitize={flag}"]))
    assert _columns(found) == (names, "n/a", "n/a")
    assert sign in _names(found, "sanitizers")


def test_a_plain_program_has_none(tmp_path: Path) -> None:
    found = seen(compiled(tmp_path, SOURCE, ["-O1"]))
    assert _columns(found) == (None, "n/a", "n/a")
    assert "sanitizers" not in found.reasons
    assert found.reasons["clang_cfi"].code == found.reasons["safe_stack"].code == "not-asked-for"


@pytest.mark.parametrize(
    ("symbols", "names"),
    [
        ("__asan_init __ubsan_handle_add_overflow __sanitizer_cov_trace_pc", "address coverage undefined"),
        ("__hwasan_init", "hwaddress"),
        ("__tsan_func_entry", "thread"),
        ("__msan_warning_noreturn", "memory"),
        ("__lsan_init", "leak"),
        ("__ubsan_handle_add_overflow_minimal", "undefined-minimal"),
        ("__asan_load4_noabort __sanitizer_cov_8bit_counters_init", "address coverage"),  # the kernel's, out of line
        ("__asan_poison_memory_region __lsan_ignore_object __tsan_acquire __msan_unpoison", None),
        ("__ubsan_handle_cfi_bad_type __sanitizer_print_stack_trace", None),
    ],
)
def test_names_that_are_called(tmp_path: Path, symbols: str, names: str | None) -> None:
    assert _calling(tmp_path, symbols).sanitizers == names


def test_a_library_that_is_needed_is_enough(tmp_path: Path) -> None:
    assert _calling(tmp_path, "plain", "libtsan.so.2").sanitizers == "thread"


@pytest.mark.parametrize(
    ("defined", "names"),
    [
        ("__asan_init __ubsan_handle_add_overflow", "address"),
        ("__ubsan_handle_type_mismatch_v1", "undefined"),
        ("__ubsan_handle_add_overflow_minimal", "undefined-minimal"),
        ("my__asan_init __asan_initial", None),
        ("__ubsan_handle_add_overflow __scudo_print_stats", None),  # Scudo, an allocator, brings the other along
    ],
)
def test_a_library_that_was_linked_in_exports_its_names(tmp_path: Path, defined: str, names: str | None) -> None:
    body = "".join(f"void {name}(void) {{}}\n" for name in defined.split())
    path = compiled(tmp_path, body + SOURCE, ["-O1", "-rdynamic"])
    subprocess.run(["strip", path], check=True)
    assert seen(path).sanitizers == names
    assert seen(_library(tmp_path, "libown.so.1", defined), "usr/lib/libown.so.1").sanitizers is None


@pytest.mark.parametrize("extra", ["", "__ubsan_handle_add_overflow", "__asan_init"])
def test_coverage_is_told_by_its_sections_alone(tmp_path: Path, extra: str) -> None:
    """For it clang links the library of undefined behaviour, which shows nothing then."""
    body = '__attribute__((section("__sancov_guards"), used)) int guards[4] = {1};\n'
    body += f"void {extra}(void) {{}}\n" if extra else ""
    path = compiled(tmp_path, body + SOURCE, ["-O1", "-rdynamic"])
    assert seen(path).sanitizers == ("address coverage" if extra == "__asan_init" else "coverage")


_TEXTS = "strip_path_prefix", "external_symbolizer_path"


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        ((*_TEXTS, "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"), "address"),
        ((*_TEXTS, "HWASAN_OPTIONS"), "hwaddress"),
        ((*_TEXTS, "TSAN_OPTIONS"), "thread"),
        ((*_TEXTS, "UBSAN_OPTIONS"), "undefined"),
        (("ubsan: too many errors\\n",), "undefined-minimal"),
        (_TEXTS, None),
        (("ASAN_OPTIONS", "LSAN_OPTIONS"), None),  # a program that sets them for another
        ((_TEXTS[0], "ASAN_OPTIONS"), None),
    ],
)
def test_a_library_without_names_is_told_by_its_options(
    tmp_path: Path, texts: tuple[str, ...], names: str | None
) -> None:
    body = "".join(f'const char t{number}[] = "\\0{text}";\n' for number, text in enumerate(texts))
    path = compiled(tmp_path, body + SOURCE, ["-O1"])
    subprocess.run(["strip", path], check=True)
    assert seen(path).sanitizers == names


@pytest.mark.parametrize(("libraries", "names"), [("asan", "address"), ("ubsan", "undefined")])
def test_what_gcc_links_in_shows_in_a_stripped_program(tmp_path: Path, libraries: str, names: str) -> None:
    flag = {"asan": "address", "ubsan": "undefined"}[libraries]
    path = compiled(tmp_path, SOURCE, ["-O1", f"-fsanitize={flag}", f"-static-lib{libraries}"])
    subprocess.run(["strip", path], check=True)
    found = seen(path)
    assert (found.sanitizers, found.reasons["sanitizers"].code) == (names, "sanitizer-inside")


def test_checks_within_one_object_show_by_their_trap(tmp_path: Path) -> None:
    """The bytes that clang 14 and 16 write; data that holds them is no code."""
    trap = 'void f(void) { __asm__ volatile(".byte 0x67,0x0f,0xb9,0x40,%s"); }\n'
    for code, verdict in (
        (trap % "2", "yes"),
        (trap % "1", "n/a"),
        ('char d[] = "\\x67\\x0f\\xb9\\x40\\x02";\n', "n/a"),
    ):
        path = compiled(tmp_path, code + SOURCE, ["-O1"])
        found = seen(path)
        reason = found.reasons["clang_cfi"]
        assert found.clang_cfi == verdict
        assert reason.code == ("type-traps" if verdict == "yes" else "not-asked-for")
        assert [site.name for site in reason.sites] == (["f"] if verdict == "yes" else [])


def test_the_kernels_checks_are_listed_in_a_section(tmp_path: Path) -> None:
    body = '__attribute__((section(".kcfi_traps"), used)) const int traps[3] = {1, 2, 3};\n'
    found = seen(compiled(tmp_path, body + SOURCE, ["-c"], name="x.o"), "usr/lib/x.a(x.o)")
    assert (found.clang_cfi, found.reasons["clang_cfi"].code) == ("yes", "kernel-cfi")
    assert found.reasons["clang_cfi"].counts == {"traps": 3}


def test_the_libraries_of_sanitizers_are_not_built_with_them(tmp_path: Path) -> None:
    inner = _library(tmp_path, "libubsan.so.1", "__ubsan_handle_add_overflow")
    body = "void __ubsan_handle_add_overflow(void); void __asan_init(void) { __ubsan_handle_add_overflow(); }"
    path = compiled(tmp_path, body, ["-shared", "-fPIC", str(inner)], name="outer")
    for name in ("usr/lib/libasan.so.8.0.0", "usr/lib/llvm-14/lib/clang/14/lib/linux/libclang_rt.asan-x86_64.so"):
        assert seen(path, name).sanitizers is None
    assert seen(path, "usr/lib/libpasan.so").sanitizers == "undefined"


def test_checks_across_objects_and_second_stacks(tmp_path: Path) -> None:
    body = "void __cfi_check(void) {}\n__thread void *__safestack_unsafe_stack_ptr;\n"
    found = seen(compiled(tmp_path, body, ["-shared", "-fPIC"]), "usr/lib/libx.so.1")
    assert _columns(found) == (None, "yes", "yes")
    assert _names(found, "clang_cfi") == {"__cfi_check"}
    assert _names(found, "safe_stack") == {"__safestack_unsafe_stack_ptr"}
    runtime = "usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.cfi-x86_64.a(cfi.cpp.o)"
    assert _columns(seen(compiled(tmp_path, body, ["-c"], name="cfi.o"), runtime)) == (None, "n/a", "n/a")
    assert _columns(_calling(tmp_path, "__cfi_slowpath_diag __safestack_pointer_address")) == (None, "yes", "yes")
    assert _columns(_calling(tmp_path, "__cfi_checker __safestack_initial")) == (None, "n/a", "n/a")


@pytest.mark.full
@pytest.mark.parametrize(
    ("compiler", "flags", "columns"),
    [
        ("gcc", "thread", ("thread", "n/a", "n/a")),
        ("gcc", "leak", ("leak", "n/a", "n/a")),
        ("gcc", "address,undefined", ("address undefined", "n/a", "n/a")),
        ("clang", "address", ("address", "n/a", "n/a")),
        ("clang", "address -shared-libasan", ("address", "n/a", "n/a")),
        ("clang", "thread", ("thread", "n/a", "n/a")),
        ("clang", "memory", ("memory", "n/a", "n/a")),
        ("clang", "leak", ("leak", "n/a", "n/a")),
        ("clang", "undefined", ("undefined", "n/a", "n/a")),
        ("clang", "undefined -fsanitize-minimal-runtime", ("undefined-minimal", "n/a", "n/a")),
        ("clang", "undefined -fsanitize-trap=all", (None, "n/a", "n/a")),
        ("clang", "safe-stack", (None, "n/a", "yes")),
        ("clang", "cfi -flto -fvisibility=hidden -fuse-ld=lld", (None, "yes", "n/a")),
        ("clang", "fuzzer-no-link", ("coverage", "n/a", "n/a")),
        ("clang", "scudo", (None, "n/a", "n/a")),
        ("clang", "undefined -static", ("undefined", "n/a", "n/a")),
        ("clang", "cfi -flto -fvisibility=hidden -fuse-ld=lld -fsanitize-cfi-cross-dso", (None, "yes", "n/a")),
    ],
)
def test_every_sanitizer_of_gcc_and_clang_in_stripped_programs(
    tmp_path: Path, compiler: str, flags: str, columns: tuple[str | None, ...]
) -> None:
    source, path = tmp_path / "x.c", tmp_path / "x"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-O1", "-o", path, source, *f"-fsanitize={flags}".split()], check=True)
    subprocess.run(["strip", path], check=True)
    assert _columns(seen(path)) == columns
