"""Functions that hand out the address of something on their own stack: those that the stack protector is for.

`-fstack-protector-strong` gives a canary to every function with an array on its stack or a local variable whose address
is taken (gcc, cfgexpand.cc, `stack_protect_decl_p`). So in code compiled with it no function without a canary passes
the address of a local variable to another, or indexes its stack. Seven honest exceptions are known and looked for,
where what is addressed is no variable or a canary is of no use: the place where a parameter arrived, or where one of a
class without members would have, a parameter that was changed before, the copy of a structure that is passed by value
or by reference, the results that gcc lets `sincos` and the division of 128-bit numbers write, a number of which bytes
are taken by an index, and functions that never return, to which clang gives none.

The function is decoded from its start, one instruction after another, as the compiler wrote it down. Branches are not
followed: what is found is evidence, and where the order misleads, an address counts as forgotten.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from itertools import takewhile

import msgspec

from archscan.elf.arch.idioms import Text
from archscan.elf.effects import Block, Effect, Slot, Store, effect, whole

SMALL = 16  # bytes of stack in which no array that matters fits; often the place of a parameter that was changed before
_BOUNDLESS = 1 << 16  # room of a function that takes as much as a register says
_REMAINDER = 4  # the argument of `__udivmodti4` that says where it goes (libgcc)
_TARGET = re.compile(r"(?:^|[ ,#])(0x[0-9a-f]+)$")
_LAST_BYTE = 7  # of an aligned word, where an object of one byte lies that has no room above
_PAIR = (4, 8, 16)  # sincosf, sincos, sincosl: how far the two results can lie apart


class _State(msgspec.Struct):
    """What is known at one instruction."""

    fresh: set[str]  # registers that still hold what the caller passed
    room: int
    changes: bool = False  # whether the function may change its parameters
    parts: dict[str, str] = {}  # others that hold it, or part of it, and from which register they have it
    computed: set[str] = set()  # those that hold what was computed from it
    used: int = 0  # bytes of stack in use, counted one instruction after another, where ``text`` says how
    top: int = 0  # of them before room was given back
    framed: bool = False
    saved: int = 0  # bytes of registers that were pushed behind that
    allocated: bool = False  # before that, what the stack pointer points to is the caller's
    held: dict[str, Slot] = {}  # register → the place whose address it holds
    homes: set[Slot] = set()  # where parameters were put, and each byte behind
    changed: set[Slot] = set()  # where what was computed from them was put, the same way
    loaded: set[str] = set()  # registers that hold what was in memory
    copies: set[Slot] = set()  # where such were stored: a structure that the next call gets by reference
    stored: set[Slot] = set()  # where anything was stored
    passed: set[Slot] = set()  # whose address a call was given, though it may be that of a parameter
    spilled: dict[Slot, Slot] = {}  # place → the place whose address was stored there
    constants: dict[str, int] = {}  # register → the number that the code puts into it
    set_: set[str] = set()  # registers written since the last call


class Shown(msgspec.Struct, frozen=True):
    """The address of an instruction that shows a place on the stack, and the most bytes that what lies there has."""

    at: int
    extent: int


def exposed(
    lines: Iterable[tuple[int, str, str]], text: Text, room: int, *, whole: bool = True, changed: bool = False
) -> Shown | None:
    """The first instruction that shows a function's stack to others; None where none does.

    ``lines`` are address, mnemonic and operands of its instructions; it makes ``room`` bytes on the stack. ``whole``:
    they are all of its instructions, so that without a return among them it has none. ``changed``: a number that is
    computed from what came in is taken for a parameter that the function changed, which gets no canary either.
    """
    state, way = _State(set(text.incoming), room, changes=changed), _Way(returns=not whole)
    shown: Shown | None = None
    for at, mnemonic, operands in lines:
        way.first, way.last = way.first if way.first >= 0 else at, at
        if way.left:
            _arrives(way, state, text, at)
        does = effect(text, mnemonic, operands)
        way.before.append((mnemonic, operands))
        leaves = (does.returns or does.goes_on) and _leads(way, state, text, does)
        extent = 0 if shown else _call(state, text) if does.calls else _step(state, text, does)
        if extent:
            shown = Shown(at, extent)
        _moved(state, does, leaves=leaves)
        if does.returns:
            way.left = True
            _forgotten(state, text)  # what follows is reached from elsewhere
        if shown is not None and way.returns:
            return shown
    # A jump within the function does not leave it.
    return shown if any(not way.first <= target <= way.last for target in way.jumps) else None


class _Way(msgspec.Struct):
    """Where the instructions of a function lead."""

    returns: bool
    first: int = -1  # addresses of its first instruction and of the one at hand
    last: int = -1
    jumps: set[int] = set()  # where those lead behind which nothing else goes on
    uses: dict[int, int] = {}  # where all jumps lead, and how much stack is in use there
    left: bool = False  # what comes next is reached from elsewhere
    before: deque[tuple[str, str]] = msgspec.field(default_factory=lambda: deque(maxlen=4))


def _arrives(way: _Way, state: _State, text: Text, at: int) -> None:
    """Takes in that an instruction behind the end of a path may be one to which another path jumped."""
    if at in way.uses and text.moves:
        state.used, way.left = way.uses[at], False


def _leads(way: _Way, state: _State, text: Text, does: Effect) -> bool:
    """Takes in where a return or a jump leads; whether that is out of the function, or may be."""
    target = None if does.calls else _TARGET.search(way.before[-1][1])
    if target:
        to = int(target[1], 16)
        way.uses.setdefault(to, state.used)
        if does.returns:
            way.jumps.add(to)
        return does.returns and not way.first <= to <= way.last
    if does.returns and not (text.switch and text.switch.match("; ".join(map(" ".join, way.before)))):
        way.returns = True
    return does.returns


def _moved(state: _State, does: Effect, *, leaves: bool) -> None:
    """Takes in how much stack is in use.

    Room is given back before a return, behind which it is there again, or behind a call that structures were passed to
    by value: then the function goes on with less of it, and what lies above are the caller's things.
    """
    if leaves:
        state.used, state.top = max(state.used, state.top), 0
    elif does.goes_on:
        if state.top and state.room < _BOUNDLESS:
            state.room = min(state.room, state.used)
        state.top = 0
    elif does.more or does.less:
        if state.framed and not state.allocated:
            state.saved += does.more
        state.top = max(state.top, state.used) if does.less else 0
        state.used = max(state.used + does.more - does.less, 0)


def _call(state: _State, text: Text) -> int:
    """Takes a call in; the extent of the largest local place whose address it is given, 0 where there is none."""
    if not state.allocated:
        return 0  # it saves registers or tells where the code is
    copied = _copied(state, text)
    extent = _shows(state, text) if copied is None else 0
    if extent:
        return extent
    _forgotten(state, text)
    state.fresh.clear()
    state.parts.clear()
    state.computed.clear()
    state.copies.clear()
    if copied is not None and text.loaded:  # by reference: the next call is given its address
        state.copies.add(copied)
    return 0


def _forgotten(state: _State, text: Text) -> None:
    """Takes in that registers hold something else from here on, but for those that a call leaves as they are."""
    state.held = {register: slot for register, slot in state.held.items() if register in text.kept}
    state.constants = {register: value for register, value in state.constants.items() if register in text.kept}
    state.loaded.clear()
    state.set_.clear()


def _copied(state: _State, text: Text) -> Slot | None:
    """The place of a structure that a call to `memcpy` fills, to be passed by value or by reference.

    Told by its arguments: a local place where such may lie, something else, and more than fits into registers.
    """
    to, source, size = text.arguments[:3]
    place = state.held.get(to)
    if place is None or source in state.held or source in state.constants or state.constants.get(size, 0) <= SMALL:
        return None
    if text.loaded:
        return place
    # What is passed by value lies at the low end, and nobody keeps its address.
    kept = any(slot == place for register, slot in state.held.items() if register in text.kept)
    behind = text.passed > 0 and place.at == text.passed  # right behind the arguments in registers
    return place if place.base == text.stack and place.at <= text.passed and (behind or not kept) else None


def _step(state: _State, text: Text, does: Effect) -> int:
    """Takes one instruction in that is no call; the extent of the place that it indexes or whose address it pushes."""
    if not state.held and not does.on_stack:
        _changed(state, text, does)  # most instructions have nothing to do with the stack
        return 0
    if does.indexed and (extent := _indexed(state, text, does.indexed)):
        return extent
    if does.frames and not (text.moves and state.allocated):  # behind that, x86 sets up no frame any more
        state.framed = True
        return 0
    if _grown(state, text, does):
        return 0
    place = _place(state, text, does.stored.to) if does.stored else None
    if does.stored and place:
        _stored(state, text, place, does.stored)
        return _extent(state, text, state.held.get(does.stored.source)) if text.pushed else 0
    if does.pushed:
        top = Slot(text.stack, 0) if does.pushed == text.stack and state.allocated else None
        return _extent(state, text, top or state.held.get(does.pushed))
    _changed(state, text, does)
    return 0


def _indexed(state: _State, text: Text, to: Slot) -> int:
    """The extent of the array that is accessed by a variable index, 0 where that is not on the stack.

    A number of which bytes are taken, and whose address is taken by nothing else, is none and needs no canary.
    """
    based = to.base in _bases(state, text)
    held = None if based else state.held.get(to.base)
    if held in state.homes or not (held or based):
        return 0
    slot = Slot(held.base, held.at + to.at) if held else to
    extent = _extent(state, text, slot)
    return extent if extent > SMALL or slot in state.passed else 0


def _extent(state: _State, text: Text, slot: Slot | None) -> int:
    """The most bytes that a variable at a place can have: as far as the frame goes."""
    if slot is None or slot in state.homes:
        return 0
    if slot.at > 0 and slot.base == text.frame_pointer and not text.frame_is_low:
        return 0
    extent = max(-slot.at - state.saved if slot.at < 0 else _room(state) - slot.at, 1)
    return 0 if extent <= SMALL and slot in state.changed else extent


def _changed(state: _State, text: Text, does: Effect) -> None:
    """Takes in what an instruction does to registers."""
    if does.block:
        _block(state, text, does.block)
    if does.exchanged:
        _exchange(state, *does.exchanged)
        return
    slot = _given(state, text, does) if state.held or does.on_stack else None
    if does.written:
        value = state.constants.get(does.copied) if does.copied else does.constant
        passed = _came_in(state, does.part) if does.part and state.fresh else None
        computed = slot is None and value is None and _is_computed(state, does)
        _written(state, does.written, slot, value)
        if passed:
            state.parts[does.written] = passed
        if computed:
            state.computed.add(does.written)
        if does.read and _is_callers(state, text, does.read):
            state.fresh.add(does.written)
    for register in does.loaded:
        _written(state, register, None, None)
        state.loaded.add(register)


def _grown(state: _State, text: Text, does: Effect) -> bool:
    """Whether an instruction makes room on the stack."""
    if does.grows is not None:
        state.allocated, state.room = True, _BOUNDLESS
        if does.grows:
            state.held[does.grows] = Slot(text.stack, text.reserved)
        return True
    if does.allocates is None:
        return False
    state.allocated = True
    state.room += does.allocates
    return True


def _room(state: _State) -> int:
    """The bytes of stack that are the function's own now: no more than are in use, where that is counted."""
    return min(state.room, state.used) if state.used and state.room < _BOUNDLESS else state.room


def _is_callers(state: _State, text: Text, slot: Slot) -> bool:
    """Whether a place lies in the caller's frame, where parameters are that no register is left for."""
    if slot.base == text.frame_pointer and not text.frame_is_low:
        return state.framed and slot.at > 0
    return state.allocated and slot.at > _room(state)


def _place(state: _State, text: Text, to: Slot) -> Slot | None:
    """Where a store goes: counted from the stack pointer, or from the place whose address a register holds."""
    held = state.held.get(to.base)
    if to.base == text.stack or (to.base == text.frame_pointer and not held):
        return to
    if held and held.base == text.stack and held.at <= text.passed:
        state.copies.add(held)
    return Slot(held.base, held.at + to.at) if held else None


def _written(state: _State, register: str, slot: Slot | None, value: int | None) -> None:
    """Takes in what a register holds from now on: the address of a place, a number, or neither."""
    state.set_.add(register)
    state.fresh.discard(register)
    state.parts.pop(register, None)
    state.computed.discard(register)
    state.loaded.discard(register)
    state.held.pop(register, None)
    state.constants.pop(register, None)
    if slot is not None:
        state.held[register] = slot
    if value is not None:
        state.constants[register] = value


def _block(state: _State, text: Text, block: Block) -> None:
    """Takes in an instruction that copies memory: to a place it names, or along registers that it changes."""
    if block.to:
        state.copies.add(block.to)
    to = state.held.get(text.moved[0]) if text.moved else None
    if to and to.base == text.stack and to.at <= text.passed and block.copies:
        state.copies.add(to)
    for register in text.moved:
        _written(state, register, None, None)


def _bases(state: _State, text: Text) -> tuple[str, ...]:
    return (text.stack, text.frame_pointer) if state.framed else (text.stack,)


def _stored(state: _State, text: Text, place: Slot, what: Store) -> None:
    """Takes in what is stored at a place: a parameter, an address, or part of a structure that is copied."""
    pair = [(place, what.source)]
    if what.second:
        pair.append((Slot(place.base, place.at + what.width), what.second))
    # A structure is copied in vector registers or in pairs; one general register may as well hold a variable.
    registers = [whole(text, source) for _, source in pair]
    copied = set(registers) <= state.loaded and (len(pair) == 2 or registers[0].startswith("v"))
    for slot, source in pair:
        state.stored.add(slot)
        if copied:
            state.copies.add(slot)
        # Parts of a small structure have addresses of their own.
        each = [Slot(slot.base, slot.at + part) for part in range(what.width)]
        if _is_passed(state, text, whole(text, source)):
            state.homes.update(each)
        elif state.changes and whole(text, source) in state.computed:
            state.changed.update(each)
        state.spilled.pop(slot, None)
        if source in state.held:
            state.spilled[slot] = state.held[source]


def _came_in(state: _State, register: str) -> str | None:
    """The register in which the caller passed what a register holds, or part of it."""
    return register if register in state.fresh else state.parts.get(register)


def _is_computed(state: _State, does: Effect) -> bool:
    """Whether an instruction computes a number from what came in, or from what was computed from that before."""
    known = state.changes and (state.fresh or state.parts or state.computed)
    return bool(known) and any(
        register in state.computed or _came_in(state, register) is not None for register in does.of
    )


def _is_passed(state: _State, text: Text, register: str) -> bool:
    """Whether a register holds what the caller passed, or was given it to free the register in which it came."""
    came = state.parts.get(register)
    return register in state.fresh or (came is not None and not (register in text.arguments and came in state.fresh))


def _exchange(state: _State, one: str, other: str) -> None:
    """Takes in that two registers change their places."""
    both = {one, other}
    if len(both & state.fresh) == 1:
        state.fresh ^= both
    slots = {register: state.held.pop(register) for register in both if register in state.held}
    state.held |= {(both - {register}).pop(): slot for register, slot in slots.items()}
    state.constants = {register: value for register, value in state.constants.items() if register not in both}


def _given(state: _State, text: Text, does: Effect) -> Slot | None:
    """The local place whose address an instruction puts into a register."""
    if does.reloaded:
        return state.spilled.get(does.reloaded)
    slot = _local(state, text, does.address) if does.address else None
    if slot is not None:
        return slot
    if does.copied:
        return state.held.get(does.copied)
    held = state.held.get(does.rounded) if does.rounded else None
    # An address that is rounded or added to is none of a single byte.
    return Slot(held.base, held.at // 8 * 8) if held and held.at % 8 == _LAST_BYTE else held


def _local(state: _State, text: Text, slot: Slot) -> Slot | None:
    """A place, if it is one of the function's own."""
    framed = slot.base == text.frame_pointer and state.framed
    if slot.base == text.frame_pointer and not (framed and (slot.at < 0 or text.frame_is_low)):
        return None
    below = framed and slot.at < 0 and not text.frame_is_low  # also where room is made for it later
    # Below is what functions that are called may use, above are the caller's things.
    inside = state.allocated and (slot.at < 0 or text.reserved <= slot.at < _room(state))
    return slot if below or inside else None


def _shows(state: _State, text: Text) -> int:
    """The extent of the largest local place whose address a call is given and that no parameter came in, or 0."""
    # A register is an argument if those before it are; else it was used for something else.
    arguments = takewhile(lambda register: register in state.fresh or register in state.set_, text.arguments)
    given = [state.held.get(register) for register in (*arguments, *((text.result,) if text.result else ()))]
    state.passed.update(slot for slot in given if slot)
    # In little room, what was stored may be a parameter, changed; a parameter is stored before its address is passed.
    known = state.homes | state.copies | (state.stored if state.room - text.reserved <= SMALL else set())
    local = [slot for slot in given if slot is not None and slot not in known and slot.at % 8 != _LAST_BYTE]
    if len(local) == 1 and given.index(local[0]) == _REMAINDER and local[0] not in state.stored:
        return 0
    if len(local) == 2 and abs(local[0].at - local[1].at) in _PAIR:
        first, second = (given.index(slot) for slot in local)
        if second == first + 1:
            return 0
    return max((_extent(state, text, slot) for slot in local), default=0)
