"""By what languages are told apart: objects that gcc makes with the marks of others; those are in test_compilers."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path

import pytest

from archscan.model import Component
from tests.elf.building import HELLO, body_at, compiled, handmade, linked, seen, without_sections

_CXX = '#include <string>\nvoid g(std::string const &);\nvoid f() { g("x"); }\n'


def test_c_is_what_calls_the_c_library(tmp_path: Path) -> None:
    assert seen(compiled(tmp_path, HELLO)).language == "c"
    assert seen(compiled(tmp_path, HELLO, ["-c"], name="x.o"), "usr/lib/x.o").language == "c"


def test_assembler_has_code_but_no_unwind_tables(tmp_path: Path) -> None:
    source = '.globl f\nf: ret\n.section .note.GNU-stack,"",@progbits\n'
    assert seen(compiled(tmp_path, source, ["-c"], suffix="s", name="x.o"), "usr/lib/x.o").language == "assembler"


def test_free_pascal_signs_its_data_also_without_sections() -> None:
    body = b"FPC 3.2.2+dfsg-20 [2023/03/30] for x86_64 - Linux\0"
    assert seen(handmade([(1, 6, 0, body_at(2) + len(body)), (1, 5, 0, 64)], body, kind=2)).language == "pascal"


@pytest.mark.parametrize(
    "text", [b"FPC 1.1.1", b"\1zPL", b"\0caml", b"\xff Go buildinf:", b"library/std/src/", b"\0_ZN"]
)
def test_marks_that_come_again_and_again_cost_no_time(text: bytes) -> None:
    """Each begins something that is searched for, and none goes on as it should."""
    body = text * ((4 << 20) // len(text))
    start = time.process_time()
    for flags in (4, 6):
        seen(handmade([(1, flags, 0, body_at(1) + len(body))], body, kind=2))
    assert time.process_time() - start < 2


def test_c_plus_plus_is_told_by_its_library_and_its_names(tmp_path: Path) -> None:
    path = compiled(tmp_path, _CXX, ["-shared", "-fPIC", "-lstdc++"], suffix="cc")
    assert seen(path, "usr/lib/x.so").language == "c++"
    assert seen(compiled(tmp_path, _CXX, ["-c"], suffix="cc", name="x.o"), "usr/lib/x.o").language == "c++"


NAMES = {
    "camlStdlib__Printf__code_begin": "ocaml", "camlFoo$bar_123": "ocaml", "camlStdlib.code_end": "ocaml",
    "rust_eh_personality": "rust", "__rust_alloc": "rust",
    "_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE": "rust",
    "_RNvNtCs1234_4core3fmt5write": "rust", "stg_ap_p_fast": "haskell", "base_GHCziBase_map_closure": "haskell",
    "ZCMain_main_closure": "haskell", "_D3std5stdio4File6__initZ": "d", "_d_run_main": "d",
    "ada__text_io__put_line": "ada",
    "system__secondary_stack__ss_mark": "ada", "__gnat_rcheck_CE_Range_Check": "ada", "_gfortran_st_write": "fortran",
    "_FortranAioBeginExternalListOutput": "fortran", "__blas_MOD_gemm": "fortran", "FPC_INITIALIZEUNITS": "pascal",
    "VMT_$SYSTEM_$$_TOBJECT": "pascal", "__go_init_main": "go", "_ZN3foo3barEv": "c++", "_Z1fi": "c++",
    "__gxx_personality_v0": "c++", "caml_alloc": "c", "ghc": "c", "system": "c", "_D": "c", "rust": "c", "_Zone": "c",
    "_ZGVbN4v_sinf": "c", "_ZGVeM16vl8_f": "c", "_ZGVZ4mainE5value": "c++", "_ZGVN3foo5valueE": "c++",
    "_gfortrani_flush_all_units": "c", "__go": "c", "MOD_exp": "c",
}  # fmt: skip


@pytest.mark.parametrize(("name", "language"), NAMES.items())
def test_names_of_symbols_tell_the_language(tmp_path: Path, name: str, language: str) -> None:
    """Each name as one that an object calls; C is what none of the patterns knows."""
    source = f'.globl f\nf: .cfi_startproc\n.quad "{name}"\nret\n.cfi_endproc\n'
    found = seen(compiled(tmp_path, source, ["-c"], suffix="s", name="x.o"), "usr/lib/x.o")
    assert found.language == language
    if language != "c":
        assert found.reasons["language"].sites[0].name == name


SONAMES = {
    "libHSbase-4.15.1.0-ghc9.0.2.so": "haskell", "libgnat-12.so": "ada", "libgnarl-12.so": "ada",
    "libphobos2-ldc-shared.so.100": "d", "libgphobos.so.3": "d", "libgo.so.21": "go", "libcamlrun_shared.so": "ocaml",
    "libstd-d1237ef7159db0a2.so": "rust", "libstdc++.so.6": "c++", "libc++.so.1": "c++", "libc.so.6": "c",
    "libgfortran.so.5": "c", "libgnats.so": "ada", "libHS": "haskell", "libstd.so": "c",
}  # fmt: skip


@pytest.mark.parametrize(("soname", "language"), SONAMES.items())
def test_run_time_libraries_tell_the_language(soname: str, language: str) -> None:
    """Fortran's is also needed by what was only linked with it, so it counts where it is called."""
    found = seen(linked({5: b"\0" + soname.encode() + b"\0"}, [(1, 1), (10, len(soname) + 2)]), "usr/lib/x.so")
    assert (found.language, found.needed) == (language, (soname,))


def test_compilers_are_named_by_run_time_libraries() -> None:
    for soname, row in (
        ("libHSrts-ghc9.0.2.so", Component("toolchain", "ghc", "9.0.2", "needed")),
        ("libgnat-12.so", Component("toolchain", "gnat", "12", "needed")),
    ):
        found = seen(linked({5: b"\0" + soname.encode() + b"\0"}, [(1, 1), (10, len(soname) + 2)]), "usr/lib/x.so")
        assert found.components == (row,)


TRACES = {
    "GHCRTS": "haskell", "core.exception.RangeError": "d", "a-except.adb": "ada", "Fortran runtime error: ": "fortran",
    "GOTRACEBACK": "go", "N10__cxxabiv117__class_type_infoE": "c++", "library/std/src/rt.rs": "rust",
    "/usr/share/cargo/registry/a-1.0.0/src/lib.rs": "rust", "/usr/src/rustc-1.41.1/src/libcore/": "rust",
    "OCAMLRUNPARAM": "c", "OCAMLRUNPARAM\\0Stdlib.Exit": "ocaml", "nothing": "c",
}  # fmt: skip


@pytest.mark.parametrize(("text", "language"), TRACES.items())
def test_a_run_time_system_inside_a_static_program_is_found(tmp_path: Path, text: str, language: str) -> None:
    """With and without section headers; in a program that has them, not among what is written."""
    source = f'char data[] = "x\\0{text}"; const char *const more = "y\\0{text}"; int main(int c, char **v)'
    source += "{ return data[c] + more[c]; }"
    out = compiled(tmp_path, source, ["-static", "-s", "-O0"])
    whole, bare = seen(out), seen(without_sections(out.read_bytes()))
    assert (whole.language, bare.language) == (language, language)
    assert whole.reasons["language"].counts.get("c_part") == bare.reasons["language"].counts.get("c_part")


def test_compilers_are_named_where_they_signed(tmp_path: Path) -> None:
    source = HELLO + "".join(f'asm(".ident \\"{text}\\"");\n' for text in ("GHC 9.4.7", "ldc version 1.30.0"))
    source += 'asm(".ident \\"rustc version 1.95.0 (59807616e 2026-04-14)\\"");\n'
    out = compiled(tmp_path, source)
    rows = {row.name: row.version for row in seen(out).components}
    version = subprocess.run(["gcc", "-dumpfullversion"], check=True, capture_output=True, text=True).stdout.strip()
    assert rows == {"gcc": version, "ghc": "9.4.7", "ldc": "1.30.0", "rustc": "1.95.0"}
    subprocess.run(["strip", "--remove-section=.comment", out], check=True)
    assert seen(out).components == ()


def test_an_unstripped_object_names_its_source(tmp_path: Path) -> None:
    for file, language in (
        ("x.f90", "fortran"),
        ("x.adb", "ada"),
        ("x.cpp", "c++"),
        ("x.asm", "assembler"),
        ("x.c", "c"),
    ):
        source = f'.file "{file}"\n.globl f\n.type f, @function\nf: ret\n'
        found = seen(compiled(tmp_path, source, ["-c"], suffix="s", name="x.o"), "usr/lib/x.o")
        assert (found.language, found.reasons["language"].code) == (language, "source-file")


def test_assembler_that_is_linked_marks_no_functions(tmp_path: Path) -> None:
    source = '.globl _start\n_start: ret\n.section .note.GNU-stack,"",@progbits\n'
    out = compiled(tmp_path, source, ["-nostdlib", "-static"], suffix="s")
    assert (seen(out).language, seen(out).reasons["language"].code) == ("assembler", "untyped-symbols")
    subprocess.run(["strip", out], check=True)
    assert (seen(out).language, seen(out).reasons["language"].code) == ("unknown", "no-evidence")


def test_kernel_modules_are_c_without_unwind_tables(tmp_path: Path) -> None:
    flags = ["-c", "-fno-asynchronous-unwind-tables"]
    source = '__attribute__((section(".modinfo"))) char license[] = "license=GPL"; int f(int x) { return x; }\n'
    out = compiled(tmp_path, source, flags, name="x.ko")
    subprocess.run(["strip", "--strip-debug", "--remove-section=.comment", out], check=True)
    found = seen(out, "usr/lib/modules/6.1/x.ko")
    assert (found.language, found.reasons["language"].code) == ("c", "module")
    assert found.reasons["stack_protector"].code != "language"


@pytest.mark.parametrize(
    ("needed", "called", "language"),
    [
        (("libgfortran.so.5",), "_gfortran_st_write", "fortran"),
        (("libgfortran.so.5",), "puts", "c"),
        (("libgfortran.so.5", "libstdc++.so.6"), "_gfortran_st_write", "c++"),
        (("libgfortran.so.5", "libstdc++.so.6"), "_gfortran_set_args", "fortran"),
    ],
)
def test_fortran_is_what_calls_its_library(needed: tuple[str, ...], called: str, language: str) -> None:
    """A library of C++ that holds some Fortran is one of C++; a program that Fortran's start code begins is not."""
    strings = b"\0".join([b"", *(name.encode() for name in (*needed, called)), b""])
    starts = {name: strings.index(b"\0" + name.encode() + b"\0") + 1 for name in (*needed, called)}
    symbol = bytes(24) + struct.pack("<IBBHQQ", starts[called], 0x12, 0, 0, 0, 0)
    tables = {5: strings, 6: symbol, 4: struct.pack("<IIIII", 1, 2, 1, 0, 0)}
    found = seen(
        linked(tables, [*((1, starts[name]) for name in needed), (10, len(strings)), (11, 24)]), "usr/lib/x.so"
    )
    assert found.language == language


def test_data_alone_has_no_language(tmp_path: Path) -> None:
    out = compiled(tmp_path, "int data = 3;\n", ["-c"], name="x.o")
    subprocess.run(["strip", "--strip-debug", "--remove-section=.comment", out], check=True)
    for data in (out.read_bytes(), without_sections(out.read_bytes())):
        found = seen(data, "usr/lib/x.o")
        assert (found.language, found.reasons["language"].code) == ("unknown", "no-code")


def test_fortify_means_nothing_where_no_c_header_is_read() -> None:
    """Ada's code is protected by gcc as C is, but it calls the C library through declarations of its own."""
    for soname in ("libgnat-12.so", "libphobos2.so.1"):
        strings = b"\0" + soname.encode() + b"\0printf\0__printf_chk\0"
        for name, verdict in (("printf", "n/a"), ("__printf_chk", "yes")):
            symbol = struct.pack("<IBBHQQ", strings.index(b"\0" + name.encode() + b"\0") + 1, 0x12, 0, 0, 0, 0)
            tables = {5: strings, 6: bytes(24) + symbol, 4: struct.pack("<IIIII", 1, 2, 1, 0, 0)}
            found = seen(linked(tables, [(1, 1), (10, len(strings)), (11, 24)]), "usr/lib/x.so")
            assert (found.fortify, found.reasons["stack_protector"].code) == (verdict, "no-code")
