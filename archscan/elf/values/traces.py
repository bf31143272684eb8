"""What registers and slots of the stack hold within a block, told apart by where it comes from (`Trace`).

Two places hold the same where one was copied from the other; that their sets of values are equal does not say so.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from archscan.elf.arch.lifting import LOW, Kind, Operation
from archscan.elf.values import Run
from archscan.elf.values.arithmetic import plus
from archscan.elf.values.blocks import Row
from archscan.elf.values.domain import UNKNOWN, Number, Parameter, Stack, Value
from archscan.elf.values.state import State
from archscan.elf.values.steps import held, put, read_from, step, store

_WHOLE = (4, 8)  # bytes of a slot whose content is followed
_BITS, _WORD = 8, 8
_POSITIVE = 1 << 31
_FAR = 1 << 20  # bytes of the stack that a store may change that does not say how many
NO_NUMBERS: frozenset[int] = frozenset()
Numbers = frozenset[int]
Place = str | int
"""A register, or a slot of the stack."""


class Held:
    """What a place held at some time: what stood in a ``place`` where the block began, one of ``ways``, or a value.

    The same object means the same number, whatever that was. With each of the ``ways`` goes what it is unlike.
    """

    __slots__ = ("place", "value", "ways")

    def __init__(self, value: Value, place: Place | None = None, ways: tuple[tuple[Held, Numbers], ...] = ()) -> None:
        self.value = value
        self.place = place
        self.ways = ways


class Compared(msgspec.Struct, frozen=True):
    """What was compared, and what it is unlike where it was unlike that."""

    held: Held
    numbers: Numbers


class Trace(msgspec.Struct):
    """What places hold at the end of a block, or before one of its instructions; and what was compared before.

    ``begin`` is what was known where the block begins. ``places`` are those that were looked at, or written. Of others
    that are neither ``gone`` nor among the ``stored`` bytes of the stack, it holds what they held there; unless
    ``others`` may have stored something, or a function was ``called``.
    """

    begin: State
    state: State
    kept: tuple[str, ...]
    places: dict[Place, Held] = {}
    compared: dict[str, Compared] = {}
    gone: set[str] = set()
    stored: list[tuple[int, int]] = []
    others: bool = False
    called: bool = False


class Brief(msgspec.Struct, frozen=True):
    """What a block does, whatever the values: registers that it writes, whether it stores, and with what it compares.

    ``compares`` has None where that is a register.
    """

    writes: frozenset[str]
    stores: bool
    compares: frozenset[int | None]


class _Looked(msgspec.Struct):
    """What was looked up of a function: the numbers that it ``compares`` something with, and what its blocks do.

    ``before``: the blocks that lead to each of them. ``traces``: what places hold at their ends.
    """

    compares: frozenset[int | None] | None = None
    briefs: dict[int, Brief] = {}
    before: dict[int, list[int]] = {}
    traces: dict[int, Trace] = {}


def looked_up(run: Run) -> _Looked:
    """What was looked up of a function already."""
    if not isinstance(run.told, _Looked):
        run.told = _Looked()
    return run.told


def is_same(one: Held, other: Held) -> bool:
    """Whether two are the same number, whatever that is."""
    if one is other:
        return True
    (atom, *others) = one.value or (None,)
    return one.value == other.value and isinstance(atom, Parameter) and not others


def traced(run: Run, start: int, until: int | None = None) -> Trace:
    """What places hold at the end of a block that is reached, or before the instruction at an address."""
    traces = looked_up(run).traces
    if until is None and start in traces:
        return traces[start]
    trace = Trace(run.states[start], run.states[start].copied(), run.lift.preserved)
    for row in run.blocks[start].rows:
        if row[0] == until:
            return trace
        _go_on(run, trace, row)
    if until is None:
        traces[start] = trace
    return trace


def _go_on(run: Run, trace: Trace, row: Row) -> None:
    """Takes an instruction in."""
    _, behind, does = row
    places, state = trace.places, trace.state
    if does.kind == Kind.NOTHING and (does.number is not None or does.operand is not None):
        compared = _compares(trace, does, behind)
        trace.compared.pop(does.flags, None)
        if compared is not None:
            trace.compared[does.flags] = compared
    elif does.kind == Kind.CALL:
        trace.compared.clear()
    for name in does.also:
        trace.compared.pop(name, None)
    new = _new(trace, does, behind) if does.kind in (Kind.SET, Kind.SELECT) and does.to else None
    to, stored = None, None
    if does.kind == Kind.STORE:
        to = store(state, does, behind)[0]
        stored = _copied(trace, does) if does.width in _WHOLE else None
    before = dict(state.slots) if does.kind == Kind.CALL else {}
    step(state, row, run.lift, run.effects)
    if does.kind in (Kind.CALL, Kind.STORE):
        # A call may have filled in what lies behind a place that it was given, too.
        filled = [(at, at + _WORD) for at, held in before.items() if state.slots.get(at) is not held]
        _forget(trace, does, to, filled)
    (at, *others) = to or (None,)
    if isinstance(at, Stack) and not others and stored is not None and at.at in state.slots:
        places[at.at] = stored
    for name in (*does.also, *((does.to,) if does.to else ())):
        for lost in (name, name.removesuffix(LOW)):
            places.pop(lost, None)
            trace.gone.add(lost)
    if new is not None and does.to and does.to not in does.also:
        places[does.to] = new


def _forget(trace: Trace, does: Operation, to: Value | None, changed: list[tuple[int, int]]) -> None:
    """Takes in that a call, or a store to somewhere, may have changed what places hold."""
    called = does.kind == Kind.CALL
    trace.called = trace.called or called
    trace.others = trace.others or called or any(not isinstance(one, Stack | Number) for one in to or ())
    changed += [(one.at, one.at + (does.width or _FAR)) for one in to or () if isinstance(one, Stack)]
    trace.stored += changed
    for name in list(trace.places):
        if isinstance(name, str):
            lost = called and name not in trace.kept
        else:
            lost = _is_escaped(trace, name) or _is_among(trace.state, name, changed)
        if lost:
            del trace.places[name]


def _is_escaped(trace: Trace, at: int) -> bool:
    """Whether others may have changed a slot, or nothing is known of it any more."""
    width = trace.state.slots[at][0] if at in trace.state.slots else 0
    return not width or (trace.others and not trace.state.escaped.isdisjoint((at >> 2, at + width - 1 >> 2)))


def _is_among(state: State, at: int, stored: list[tuple[int, int]]) -> bool:
    """Whether a slot has bytes that were stored."""
    width = state.slots[at][0] if at in state.slots else 0
    return any(low < at + width and at < high for low, high in stored)


def _is_left(trace: Trace, place: Place) -> bool:
    """Whether a place that was not looked at before holds what it held where the block begins."""
    if isinstance(place, str):
        known = place in trace.begin.registers and place not in trace.gone
        return known and (not trace.called or place in trace.kept)
    if place not in trace.begin.slots or trace.begin.slots[place][0] not in _WHOLE:
        return False
    return not _is_escaped(trace, place) and not _is_among(trace.state, place, trace.stored)


def held_in(trace: Trace, place: Place) -> Held:
    """What a place holds."""
    if place not in trace.places:
        left = _is_left(trace, place)
        trace.places[place] = Held(known_at(trace.begin if left else trace.state, place), place if left else None)
    return trace.places[place]


def known_at(state: State, place: Place) -> Value:
    """What is known of a place, whatever that is."""
    if isinstance(place, str):
        return state.get(place)
    return state.slots[place][1] if place in state.slots else UNKNOWN


def _new(trace: Trace, does: Operation, behind: int) -> Held:
    """What an instruction puts into a register."""
    state = trace.state
    first = _copied(trace, does) or _read(trace, does, behind) or Held(put(state, does, behind))
    if not does.other:
        return first
    second = held_in(trace, does.other) if not does.added else Held(plus(state.get(does.other), does.added))
    compared, numbers = trace.compared.get(does.flags), NO_NUMBERS
    if compared is not None and does.unlike is not None:
        taken = first if does.unlike else second
        numbers = compared.numbers if is_same(taken, compared.held) else NO_NUMBERS
    ways = (first, numbers if does.unlike else NO_NUMBERS), (second, NO_NUMBERS if does.unlike else numbers)
    return Held(first.value | second.value, None, ways)


def _copied(trace: Trace, does: Operation) -> Held | None:
    """What a register holds that is copied as it is, or stored; None for anything else."""
    plain = (does.place is None or does.kind == Kind.STORE) and does.operator is None
    if not plain or does.number or does.choice or does.register is None or does.register.endswith(LOW):
        return None
    return held_in(trace, does.register)


def _read(trace: Trace, does: Operation, behind: int) -> Held | None:
    """What is read from a slot of the stack, all of it; None for anything else."""
    if does.place is None or not does.reads or does.operator is not None:
        return None
    (at, *others) = read_from(trace.state, does, behind) or (None,)
    slot = trace.state.slots.get(at.at) if isinstance(at, Stack) and not others else None
    whole = slot is not None and slot[0] == does.width and does.width in _WHOLE
    return held_in(trace, at.at) if isinstance(at, Stack) and whole else None


def _compares(trace: Trace, does: Operation, behind: int) -> Compared | None:
    """What an instruction compares, and what that is unlike where it is unlike the other one; None if nobody knows."""
    register = does.register if does.place is None else None
    first = held_in(trace, register) if register is not None else _read(trace, does, behind)
    if does.number is not None:
        return Compared(first, numbers_of(does.number, does.width)) if first is not None else None
    if not isinstance(does.operand, str):
        return None
    second = held_in(trace, does.operand)
    for one, other in ((first, second.value), (second, held(trace.state, does, behind))):
        (atom, *others) = other or (None,)
        if one is not None and isinstance(atom, Number) and not others:
            return Compared(one, numbers_of(atom.value, does.width))
    return None


@lru_cache(1 << 12)
def numbers_of(number: int, width: int) -> Numbers:
    """What a value is unlike whose lowest bytes are unlike a number, in the ways that it may be written.

    Of a number of 64 bits the higher half is not known where an instruction has written the lower one; so that it is
    unlike -1 does not say that the lower half is.
    """
    if 0 <= number < min(1 << _BITS * width - 1, _POSITIVE):
        return frozenset({number})
    if width != _WHOLE[0]:
        return NO_NUMBERS
    low = number % (2 * _POSITIVE)
    return frozenset({low, low - 2 * _POSITIVE} if low >= _POSITIVE else {low})
