"""Functions that show their stack to others, and those that only seem to, instruction by instruction."""

from __future__ import annotations

import subprocess
from pathlib import Path

import capstone
import pytest

from archscan.elf.arch import amd64, arm64, machine
from archscan.elf.arch.machine import Machine
from archscan.elf.effects import effect
from archscan.elf.exposure import Shown, exposed
from tests.elf.building import seen

# stp x29, x30, [sp, #-96]!; mov x29, sp; add x20, sp, #0x40
_FRAME = (0xA9BA7BFD, 0x910003FD, 0x910103F4)
_LOAD_PAIR, _LOAD_ONE, _LOAD_ZERO = 0xA9422668, 0xF9401268, 0xF9402267  # ldp x8, x9, …; ldr x8, …; ldr x7, …
_STORE_PAIR, _STORE_ONE = 0xA9002688, 0xF9000288  # stp x8, x9, [x20]; str x8, [x20]
_CALL = (0xAA1403E0, 0x94000000)  # mov x0, x20; bl


def _shown(machine: Machine, code: bytes, room: int) -> Shown | None:
    assert machine.idioms
    assert machine.idioms.text
    text = machine.idioms.text
    lines = [(row.address, row.mnemonic, row.op_str) for row in capstone.Cs(*text.mode).disasm(code, 0)]
    return exposed(lines, text, room, whole=False)


def _shows(machine: Machine, code: bytes, room: int) -> bool:
    return _shown(machine, code, room) is not None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ((), True),
        ((_STORE_PAIR,), True),
        ((_LOAD_PAIR, _STORE_PAIR), False),
        # One register may as well hold a variable, and one that was changed holds no part of a structure any more.
        ((_LOAD_ONE, _STORE_ONE), True),
        ((_LOAD_PAIR, _STORE_ONE), True),
        ((_LOAD_PAIR, _LOAD_ONE, _STORE_PAIR), True),
        ((_LOAD_PAIR, _LOAD_ZERO, _STORE_PAIR), False),
        # What is copied before another call is not what this one is given.
        ((_LOAD_PAIR, _STORE_PAIR, 0x94000000), True),
    ],
)
def test_a_structure_that_is_passed_by_reference_is_copied_in_pairs(body: tuple[int, ...], expected: bool) -> None:
    """GCC 14 for aarch64, where GCC 12 took vector registers (AAPCS64, "B.4": larger than 16 bytes)."""
    code = b"".join(word.to_bytes(4, "little") for word in (*_FRAME, *body, *_CALL))
    assert _shows(arm64.MACHINE, code, 96) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ((0x911003E2, 0xF9002055), False),  # add x2, sp, #0x400; str x21, [x2, #0x40]: only on the way to 0x440
        ((0x911003E2, 0xF9000055), True),  # str x21, [x2]: what lies there
        ((0x910403E2, 0xF9002055), True),  # add x2, sp, #0x100, from where 0x140 is no further than from sp
        ((0x911003E2,), True),
    ],
)
def test_what_lies_far_away_is_reached_in_two_steps(body: tuple[int, ...], expected: bool) -> None:
    """GCC for aarch64 leaves the first step in a register that would be the next argument (stp reaches 504 bytes)."""
    words = (0xD11183FF, 0xAA1303E0, 0xAA1403E1, *body, 0x94000000)  # sub sp, sp, #0x460; mov x0, x19; mov x1, x20
    assert _shows(arm64.MACHINE, b"".join(word.to_bytes(4, "little") for word in words), 0x460) is expected


@pytest.mark.parametrize(("between", "expected"), [(0xB4000040, True), (0x14000002, False), (0xD65F03C0, False)])
def test_behind_a_branch_arguments_hold_something_else(between: int, expected: bool) -> None:
    """`cbz` falls through; `b` and `ret` do not."""
    move, call = _CALL
    code = b"".join(word.to_bytes(4, "little") for word in (*_FRAME, move, between, call))
    assert _shows(arm64.MACHINE, code, 96) is expected


@pytest.mark.parametrize(
    ("first", "expected"), [("4887fe", False), ("4889f7", True), ("4889c7", True), ("4887f8", True)]
)
def test_arguments_that_change_places_are_still_arguments(first: str, expected: bool) -> None:
    """`xchg rdi, rsi` is no more than that; `mov rdi, rsi` makes a variable, rax is no argument.

    Then: sub rsp, 0x38; mov [rsp+0x28], rdi; lea rdi, [rsp+0x28]; call.
    """
    code = bytes.fromhex(first + "4883ec38" + "48897c2428" + "488d7c2428" + "e8fbffffff")
    assert _shows(amd64.MACHINE, code, 0x38) is expected


_ROOM = "4883ec38"  # sub rsp, 0x38
_CALLED = "e8fbffffff"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("488d542417" + _CALLED, False),  # lea rdx, [rsp+0x17]: one byte, as of a class without members
        ("488d542416" + _CALLED, True),
        ("488d7c2417" + "4883e7f0" + _CALLED, True),  # and rdi, -0x10: what alloca gives
        # mov eax, [rsp+0x50]; mov [rsp+4], al; lea rdi, [rsp+4]: a parameter that came on the stack; then none
        ("8b442450" + "88442404" + "488d7c2404" + _CALLED, False),
        ("8b442410" + "88442404" + "488d7c2404" + _CALLED, True),
        # mov [rsp+8], rcx; lea rdi, [rsp+0xb]: a member of a structure that came in a register
        ("48894c2408" + "488d7c240b" + _CALLED, False),
        ("48894c2408" + "488d7c2410" + _CALLED, True),
        # A call whose arguments lie on the stack; add rsp, 0x30; lea rdi, [rsp+0x20]: a parameter where it came
        (_CALLED + "4883c430" + "488d7c2420" + _CALLED, False),
        (_CALLED + "4883c410" + "488d7c2420" + _CALLED, True),
        # mov [rsp+0x14], r8d; push r9; lea r9, [rsp+0x1c]: the same place, as r9 is pushed; another; taken off again
        ("4489442414" + "4151" + "4c8d4c241c" + _CALLED, False),
        ("4489442414" + "4151" + "4c8d4c2418" + _CALLED, True),
        ("4489442414" + "4151" + "4158" + "4c8d4c2414" + _CALLED, False),
        # lea rcx, [rsp+8]; sub rsp, 8; mov [rsp+0x10], r8d; push 1: stored there behind what keeps the stack aligned
        ("488d4c2408" + "4883ec08" + "4489442410" + "6a01" + _CALLED, False),
        ("488d4c2408" + "4883ec08" + "4489442408" + "6a01" + _CALLED, True),
        # Behind a return the room is there again.
        ("4883c438" + "c3" + "488d7c2420" + _CALLED, True),
    ],
)
def test_what_is_addressed_on_the_stack_may_be_a_parameter(body: str, expected: bool) -> None:
    assert _shows(amd64.MACHINE, bytes.fromhex(_ROOM + body), 0x38) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # movss [rsp+0x24], xmm1; lea rdi, [rsp+0x2c]; lea rsi, [rsp+0x28]: what sincosf writes, above four saved bytes
        ("f30f114c2424" + "488d7c242c" + "488d742428" + _CALLED, False),
        ("488d7c242c" + "488d542428" + _CALLED, True),  # lea rdx, [rsp+0x28]: sincosf has no third pointer
        # movzx eax, byte [rsp+rax+0x2c]: bytes of a number; of an array; of a number whose address was passed
        ("0fb644042c", False),
        ("0fb6440410", True),
        ("8944242c" + "488d7c242c" + _CALLED + "0fb644042c", True),
        # movlps [rsp+0x10], xmm0; lea rdx, [rsp+0x10]; movss xmm1, [rdx+rax]: members of a structure in registers
        ("0f13442410" + "488d542410" + "f30f100c02", False),
        ("488d542410" + "f30f100c02", True),
        # movss xmm0, [rdx+rax+0x20]: of these four bytes only; of what lies behind a parameter, too
        ("488d542410" + "f30f10440220", False),
        ("48894c2408" + "488d542408" + "f30f10440208", False),
        # lea rdi, [rsp+0x2c]; lea rsi, [rsp+0x28]; call: sincosf; then bytes of one of the two
        ("488d7c242c" + "488d742428" + _CALLED + "0fb644042c", True),
    ],
)
def test_what_needs_no_canary_is_told_from_what_does(body: str, expected: bool) -> None:
    assert _shows(amd64.MACHINE, bytes.fromhex(_ROOM + body), 0x38) is expected


@pytest.mark.parametrize(("at", "expected"), [("10", False), ("e0", True)])
def test_above_the_frame_pointer_lie_parameters(at: str, expected: bool) -> None:
    """push rbp; mov rbp, rsp; sub rsp, 0x38; movzx eax, byte [rbp+rax+...]."""
    assert _shows(amd64.MACHINE, bytes.fromhex("554889e5" + _ROOM + "0fb64405" + at), 0x38) is expected


@pytest.mark.parametrize("order", [("488d7c2430", "488d742408"), ("488d742408", "488d7c2430")])
def test_of_several_places_the_largest_counts(order: tuple[str, str]) -> None:
    """lea rdi, [rsp+0x30]; lea rsi, [rsp+8]."""
    shown = _shown(amd64.MACHINE, bytes.fromhex(_ROOM + "".join(order) + _CALLED), 0x38)
    assert shown
    assert (shown.at, shown.extent) == (14, 0x30)


@pytest.mark.parametrize(("at", "expected"), [("10", False), ("00", True)])
def test_where_a_jump_leads_no_more_room_was_made_than_before_it(at: str, expected: bool) -> None:
    """A function with room for a call in one branch only; in the other [rsp+0x10] is the caller's.

    push rax; test; je; sub rsp, 0x38; call; add; ret; nop; lea rdi, [rsp+...]; call.
    """
    branch = "85c0740f" + _ROOM + _CALLED + "4883c438" + "c390"
    code = bytes.fromhex("50" + branch + "488d7c24" + at + _CALLED)
    assert _shows(amd64.MACHINE, code, 0x38) is expected


_BY_VALUE = """
struct Empty {};
void use(const Empty &, const bool &);
long sum(long, long, long, long, long, long, long, long);
void f(Empty e, long a, long b, long c, long d, long g, long h, bool on)
{
    use(e, on);
    use(e, on);
    sum(a, b, c, d, g, h, 7, 8);
}
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-Os"])
def test_parameters_of_classes_without_members_need_no_canary(tmp_path: Path, optimised: str) -> None:
    """By gcc's rule; clang gives one to a function that passes the address of a parameter on."""
    (tmp_path / "a.cc").write_text(_BY_VALUE)
    command = ["g++", optimised, "-fPIC", "-shared", "-fstack-protector-strong", "-o", "a.so", "a.cc"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert seen(tmp_path / "a.so", "usr/lib/x/a.so").stack_protector == "n/a"


@pytest.mark.full
@pytest.mark.parametrize(("flags", "expected"), [(["-fstack-protector-strong"], "yes"), ([], "no")])
def test_what_looks_like_a_canary_is_none_without_the_guard(tmp_path: Path, flags: list[str], expected: str) -> None:
    """On arm64 the guard is a variable of the loader; `subs x1, x1, x2; mov x2, #0` may be arithmetic."""
    (tmp_path / "a.c").write_text(
        'long chance(long a, long b)\n{\n    __asm__("subs x1, x1, x2\\n mov x2, #0" ::: "x1", "x2", "cc");\n'
        "    return a + b;\n}\n"
        "#include <stdio.h>\nint f(const char *t)\n{\n    char b[200];\n    int n = 0;\n"
        '    sscanf(t, "%199s%n", b, &n);\n    return puts(b) + n;\n}\n'
    )
    command = ["aarch64-linux-gnu-gcc", "-O2", "-fPIC", "-shared", *flags, "-o", "a.so", "a.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    found = seen(tmp_path / "a.so", "usr/lib/x/a.so")
    assert (found.stack_protector, found.reasons["stack_protector"].counts["guarded"]) == (
        expected,
        int(bool(flags)) * 2,
    )


@pytest.mark.parametrize(
    ("architecture", "line", "width"),
    [
        (183, "strb w1, [sp, #4]", 1),
        (183, "sturb w1, [x29, #-1]", 1),
        (183, "str w1, [sp, #4]", 4),
        (183, "str x1, [sp, #8]", 8),
        (40, "strb.w r1, [sp, #4]", 1),
        (40, "strh r1, [sp, #4]", 1),
        (40, "str r1, [sp, #4]", 4),
        (243, "sb a1, 8(sp)", 1),
        (243, "sw a1, 8(sp)", 4),
        (243, "sd a1, 8(sp)", 8),
        (21, "stb r3, 40(r1)", 1),
        (21, "stw r3, 40(r1)", 4),
        (22, "stc %r2, 167(%r15)", 1),
        (22, "st %r2, 164(%r15)", 4),
    ],
)
def test_as_much_of_a_parameter_is_kept_as_is_stored(architecture: int, line: str, width: int) -> None:
    idioms = machine(architecture).idioms
    assert idioms is not None
    assert idioms.text is not None
    stored = effect(idioms.text, *line.split(" ", 1)).stored
    assert stored is not None
    assert stored.width == width
