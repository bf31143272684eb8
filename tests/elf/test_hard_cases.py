"""Objects on which hardening checkers have been seen to err; each is compiled or patched here."""

from __future__ import annotations

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
    found = _linked(tmp_path, "-z,now,-z,norelro")
    assert (found.relro, found.bind_now) == ("none", "yes")
    assert found.reasons["relro"].counts["slots"] > 0


def test_lazy_binding_leaves_slots_outside(tmp_path: Path) -> None:
    found = _linked(tmp_path, "-z,relro,-z,lazy")
    assert (found.relro, found.bind_now) == ("partial", "no")
    assert found.reasons["relro"].counts["outside"] == 1  # printf
    assert len(found.reasons["relro"].sites) == 1


def test_lazy_without_a_plt_is_protected_whole(tmp_path: Path) -> None:
    found = seen(compiled(tmp_path, HELLO, [*PLAIN, "-fno-plt"]))
    assert (found.relro, found.bind_now) == ("full", "n/a")
    assert found.reasons["bind_now"].code == "nothing-lazy"


@pytest.mark.parametrize("row", [(24, 0), (30, 8), (0x6FFFFFFB, 0x08000001)], ids=["DT_BIND_NOW", "DF", "DF_1"])
def test_each_form_of_now_alone_counts(tmp_path: Path, row: tuple[int, int]) -> None:
    lazy = compiled(tmp_path, HELLO).read_bytes()
    assert seen(lazy).bind_now == "no"
    assert seen(with_dynamic(lazy, [row], without=[24, 30, 0x6FFFFFFB])).bind_now == "yes"


def test_the_last_stack_header_counts(tmp_path: Path) -> None:
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
    source = "#include <stdio.h>\nint main(int c, char **v) { char b[8]; return fgets(b, c, stdin) ? b[0] : 0; }\n"
    found = seen(compiled(tmp_path, source, _FORTIFIED))
    assert [row.symbol for row in found.imports if row.symbol.endswith("_chk")] == ["__fgets_chk"]
    assert (found.fortify, found.fortified_calls) == ("yes", 1)


def test_copying_an_unknown_size_proves_nothing(tmp_path: Path) -> None:
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
    program = compiled(tmp_path, HELLO, [*PLAIN, "-g"])
    debug = tmp_path / "out.debug"
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    found = seen(debug, "usr/share/out.debug")
    assert found.kind == "debug"
    assert {found.pie, found.relro, found.bind_now, found.nx, found.fortify, found.stack_protector} == {"n/a"}
    assert (found.needed, found.imports, found.soname) == ((), (), None)
    assert found.build_id == seen(program).build_id


def test_a_stump_is_an_error(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    for length in (4, 19, 63, 64, 300, len(data) // 2, len(data) - 1):
        with pytest.raises(ElfError) as caught:
            seen(data[:length])
        assert caught.value.kind == "truncated", length


_SECTIONLESS = [PLAIN, _FORTIFIED, [*PLAIN, "-fno-plt"], ["-static"], ["-static-pie"], ["-no-pie"]]
_SECTIONLESS += [["-m32", "-nostdlib", "-static"], [*_FORTIFIED, "-Wl,--hash-style=sysv"], ["-fuse-ld=gold", *PLAIN]]


@pytest.mark.parametrize("flags", _SECTIONLESS, ids=lambda flags: " ".join(flags)[-40:])
def test_an_object_without_sections_is_judged_alike(tmp_path: Path, flags: list[str]) -> None:
    source = HELLO if "-nostdlib" not in flags else "void _start(void) { for (;;) ; }"
    full = compiled(tmp_path, source, [*flags, "-s"]).read_bytes()
    bare, whole = seen(without_sections(full)), seen(full)
    assert verdicts(bare) == verdicts(whole)
    for name in ("imports", "needed", "interpreter", "build_id", "fortified_calls"):
        assert getattr(bare, name) == getattr(whole, name), name
    assert bare.reasons["relro"].counts == whole.reasons["relro"].counts


def test_writable_code_is_counted(tmp_path: Path) -> None:
    found = seen(compiled(tmp_path, "void _start(void) { for (;;) ; }", ["-static", "-nostdlib", "-Wl,-N"]))
    assert found.wx_segments == 1
    assert found.reasons["wx_segments"].code == "writable-code"


def test_text_relocations_are_counted_one_by_one(tmp_path: Path) -> None:
    source = '.globl f\nf: movabs $outer, %rax\n movabs $outer, %rcx\n ret\n.section .note.GNU-stack,"",@progbits\n'
    flags = ["-shared", "-nostdlib", "-Wl,-z,notext"]
    found = seen(compiled(tmp_path, source, flags, suffix="s"), "usr/lib/x/p.so")
    assert (found.textrel, found.reasons["textrel"].code) == (2, "relocations")
    flagged = with_dynamic(compiled(tmp_path, HELLO).read_bytes(), [(22, 0)])
    assert (seen(flagged).textrel, seen(flagged).reasons["textrel"].code) == (0, "flag-only")


def test_the_empty_entry_of_a_search_path_is_kept(tmp_path: Path) -> None:
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
