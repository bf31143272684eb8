"""Functions that hand out the address of something on their own stack: those that the stack protector is for.

`-fstack-protector-strong` gives a canary to every function with an array on its stack or a local variable whose address
is taken (gcc, cfgexpand.cc, `stack_protect_decl_p`). So in code compiled with it no function without a canary passes
the address of a local variable to another, or indexes its stack. Four honest exceptions are known and looked for,
where what is addressed is no variable or a canary is of no use: the place where a parameter arrived, the copy of a
structure that is passed by value or by reference, the two results that gcc lets `sincos` write, and functions that
never return, to which clang gives no canary.

The function is decoded from its start, one instruction after another, as the compiler wrote it down. Branches are not
followed: what is found is evidence, and where the order misleads, an address counts as forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile

import msgspec

from archscan.elf.arch.idioms import Text

SMALL = 16  # bytes of stack in which no array that matters fits; often the place of a parameter that was changed before
_BOUNDLESS = 1 << 16  # room of a function that takes as much as a register says
_WIDTHS = {"w": 4, "s": 4, "q": 16, "v": 16}  # bytes of a register by its first letter, where not 8
_CONSTANT = re.compile(
    r"(?:(?:c\.)?(?:mov\w*|li|l[gl]?hi)(?:\.w)? %?\w+, |addi \w+, zero, )#?(?P<value>(?:0x)?[0-9a-f]+)$"
    r"|xor (\w+), \2$"
)
# Rounding an address, as for alloca, and adding to it.
_ROUNDED = re.compile(
    r"(?:c\.)?(?:and|bic|add|sub|sh[lr]|sar|ls[lr]|s[lr]l|nill|rldicr|clrr)\w*(?:\.w)? %?(?P<to>\w+), "
    r"(?:%?(?P<of>[a-z]\w*), )?[#-]*(?:0x)?[0-9a-f]+(?:, (?:0x)?[0-9a-f]+)?$"
)
_PAIR = (4, 8, 16)  # sincosf, sincos, sincosl: how far the two results can lie apart


class _Slot(msgspec.Struct, frozen=True):
    """A place on the stack: the register it is counted from, and how far above that."""

    base: str
    at: int


class _State(msgspec.Struct):
    """What is known at one instruction."""

    fresh: set[str]  # argument registers that still hold what the caller passed
    room: int
    framed: bool = False
    allocated: bool = False  # before that, what the stack pointer points to is the caller's
    held: dict[str, _Slot] = {}  # register → the place whose address it holds
    homes: set[_Slot] = set()  # where parameters were put
    loaded: set[str] = set()  # registers that hold what was in memory
    copies: set[_Slot] = set()  # where such were stored: a structure that the next call gets by reference
    stored: set[_Slot] = set()  # where anything was stored
    spilled: dict[_Slot, _Slot] = {}  # place → the place whose address was stored there
    constants: dict[str, int] = {}  # register → the number that the code puts into it
    set_: set[str] = set()  # registers written since the last call


def exposed(lines: Iterable[tuple[int, str, str]], text: Text, room: int, *, whole: bool = True) -> int | None:
    """The address of the first instruction that shows a function's stack to others; None where none does.

    ``lines`` are address, mnemonic and operands of its instructions; it makes ``room`` bytes on the stack. ``whole``:
    they are all of its instructions, so that without a return among them it has none.
    """
    state, shown, returns = _State(set(text.incoming), room), None, not whole
    for at, mnemonic, operands in lines:
        line = f"{mnemonic} {operands}"
        leaves = text.returns.match(line) is not None
        returns = returns or leaves
        if shown is None and (_call(state, text) if text.call.match(line) else _step(state, text, line)):
            shown = at
        if leaves:
            _forgotten(state, text)  # what follows is reached from elsewhere
        if shown is not None and returns:
            return shown
    return None


def _call(state: _State, text: Text) -> bool:
    """Takes a call in; whether it is given the address of a local place."""
    if not state.allocated:
        return False  # it saves registers or tells where the code is
    copied = _copied(state, text)
    if copied is None and _shows(state, text):
        return True
    _forgotten(state, text)
    state.fresh.clear()
    state.copies.clear()
    if copied is not None and text.loaded:  # by reference: the next call is given its address
        state.copies.add(copied)
    return False


def _forgotten(state: _State, text: Text) -> None:
    """Takes in that registers hold something else from here on, but for those that a call leaves as they are."""
    state.held = {register: slot for register, slot in state.held.items() if register in text.kept}
    state.constants = {register: value for register, value in state.constants.items() if register in text.kept}
    state.loaded.clear()
    state.set_.clear()


def _copied(state: _State, text: Text) -> _Slot | None:
    """The place of a structure that a call to `memcpy` fills, to be passed by value or by reference.

    Told by its arguments: a local place where such may lie, something else, and more than fits into registers.
    """
    to, source, size = text.arguments[:3]
    place = state.held.get(to)
    if place is None or source in state.held or source in state.constants or state.constants.get(size, 0) <= SMALL:
        return None
    if text.loaded:
        return place
    # What is passed by value lies at the low end, and nobody keeps its address, but for the next of many such calls.
    kept = text.blocks and any(slot == place for register, slot in state.held.items() if register != to)
    return place if place.base == text.stack and place.at <= text.passed and not kept else None


def _step(state: _State, text: Text, line: str) -> bool:
    """Takes one instruction in that is no call; whether it indexes the stack or pushes the address of a place."""
    if not state.held and text.stack not in line and text.frame_pointer not in line:
        _changed(state, text, line)  # most instructions have nothing to do with the stack
        return False
    indexed = text.indexed.match(line)
    if indexed and (indexed["base"] in state.held or indexed["base"] in _bases(state, text)):
        return True
    if text.frame.match(line):
        state.framed = True
        return False
    if _grown(state, text, line):
        return False
    home = text.home.match(line)
    place = _place(state, text, home) if home else None
    if home and place:
        _stored(state, text, place, home)
        return text.pushed is not None and home["source"] in state.held
    pushed = text.pushed.match(line) if text.pushed else None
    if pushed:
        return pushed["source"] in state.held
    _changed(state, text, line)
    return False


def _changed(state: _State, text: Text, line: str) -> None:
    """Takes in what an instruction does to registers."""
    if text.blocks and text.blocks.match(line):
        _block(state, text, line)
    exchanged = text.exchanged.match(line) if text.exchanged else None
    if exchanged:
        _exchange(state, *exchanged.groups())
        return
    slot = _given(state, text, line) if state.held or text.stack in line or text.frame_pointer in line else None
    written = text.written.match(line)
    if written:
        copied, constant = text.copy.match(line), _CONSTANT.match(line)
        value = int(constant["value"] or "0", 0) if constant else None
        if copied:
            value = state.constants.get(copied["source"])
        _written(state, _whole(text, written["to"]), slot, value)
    _load(state, text, line)


def _grown(state: _State, text: Text, line: str) -> bool:
    """Whether an instruction makes room on the stack."""
    grown = text.grows.match(line)
    if grown:
        state.allocated, state.room = True, _BOUNDLESS
        if grown["to"]:
            state.held[grown["to"]] = _Slot(text.stack, text.reserved)
        return True
    words = text.allocates.match(line)
    if words is None:
        return False
    state.allocated = True
    pushed = words.groupdict().get("scratch")
    if pushed:
        state.room += (pushed.count(",") + 1) * text.word
    return True


def _place(state: _State, text: Text, home: re.Match[str]) -> _Slot | None:
    """Where a store goes: counted from the stack pointer, or from the place whose address a register holds."""
    base, at = home["base"], _number(home["at"])
    if base in (text.stack, text.frame_pointer):
        return _Slot(base, at)
    held = state.held.get(base)
    if held and held.base == text.stack and held.at <= text.passed:
        state.copies.add(held)
    return _Slot(held.base, held.at + at) if held else None


def _written(state: _State, register: str, slot: _Slot | None, value: int | None) -> None:
    """Takes in what a register holds from now on: the address of a place, a number, or neither."""
    state.set_.add(register)
    state.fresh.discard(register)
    state.loaded.discard(register)
    state.held.pop(register, None)
    state.constants.pop(register, None)
    if slot is not None:
        state.held[register] = slot
    if value is not None:
        state.constants[register] = value


def _block(state: _State, text: Text, line: str) -> None:
    """Takes in an instruction that copies memory: to a place it names, or along registers that it changes."""
    found = text.blocks.match(line) if text.blocks else None
    words = found.groupdict() if found else {}
    if "base" in words:
        state.copies.add(_Slot(words["base"], _number(words["at"])))
    to = state.held.get(text.moved[0]) if text.moved else None
    if to and to.base == text.stack and to.at <= text.passed and "movs" in line:
        state.copies.add(to)
    for register in text.moved:
        _written(state, register, None, None)


def _bases(state: _State, text: Text) -> tuple[str, ...]:
    return (text.stack, text.frame_pointer) if state.framed else (text.stack,)


def _stored(state: _State, text: Text, place: _Slot, home: re.Match[str]) -> None:
    """Takes in what is stored at a place: a parameter, an address, or part of a structure that is copied."""
    second = home.groupdict().get("second")
    pair = [(place, home["source"])]
    if second:
        pair.append((_Slot(place.base, place.at + _WIDTHS.get(second[0], 8)), second))
    # A structure is copied in vector registers or in pairs; one general register may as well hold a variable.
    registers = [_whole(text, source) for _, source in pair]
    copied = set(registers) <= state.loaded and (len(pair) == 2 or registers[0].startswith("v"))
    for slot, source in pair:
        state.stored.add(slot)
        if copied:
            state.copies.add(slot)
        if _whole(text, source) in state.fresh:
            state.homes.add(slot)
        state.spilled.pop(slot, None)
        if source in state.held:
            state.spilled[slot] = state.held[source]


def _load(state: _State, text: Text, line: str) -> None:
    """Takes in registers that are filled from memory, to copy a structure."""
    loaded = text.loaded.match(line) if text.loaded else None
    for register in (_whole(text, name) for name in loaded.groups() if name) if loaded else ():
        _written(state, register, None, None)
        state.loaded.add(register)


def _exchange(state: _State, one: str, other: str) -> None:
    """Takes in that two registers change their places."""
    both = {one, other}
    if len(both & state.fresh) == 1:
        state.fresh ^= both
    slots = {register: state.held.pop(register) for register in both if register in state.held}
    state.held |= {(both - {register}).pop(): slot for register, slot in slots.items()}
    state.constants = {register: value for register, value in state.constants.items() if register not in both}


def _given(state: _State, text: Text, line: str) -> _Slot | None:
    """The local place whose address an instruction puts into a register."""
    if text.stack in line or text.frame_pointer in line:
        reload = text.reload.match(line)
        if reload:
            return state.spilled.get(_Slot(reload["base"], _number(reload["at"])))
        slot = _address(state, text, line)
        if slot is not None:
            return slot
    copied = text.copy.match(line)
    if copied:
        return state.held.get(copied["source"])
    rounded = _ROUNDED.match(line) if state.held else None
    return state.held.get(rounded["of"] or rounded["to"]) if rounded else None


def _address(state: _State, text: Text, line: str) -> _Slot | None:
    """The local place whose address an instruction computes."""
    for pattern in text.address:
        found = pattern.match(line)
        if found:
            words = found.groupdict()
            at = _number(words.get("at")) - _number(words.get("below"))
            base = words["base"]
            framed = base == text.frame_pointer and state.framed
            if base == text.frame_pointer and not (framed and (at < 0 or text.frame_is_low)):
                return None
            below = framed and at < 0 and not text.frame_is_low  # also where room is made for it later
            # Below is what functions that are called may use, above are the caller's things.
            inside = state.allocated and (at < 0 or text.reserved <= at < state.room)
            return _Slot(base, at) if below or inside else None
    return None


def _shows(state: _State, text: Text) -> bool:
    """Whether a call is given the address of a local place that no parameter came in."""
    # A register is an argument if those before it are; else it was used for something else.
    arguments = takewhile(lambda register: register in state.fresh or register in state.set_, text.arguments)
    given = [state.held.get(register) for register in (*arguments, *((text.result,) if text.result else ()))]
    # In little room, what was stored may be a parameter, changed; a parameter is stored before its address is passed.
    known = state.homes | state.copies | (state.stored if state.room - text.reserved <= SMALL else set())
    local = [slot for slot in given if slot is not None and slot not in known]
    if len(local) == 2:
        return abs(local[0].at - local[1].at) not in _PAIR
    return bool(local)


def _whole(text: Text, register: str) -> str:
    return text.aliases.get(register, register)


def _number(text: str | None) -> int:
    """A distance as the disassembler writes it: ``+ 0x10``, ``- 8``, ``#0x10``, ``-16``."""
    return int(text.replace(" ", "").replace("#", "") or "0", 0) if text else 0
