"""The part in C of objects in another language, told by how registers are saved, against what compiled each part."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from archscan.elf.arch import machine
from archscan.elf.c_functions import by_gcc
from archscan.elf.reader import read
from archscan.elf.unwind import Told, description, ranges, told
from tests.elf.building import seen
from tests.elf.code.compilers import CLANG, CROSS, GCC, Compiler, build, each, run
from tests.elf.code.programs import HEAD, OTHER, PROGRAMS

_FLAGS = ("-w", "-O2", "-U_FORTIFY_SOURCE", "-fno-builtin-strcpy")
# Of registers that a caller wants kept, the first needs two, the second none.
_SAVING = "int {0}(const char *s, int n, int m) {{ char b[64]; strcpy(b, s); use(b); return n * m + b[n]; }}\n"
_SMALL = "int {0}(const char *s) {{ char b[64]; strcpy(b, s); return b[3]; }}\n"
# As LLVM writes it: registers are told of behind the prologue.
_LLVMS = """
.globl {0}
.type {0}, @function
{0}: .cfi_startproc
 pushq %r14
 .cfi_def_cfa_offset 16
 pushq %rbx
 .cfi_def_cfa_offset 24
 subq $72, %rsp
 .cfi_def_cfa_offset 96
 .cfi_offset %rbx, -24
 .cfi_offset %r14, -16
 leaq 8(%rsp), %rdi
 call use@PLT
 addq $72, %rsp
 .cfi_def_cfa_offset 24
 popq %rbx
 .cfi_def_cfa_offset 16
 popq %r14
 .cfi_def_cfa_offset 8
 ret
 .cfi_endproc
.size {0}, .-{0}
"""
_PATH = "/rustc/0123456789abcdef0123456789abcdef01234567/library/core/src/option.rs"
_FOUND = [
    # the functions in C that have a canary and those that have none, what they are like, and what is true
    (1, 0, _SAVING, "yes", "canaries-in-c"),
    (1, 0, _SMALL, "yes", "canaries-in-c"),
    (8, 0, _SAVING, "yes", "canaries-in-c"),
    (8, 0, _SMALL, "yes", "canaries-in-c"),
    (0, 8, _SAVING, "no", "no-canary"),
    (0, 8, _SMALL, "unknown", "c-untold"),
    (1, 8, _SAVING, "partial", "some-units-without"),
    (1, 8, _SMALL, "unknown", "c-untold"),
]
_IDS = [f"{row[0]}-with-{row[1]}-without-{'small' if row[2] is _SMALL else 'saving'}" for row in _FOUND]


def _units(folder: Path, guarded: int, bare: int, text: str) -> tuple[list[Path], list[str]]:
    """Objects in C of functions with and without a canary, and the functions' names."""
    names = [f"c{number}" for number in range(guarded + bare)]
    helpers = OTHER + 'void say(void) { fprintf(stderr, "%d", counter); }\n'
    made = [build(GCC, folder, [helpers], [*_FLAGS, "-fPIC", "-fno-stack-protector", "-c"], "helpers.o")]
    for number, function in enumerate(names):
        flag = "-fstack-protector-strong" if number < guarded else "-fno-stack-protector"
        source = HEAD + text.format(function)
        made.append(build(GCC, folder, [source], [*_FLAGS, "-fPIC", flag, "-c"], f"{function}.o"))
    return made, names


@pytest.mark.parametrize(("guarded", "bare", "text", "verdict", "code"), _FOUND, ids=_IDS)
def test_the_part_in_c_is_judged_by_itself(
    tmp_path: Path, guarded: int, bare: int, text: str, verdict: str, code: str
) -> None:
    units, names = _units(tmp_path, guarded, bare, text)
    others = tmp_path / "others.s"
    others.write_text("".join(_LLVMS.format(f"r{number}") for number in range(12)))
    start = tmp_path / "start.s"
    start.write_text(
        f'.globl rust_eh_personality\n.set rust_eh_personality, 1\n.section .rodata\n.ascii "{_PATH}"\n.text\n'
        + _LLVMS.format("first")
    )
    built = build(GCC, tmp_path, [start, *units, others], [*_FLAGS, "-shared", "-nostartfiles"], "p.so")
    run(["strip", built])
    found = seen(built, "usr/lib/x/p.so")
    reason = found.reasons["stack_protector"]
    assert (found.language, found.stack_protector, reason.code) == ("rust", verdict, code)
    if code in ("no-canary", "some-units-without"):
        assert reason.counts["functions_in_c"] >= len(names)
        assert reason.counts["exposed"] == len(reason.sites) == bare


@pytest.mark.full
@pytest.mark.parametrize(("guarded", "bare", "text", "verdict", "code"), _FOUND, ids=_IDS)
def test_the_part_in_c_of_a_real_program_in_rust(
    tmp_path: Path, guarded: int, bare: int, text: str, verdict: str, code: str
) -> None:
    units, names = _units(tmp_path, guarded, bare, text)
    run(["ar", "rcs", tmp_path / "libpart.a", *units])
    arguments = "a: *const u8, b: i32, c: i32"
    declared = " ".join(f"fn {name}({arguments}) -> i32;" for name in names)
    called = " ".join(f"sum += {name}(x.as_ptr(), 1, 2);" for name in names)
    (tmp_path / "main.rs").write_text(
        f'extern "C" {{ {declared} fn say(); }}\n'
        f'fn main() {{ let x = b"x\\0"; let mut sum = 0; unsafe {{ {called} say(); }} println!("{{}}", sum); }}\n'
    )
    out = tmp_path / "program"
    run(["rustc", "-O", "-L", tmp_path, "-l", "static=part", "-o", out, tmp_path / "main.rs"])
    named = seen(out)
    run(["strip", out])
    found = seen(out)
    assert found.language == "rust"
    assert (found.stack_protector, found.reasons["stack_protector"].code) == (verdict, code)
    assert (named.stack_protector, named.reasons["stack_protector"].code) == (verdict, code)


_PLAIN = """
.globl {0}
.type {0}, @function
{0}: .cfi_startproc
 subq $72, %rsp
 .cfi_def_cfa_offset 80
 movq %rsp, %rdi
 call use@PLT
 addq $72, %rsp
 .cfi_def_cfa_offset 8
 ret
 .cfi_endproc
.size {0}, .-{0}
"""


def test_what_lies_between_functions_in_c_may_be_another_languages(tmp_path: Path) -> None:
    """A function that saves no registers tells nothing, and Rust's crates have their parts in C beside them."""
    units, _ = _units(tmp_path, 8, 0, _SAVING)
    (tmp_path / "between.s").write_text(_PLAIN.format("r0"))
    personality = ".globl rust_eh_personality\n.set rust_eh_personality, 1\n"
    (tmp_path / "start.s").write_text(f'{personality}.section .rodata\n.ascii "{_PATH}"\n')
    parts = [tmp_path / "start.s", *units[:4], tmp_path / "between.s", *units[4:]]
    built = build(GCC, tmp_path, parts, [*_FLAGS, "-shared", "-nostartfiles", "-s"], "p.so")
    found = seen(built, "usr/lib/x/p.so")
    assert (found.language, found.stack_protector) == ("rust", "yes")


def test_a_description_without_an_end_is_not_read_to_it() -> None:
    endless = bytes([0x0E]) + b"\xff" * (1 << 16)
    started = time.process_time()
    for _ in range(1000):
        assert by_gcc(told(endless), "pushes", 8) is None
    assert time.process_time() - started < 5


@pytest.mark.full
@pytest.mark.parametrize("strip", [[], ["-s"]], ids=["", "stripped"])
def test_functions_in_go_of_gcc_are_not_taken_for_its_part_in_c(tmp_path: Path, strip: list[str]) -> None:
    """Its run-time library in C is linked in, and gcc wrote both."""
    source = 'package main\n\nimport "fmt"\n\nfunc main() { var a [64]byte; fmt.Sscan("x", &a); fmt.Println(a) }\n'
    (tmp_path / "main.go").write_text(source)
    run(["gccgo", "-O2", "-static-libgo", *strip, "-o", tmp_path / "program", tmp_path / "main.go"])
    found = seen(tmp_path / "program")
    assert (found.language, found.stack_protector) == ("go", "unknown")
    assert found.reasons["stack_protector"].code == "c-untold"


def _said(built: Path) -> list[bool | None]:
    """For each function of an object what the tables say of who wrote it."""
    image = read(built.read_bytes())
    idioms = machine(image.machine).idioms
    assert idioms is not None
    known = ranges(image)
    assert known is not None
    return [by_gcc(told(description(image, place)), idioms.saves, image.bits // 8) for place in known.places.tolist()]


_ALL = HEAD + _SAVING.format("saving") + _SMALL.format("small")
_LEVELS = ["-O0", "-O1", "-O2", "-O3", "-Os", "-O2 -fno-omit-frame-pointer", "-O2 -fcf-protection=none"]
_BOTH = [it for it in CROSS if it.architecture in ("i386", "arm64")]


@pytest.mark.parametrize("optimised", _LEVELS)
@pytest.mark.parametrize("compiler", each(*_BOTH))
def test_what_gcc_wrote_is_never_taken_for_llvms(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    if compiler.architecture == "arm64":
        optimised = optimised.replace("-fcf-protection=none", "-mbranch-protection=standard")
    said = []
    for name, program in PROGRAMS.items():
        flags = [*_FLAGS, *optimised.split(), "-shared", "-fPIC", "-nostartfiles"]
        said += _said(build(compiler, tmp_path, [_ALL + program.text], flags, name))
    assert False not in said
    assert True in said or optimised == "-O0"


@pytest.mark.full
@pytest.mark.parametrize("optimised", _LEVELS[:-1])
@pytest.mark.parametrize("linker", [GCC, *_BOTH], ids=str)
def test_what_clang_wrote_is_never_taken_for_gccs(tmp_path: Path, linker: Compiler, optimised: str) -> None:
    target = {"amd64": "x86_64", "i386": "i686", "arm64": "aarch64"}[linker.architecture] + "-linux-gnu"
    said = []
    for name, program in PROGRAMS.items():
        flags = [*_FLAGS, f"--target={target}", *optimised.split(), "-fPIC", "-c"]
        built = build(CLANG, tmp_path, [_ALL + program.text], flags, f"{name}.o")
        said += _said(build(linker, tmp_path, [built], ["-shared", "-nostartfiles"], name))
    assert True not in said
    assert False in said or optimised == "-O0"


@pytest.mark.parametrize(
    ("instructions", "word", "expected"),
    [
        # a register told of behind the room that was made since: LLVM's
        ([(0x40, 1), (0x0E, 16), (0x40, 4), (0x0E, 96), (0x80, 3, 2)], 8, False),
        # as it is pushed, and the room behind it
        ([(0x40, 1), (0x0E, 16), (0x80, 3, 2), (0x40, 4), (0x0E, 96)], 8, True),
        # an argument that is pushed later tells nothing, and neither does room that is made later
        ([(0x40, 1), (0x0E, 16), (0x80, 3, 2), (0x40, 9), (0x0E, 24)], 8, None),
        ([(0x40, 1), (0x0E, 16), (0x80, 3, 2), (0x40, 40), (0x0E, 96)], 8, None),
        # nor what comes behind the stack being given back
        ([(0x40, 1), (0x0E, 16), (0x80, 3, 2), (0x40, 9), (0x0E, 8), (0x40, 4), (0x0E, 96)], 8, None),
        # both tell of the frame pointer as it is saved; one register more is either's
        ([(0x40, 1), (0x0E, 16), (0x80, 6, 2), (0x40, 3), (0x0D, 6), (0x40, 4), (0x80, 3, 3)], 8, None),
        ([(0x40, 1), (0x0E, 16), (0x80, 6, 2), (0x40, 3), (0x0D, 6), (0x40, 4), (0x80, 3, 4), (0x80, 12, 3)], 8, False),
        ([(0x40, 1), (0x0E, 8), (0x80, 3, 2), (0x40, 1), (0x0E, 12), (0x80, 6, 3)], 4, True),
        # gcc keeps what is true before a return in the middle, to come back to it; what came before that tells more
        ([(0x40, 4), (0x0E, 96), (0x40, 9), (0x0A,)], 8, True),
        ([(0x40, 1), (0x0E, 16), (0x40, 4), (0x0E, 96), (0x80, 3, 2), (0x40, 9), (0x0A,)], 8, False),
        ([], 8, None),
    ],
)
def test_how_registers_are_told_of(instructions: list[tuple[int, ...]], word: int, expected: bool | None) -> None:
    assert by_gcc((Told(row[0], row[1:]) for row in instructions), "pushes", word) is expected
