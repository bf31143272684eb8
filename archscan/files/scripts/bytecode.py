"""The code of a method, walked once: what is called, and with which constants (JVMS, chapter 6)."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archscan.files.scripts.classfile import ClassFile, Method, Reference

_MOST = 65_536  # instructions; a method has no more bytes
# How many bytes follow each opcode, where it is not none.
_OPERANDS = bytearray(256)
for _first, _last, _count in (
    (0x10, 0x10, 1), (0x11, 0x11, 2), (0x12, 0x12, 1), (0x13, 0x14, 2), (0x15, 0x19, 1), (0x36, 0x3A, 1),
    (0x84, 0x84, 2), (0x99, 0xA8, 2), (0xA9, 0xA9, 1), (0xB2, 0xB8, 2), (0xB9, 0xBA, 4), (0xBB, 0xBB, 2),
    (0xBC, 0xBC, 1), (0xBD, 0xBD, 2), (0xC0, 0xC1, 2), (0xC5, 0xC5, 3), (0xC6, 0xC7, 2), (0xC8, 0xC9, 4),
):  # fmt: skip
    for _opcode in range(_first, _last + 1):
        _OPERANDS[_opcode] = _count
_LDC, _LDC_W, _ALOAD, _ALOAD_0, _ASTORE, _ASTORE_0 = 0x12, 0x13, 0x19, 0x2A, 0x3A, 0x4B
_GETSTATIC, _PUTSTATIC, _GETFIELD, _PUTFIELD, _NEW, _CHECKCAST = 0xB2, 0xB3, 0xB4, 0xB5, 0xBB, 0xC0
_INVOKESTATIC, _INVOKEDYNAMIC = 0xB8, 0xBA
_POP, _DUP, _WIDE, _TABLESWITCH, _LOOKUPSWITCH = 0x57, 0x59, 0xC4, 0xAA, 0xAB
_ARGUMENT = re.compile(r"\[*(?:[BCDFIJSZ]|L[^;]{0,4096};)")
_MOST_ARGUMENTS = 255  # JVMS 4.3.3


class Invocation(NamedTuple):
    """A call: the method, its constant arguments (None where one is not known), the line, and who gets the result.

    ``followed`` says that a constant went through a variable.
    """

    what: Reference
    arguments: tuple[str | None, ...]
    line: int
    kept_as: str | None
    followed: bool


class _Known(NamedTuple):
    text: str
    followed: bool = False


def invocations(file: ClassFile, method: Method) -> Iterator[Invocation]:
    """The calls of a method, in their order. Constants are followed along straight code only."""
    stack: list[_Known | None] = []
    locals_: dict[int, _Known | None] = {}
    places = [place for place, _ in method.lines]
    instructions = list(_instructions(method.code))
    targets = set(_targets(instructions))
    for number, (at, opcode, operand) in enumerate(instructions):
        if at in targets:
            stack = [None] * len(stack)  # what came another way may be something else
        if 0xB6 <= opcode <= _INVOKEDYNAMIC:
            what = file.reference(operand)
            if what is None:
                stack.clear()
                continue
            count = len(_ARGUMENT.findall(what.descriptor.partition(")")[0])[:_MOST_ARGUMENTS])
            whole = count + (opcode not in (_INVOKESTATIC, _INVOKEDYNAMIC))
            taken = stack[max(0, len(stack) - count) :] if count else []
            arguments = [*[None] * (count - len(taken)), *taken]
            del stack[max(0, len(stack) - whole) :]
            if not what.descriptor.endswith(")V"):
                stack.append(None)
            if opcode != _INVOKEDYNAMIC:
                line = bisect_right(places, at) - 1
                yield Invocation(
                    what,
                    tuple(one.text if one else None for one in arguments),
                    method.lines[line][1] if line >= 0 else 0,
                    _kept_as(file, instructions[number + 1 : number + 3]),
                    any(one.followed for one in arguments if one),
                )
        else:
            _step(file, opcode, operand, stack, locals_)


def texts(file: ClassFile, method: Method) -> Iterator[str]:
    """The strings that the code of a method names."""
    for _, opcode, operand in _instructions(method.code):
        if opcode in (_LDC, _LDC_W) and (text := file.string(operand)):
            yield text


def _kept_as(file: ClassFile, following: Sequence[tuple[int, int, int]]) -> str | None:
    """The field that gets what was just computed."""
    for _, opcode, operand in following:
        if opcode in (_PUTSTATIC, _PUTFIELD):
            what = file.reference(operand)
            return what.name if what else None
        if opcode != _CHECKCAST:
            return None
    return None


def _step(
    file: ClassFile, opcode: int, operand: int, stack: list[_Known | None], locals_: dict[int, _Known | None]
) -> None:
    """What an instruction does to the constants that are known; one that nobody needs makes all forgotten."""
    if opcode in (_LDC, _LDC_W):
        text = file.string(operand)
        stack.append(None if text is None else _Known(text))
    elif opcode == _ALOAD or _ALOAD_0 <= opcode < _ALOAD_0 + 4:
        slot = operand if opcode == _ALOAD else opcode - _ALOAD_0
        known = locals_.get(slot)
        stack.append(known and _Known(known.text, True))
    elif opcode == _ASTORE or _ASTORE_0 <= opcode < _ASTORE_0 + 4:
        slot = operand if opcode == _ASTORE else opcode - _ASTORE_0
        # A variable that is assigned twice says nothing: which of them it is depends on the way.
        value = stack.pop() if stack else None
        locals_[slot] = None if slot in locals_ else value
    elif 0x01 <= opcode <= 0x2D or opcode in (0x14, _GETSTATIC, _NEW):
        stack.append(None)
    elif opcode == _DUP and stack:
        stack.append(stack[-1])
    elif opcode in (_GETFIELD, _CHECKCAST):
        if opcode == _GETFIELD and stack:
            stack[-1] = None
    elif opcode in (_POP, _PUTSTATIC, 0x36, 0x3B, 0x3C, 0x3D, 0x3E):
        del stack[-1:]
    elif opcode == _PUTFIELD:
        del stack[-2:]
    else:
        stack.clear()


def _targets(instructions: Sequence[tuple[int, int, int]]) -> Iterator[int]:
    """Where code goes on after a jump, those of switches apart."""
    for at, opcode, operand in instructions:
        if 0x99 <= opcode <= 0xA8 or opcode in (0xC6, 0xC7):
            yield at + (operand ^ 0x8000) - 0x8000


def _instructions(code: bytes) -> Iterator[tuple[int, int, int]]:
    """The instructions: place, opcode, and the operand of those that have one of one or two bytes."""
    at, count = 0, 0
    try:
        while at < len(code) and count < _MOST:
            opcode = code[at]
            size = _OPERANDS[opcode]
            operand = code[at + 1] if size == 1 else struct.unpack_from(">H", code, at + 1)[0] if size >= 2 else 0
            yield at, opcode, operand
            count += 1
            at += 1 + (size or _size(code, at, opcode))
    except (struct.error, IndexError):
        return


def _size(code: bytes, at: int, opcode: int) -> int:
    """How many bytes follow an opcode of which that depends."""
    if opcode == _WIDE:
        return 5 if code[at + 1] == 0x84 else 3
    if opcode not in (_TABLESWITCH, _LOOKUPSWITCH):
        return 0
    padded = (at + 4) & ~3
    if opcode == _LOOKUPSWITCH:
        pairs = struct.unpack_from(">i", code, padded + 4)[0]
        return int(padded + 8 + 8 * max(0, pairs) - at - 1)
    low, high = struct.unpack_from(">ii", code, padded + 4)
    return int(padded + 12 + 4 * max(0, high - low + 1) - at - 1)
