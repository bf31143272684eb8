"""What is known of a function's registers and its frame, taken in one instruction after another.

Which registers still hold what the caller passed, or the address of a place on the stack; what was stored at such
places; how much of the stack is the function's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from archscan.elf.arch.idioms import Text
from archscan.elf.effects import Block, Effect, Slot, Store, whole

SMALL = 16  # bytes of stack in which no array that matters fits; often the place of a parameter that was changed before
LAST_BYTE = 7  # of an aligned word, where an object of one byte lies that has no room above
_LARGEST = 64  # bytes from which on what is filled one word after another is hardly a structure passed by value
_BOUNDLESS = 1 << 16  # room of a function that takes as much as a register says


class Frame(msgspec.Struct):
    """What is known at one instruction."""

    fresh: set[str]  # registers that still hold what the caller passed
    room: int
    beside: bool = False  # whether the object has guarded functions; then what is in doubt is taken for honest
    parts: dict[str, str] = {}  # others that hold it, or part of it, and from which register they have it
    computed: set[str] = set()  # those that hold what was computed from it
    used: int = 0  # bytes of stack in use, counted one instruction after another, where ``text`` says how
    top: int = 0  # of them before room was given back
    pushed: int = 0  # bytes of arguments that were pushed, by which all places are further above the stack pointer
    framed: bool = False
    saved: int = 0  # bytes of registers that were pushed behind that
    allocated: bool = False  # before that, what the stack pointer points to is the caller's
    held: dict[str, Slot] = {}  # register → the place whose address it holds
    homes: set[Slot] = set()  # where parameters were put, and each byte behind
    changed: set[Slot] = set()  # where what was computed from them was put, the same way
    loaded: set[str] = set()  # registers that hold what was in memory
    copies: set[Slot] = set()  # where such were stored: a structure that the next call gets by reference
    stored: set[Slot] = set()  # where anything was stored
    lately: set[Slot] = set()  # where a whole word was, since the last call
    passed: set[Slot] = set()  # whose address a call was given, though it may be that of a parameter
    reached: set[str] = set()  # registers by which places were stored to further behind than those they have
    spilled: dict[Slot, Slot] = {}  # place → the place whose address was stored there
    constants: dict[str, int] = {}  # register → the number that the code puts into it
    set_: set[str] = set()  # registers written since the last call


def stack_moved(frame: Frame, text: Text, does: Effect, *, leaves: bool) -> None:
    """Takes in how much stack is in use.

    Room is given back before a return, behind which it is there again, or behind a call that structures were passed to
    by value: then the function goes on with less of it, and what lies above are the caller's things.
    """
    if frame.allocated and text.moves and not text.pushed:
        _push(frame, text, does, leaves=leaves)
    if leaves:
        frame.used, frame.top = max(frame.used, frame.top), 0
    elif does.goes_on:
        if frame.top and frame.room < _BOUNDLESS:
            frame.room = min(frame.room, frame.used)
        frame.top = 0
    elif does.more or does.less:
        if frame.framed and not frame.allocated:
            frame.saved += does.more
        frame.top = max(frame.top, frame.used) if does.less else 0
        frame.used = max(frame.used + does.more - does.less, 0)


def _push(frame: Frame, text: Text, does: Effect, *, leaves: bool) -> None:
    """Takes in what is pushed for a call, with what rounds the stack pointer down for it, and taken off again."""
    if leaves:
        frame.pushed = 0
    elif does.allocates is None or does.more <= text.word:
        frame.pushed = max(frame.pushed + does.more - does.less, 0)


def steady(frame: Frame, text: Text, slot: Slot) -> Slot:
    """A place counted from the stack pointer as it is where nothing is pushed."""
    return Slot(slot.base, slot.at - frame.pushed) if frame.pushed and slot.base == text.stack else slot


def registers_forgotten(frame: Frame, text: Text) -> None:
    """Takes in that registers hold something else from here on, but for those that a call leaves as they are."""
    frame.held = {register: slot for register, slot in frame.held.items() if register in text.kept}
    frame.constants = {register: value for register, value in frame.constants.items() if register in text.kept}
    frame.loaded.clear()
    frame.set_.clear()


def registers_changed(frame: Frame, text: Text, does: Effect) -> None:
    """Takes in what an instruction does to registers."""
    if does.block:
        _block(frame, text, does.block)
    if does.exchanged:
        _exchange(frame, *does.exchanged)
        return
    slot = _given(frame, text, does) if frame.held or does.on_stack else None
    if does.written:
        value = frame.constants.get(does.copied) if does.copied else does.constant
        passed = _came_in(frame, does.part) if does.part and frame.fresh else None
        computed = slot is None and value is None and _is_computed(frame, does)
        _written(frame, does.written, slot, value)
        if passed:
            frame.parts[does.written] = passed
        if computed:
            frame.computed.add(does.written)
        if does.read and _is_callers(frame, text, steady(frame, text, does.read)):
            frame.fresh.add(does.written)
    for register in does.loaded:
        _written(frame, register, None, None)
        frame.loaded.add(register)


def stack_grown(frame: Frame, text: Text, does: Effect) -> bool:
    """Whether an instruction makes room on the stack."""
    if does.grows is not None:
        frame.allocated, frame.room = True, _BOUNDLESS
        if does.grows:
            frame.held[does.grows] = Slot(text.stack, text.reserved)
        return True
    if does.allocates is None:
        return False
    frame.allocated = True
    frame.room += does.allocates
    return True


def place_stored(frame: Frame, text: Text, place: Slot, what: Store) -> None:
    """Takes in what is stored at a place: a parameter, an address, or part of a structure that is copied."""
    # A structure is copied in vector registers or in pairs; one general register may as well hold a variable.
    registers = [whole(text, source) for source in what.sources]
    copied = set(registers) <= frame.loaded and (len(registers) > 1 or registers[0].startswith("v"))
    for number, source in enumerate(what.sources):
        slot = Slot(place.base, place.at + number * what.width)
        if text.copied and what.width >= text.word:
            frame.lately.add(slot)
        frame.spilled.pop(slot, None)
        if not source:
            continue
        frame.stored.add(slot)
        if copied:
            frame.copies.add(slot)
        if _is_passed(frame, text, registers[number]):
            frame.homes.update(_parts(slot, what.width))
        elif frame.beside and registers[number] in frame.computed:
            frame.changed.update(_parts(slot, what.width))
        if source in frame.held:
            frame.spilled[slot] = frame.held[source]


def _parts(slot: Slot, width: int) -> Iterator[Slot]:
    """Each byte of a place: parts of a small structure have addresses of their own."""
    return (Slot(slot.base, slot.at + part) for part in range(width))


def is_filled(frame: Frame, text: Text, slot: Slot) -> bool:
    """Whether a structure was put to a place for the next call, which is given its address; more is an array."""
    words = range(0, _LARGEST, text.word)
    filled = next((part for part in words if Slot(slot.base, slot.at + part) not in frame.lately), _LARGEST)
    # Larger ones are few, so they are believed in beside guarded functions alone.
    return 0 < text.copied <= filled < _LARGEST and (frame.beside or text.copied <= SMALL)


def is_step(frame: Frame, text: Text, register: str) -> bool:
    """Whether a register has the address of a place only to reach another that is too far for the instruction."""
    slot = frame.held.get(register) if text.far and register in frame.reached else None
    return slot is not None and slot.at >= text.far and slot not in frame.stored


def place_of(frame: Frame, text: Text, to: Slot) -> Slot | None:
    """Where a store goes: counted from the stack pointer, or from the place whose address a register holds."""
    held = frame.held.get(to.base)
    if to.base == text.stack or (to.base == text.frame_pointer and not held):
        return steady(frame, text, to)
    if held and held.base == text.stack and held.at <= text.passed:
        frame.copies.add(held)
    if held and to.at > 0:
        frame.reached.add(to.base)
    return Slot(held.base, held.at + to.at) if held else None


def room_of(frame: Frame) -> int:
    """The bytes of stack that are the function's own now: no more than are in use, where that is counted."""
    return min(frame.room, frame.used) if frame.used and frame.room < _BOUNDLESS else frame.room


def bases_of(frame: Frame, text: Text) -> tuple[str, ...]:
    """The registers from which places on the stack are counted."""
    return (text.stack, text.frame_pointer) if frame.framed else (text.stack,)


def _written(frame: Frame, register: str, slot: Slot | None, value: int | None) -> None:
    """Takes in what a register holds from now on: the address of a place, a number, or neither."""
    frame.set_.add(register)
    frame.fresh.discard(register)
    frame.parts.pop(register, None)
    frame.computed.discard(register)
    frame.reached.discard(register)
    frame.loaded.discard(register)
    frame.held.pop(register, None)
    frame.constants.pop(register, None)
    if slot is not None:
        frame.held[register] = slot
    if value is not None:
        frame.constants[register] = value


def _block(frame: Frame, text: Text, block: Block) -> None:
    """Takes in an instruction that copies memory: to a place it names, or along registers that it changes."""
    if block.to:
        frame.copies.add(block.to)
    to = frame.held.get(text.moved[0]) if text.moved else None
    if to and to.base == text.stack and to.at <= text.passed and block.copies:
        frame.copies.add(to)
    for register in text.moved:
        _written(frame, register, None, None)


def _exchange(frame: Frame, one: str, other: str) -> None:
    """Takes in that two registers change their places."""
    both = {one, other}
    if len(both & frame.fresh) == 1:
        frame.fresh ^= both
    slots = {register: frame.held.pop(register) for register in both if register in frame.held}
    frame.held |= {(both - {register}).pop(): slot for register, slot in slots.items()}
    frame.constants = {register: value for register, value in frame.constants.items() if register not in both}


def _came_in(frame: Frame, register: str) -> str | None:
    """The register in which the caller passed what a register holds, or part of it."""
    return register if register in frame.fresh else frame.parts.get(register)


def _is_computed(frame: Frame, does: Effect) -> bool:
    """Whether an instruction computes a number from what came in, or from what was computed from that before."""
    known = frame.beside and (frame.fresh or frame.parts or frame.computed)
    return bool(known) and any(
        register in frame.computed or _came_in(frame, register) is not None for register in does.of
    )


def _is_passed(frame: Frame, text: Text, register: str) -> bool:
    """Whether a register holds what the caller passed, or was given it to free the register in which it came."""
    came = frame.parts.get(register)
    return register in frame.fresh or (came is not None and not (register in text.arguments and came in frame.fresh))


def _is_callers(frame: Frame, text: Text, slot: Slot) -> bool:
    """Whether a place lies in the caller's frame, where parameters are that no register is left for."""
    if slot.base == text.frame_pointer and not text.frame_is_low:
        return frame.framed and slot.at > 0
    return frame.allocated and slot.at > room_of(frame)


def _given(frame: Frame, text: Text, does: Effect) -> Slot | None:
    """The local place whose address an instruction puts into a register."""
    if does.reloaded:
        return frame.spilled.get(steady(frame, text, does.reloaded))
    slot = _own(frame, text, steady(frame, text, does.address)) if does.address else None
    if slot is not None:
        return slot
    if does.copied:
        return frame.held.get(does.copied)
    held = frame.held.get(does.rounded) if does.rounded else None
    # An address that is rounded or added to is none of a single byte.
    return Slot(held.base, held.at // 8 * 8) if held and held.at % 8 == LAST_BYTE else held


def _own(frame: Frame, text: Text, slot: Slot) -> Slot | None:
    """A place, if it is one of the function's own."""
    framed = slot.base == text.frame_pointer and frame.framed
    if slot.base == text.frame_pointer and not (framed and (slot.at < 0 or text.frame_is_low)):
        return None
    below = framed and slot.at < 0 and not text.frame_is_low  # also where room is made for it later
    # Below is what functions that are called may use, above are the caller's things.
    inside = frame.allocated and (slot.at < 0 or text.reserved <= slot.at < room_of(frame))
    return slot if below or inside else None
