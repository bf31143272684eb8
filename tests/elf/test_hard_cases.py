"""Objects on which hardening checkers have been seen to err; each is compiled or patched here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from archscan.errors import ElfError
from archscan.model import Elf
from tests.elf.building import (
    HELLO,
    PLAIN,
    compiled,
    seen,
    segments,
    verdicts,
    with_dynamic,
    with_segment,
    without_sections,
)

_FORTIFIED = "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE -pie -fno-stack-protector -Wl,-z,relro,-z,now".split()
_SHARED = "-O2 -fPIC -shared -fno-stack-protector".split()
_LAZY = ("-Wl,-z,lazy",)


def _linked(folder: Path, *options: str, source: str = HELLO) -> Elf:
    return seen(compiled(folder, source, [*PLAIN, *(f"-Wl,{option}" for option in options)]))


def test_immediate_binding_without_relro_protects_nothing(tmp_path: Path) -> None:
    """Case 3."""
    found = _linked(tmp_path, "-z,now,-z,norelro")
    assert (found.relro, found.bind_now) == ("none", "yes")
    assert found.reasons["relro"].counts["slots"] > 0


def test_lazy_binding_leaves_slots_outside(tmp_path: Path) -> None:
    found = _linked(tmp_path, "-z,relro,-z,lazy")
    assert (found.relro, found.bind_now) == ("partial", "no")
    assert found.reasons["relro"].counts["outside"] == 1  # printf
    assert len(found.reasons["relro"].sites) == 1


def test_lazy_without_a_plt_is_protected_whole(tmp_path: Path) -> None:
    """Case 4."""
    found = seen(compiled(tmp_path, HELLO, [*PLAIN, "-fno-plt"]))
    assert (found.relro, found.bind_now) == ("full", "n/a")
    assert found.reasons["bind_now"].code == "nothing-lazy"


@pytest.mark.parametrize("row", [(24, 0), (30, 8), (0x6FFFFFFB, 0x08000001)], ids=["DT_BIND_NOW", "DF", "DF_1"])
def test_each_form_of_now_alone_counts(tmp_path: Path, row: tuple[int, int]) -> None:
    """Case 5."""
    lazy = compiled(tmp_path, HELLO).read_bytes()
    assert seen(lazy).bind_now == "no"
    assert seen(with_dynamic(lazy, [row], without=[24, 30, 0x6FFFFFFB])).bind_now == "yes"


def test_the_last_stack_header_counts(tmp_path: Path) -> None:
    """Case 9: the kernel takes the last one."""
    data = compiled(tmp_path, HELLO).read_bytes()
    rows = segments(data)
    stack = next(number for number, (_, fields) in enumerate(rows) if fields[0] == 0x6474E551)
    note = next(number for number, (_, fields) in enumerate(rows) if fields[0] == 4)
    fields = rows[stack][1]
    later, earlier = max(stack, note), min(stack, note)
    readable, executable = [0x6474E551, 6, *fields[2:]], [0x6474E551, 7, *fields[2:]]
    assert seen(with_segment(with_segment(data, earlier, readable), later, executable)).nx == "no"
    assert seen(with_segment(with_segment(data, earlier, executable), later, readable)).nx == "yes"


def test_a_missing_stack_header_is_an_executable_stack_on_amd64(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    stack = next(number for number, (_, fields) in enumerate(segments(data)) if fields[0] == 0x6474E551)
    found = seen(with_segment(data, stack, [0, *segments(data)[stack][1][1:]]))
    assert (found.nx, found.reasons["nx"].code) == ("no", "no-header")


def test_a_plugin_without_soname_is_judged_too(tmp_path: Path) -> None:
    """Case 10: one without a header is in `test_a_missing_stack_header_is_an_executable_stack_on_amd64`."""
    found = seen(compiled(tmp_path, "int f(void) { return 1; }", [*_SHARED, "-Wl,-z,execstack"]), "usr/lib/p/p.so")
    assert (found.kind, found.nx, found.soname) == ("plugin", "no", None)


def test_static_pie_is_a_program(tmp_path: Path) -> None:
    flags = "-O2 -static-pie -fPIE".split()
    found = seen(compiled(tmp_path, HELLO, flags))
    assert (found.kind, found.pie, found.bind_now) == ("static-pie", "yes", "n/a")
    # Its start code resolves some functions, into slots behind the protected pages unless linked with -z now.
    assert found.relro == "partial"
    assert seen(compiled(tmp_path, HELLO, [*flags, "-Wl,-z,now"])).relro == "full"


def test_a_static_executable_is_protected_without_any_flag(tmp_path: Path) -> None:
    found = seen(compiled(tmp_path, HELLO, ["-static", "-no-pie", "-Wl,-z,now"]))
    assert (found.kind, found.pie, found.relro) == ("static-executable", "no", "full")
    assert found.reasons["relro"].counts["slots"] > 10


def test_one_checked_function_of_a_rare_name_is_enough(tmp_path: Path) -> None:
    """Case 13."""
    source = "#include <stdio.h>\nint main(int c, char **v) { char b[8]; return fgets(b, c, stdin) ? b[0] : 0; }\n"
    found = seen(compiled(tmp_path, source, _FORTIFIED))
    assert [row.symbol for row in found.imports if row.symbol.endswith("_chk")] == ["__fgets_chk"]
    assert (found.fortify, found.fortified_calls) == ("yes", 1)


def test_copying_an_unknown_size_proves_nothing(tmp_path: Path) -> None:
    """Case 14: see `test_copying_an_unknown_size_needs_no_canary`."""
    source = "#include <string.h>\nvoid f(void *a, void *b, unsigned long n) { memcpy(a, b, n); memset(b, 0, n); }\n"
    found = seen(compiled(tmp_path, source, [*_SHARED, "-D_FORTIFY_SOURCE=2"]))
    assert (found.fortify, found.reasons["fortify"].code) == ("n/a", "sized-only")


def test_a_plain_printf_proves_an_unfortified_unit(tmp_path: Path) -> None:
    assert seen(compiled(tmp_path, HELLO)).fortify == "no"
    assert seen(compiled(tmp_path, HELLO, _FORTIFIED)).fortify == "yes"
    other = tmp_path / "other.c"
    other.write_text('#include <stdio.h>\nvoid other(FILE *f, int c) { fprintf(f, "%d", c); }\n')
    subprocess.run(["gcc", "-O2", "-U_FORTIFY_SOURCE", "-fPIE", "-c", other, "-o", tmp_path / "other.o"], check=True)
    source = HELLO.replace("int main", "void other(FILE *, int);\nint main").replace(
        "return", "other(stderr, c); return"
    )
    found = seen(compiled(tmp_path, source, [*_FORTIFIED, str(tmp_path / "other.o")], name="mixed"))
    assert (found.fortify, found.reasons["fortify"].code) == ("partial", "unfortified-unit")
    assert [site.name for site in found.reasons["fortify"].sites] == ["fprintf"]


def test_a_file_of_debug_symbols_is_not_judged(tmp_path: Path) -> None:
    """Case 15."""
    program = compiled(tmp_path, HELLO, [*PLAIN, "-g"])
    debug = tmp_path / "out.debug"
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    found = seen(debug, "usr/share/out.debug")
    assert found.kind == "debug"
    assert {found.pie, found.relro, found.bind_now, found.nx, found.fortify, found.stack_protector} == {"n/a"}
    assert (found.needed, found.imports, found.soname) == ((), (), None)
    assert found.build_id == seen(program).build_id


def test_a_stump_is_an_error(tmp_path: Path) -> None:
    """Case 15."""
    data = compiled(tmp_path, HELLO).read_bytes()
    for length in (4, 19, 63, 64, 300, len(data) // 2, len(data) - 1):
        with pytest.raises(ElfError) as caught:
            seen(data[:length])
        assert caught.value.kind == "truncated", length


_SECTIONLESS = [PLAIN, _FORTIFIED, [*PLAIN, "-fno-plt"], ["-static"], ["-static-pie"], ["-no-pie"]]
_SECTIONLESS += [["-m32", "-nostdlib", "-static"], [*_FORTIFIED, "-Wl,--hash-style=sysv"], ["-fuse-ld=gold", *PLAIN]]


@pytest.mark.parametrize("flags", _SECTIONLESS, ids=lambda flags: " ".join(flags)[-40:])
def test_an_object_without_sections_is_judged_alike(tmp_path: Path, flags: list[str]) -> None:
    """Case 15."""
    source = HELLO if "-nostdlib" not in flags else "void _start(void) { for (;;) ; }"
    full = compiled(tmp_path, source, [*flags, "-s"]).read_bytes()
    bare, whole = seen(without_sections(full)), seen(full)
    assert verdicts(bare) == verdicts(whole)
    for name in ("imports", "needed", "interpreter", "build_id", "fortified_calls"):
        assert getattr(bare, name) == getattr(whole, name), name
    assert bare.reasons["relro"].counts == whole.reasons["relro"].counts


def test_writable_code_is_counted(tmp_path: Path) -> None:
    """Case 19."""
    found = seen(compiled(tmp_path, "void _start(void) { for (;;) ; }", ["-static", "-nostdlib", "-Wl,-N"]))
    assert found.wx_segments == 1
    assert found.reasons["wx_segments"].code == "writable-code"


def test_text_relocations_are_counted_one_by_one(tmp_path: Path) -> None:
    """Case 19."""
    source = '.globl f\nf: movabs $outer, %rax\n movabs $outer, %rcx\n ret\n.section .note.GNU-stack,"",@progbits\n'
    flags = ["-shared", "-nostdlib", "-Wl,-z,notext"]
    found = seen(compiled(tmp_path, source, flags, suffix="s"), "usr/lib/x/p.so")
    assert (found.textrel, found.reasons["textrel"].code) == (2, "relocations")
    flagged = with_dynamic(compiled(tmp_path, HELLO).read_bytes(), [(22, 0)])
    assert (seen(flagged).textrel, seen(flagged).reasons["textrel"].code) == (0, "flag-only")


def test_the_empty_entry_of_a_search_path_is_kept(tmp_path: Path) -> None:
    """Case 20: what is insecure about it says the rule for search paths."""
    found = seen(compiled(tmp_path, HELLO, [*PLAIN, "-Wl,--enable-new-dtags,-rpath,/opt/x:"]))
    assert (found.runpath, found.rpath) == ("/opt/x:", None)
    assert seen(compiled(tmp_path, HELLO, [*PLAIN, "-Wl,--disable-new-dtags,-rpath,."])).rpath == "."


def test_marks_need_every_input(tmp_path: Path) -> None:
    source = "int f(void) { return 1; }"
    flags = "-O2 -fPIC -shared -nostdlib".split()
    marked = seen(compiled(tmp_path, source, [*flags, "-fcf-protection=full"]), "usr/lib/p.so")
    assert (marked.ibt_marked, marked.shstk_marked, marked.bti_marked) == ("yes", "yes", "n/a")
    half = seen(compiled(tmp_path, source, [*flags, "-fcf-protection=branch"]), "usr/lib/p.so")
    assert (half.ibt_marked, half.shstk_marked) == ("yes", "no")
    none = seen(compiled(tmp_path, source, [*flags, "-fcf-protection=none"]), "usr/lib/p.so")
    assert (none.ibt_marked, none.shstk_marked) == ("no", "no")


def test_the_c_library_of_this_machine_is_neither_program_nor_plugin() -> None:
    library = Path(subprocess.check_output(["gcc", "-print-file-name=libc.so.6"], text=True).strip())
    found = seen(library.resolve(), "usr/lib/x86_64-linux-gnu/libc.so.6")
    assert (found.kind, found.pie, found.fortify) == ("runnable-library", "n/a", "n/a")
    loader = Path(found.interpreter or "").resolve()
    assert seen(loader, f"usr/lib/x86_64-linux-gnu/{loader.name}").kind == "loader"


_STRONG, _NONE = "-fstack-protector-strong", "-fno-stack-protector"
_COPY = "#include <string.h>\nvoid use(char *p);\nvoid %s(const char *s) { char b[64]; strcpy(b, s); use(b); }\n"
_OWN = _COPY % "own" + "int main(int c, char **v) { own(v[0]); return c; }\nvoid use(char *p) { *p = 0; }\n"
_DEEP = (
    "#include <string.h>\nvoid use(char *p);\nvoid page(const char *s) { char b[4096]; strcpy(b, s); use(b); }\n"
    "void much(const char *s) { char b[100000]; strcpy(b, s); use(b); }\n"
    "int main(int c, char **v) { page(v[0]); much(v[1]); return c; }\n"
)
_USE = "void use(char *p) { *p = 0; }\n"


def test_landing_pads_are_seen_where_the_mark_is_lost(tmp_path: Path) -> None:
    """Case 1: start files without a note take the mark away; what the compiler did stays."""
    functions = "".join(f"int f{n}(int a) {{ return a * {n}; }}\n" for n in range(20)) + HELLO
    flags = [*PLAIN, "-fcf-protection=full", "-rdynamic"]
    unmarked = tmp_path / "unmarked.s"
    unmarked.write_text('.globl start_code\nstart_code: ret\n.section .note.GNU-stack,"",@progbits\n')
    found = seen(compiled(tmp_path, functions, [*flags, str(unmarked)]))
    assert (found.ibt_marked, found.shstk_marked, found.ibt_compiled) == ("no", "no", "yes")
    assert (found.bti_marked, found.bti_compiled, found.pac_marked, found.pac_compiled) == ("n/a",) * 4


def test_a_static_pie_has_its_canaries(tmp_path: Path) -> None:
    """Case 6: with and without symbols."""
    for more in ([], ["-s"]):
        found = seen(compiled(tmp_path, _OWN, ["-O2", "-fno-inline", "-static-pie", "-fPIE", _STRONG, *more]))
        assert (found.kind, found.stack_protector) == ("static-pie", "yes")
        assert found.reasons["stack_protector"].counts["guarded"] > 100


def test_a_static_programs_own_code_is_told_from_its_libc(tmp_path: Path) -> None:
    """Case 7: the C library in it has hundreds of canaries, whatever the program was built with."""
    for more in ([], ["-s"]):
        bare = seen(compiled(tmp_path, _OWN, ["-O2", "-fno-inline", "-static", _NONE, *more]))
        assert (bare.stack_protector, bare.reasons["stack_protector"].code) == ("partial", "own-code-without")
        guarded = seen(compiled(tmp_path, _OWN, ["-O2", "-fno-inline", "-static", _STRONG, *more]))
        assert guarded.stack_protector == "yes"
    named = seen(compiled(tmp_path, _OWN, ["-O2", "-fno-inline", "-static", _NONE]))
    assert [site.name for site in named.reasons["stack_protector"].sites] == ["own"]


def test_the_c_library_guards_itself(tmp_path: Path) -> None:
    """Case 8: it defines what others import, and the loader makes the guard."""
    library = Path(subprocess.check_output(["gcc", "-print-file-name=libc.so.6"], text=True).strip()).resolve()
    found = seen(library, "usr/lib/x86_64-linux-gnu/libc.so.6")
    assert found.stack_protector == "yes"
    assert found.reasons["stack_protector"].counts["guarded"] > 500
    loader = seen(Path(found.interpreter or "").resolve(), "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    assert loader.stack_protector in ("n/a", "yes")


def test_copying_an_unknown_size_needs_no_canary(tmp_path: Path) -> None:
    """Case 14: built with all flags, and nothing to protect."""
    source = "#include <string.h>\nvoid f(void *a, void *b, unsigned long n) { memcpy(a, b, n); memset(b, 0, n); }\n"
    found = seen(
        compiled(tmp_path, source, ["-O2", "-fPIC", "-shared", _STRONG, "-D_FORTIFY_SOURCE=2"]), "usr/lib/p.so"
    )
    assert (found.stack_protector, found.fortify) == ("n/a", "n/a")


@pytest.mark.parametrize("strip", [[], ["-s"]], ids=["", "stripped"])
def test_one_unit_without_canaries_is_found(tmp_path: Path, strip: list[str]) -> None:
    """Case 17."""
    unit = tmp_path / "unit.o"
    text = tmp_path / "unit.c"
    text.write_text(_COPY % "vuln")
    subprocess.run(["gcc", "-O2", "-fPIE", _NONE, "-c", text, "-o", unit], check=True)
    source = _OWN.replace("own(v[0]);", "own(v[0]); vuln(v[0]);").replace(
        "int main", "void vuln(const char *);\nint main"
    )
    found = seen(compiled(tmp_path, source, ["-O2", "-fPIE", "-pie", _STRONG, *strip, str(unit)]))
    reason = found.reasons["stack_protector"]
    assert (found.stack_protector, reason.code, len(reason.sites)) == ("partial", "some-units-without", 1)
    assert reason.sites[0].name == ("vuln" if not strip else None)


def test_probes_of_frames_are_counted(tmp_path: Path) -> None:
    """Case 18: frames of a page and of many have different probes."""
    flags = ["-O2", "-fno-inline", "-fPIE", "-pie", _STRONG]
    found = seen(compiled(tmp_path, _DEEP + _USE, [*flags, "-fstack-clash-protection"]))
    assert (found.stack_clash, found.reasons["stack_clash"].code) == ("yes", "probes")
    bare = seen(compiled(tmp_path, _DEEP + _USE, [*flags, "-fno-stack-clash-protection"]))
    assert (bare.stack_clash, bare.reasons["stack_clash"].code) == ("no", "unprobed")
    assert {site.name for site in bare.reasons["stack_clash"].sites} == {"page", "much"}


# As gcc writes it, with the note of the processor's features.
_ARM64 = """
.ident "GCC: (GNU) 12.2.0"
.globl leaf
.type leaf, %function
leaf: .cfi_startproc
 bti c
 ret
 .cfi_endproc
.size leaf, .-leaf
.globl large
.type large, %function
large: .cfi_startproc
 paciasp
 .cfi_negate_ra_state
 stp x29, x30, [sp, -16]!
 .cfi_def_cfa_offset 16
 .cfi_offset 29, -16
 .cfi_offset 30, -8
 mov x29, sp
 sub sp, sp, #65536
 str xzr, [sp, 1024]
 add sp, sp, #65536
 ldp x29, x30, [sp], 16
 autiasp
 ret
 .cfi_endproc
.size large, .-large
.section .note.gnu.property, "a"
 .align 3
 .word 4, 16, 5, 0x554e47, 0xc0000000, 4, 3, 0
.section .note.GNU-stack, "", %progbits
"""
_PPC64EL = """
.abiversion 2
.ident "GCC: (GNU) 12.2.0"
.globl f
.type f, @function
f: addis 2, 12, .TOC.-f@ha
 addi 2, 2, .TOC.-f@l
 .localentry f, .-f
 mflr 0
 std 0, 16(1)
 stdu 1, -32(1)
 bl __printf_chkieee128
 nop
 bl __snprintf_chk
 nop
 addi 1, 1, 32
 blr
.size f, .-f
.section .note.GNU-stack, "", @progbits
"""


def _assembled(folder: Path, prefix: str, text: str) -> Path:
    """A library of one source in assembler."""
    (folder / "p.s").write_text(text)
    subprocess.run([f"{prefix}-as", "p.s", "-o", "p.o"], cwd=folder, check=True)
    subprocess.run([f"{prefix}-ld", "-shared", "p.o", "-o", "p.so"], cwd=folder, check=True)
    return folder / "p.so"


def test_arm64_has_its_own_protections(tmp_path: Path) -> None:
    """Case 2: BTI and PAC instead of CET, and probes behind 64 KiB."""
    found = seen(_assembled(tmp_path, "aarch64-linux-gnu", _ARM64), "usr/lib/p.so", "arm64")
    assert (found.bti_marked, found.pac_marked, found.bti_compiled, found.pac_compiled) == ("yes",) * 4
    assert (found.stack_clash, found.ibt_marked, found.ibt_compiled) == ("yes", "n/a", "n/a")
    # Where all functions sign, that serves them all as a landing pad, and none shows that others were asked for.
    start, end = _ARM64.index(".globl leaf"), _ARM64.index(".globl large")
    signing = seen(_assembled(tmp_path, "aarch64-linux-gnu", _ARM64[:start] + _ARM64[end:]), "usr/lib/p.so", "arm64")
    assert (signing.bti_compiled, signing.pac_compiled) == ("yes", "yes")
    bare = _ARM64.replace(" bti c\n", "").replace(" paciasp\n", "").replace(" str xzr, [sp, 1024]\n", "")
    bare = bare.replace("0xc0000000, 4, 3", "0xc0000000, 4, 0")
    found = seen(_assembled(tmp_path, "aarch64-linux-gnu", bare), "usr/lib/p.so", "arm64")
    assert (found.bti_marked, found.pac_marked, found.bti_compiled, found.pac_compiled) == ("no",) * 4
    assert found.stack_clash == "no"


def test_checked_functions_of_ppc64el_are_counted(tmp_path: Path) -> None:
    """Case 16: names are followed by a note on their entry there, which breaks tools that read columns."""
    found = seen(_assembled(tmp_path, "powerpc64le-linux-gnu", _PPC64EL), "usr/lib/p.so", "ppc64el")
    assert (found.language, found.fortify, found.fortified_calls) == ("c", "yes", 2)
    plain = _PPC64EL.replace("__printf_chkieee128", "__printfieee128").replace("__snprintf_chk", "snprintf")
    found = seen(_assembled(tmp_path, "powerpc64le-linux-gnu", plain), "usr/lib/p.so", "ppc64el")
    assert (found.fortify, found.fortified_calls) == ("no", 0)
    assert [site.name for site in found.reasons["fortify"].sites] == ["__printfieee128"]


def test_rust_needs_no_canary(tmp_path: Path) -> None:
    """Case 11: and its part of the C library's headers is none."""
    path = "/rustc/0123456789abcdef0123456789abcdef01234567/library/core/src/option.rs"
    text, out = tmp_path / "p.c", tmp_path / "p.s"
    text.write_text(f'const char path[] = "{path}";\n' + _COPY % "f")
    subprocess.run(["gcc", *_SHARED, "-S", text, "-o", out], check=True)
    # Its compiler names no sources in C, but its own function for unwinding.
    lines = [line for line in out.read_text().splitlines() if ".file" not in line]
    source = "\n".join([".globl rust_eh_personality", ".set rust_eh_personality, 1", *lines, ""])
    found = seen(compiled(tmp_path, source, _SHARED, suffix="s"), "usr/lib/x/p.so")
    assert (found.language, found.stack_protector, found.fortify) == ("rust", "n/a", "n/a")
    assert (found.stack_clash, found.ibt_compiled) == ("n/a", "n/a")


@pytest.mark.parametrize(
    ("path", "architecture", "kind"),
    [
        ("usr/lib/klibc/bin/cat", "amd64", "static-executable"),
        ("usr/lib/grub/i386-pc/ext2.mod", "amd64", "firmware"),
        ("usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf", "all", "firmware"),
    ],
)
def test_what_runs_without_the_c_library_is_not_judged_by_it(
    tmp_path: Path, path: str, architecture: str, kind: str
) -> None:
    """Case 12."""
    source = _COPY % "f" + _USE + "char *strcpy(char *a, const char *b) { return a; }\nvoid _start(void) { f(0); }\n"
    flags = "-O2 -static -nostdlib -fno-builtin -fno-stack-protector".split()
    found = seen(compiled(tmp_path, source, flags), path, architecture)
    assert (found.kind, found.pie, found.stack_protector, found.fortify) == (kind, "n/a", "n/a", "n/a")


@pytest.mark.full
@pytest.mark.parametrize("strip", [[], ["-ldflags=-s -w"]], ids=["", "stripped"])
def test_a_program_in_go_fills_nothing_behind_the_protected_pages(tmp_path: Path, strip: list[str]) -> None:
    """Case 4: though it binds lazily, as far as its dynamic section says."""
    (tmp_path / "main.go").write_text('package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("x") }\n')
    command = ["go", "build", "-buildmode=pie", *strip, "-o", "program", "main.go"]
    settings = {**os.environ, "GO111MODULE": "off", "GOCACHE": str(tmp_path / "cache"), "CGO_ENABLED": "0"}
    subprocess.run(command, cwd=tmp_path, check=True, env=settings)
    found = seen(tmp_path / "program")
    assert (found.language, found.kind, found.pie, found.relro) == ("go", "pie", "yes", "full")
    assert found.bind_now in ("n/a", "yes")


@pytest.mark.full
def test_what_gcc_writes_for_arm64_has_them(tmp_path: Path) -> None:
    """Case 2."""
    text, out = tmp_path / "p.c", tmp_path / "p"
    text.write_text(_DEEP + _USE)
    flags = [
        "-O2",
        "-fno-inline",
        "-fPIC",
        "-shared",
        "-nostdlib",
        "-mbranch-protection=standard",
        "-fstack-clash-protection",
    ]
    subprocess.run(["aarch64-linux-gnu-gcc", *flags, text, "-o", out], check=True)
    found = seen(out, "usr/lib/p.so", "arm64")
    assert (found.bti_marked, found.pac_marked, found.bti_compiled, found.pac_compiled) == ("yes",) * 4
    assert (found.stack_clash, found.ibt_marked, found.ibt_compiled) == ("yes", "n/a", "n/a")


@pytest.mark.full
def test_checked_functions_that_gcc_calls_on_ppc64el(tmp_path: Path) -> None:
    """Case 16."""
    source = '#include <stdio.h>\nint main(int c, char **v) { return printf("%d %s\\n", c, v[0]); }\n'
    text, out = tmp_path / "p.c", tmp_path / "p"
    text.write_text(source)
    flags = ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
    subprocess.run(["powerpc64le-linux-gnu-gcc", *flags, text, "-o", out], check=True)
    found = seen(out, "usr/bin/p", "ppc64el")
    assert (found.fortify, found.fortified_calls) == ("yes", 1)


# Package of Debian 13, architecture, file in it, and what its columns say. Cases 1, 2, 4, 6, 7, 8, 11, 12, 16, 18.
_TRIXIE = (
    ("coreutils", "amd64", "usr/bin/ls", "stack_protector=yes ibt_marked=no ibt_compiled=yes bti_marked=n/a"),
    (
        "coreutils",
        "arm64",
        "usr/bin/ls",
        "bti_marked=yes pac_marked=yes bti_compiled=yes pac_compiled=yes ibt_marked=n/a",
    ),
    ("libc-bin", "amd64", "sbin/ldconfig", "kind=static-pie stack_protector=yes"),
    ("busybox-static", "amd64", "bin/busybox", "stack_protector=yes relro=full"),
    ("ripgrep", "amd64", "usr/bin/rg", "stack_protector=n/a fortify=n/a pie=yes relro=full"),
    ("klibc-utils", "amd64", "usr/lib/klibc/bin/cat", "stack_protector=n/a pie=n/a"),
    ("libklibc", "amd64", "usr/lib/klibc-*.so", "stack_protector=n/a pie=n/a fortify=n/a"),
    ("grub-pc-bin", "amd64", "usr/lib/grub/i386-pc/ext2.mod", "kind=firmware stack_protector=n/a fortify=n/a pie=n/a"),
    ("opensbi", "all", "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf", "kind=firmware pie=n/a relro=n/a"),
    ("coreutils", "ppc64el", "usr/bin/ls", "fortify=yes fortified_calls=6"),
    ("libc6", "amd64", "usr/lib/x86_64-linux-gnu/libc.so.6", "kind=runnable-library stack_protector=yes fortify=n/a"),
    ("libc6", "amd64", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "kind=loader stack_protector=n/a"),
    ("sudo", "amd64", "usr/bin/sudo", "stack_protector=yes stack_clash=yes"),
)


@pytest.mark.full
@pytest.mark.parametrize("row", _TRIXIE, ids=lambda row: f"{row[0]}-{row[1]}-{row[2].rpartition('/')[2]}")
def test_files_of_debian_13(trixie: list[str], tmp_path: Path, row: tuple[str, str, str, str]) -> None:
    package, architecture, path, said = row
    subprocess.run(["apt-get", *trixie, "download", f"{package}:{architecture}"], cwd=tmp_path, check=True)
    (deb,) = tmp_path.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, tmp_path / "files"], check=True)
    file = next(place for folder in ("files", "files/usr") for place in (tmp_path / folder).glob(path))
    found = seen(file, str(file.relative_to(tmp_path / "files")), architecture)
    for column, value in (word.split("=") for word in said.split()):
        assert str(getattr(found, column)) == value, (column, found.reasons.get(column))


@pytest.fixture(scope="session")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options with which apt-get knows Debian 13 and nothing of this machine."""
    root = tmp_path_factory.mktemp("apt")
    for name in ("etc", "parts", "state/lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True)
    (root / "status").touch()
    known = subprocess.check_output(["apt-get", "indextargets", "--format", "$(REPO_URI)"], text=True).split()
    archive = next(uri for uri in known if uri.rstrip("/").endswith("/debian"))  # the mirror that this machine uses
    (root / "etc/trixie.sources").write_text(
        f"Types: deb\nURIs: {archive}\nSuites: trixie\nComponents: main\n"
        "Architectures: amd64 arm64 ppc64el\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    settings = {
        "Dir::State": root / "state", "Dir::State::status": root / "status", "Dir::Cache": root / "cache",
        "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": root / "etc", "APT::Sandbox::User": "root",
    }  # fmt: skip
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    options += [word for name in ("amd64", "arm64", "ppc64el") for word in ("-o", f"APT::Architectures::={name}")] + [
        "-q"
    ]
    subprocess.run(["apt-get", *options, "update"], check=True)
    return options
