"""The instructions around a place of the code, as a disassembler writes them, with what stands behind addresses."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from archscan.elf.arch import machine
from archscan.elf.arch.lifting import Kind, Operation
from archscan.elf.arrays import np
from archscan.elf.code import Code, address_of, code, offsets_of
from archscan.elf.explained.replay import Replay, results_at
from archscan.elf.functions import Functions, functions, name, owners
from archscan.elf.image import ET_EXEC, ET_REL, Image, mapped
from archscan.elf.inspection import decoder
from archscan.elf.program import Program, callee_of, imported, label_of
from archscan.elf.texts import is_constant
from archscan.elf.values.domain import Memory, Number

_LONGEST = 1 << 20  # bytes of a function before a place that are decoded to find where instructions begin
_LOOKED_BACK = 96  # bytes before a place in no function
_LONGEST_INSTRUCTION = 16
_LOWEST = 1 << 12  # address at which a text is looked for
_LONGEST_TEXT = 80  # characters of a string
_PLACE = re.compile(r"(?:(?P<section>.+)\+)?(?P<number>0x[0-9a-f]{1,16})$")


class Line(msgspec.Struct, frozen=True):
    """An instruction: its address, that behind it, the disassembler's text, and what is to be said of it."""

    address: int
    behind: int
    text: str
    note: str = ""


class Reader(msgspec.Struct, frozen=True, eq=False):
    """The code of an object that is disassembled: ``engine`` is None for processors that are not."""

    image: Image
    text: Code
    view: Functions
    engine: Any


class Window(msgspec.Struct, frozen=True):
    """Instructions around a place; ``guessed``: no table says where a function begins, so the first may be wrong."""

    function: str | None
    lines: tuple[Line, ...]
    guessed: bool = False


def reader(image: Image) -> Reader:
    """The code of an object, to be disassembled."""
    idioms, text = machine(image.machine).idioms, code(image)
    engine = decoder(idioms.text) if idioms is not None and idioms.text is not None else None
    return Reader(image, text, functions(image, text), engine)


def offset_of(one: Reader, place: str) -> int:
    """Where in the file the code stands that the database calls ``0x…`` or ``section+0x…``; -1 for nowhere."""
    found = _PLACE.match(place)
    if found is None:
        return -1
    number = int(found["number"], 16)
    if one.image.type != ET_REL:
        small = number < 1 << 62
        return int(offsets_of(one.text, np.array([number], np.int64))[0]) if small else -1
    parts = (part for part in one.text.parts if part.section == found["section"] and number < part.size)
    return next((part.offset + number for part in parts), -1)


def window(one: Reader, offset: int, before: int, behind: int) -> Window:
    """The instructions before and behind the one at an offset, or around it, which is among them."""
    number = int(owners(one.view, np.array([offset], np.int64))[0]) if offset >= 0 else -1
    start = int(one.view.starts[number]) if number >= 0 else max(offset - _LOOKED_BACK, _part_of(one.text, offset))
    end = int(one.view.ends[number]) if number >= 0 else offset + _LONGEST_INSTRUCTION * (behind + 1)
    label = name(one.view, int(one.view.starts[number])) if number >= 0 else None
    if one.engine is None or offset < 0:
        return Window(label, ())
    end = min(end, offset + _LONGEST_INSTRUCTION * (behind + 1), one.text.raw.size)
    guessed = number < 0 or offset - start > _LONGEST
    for first in _beginnings(max(start, offset - _LONGEST), offset, guessed=guessed):
        lines = _around(one, first, offset, end, before, behind, guessed=guessed)
        if lines:
            return Window(label, lines, guessed=guessed)
    return Window(label, _around(one, offset, offset, end, 0, behind, guessed=True), guessed=True)


def _part_of(text: Code, offset: int) -> int:
    return next((part.offset for part in text.parts if part.offset <= offset < part.offset + part.size), offset)


def _beginnings(start: int, offset: int, *, guessed: bool) -> Iterable[int]:
    """Where to begin to decode: at the function, or at any byte from which the place is met."""
    return range(max(start, offset - _LOOKED_BACK), offset) if guessed else (start,)


def _around(
    one: Reader, start: int, offset: int, end: int, before: int, behind: int, *, guessed: bool
) -> tuple[Line, ...]:
    """The instructions decoded from an offset on; none where that is a guess and none begins at the place."""
    base, at = address_of(one.text, start), address_of(one.text, offset)
    earlier, later = deque[Line](maxlen=before), list[Line]()
    for address, size, mnemonic, operands in one.engine.disasm_lite(one.text.raw[start:end].tobytes(), base):
        line = Line(address, address + size, f"{mnemonic} {operands}".rstrip())
        if address + size <= at or (address < at and guessed):
            if address + size > at:
                return ()
            earlier.append(line)
        elif len(later) <= behind:
            later.append(line)
        else:
            break
    return (*earlier, *later) if later else ()


def line_at(one: Reader, address: int) -> Line | None:
    """The instruction at an address."""
    offset = int(offsets_of(one.text, np.array([address], np.int64))[0])
    if one.engine is None or offset < 0:
        return None
    data = one.text.raw[offset : offset + _LONGEST_INSTRUCTION].tobytes()
    found = next(iter(one.engine.disasm_lite(data, address)), None)
    return Line(address, address + found[1], f"{found[2]} {found[3]}".rstrip()) if found else None


def noted(line: Line, program: Program, number: int, again: Replay | None) -> Line:
    """The same with the function that is called, and the string or symbol at an address that is computed or read."""
    note = "; ".join(dict.fromkeys(_notes(line.address, program, number, again)))
    return msgspec.structs.replace(line, note=note)


def _notes(address: int, program: Program, number: int, again: Replay | None) -> Iterator[str]:
    symbol, done = imported(program, address), results_at(again, address) if again else ()
    if symbol is not None:
        linked_in = any(row.does.target in program.slots for row in done)
        yield f"<{symbol}>" if linked_in else f"<{symbol}@plt>"
        return
    for row in done:
        if row.does.kind == Kind.CALL and row.does.target is not None:
            callee = callee_of(program, number, address)
            yield f"<{label_of(program, callee)}>" if callee >= 0 else ""
            return
        for one in row.result:
            if isinstance(one, Memory) and one.address in program.slots:
                yield f"&{program.slots[one.address]}"
            elif isinstance(one, Number) and one.value >= _LOWEST and _is_address(row.does, program.image):
                text = text_at(program.image, one.value)
                if text:
                    yield text


def _is_address(does: Operation, image: Image) -> bool:
    """Whether an instruction computes an address: such numbers as stand in code are none, where that may be moved."""
    computed = does.place is not None or (does.register is not None and (does.number or does.operator is not None))
    return not does.reads and bool(computed or image.type == ET_EXEC)


def text_at(image: Image, address: int) -> str | None:
    """The text at an address in quotes, cut to what is read at a glance; None where there is none."""
    if not 0 < address < 1 << 62 or not is_constant(image, address):
        return None
    raw = mapped(image, address, _LONGEST_TEXT * 4)
    found = raw.partition(b"\0")[0] if b"\0" in raw else raw[:0]
    if not found or not all(32 <= byte < 127 or byte in b"\t\n\r" for byte in found):
        return None
    text = found.decode("ascii").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f'"{text[:_LONGEST_TEXT]}…"' if len(text) > _LONGEST_TEXT else f'"{text}"'
