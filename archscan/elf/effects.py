"""What one instruction does with the stack and with registers, as its text says it, whatever came before.

A compiler writes few different instructions: four of five have been met before in the same package. So each is matched
against a processor's expressions (``Text``) once, and remembered.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

from archscan.elf.arch.idioms import Text

_MOST_KNOWN = 1 << 15  # instructions that are remembered; then all are forgotten
_CONSTANT = re.compile(
    r"(?:(?:c\.)?(?:mov\w*|li|l[gl]?hi)(?:\.w)? %?\w+, |addi \w+, zero, )#?(?P<value>(?:0x)?[0-9a-f]+)$"
    r"|xor (\w+), \2$"
)
# Stores of less than a register where its name does not say so: s390x, ppc64, riscv.
_NARROW = re.compile(r"(?:c\.)?(?P<four>sty?|stw|sw(?:sp)?|stmw) |(?:st[bhc]y?|stu?r[bh]|s[bh])(?:\.w)? ")
_POINTER = re.compile(r"(\w+) ptr \[")
_LETTERS = {"w": 4, "s": 4, "q": 16}  # of arm64's registers, where not 8
_WIDTHS = {"byte": 1, "word": 2, "dword": 4, "qword": 8, "xmmword": 16, "ymmword": 32, "zmmword": 64}
# Rounding an address, as for alloca, and adding to it.
_ROUNDED = re.compile(
    r"(?:c\.)?(?:and|bic|add|sub|sh[lr]|sar|ls[lr]|s[lr]l|nill|rldicr|clrr)\w*(?:\.w)? %?(?P<to>\w+), "
    r"(?:%?(?P<of>[a-z]\w*), )?[#-]*(?:0x)?[0-9a-f]+(?:, (?:0x)?[0-9a-f]+)?$"
)
# Operands in memory, and instructions that compute from the register that they write, too.
_MEMORY = re.compile(r"\[[^]]*\]|\S*\([^)]*\)")
_UPON = re.compile(
    r"(?:c\.)?(?:add|adc|sub|sbb|and|or|xor|not|neg|inc|dec|bswap|sh[lr]|sa[lr]|ro[lr]|imul|cmov|movk|bf)\w*(?:\.w)? "
)
_CLEARS = re.compile(r"v?p?(?:xor|sub|andn)\w* (\w+), \1(?:, \1)?$")
_REGISTER = re.compile(r"[a-z]\w+")


class Slot(msgspec.Struct, frozen=True):
    """A place on the stack: the register it is counted from, and how far above that."""

    base: str
    at: int


class Store(msgspec.Struct, frozen=True):
    """Registers put to a place in memory, one beside the other: see ``Text.home`` and ``Text.several``."""

    to: Slot
    sources: tuple[str, ...]  # empty names stand for numbers
    width: int  # bytes of each that are stored


class Block(msgspec.Struct, frozen=True):
    """Memory copied in one instruction, to a place that it names or along the registers ``Text.moved``."""

    to: Slot | None
    copies: bool  # or fills


class Effect(msgspec.Struct, frozen=True):
    """One instruction. Registers are whole ones but for those of stores; None is what the instruction does not do."""

    calls: bool
    returns: bool
    on_stack: bool  # it names the stack pointer or the frame pointer
    frames: bool  # it sets the frame pointer
    grows: str | None  # room as a register says: the register that had the new address before, or ""
    allocates: int | None  # room of a fixed size: bytes of registers that are pushed, or 0
    more: int  # bytes of stack in use from then on
    less: int
    goes_on: bool  # a jump or a call: no end of the function, see ``Text.moves``
    indexed: Slot | None  # where an access by a variable index begins
    stored: Store | None
    pushed: str | None
    block: Block | None
    exchanged: tuple[str, str] | None
    written: str | None
    copied: str | None  # the register whose value is taken
    of: frozenset[str]  # registers from which is computed what is put into ``written``
    part: str | None  # the register of which the value, or part of it, is taken
    constant: int | None
    reloaded: Slot | None
    read: Slot | None  # what stands there is put into ``written``
    address: Slot | None  # the address that is put into ``written``
    rounded: str | None  # the register whose value is rounded, or added to
    loaded: tuple[str, ...]  # registers filled from memory, to copy a structure


def effect(text: Text, mnemonic: str, operands: str) -> Effect:
    """What an instruction does. Where a jump or a call leads makes no difference."""
    target = operands[:1] in ("0", "#") and operands.removeprefix("#").isalnum()
    line = f"{mnemonic} {operands[0]}" if target else f"{mnemonic} {operands}"
    known = _known(*text.mode)
    found = known.get(line)
    if found is None:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[line] = found = _effect(text, line)
    return found


@cache
def _known(architecture: int, mode: int) -> dict[str, Effect]:  # noqa: ARG001  # of one processor each
    return {}


def _effect(text: Text, line: str) -> Effect:
    on_stack = text.stack in line or text.frame_pointer in line
    written, copied, rounded = text.written.match(line), text.copy.match(line), _ROUNDED.match(line)
    reloaded = text.reload.match(line) if on_stack else None
    exchanged = text.exchanged.match(line) if text.exchanged else None
    part = text.part.match(line) if text.part else None
    moved = text.moves.match(line) if text.moves else None
    moves = moved.groupdict() if moved else {}
    read = text.reads.match(line) if text.reads and on_stack else None
    pushed = text.pushed.match(line) if text.pushed else None
    indexed, grows = text.indexed.match(line), text.grows.match(line)
    loaded = text.loaded.match(line) if text.loaded else None
    return Effect(
        calls=text.call.match(line) is not None,
        returns=text.returns.match(line) is not None,
        on_stack=on_stack,
        frames=text.frame.match(line) is not None,
        grows=(grows["to"] or "") if grows else None,
        allocates=_allocates(text, line),
        more=text.word if moves.get("pushed") else _number(moves.get("more")),
        less=text.word if moves.get("popped") else _number(moves.get("less")),
        goes_on=bool(moves.get("goes_on")),
        indexed=Slot(indexed["base"], _number(indexed.groupdict().get("at"))) if indexed else None,
        stored=_store(text, line),
        pushed=pushed["source"] if pushed else None,
        block=_block(text, line),
        exchanged=(exchanged[1], exchanged[2]) if exchanged else None,
        written=whole(text, written["to"]) if written else None,
        copied=copied["source"] if copied else None,
        of=_computed_from(text, line) if written else frozenset(),
        part=whole(text, part["source"]) if part else None,
        constant=_constant(line),
        reloaded=Slot(reloaded["base"], _number(reloaded["at"])) if reloaded else None,
        read=Slot(read["base"], _number(read["at"])) if read else None,
        address=_address(text, line) if on_stack else None,
        rounded=rounded["of"] or rounded["to"] if rounded else None,
        loaded=tuple(whole(text, name) for name in loaded.groups() if name) if loaded else (),
    )


def whole(text: Text, register: str) -> str:
    """The register of which one is a part."""
    return text.aliases.get(register, register)


def _computed_from(text: Text, line: str) -> frozenset[str]:
    """The registers of which the new value of one is made; what is read from memory is made of none."""
    if _CLEARS.match(line):
        return frozenset()
    said = line if line.startswith("lea ") else _MEMORY.sub("", line)
    first, *others = said.partition(" ")[2].split(",")
    if len(others) < 2 and _UPON.match(line):  # of three operands: the first is only written
        others.append(first)
    return frozenset(whole(text, name) for part in others for name in _REGISTER.findall(part))


def _allocates(text: Text, line: str) -> int | None:
    words = text.allocates.match(line)
    if words is None:
        return None
    pushed = words.groupdict().get("scratch")
    return (pushed.count(",") + 1) * text.word if pushed else 0


def _store(text: Text, line: str) -> Store | None:
    several = text.several.match(line) if text.several else None
    if several:
        return Store(Slot(several["base"], 0), tuple(several["sources"].split(", ")), text.word)
    words = text.home.match(line)
    if words is None:
        return None
    place, second = Slot(words["base"], _number(words["at"])), words.groupdict().get("second")
    source = "" if words["source"] in (None, text.zero) else words["source"]
    return Store(place, (source, second) if second else (source,), _width(text, line, source))


def _width(text: Text, line: str, source: str) -> int:
    """The bytes of a register that are stored."""
    said = _POINTER.search(line)
    if said:
        return _WIDTHS.get(said[1], text.word)
    narrow = _NARROW.match(line)
    if narrow:
        return 4 if narrow["four"] else 1
    return _LETTERS.get(source[:1], text.word) if source in text.aliases else text.word


def _block(text: Text, line: str) -> Block | None:
    found = text.blocks.match(line) if text.blocks else None
    if found is None:
        return None
    words = found.groupdict()
    return Block(Slot(words["base"], _number(words["at"])) if "base" in words else None, "movs" in line)


def _constant(line: str) -> int | None:
    found = _CONSTANT.match(line)
    return int(found["value"] or "0", 0) if found else None


def _address(text: Text, line: str) -> Slot | None:
    for pattern in text.address:
        found = pattern.match(line)
        if found:
            words = found.groupdict()
            return Slot(words["base"], _number(words.get("at")) - _number(words.get("below")))
    return None


def _number(text: str | None) -> int:
    """A distance as the disassembler writes it: ``+ 0x10``, ``- 8``, ``#0x10``, ``-16``."""
    return int(text.replace(" ", "").replace("#", "") or "0", 0) if text else 0
