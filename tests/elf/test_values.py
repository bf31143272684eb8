"""Values through a function, in operations written by hand."""

from __future__ import annotations

import random
import time

import pytest

from archscan.elf.arch import amd64, arm, arm64, i386, ppc64, riscv, s390x
from archscan.elf.arch.lifting import NOTHING, Kind, Operation, Place
from archscan.elf.arch.machine import Machine
from archscan.elf.arrays import np
from archscan.elf.code import Code, Part
from archscan.elf.inspection import decoder
from archscan.elf.mapping import mapping
from archscan.elf.values import MOST_STEPS, at_calls, run_through
from archscan.elf.values.blocks import Row
from archscan.elf.values.domain import (
    MOST,
    OWN,
    Along,
    Computed,
    Counted,
    Element,
    Field,
    Memory,
    Number,
    Parameter,
    Result,
    Stack,
    Unknown,
    Value,
)

LIFT = amd64.MACHINE.lift
CALL = Operation(Kind.CALL)


def run(*lines: str | Operation) -> list[tuple[Value, ...]]:
    """The arguments of each `call` of a function whose instructions are four bytes each, from 0x1000 on."""
    assert LIFT is not None
    rows: list[Row] = []
    for number, line in enumerate(lines):
        mnemonic, _, operands = line.partition(" ") if isinstance(line, str) else ("", "", "")
        every = (line,) if isinstance(line, Operation) else LIFT.read(mnemonic, operands)
        rows += [(0x1000 + 4 * number, 0x1004 + 4 * number, does) for does in every]
    wanted = frozenset(at for at, _, does in rows if does.kind == Kind.CALL)
    return [call.arguments for _, call in sorted(at_calls(run_through(rows, LIFT), wanted).items())]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["mov edi, 5"], {Number(5)}),
        (["xor edi, edi"], {Number(0)}),
        (["lea rdi, [rip + 0x10]"], {Number(0x1014)}),
        (["mov edi, esi"], {Parameter(1)}),
        (["mov rdi, rsp"], {Stack(0)}),
        (["lea rdi, [rsp - 8]"], {Stack(-8)}),
        (["push 7", "pop rdi"], {Number(7)}),
        (["sub rsp, 0x18", "mov dword ptr [rsp + 8], 3", "mov edi, dword ptr [rsp + 8]"], {Number(3)}),
        (["push rbp", "mov rbp, rsp", "sub rsp, 0x10", "mov dword ptr [rbp - 4], 3", "mov edi, dword ptr [rbp - 4]"],
         {Number(3)}),
        (["mov edi, 1", "mov eax, 2", "test esi, esi", "cmove edi, eax"], {Number(1), Number(2)}),
        (["mov edi, 1", "add edi, 2"], {Number(3)}),
        (["mov edi, 3", "dec edi"], {Number(2)}),
        (["mov edi, 1", "shl edi, 3"], {Number(8)}),
        (["mov edi, 1", "shr edi, 3"], {Unknown("computed")}),
        (["cmp esi, 1", "sbb edi, edi", "and edi, 2", "add edi, 1"], {Number(1), Number(3)}),
        (["sete dil", "movzx edi, dil", "lea edi, [rdi + rdi + 1]"], {Number(1), Number(3)}),
        (["mov edi, 5", "and edi, 0xfffffffe", "or edi, 8"], {Number(12)}),
        (["and edi, 1"], {Number(0), Number(1)}),
        (["and edi, 3"], {Number(0), Number(1), Number(2), Number(3)}),
        (["and edi, 5"], {Number(0), Number(1), Number(4), Number(5)}),
        (["and edi, 0x1f"], {Computed(Parameter(0))}),
        (["mov eax, 3", "mov edi, 1", "sub eax, edi", "mov edi, eax"], {Number(2)}),
        (["lea rdi, [rsi + rdx*8]"], {Computed(Parameter(1)), Computed(Parameter(2))}),
        (["lea rdi, [rsp + rax*8]"], {OWN}),
        (["mov dil, 3"], {Unknown("computed")}),
        (["mov edi, dword ptr fs:[0x28]"], {Unknown("computed")}),
        (["mov rdi, qword ptr [rdi + rax*8]"], {Field(Parameter(0), None)}),
        (["lea rax, [rip + 0x100]", "mov edi, dword ptr [rax + rsi*4]"],
         {Element(Along(0x1104, 4, Parameter(1), 0x1104), 4)}),
        (["lea rax, [rip + 0x100]", "shl rsi, 4", "mov rdi, qword ptr [rax + rsi + 8]"],
         {Element(Along(0x110C, 16, Parameter(1), 0x1104), 8)}),
        (["lea rsi, [rsi + rsi*2]", "lea rax, [rip]", "mov rdi, qword ptr [rax + rsi*8]"],
         {Element(Along(0x1008, 24, Parameter(1), 0x1008), 8)}),
        (["imul rsi, rsi, 0x18", "lea rax, [rip]", "add rax, rsi", "mov rdi, qword ptr [rax + 8]"],
         {Element(Along(0x1010, 24, Parameter(1), 0x1008), 8)}),
        (["sub esi, 1", "lea rax, [rip]", "mov edi, dword ptr [rax + rsi*4]"],
         {Element(Along(0x1004, 4, Parameter(1), 0x1008), 4)}),
        (["mov eax, esi", "add eax, eax", "add eax, esi", "lea rdx, [rip]", "mov rdi, qword ptr [rdx + rax*8]"],
         {Element(Along(0x1010, 24, Parameter(1), 0x1010), 8)}),
        (["mov eax, 1", "cmove eax, esi", "mov edx, eax", "add eax, eax", "add eax, edx", "mov edi, eax"],
         {Unknown("sum"), Computed(Parameter(1))}),
        (["mov eax, 1", "lea rdx, [rip]", "mov rdi, qword ptr [rdx + rax*8]"], {Memory(0x1010)}),
        (["lea rdi, [rip]", "mov edi, dword ptr [rdi + rax]"], {Unknown("indexed")}),
        (["sete dil"], {Computed(Parameter(0))}),
        (["sete dil", "movzx edi, dil"], {Number(0), Number(1)}),
        (["mov edi, 0x100", "sete dil"], {Number(0x100), Number(0x101)}),
    ],
)  # fmt: skip
def test_what_is_put_into_a_register_is_passed(lines: list[str], expected: set[object]) -> None:
    ((first, *_),) = run(*lines, "call 0x2000")
    assert first == expected


def test_a_call_leaves_what_it_must_and_returns_something() -> None:
    _, (first, second, *_) = run(
        "mov ebx, 4", "mov ecx, 9", "call 0x2000", "mov edi, ebx", "mov rsi, rax", "call 0x2000"
    )
    assert first == {Number(4)}
    assert second == {Result(0x1008)}


def test_what_a_call_uses_up_is_unknown_behind_it() -> None:
    _, (first, *_) = run("mov edi, 4", "call 0x2000", "call 0x2000")
    assert first == {Unknown("computed")}


def test_a_loop_brings_both_values() -> None:
    lines = ["mov edi, 1", "call 0x2000", "mov edi, 2", "test eax, eax", "je 0x1004", "ret "]
    ((first, *_),) = run(*lines)
    assert first == {Number(1), Number(2)}


def test_a_counter_is_no_endless_set() -> None:
    ((first, *_),) = run("xor ebx, ebx", "mov edi, ebx", "call 0x2000", "add ebx, 1", "jne 0x1004", "ret ")
    assert first == {Along(0, 1, Counted(0x1004, "rbx", 0))}
    assert MOST < 100


def test_padding_leads_nowhere() -> None:
    lines = ["mov edi, 1", "jmp 0x100c", "nop ", "call 0x2000"]
    assert run(*lines)[0][0] == {Number(1)}


def test_a_landing_pad_knows_how_deep_the_stack_is() -> None:
    lines = ["sub rsp, 0x10", "call 0x2000", "add rsp, 0x10", "ret ", "lea rdi, [rsp + 8]", "call 0x2000"]
    assert run(*lines)[1][0] == {Stack(-8)}


def test_a_jump_by_a_table_leads_to_its_cases() -> None:
    lines = ["mov ebx, 6", "jmp rax", "mov edi, ebx", "call 0x2000", "ret "]
    assert run(*lines)[0][0] == {Number(6)}


def test_a_function_that_takes_too_long_is_given_up() -> None:
    many = [Operation(Kind.SET, to="rbx", register="rbx", number=1), NOTHING] * (MOST_STEPS // 3)
    start = time.process_time()
    assert run("xor ebx, ebx", *many, "mov edi, ebx", "call 0x2000", "jne 0x1004", "ret ") == []
    assert time.process_time() - start < 60


def test_many_slots_and_many_branches_end() -> None:
    lines: list[str | Operation] = []
    for number in range(4000):
        lines += [Operation(Kind.STORE, place=Place("rsp", None, -8 * number), number=number), "jne 0x1004"]
    found = run(*lines, "mov rdi, rsp", "call 0x2000")
    assert found in ([], [found[0]] if found else [])


PROCESSORS = [module.MACHINE for module in (amd64, arm64, riscv, ppc64, s390x, arm, i386)]


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda processor: processor.name)
def test_any_instruction_is_read(processor: Machine) -> None:
    assert processor.lift is not None
    assert processor.idioms is not None
    assert processor.idioms.text is not None
    data = random.Random(4).randbytes(400_000)
    read = 0
    for _, _, mnemonic, operands in decoder(processor.idioms.text).disasm_lite(data, 0x1000):
        assert processor.lift.read(mnemonic, operands)
        read += 1
    assert read > 50_000


@pytest.mark.parametrize(
    "processor", [one for one in PROCESSORS if one.lift and one.lift.lines], ids=lambda one: one.name
)
def test_any_bytes_are_gone_through_in_good_time(processor: Machine) -> None:
    assert processor.lift is not None
    assert processor.lift.lines is not None
    assert processor.idioms is not None
    assert processor.idioms.text is not None
    data = random.Random(5).randbytes(1 << 16)
    places = np.array([0], np.int64)
    known = mapping([(0x1000, 0, len(data))])
    part = Part(0, len(data), 0x1000, None)
    text = Code(np.frombuffer(data, np.uint8), "<", 64, (part,), ((0, len(data)),), places, places + len(data), known)
    start = time.process_time()
    lines = list(processor.lift.lines(decoder(processor.idioms.text), text, 0, len(data)))
    assert time.process_time() - start < 30
    assert all(processor.lift.read(mnemonic, operands) for _, _, mnemonic, operands in lines)
    assert all(0x1000 <= at < 0x1000 + len(data) for at, _, _, _ in lines)


def test_numbers_do_not_grow() -> None:
    ((first, *_),) = run("mov edi, 3", *["imul rdi, rdi"] * 60, "call 0x2000")
    assert all(isinstance(one, Number) and -(1 << 63) <= one.value < 1 << 63 for one in first)
