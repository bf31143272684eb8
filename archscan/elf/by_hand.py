"""Functions that no compiler wrote from C: assembler, which no flag of a compiler changes.

Such code may hand out addresses of its stack as well as C does, and has no canary ever: libffi's closures, the slow
paths of vector functions, rounds of a hash that index their message. It is told by what gcc and clang never write:

* the tables for unwinding, which they write for every function (on most processors, by default), leave it out, or say
  nothing of the stack that it takes, or find saved registers deep in the frame, or by expressions that begin with no
  register (those of other compilers, whose output was pasted into assembler);
* it jumps to an address that is computed from an index, where compilers read a table;
* it goes over to a stack whose address it has from memory, and not from its frame;
* it returns behind a prefix that compilers write for no processor of today (perlasm);
* it rounds the stack pointer down behind making room, where compilers do that before;
* it stores in its frame what the stack pointer was before there was one: compilers keep that in the frame pointer;
* it saves all registers of arguments side by side, beside one in which C functions get nothing: a trampoline. What a
  variadic function saves lacks the register of its first parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from archscan.elf.arch.idioms import Text
from archscan.elf.effects import Effect, effect
from archscan.elf.frame import SMALL
from archscan.elf.image import Image
from archscan.elf.inspection import Inspection, instructions
from archscan.elf.unwind import description, told

_REGISTER = re.compile(r"[a-z]\w*")
_OFFSET, _EXPRESSION = 0x80, 0x10  # DW_CFA_offset, DW_CFA_expression
_SILENT = frozenset({0x00, 0x02, 0x03, 0x04, 0x40})  # DW_CFA_nop, DW_CFA_advance_loc…
_MOST_BYTES = 4096  # of a description that are looked at
_GENERAL = 16  # of x86, where `Text.saved_from` is known, the last register that is no vector register
_DROP, _LITERALS = 0x13, range(0x30, 0x50)  # DW_OP_drop, DW_OP_lit0…


class Saved(msgspec.Struct):
    """What is known of registers at the start of a function."""

    places: dict[str, tuple[str, int]] = {}  # register of an argument → base and distance of where it was stored
    changed: set[str] = set()
    strange: bool = False  # one was read in which C functions get nothing


class Stacks(msgspec.Struct):
    """What is known of stack pointers."""

    entered: str | None = None  # the register that has what it was at the start
    room: bool = False  # some was made
    far: set[str] = set()  # registers that hold what was in memory, and not in the frame


def is_by_hand(image: Image, found: Inspection, number: int) -> bool:
    """Whether no compiler wrote a function."""
    text = found.idioms.text
    if text is None:
        return False
    return _is_unwound_by_hand(image, found, text, number) or is_assembler(instructions(found, number), text)


def lists_most(found: Inspection) -> bool:
    """Whether the tables for unwinding list most of the code, so that what they lack was written without them."""
    view = found.view
    known = int((view.ends - view.starts)[view.described >= 0].sum())
    return known * 2 >= sum(part.size for part in found.text.parts)


def _is_unwound_by_hand(image: Image, found: Inspection, text: Text, number: int) -> bool:
    """Whether the tables for unwinding describe a function as no compiler does, or leave it out where others are in."""
    place = int(found.view.described[number])
    if place < 0:
        # Where no function has a canary, nothing but this would speak for assembler.
        return bool(found.guarded.any()) and lists_most(found)
    rows = list(told(description(image, place, _MOST_BYTES)))
    if int(found.room[number]) > SMALL and all(row.operation in _SILENT for row in rows):
        return True
    # Vector registers, which only functions in Windows' convention save, lie elsewhere.
    saved = {row.operands[1] for row in rows if row.operation == _OFFSET and row.operands[0] <= _GENERAL}
    first = text.saved_from
    if first and saved and max(saved) - first >= len(saved):
        return True  # there are places between them
    begins = {row.expression[0] for row in rows if row.operation == _EXPRESSION and row.expression}
    return any(operation == _DROP or operation in _LITERALS for operation in begins)


def is_assembler(lines: Iterable[tuple[int, str, str]], text: Text) -> bool:
    """Whether the instructions of a function (address, mnemonic, operands) hold what no compiler writes from C."""
    saved, stacks, scaled, called = Saved(), Stacks(), "", False
    for _, mnemonic, operands in lines:
        line = f"{mnemonic} {operands}"
        if text.unwritten and text.unwritten.match(line):
            return True
        does = effect(text, mnemonic, operands)
        if stacks.room and text.rounds and text.rounds.match(line):
            return True
        if _keeps_stack(stacks, text, does) or _changes_stack(stacks, text, line, does):
            return True
        leap = text.leaps.match(line) if text.leaps else None
        if leap and leap["to"] == scaled:
            return True
        computed = text.scaled.match(line) if text.scaled else None
        if computed:
            scaled = computed["to"]
        elif does.written == scaled:
            scaled = ""
        called = called or does.calls
        if text.scratch and not called:
            _take(saved, text, line, text.written.match(line))
            if saved.strange and _side_by_side(saved, text):
                return True
    return False


def _keeps_stack(stacks: Stacks, text: Text, does: Effect) -> bool:
    """Whether an instruction stores in the frame what the stack pointer was before there was one."""
    if stacks.entered and does.stored and does.stored.to.base == text.stack and stacks.entered in does.stored.sources:
        return True
    stacks.room = stacks.room or does.grows is not None or does.allocates is not None
    if does.copied == text.stack and not stacks.room and does.written != text.frame_pointer:
        stacks.entered = does.written
    elif does.written == stacks.entered:
        stacks.entered = None
    return False


def _changes_stack(stacks: Stacks, text: Text, line: str, does: Effect) -> bool:
    """Whether an instruction goes over to a stack of which another place than the frame says where it is."""
    if does.grows in stacks.far:
        return True
    load = text.flow.load.match(line) if text.flow else None
    if does.written and load and load["base"] not in (text.stack, text.frame_pointer):
        stacks.far.add(does.written)
    elif does.written and not does.stored:
        stacks.far.discard(does.written)
    return False


def _take(saved: Saved, text: Text, line: str, written: re.Match[str] | None) -> None:
    """Takes in what an instruction does to registers of arguments and to those of `Text.scratch`."""
    home = text.home.match(line)
    if home:
        words = home.groupdict()
        at = int((words["at"] or "0").replace(" ", ""), 0)
        for further, source in enumerate((words["source"], words.get("second"))):
            if source in text.arguments and source not in saved.changed:
                saved.places[source] = (words["base"], at + further * text.word)
    names = [text.aliases.get(name, name) for name in _REGISTER.findall(line)[1:]]
    to = text.aliases.get(written["to"], written["to"]) if written else ""
    if not saved.strange:
        read = {name for name in names if name != to or (names.count(name) > 1 and not line.startswith("xor"))}
        saved.strange = bool(read & text.scratch - saved.changed)
    saved.changed.add(to)


def _side_by_side(saved: Saved, text: Text) -> bool:
    """Whether all registers of arguments lie in memory one behind another, the first one lowest."""
    first = saved.places.get(text.arguments[0])
    return first is not None and all(
        saved.places.get(name) == (first[0], first[1] + number * text.word)
        for number, name in enumerate(text.arguments)
    )
