"""Functions that hand out the address of something on their own stack: those that the stack protector is for.

`-fstack-protector-strong` gives a canary to every function with an array on its stack or a local variable whose address
is taken (gcc, cfgexpand.cc, `stack_protect_decl_p`). So in code compiled with it no function without a canary passes
the address of a local variable to another, or indexes its stack. Three honest exceptions are known and looked for,
where what is addressed is no variable: the place where a parameter arrived, the copy of a structure that is passed by
reference, and the two results that gcc lets `sincos` write.

The function is decoded from its start, one instruction after another, as the compiler wrote it down. Branches are not
followed: what is found is evidence, and where the order misleads, an address counts as forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from archscan.elf.arch.idioms import Text

_WIDTHS = {"w": 4, "s": 4, "q": 16, "v": 16}  # bytes of a register by its first letter, where not 8
_PAIR = (4, 8, 16)  # sincosf, sincos, sincosl: how far the two results can lie apart


class _Slot(msgspec.Struct, frozen=True):
    """A place on the stack: the register it is counted from, and how far above that."""

    base: str
    at: int


class _State(msgspec.Struct):
    """What is known at one instruction."""

    fresh: set[str]  # argument registers that still hold what the caller passed
    framed: bool = False
    allocated: bool = False  # before that, what the stack pointer points to is the caller's
    held: dict[str, _Slot] = {}  # register → the place whose address it holds
    homes: set[_Slot] = set()  # where parameters were put
    loaded: set[str] = set()  # registers that hold what was in memory
    copies: set[_Slot] = set()  # where such were stored: a structure that the next call gets by reference
    spilled: dict[_Slot, _Slot] = {}  # place → the place whose address was stored there


def exposed(lines: Iterable[tuple[int, str, str]], text: Text, room: int) -> int | None:
    """The address of the first instruction that shows a function's stack to others; None where none does.

    ``lines`` are address, mnemonic and operands of its instructions; it makes ``room`` bytes on the stack.
    """
    state = _State(set(text.incoming))
    for at, mnemonic, operands in lines:
        line = f"{mnemonic} {operands}"
        if text.call.match(line):
            if _shows(state, text):
                return at
            state.held = {register: slot for register, slot in state.held.items() if register in text.kept}
            state.fresh.clear()
            state.loaded.clear()
            state.copies.clear()
        elif _concerns(state, text, mnemonic, operands) and _step(state, text, line, room):
            return at
        if text.leaves and text.leaves.match(line):
            # What follows is reached from elsewhere, where arguments hold something else.
            state.held = {register: slot for register, slot in state.held.items() if register in text.kept}
    return None


def _concerns(state: _State, text: Text, mnemonic: str, operands: str) -> bool:
    """Whether an instruction may matter: most do not, and this is quickly said."""
    if state.held or state.fresh or text.stack in operands or text.frame_pointer in operands:
        return True
    return text.loaded is not None and (operands.startswith("q") or mnemonic == "ldp")


def _step(state: _State, text: Text, line: str, room: int) -> bool:
    """Takes one instruction in; whether it indexes the stack."""
    indexed = text.indexed.match(line)
    if indexed and (indexed["base"] in state.held or indexed["base"] in _bases(state, text)):
        return True
    if text.frame.match(line):
        state.framed = True
        return False
    if text.allocates.match(line):
        state.allocated = True
        return False
    on_stack = text.stack in line or text.frame_pointer in line
    home = text.home.match(line) if on_stack or state.held else None
    if home and _stored(state, text, home):
        return text.pushed is not None and home["source"] in state.held
    if text.pushed:
        pushed = text.pushed.match(line)
        if pushed:
            return pushed["source"] in state.held
    _write(state, text, line, _given(state, text, line, room, on_stack=on_stack))
    return False


def _write(state: _State, text: Text, line: str, slot: _Slot | None) -> None:
    """Notes what an instruction puts into registers: the address of a place, what was in memory, another's value."""
    exchanged = text.exchanged.match(line) if text.exchanged else None
    if exchanged:
        _exchange(state, *exchanged.groups())
        return
    loaded = text.loaded.match(line) if text.loaded else None
    written = text.written.match(line)
    names = [*(name for name in loaded.groups() if name)] if loaded else [written["to"]] if written else []
    for register in (_whole(text, name) for name in names):
        state.fresh.discard(register)
        state.held.pop(register, None)
        (state.loaded.add if loaded else state.loaded.discard)(register)
        if slot is not None:
            state.held[register] = slot


def _exchange(state: _State, one: str, other: str) -> None:
    """Two registers change their places."""
    both = {one, other}
    if len(both & state.fresh) == 1:
        state.fresh ^= both
    slots = {register: state.held.pop(register) for register in both if register in state.held}
    state.held |= {(both - {register}).pop(): slot for register, slot in slots.items()}


def _bases(state: _State, text: Text) -> tuple[str, ...]:
    return (text.stack, text.frame_pointer) if state.framed else (text.stack,)


def _stored(state: _State, text: Text, home: re.Match[str]) -> bool:
    """Notes what is stored at a place of the function's own; False where the place is another's."""
    base, at = home["base"], _number(home["at"])
    direct = base in (text.stack, text.frame_pointer)
    held = _Slot(base, at) if direct else state.held.get(base)
    if held is None:
        return False
    place = held if direct else _Slot(held.base, held.at + at)
    second = home.groupdict().get("second")
    pair = [(place, home["source"])]
    if second:
        pair.append((_Slot(place.base, place.at + _WIDTHS.get(second[0], 8)), second))
    # A structure is copied in vector registers or in pairs; one general register may as well hold a variable.
    registers = [_whole(text, source) for _, source in pair]
    copied = set(registers) <= state.loaded and (len(pair) == 2 or registers[0].startswith("v"))
    for slot, source in pair:
        if copied:
            state.copies.add(slot)
        if direct:
            _put(state, text, slot, source)
    return True


def _put(state: _State, text: Text, place: _Slot, source: str) -> None:
    if _whole(text, source) in state.fresh:
        state.homes.add(place)
    state.spilled.pop(place, None)
    if source in state.held:
        state.spilled[place] = state.held[source]


def _given(state: _State, text: Text, line: str, room: int, *, on_stack: bool) -> _Slot | None:
    """The local place whose address an instruction puts into a register."""
    if on_stack:
        reload = text.reload.match(line)
        if reload:
            return state.spilled.get(_Slot(reload["base"], _number(reload["at"])))
        slot = _address(state, text, line, room)
        if slot is not None:
            return slot
    copied = text.copy.match(line)
    return state.held.get(copied["source"]) if copied else None


def _address(state: _State, text: Text, line: str, room: int) -> _Slot | None:
    """The local place whose address an instruction computes."""
    for pattern in text.address:
        found = pattern.match(line)
        if found:
            words = found.groupdict()
            at = _number(words.get("at")) - _number(words.get("below"))
            base = words["base"]
            if base == text.frame_pointer and not (state.framed and (at < 0 or text.frame_is_low)):
                return None
            # Below is what functions that are called may use, above are the caller's things.
            return _Slot(base, at) if state.allocated and (at < 0 or text.reserved <= at < room) else None
    return None


def _shows(state: _State, text: Text) -> bool:
    """Whether a call is given the address of a local place that no parameter came in."""
    given = [state.held.get(register) for register in text.arguments]
    local = [slot for slot in given if slot is not None and slot not in state.homes and slot not in state.copies]
    if len(local) == 2 and given[0] is not None and given[1] is not None:
        return abs(given[0].at - given[1].at) not in _PAIR
    return bool(local)


def _whole(text: Text, register: str) -> str:
    return text.aliases.get(register, register)


def _number(text: str | None) -> int:
    """A distance as the disassembler writes it: ``+ 0x10``, ``- 8``, ``#0x10``, ``-16``."""
    return int(text.replace(" ", "").replace("#", "") or "0", 0) if text else 0
