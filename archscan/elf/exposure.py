"""Functions that hand out the address of something on their own stack: those that the stack protector is for.

`-fstack-protector-strong` gives a canary to every function with an array on its stack or a local variable whose address
is taken (gcc, cfgexpand.cc, `stack_protect_decl_p`). So in code compiled with it no function without a canary passes
the address of a local variable to another, or indexes its stack. Honest exceptions are known and looked for,
where what is addressed is no variable or a canary is of no use: the place where a parameter arrived, or where one of a
class without members would have, a parameter that was changed before, a structure that is passed by value or as the
address of a copy, what the compiler itself sets to 0 by a call, the way to a place that is far, the results that gcc
lets `sincos` and the division of 128-bit numbers write, a number of which bytes are taken by an index, and functions
that never return, to which clang gives none.

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
from archscan.elf.effects import Effect, Slot, effect
from archscan.elf.frame import (
    LAST_BYTE,
    SMALL,
    Frame,
    bases_of,
    is_filled,
    is_step,
    place_of,
    place_stored,
    registers_changed,
    registers_forgotten,
    room_of,
    stack_grown,
    stack_moved,
    steady,
)

_REMAINDER = 4  # the argument of `__udivmodti4` that says where it goes (libgcc)
_TARGET = re.compile(r"(?:^|[ ,#])(0x[0-9a-f]+)$")
_PAIR = (4, 8, 16)  # sincosf, sincos, sincosl: how far the two results can lie apart


class Shown(msgspec.Struct, frozen=True):
    """The address of an instruction that shows a place on the stack, and the most bytes that what lies there has."""

    at: int
    extent: int


def exposed(
    lines: Iterable[tuple[int, str, str]], text: Text, room: int, *, whole: bool = True, beside: bool = False
) -> Shown | None:
    """The first instruction that shows a function's stack to others; None where none does.

    ``lines`` are address, mnemonic and operands of its instructions; it makes ``room`` bytes on the stack. ``whole``:
    they are all of its instructions, so that without a return among them it has none. ``beside``: other functions are
    guarded, so that what looks like something that gets no canary, and may as well be a variable, is taken for the
    first: a number that is computed from what came in, a structure that is filled, or set to 0 by a call.
    """
    frame, way = Frame(set(text.incoming), room, beside=beside), _Way(returns=not whole)
    shown: Shown | None = None
    for at, mnemonic, operands in lines:
        way.first, way.last = way.first if way.first >= 0 else at, at
        if way.left:
            _arrives(way, frame, text, at)
        does = effect(text, mnemonic, operands)
        way.before.append((mnemonic, operands))
        leaves = (does.returns or does.goes_on) and _leads(way, frame, text, does)
        extent = 0 if shown else _call(frame, text) if does.calls else _step(frame, text, does)
        if extent:
            shown = Shown(at, extent)
        stack_moved(frame, text, does, leaves=leaves)
        if does.returns:
            way.left = True
            registers_forgotten(frame, text)  # what follows is reached from elsewhere
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


def _arrives(way: _Way, frame: Frame, text: Text, at: int) -> None:
    """Takes in that an instruction behind the end of a path may be one to which another path jumped."""
    if at in way.uses and text.moves:
        frame.used, way.left = way.uses[at], False


def _leads(way: _Way, frame: Frame, text: Text, does: Effect) -> bool:
    """Takes in where a return or a jump leads; whether that is out of the function, or may be."""
    target = None if does.calls else _TARGET.search(way.before[-1][1])
    if target:
        to = int(target[1], 16)
        way.uses.setdefault(to, frame.used)
        if does.returns:
            way.jumps.add(to)
        return does.returns and not way.first <= to <= way.last
    if does.returns and not (text.switch and text.switch.match("; ".join(map(" ".join, way.before)))):
        way.returns = True
    return does.returns


def _call(frame: Frame, text: Text) -> int:
    """Takes a call in; the extent of the largest local place whose address it is given, 0 where there is none."""
    if not frame.allocated:
        return 0  # it saves registers or tells where the code is
    copied = _copied(frame, text)
    extent = _shows(frame, text) if copied is None and not _cleared(frame, text) else 0
    if extent:
        return extent
    registers_forgotten(frame, text)
    frame.fresh.clear()
    frame.parts.clear()
    frame.computed.clear()
    frame.copies.clear()
    frame.lately.clear()
    if copied is not None and text.loaded:  # by reference: the next call is given its address
        frame.copies.add(copied)
    return 0


def _copied(frame: Frame, text: Text) -> Slot | None:
    """The place of a structure that a call to `memcpy` fills, to be passed by value or by reference.

    Told by its arguments: a local place where such may lie, something else, and more than fits into registers.
    """
    to, source, size = text.arguments[:3]
    place, origin = frame.held.get(to), frame.held.get(source)
    if (
        place is None
        or (origin and not is_filled(frame, text, origin))
        or source in frame.constants
        or frame.constants.get(size, 0) <= SMALL
    ):
        return None
    if text.loaded:
        return place
    # What is passed by value lies at the low end, and nobody keeps its address.
    kept = any(slot == place for register, slot in frame.held.items() if register in text.kept)
    behind = text.passed > 0 and place.at == text.passed  # right behind the arguments in registers
    return place if place.base == text.stack and place.at <= text.passed and (behind or not kept) else None


def _cleared(frame: Frame, text: Text) -> bool:
    """Whether a call may be that of `memset` by which a compiler sets a variable to 0 that has no address for C."""
    to, value, size = text.arguments[:3]
    return (
        frame.beside and to in frame.held and frame.constants.get(value) == 0 and frame.constants.get(size, 0) > SMALL
    )


def _step(frame: Frame, text: Text, does: Effect) -> int:
    """Takes one instruction in that is no call; the extent of the place that it indexes or whose address it pushes."""
    if not frame.held and not does.on_stack:
        registers_changed(frame, text, does)  # most instructions have nothing to do with the stack
        return 0
    if does.indexed and (extent := _indexed(frame, text, does.indexed)):
        return extent
    if does.frames and not (text.moves and frame.allocated):  # behind that, x86 sets up no frame any more
        frame.framed = True
        return 0
    if stack_grown(frame, text, does):
        return 0
    place = place_of(frame, text, does.stored.to) if does.stored else None
    if does.stored and place:
        place_stored(frame, text, place, does.stored)
        return _extent(frame, text, frame.held.get(does.stored.sources[0])) if text.pushed else 0
    if does.pushed:
        top = Slot(text.stack, 0) if does.pushed == text.stack and frame.allocated else None
        return _extent(frame, text, top or frame.held.get(does.pushed))
    registers_changed(frame, text, does)
    return 0


def _indexed(frame: Frame, text: Text, to: Slot) -> int:
    """The extent of the array that is accessed by a variable index, 0 where that is not on the stack.

    A number of which bytes are taken, and whose address is taken by nothing else, is none and needs no canary.
    """
    based = to.base in bases_of(frame, text)
    held = None if based else frame.held.get(to.base)
    if held in frame.homes or not (held or based):
        return 0
    slot = Slot(held.base, held.at + to.at) if held else steady(frame, text, to)
    extent = _extent(frame, text, slot)
    return extent if extent > SMALL or slot in frame.passed else 0


def _extent(frame: Frame, text: Text, slot: Slot | None) -> int:
    """The most bytes that a variable at a place can have: as far as the frame goes."""
    if slot is None or slot in frame.homes:
        return 0
    if slot.at > 0 and slot.base == text.frame_pointer and not text.frame_is_low:
        return 0
    extent = max(-slot.at - frame.saved if slot.at < 0 else room_of(frame) - slot.at, 1)
    return 0 if extent <= SMALL and slot in frame.changed else extent


def _shows(frame: Frame, text: Text) -> int:
    """The extent of the largest local place whose address a call is given and that no parameter came in, or 0."""
    # A register is an argument if those before it are; else it was used for something else.
    arguments = takewhile(lambda register: register in frame.fresh or register in frame.set_, text.arguments)
    registers = (*arguments, *((text.result,) if text.result else ()))
    given = [None if is_step(frame, text, register) else frame.held.get(register) for register in registers]
    frame.passed.update(slot for slot in given if slot)
    # In little room, what was stored may be a parameter, changed; a parameter is stored before its address is passed.
    known = frame.homes | frame.copies | (frame.stored if frame.room - text.reserved <= SMALL else set())
    local = [slot for slot in given if slot and slot not in known and not is_filled(frame, text, slot)]
    local = [slot for slot in local if slot.at % 8 != LAST_BYTE]
    if len(local) == 1 and given.index(local[0]) == _REMAINDER and local[0] not in frame.stored:
        return 0
    if len(local) == 2 and abs(local[0].at - local[1].at) in _PAIR:
        first, second = (given.index(slot) for slot in local)
        if second == first + 1:
            return 0
    return max((_extent(frame, text, slot) for slot in local), default=0)
