"""What a value that is passed is unlike, by comparisons on the ways on which it came (`unlike`).

One goes backwards from where a value is passed to where it was put into a register or a slot: past blocks that leave it
where it is, and along copies of it. Where a branch led that is taken only where it is not some number, it is not that
number; nor is what `cmov` and the like choose only then. Two places hold the same where one was copied from the other
in the same block, or where both hold the same parameter; that their sets are equal does not say so. Wherever it is not
clear what becomes of a place one stops: what is known there is what came, and from there on what was told holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from archscan.elf.arch.lifting import LOW, NOTHING, Kind, Operation
from archscan.elf.values import Call, Run
from archscan.elf.values.arithmetic import plus
from archscan.elf.values.blocks import CASES, Row
from archscan.elf.values.domain import UNKNOWN, Atom, Element, Number, Parameter, Stack, Value
from archscan.elf.values.state import State
from archscan.elf.values.steps import held, put, read_from, step, store

_MOST_PLACES = 1_000  # at the beginnings of blocks that are looked at for one value
_MOST_WAYS = 64  # by which one block may choose a value
_WHOLE = (4, 8)  # bytes of a slot whose content is followed
_BITS = 8
_OTHERS = "*"  # as a register: those that calls do not keep
_POSITIVE = 1 << 31
_FAR = 1 << 20  # bytes of the stack that a store may change that does not say how many
_NO_NUMBERS: frozenset[int] = frozenset()
Numbers = frozenset[int]
_Place = str | int  # a register, or a slot of the stack
_At = tuple[int, _Place]


class _Held:
    """What a place held at some time: what stood in a ``place`` where the block began, one of ``ways``, or a value.

    The same object means the same number, whatever that was. With each of the ``ways`` goes what it is unlike.
    """

    __slots__ = ("place", "value", "ways")

    def __init__(self, value: Value, place: _Place | None = None, ways: tuple[tuple[_Held, Numbers], ...] = ()) -> None:
        self.value = value
        self.place = place
        self.ways = ways


class _Compared(msgspec.Struct, frozen=True):
    """What was compared, and what it is unlike where it was unlike that."""

    held: _Held
    numbers: Numbers


class Trace(msgspec.Struct):
    """What places hold at the end of a block, or before one of its instructions; and what was compared before."""

    state: State
    places: dict[_Place, _Held]
    compared: dict[str, _Compared]


class Wanted(msgspec.Struct, frozen=True):
    """Of which values it is asked what they are unlike, `as_read`, and of which numbers; None: of any."""

    atoms: frozenset[Atom]
    numbers: Numbers | None


class Brief(msgspec.Struct, frozen=True):
    """What a block does, whatever the values: registers that it writes, whether it stores, and with what it compares.

    ``compares`` has None where that is a register.
    """

    writes: frozenset[str]
    stores: bool
    compares: frozenset[int | None]


def unlike(run: Run, call: Call, value: Value, wanted: Wanted) -> Mapping[Atom, Numbers]:
    """Of each of the values of an argument of a call, what it is unlike there.

    Where it came by several ways, what it is unlike on all of them. Nothing where nobody knows.
    """
    if run.compares is None:
        run.compares = _compares_with(row for block in run.blocks.values() for row in block.rows)
    if not _is_wanted(run.compares, wanted):
        return {}
    places = [n for n, one in enumerate(call.arguments) if one == value]
    found: Mapping[Atom, Numbers] | None = None
    for number in places:
        told = _of_argument(run, call.address, number, wanted)
        found = told if found is None else {one: found[one] & numbers for one, numbers in told.items() if one in found}
    return found or {}


def _brief(run: Run, start: int) -> Brief:
    if start not in run.briefs:
        rows = run.blocks[start].rows
        kinds = {does.kind for _, _, does in rows}
        writes = {name.removesuffix(LOW) for _, _, does in rows for name in (does.to, *does.also) if name}
        writes |= {_OTHERS} if Kind.CALL in kinds else set()
        stores = Kind.STORE in kinds or Kind.CALL in kinds
        run.briefs[start] = Brief(frozenset(writes), stores, _compares_with(rows))
    return run.briefs[start]


def _compares_with(rows: Iterable[Row]) -> frozenset[int | None]:
    """The numbers with which instructions compare something; None where that is a register."""
    found = set[int | None]()
    for _, _, does in rows:
        if does.kind == Kind.NOTHING and does.number is not None:
            found |= _numbers(does.number, does.width)
        elif does.kind == Kind.NOTHING and does.operand is not None:
            found.add(None)
    return frozenset(found)


def _is_wanted(compares: frozenset[int | None], wanted: Wanted) -> bool:
    """Whether comparisons with some numbers may tell what a wanted value is unlike."""
    return bool(compares) if wanted.numbers is None else None in compares or not compares.isdisjoint(wanted.numbers)


def _leaves(run: Run, start: int, place: _Place, to: int, wanted: Wanted) -> bool:
    """Whether a block leaves a place as it is, and tells nothing of it where it leads to another one."""
    brief, rows = _brief(run, start), run.blocks[start].rows
    if isinstance(place, int):
        changes = brief.stores
    else:
        changes = place in brief.writes or (_OTHERS in brief.writes and place not in run.lift.preserved)
    last = rows[-1][2] if rows else NOTHING
    return not changes and not (_is_told(last, rows, to) and _is_wanted(brief.compares, wanted))


def _is_told(last: Operation, rows: Sequence[Row], to: int) -> bool:
    """Whether a branch leads somewhere only where what it compared is unlike a number."""
    if last.kind != Kind.BRANCH or last.unlike is None or last.target in (None, rows[-1][1]):
        return False
    return to == (last.target if last.unlike else rows[-1][1])


def as_read(one: Atom) -> Atom:
    """The same without what comparisons of its index say of where a table ends."""
    return one if not isinstance(one, Element) else Element(msgspec.structs.replace(one.at, table=0, end=0), one.width)


def _of_argument(run: Run, address: int, number: int, wanted: Wanted) -> Mapping[Atom, Numbers]:
    start = run.places.get(address, CASES)
    trace = _traced(run, start, address) if start in run.states else None
    row = next((row for row in run.blocks[start].rows if row[0] == address), None) if trace is not None else None
    place = _place_of(run, trace.state, row[2], number) if trace is not None and row is not None else None
    found: dict[Atom, Numbers] = {}
    for value, numbers in _ways(run, trace, start, place, wanted) if trace and place is not None else ():
        for one in map(as_read, value):
            found[one] = found[one] & numbers if one in found else numbers
    return found


def _place_of(run: Run, state: State, does: Operation, number: int) -> _Place | None:
    """Where an argument of a call or a jump is."""
    lift = run.lift
    on_stack = number if lift.stack_first else number - len(lift.arguments)
    if lift.stack_first and number >= lift.most_stacked:
        return lift.arguments[number - lift.most_stacked]
    if on_stack < 0:
        return lift.arguments[number]
    (top, *others) = state.get(lift.stack) or (None,)
    first = lift.passed if does.kind == Kind.CALL else lift.stacked
    return top.at + first + lift.word * on_stack if isinstance(top, Stack) and not others else None


class _Way(msgspec.Struct):
    """What was found going backwards: values with what they are unlike, and places that are still to be looked at."""

    wanted: Wanted
    found: list[tuple[Value, Numbers]] = []
    known: dict[_At, Numbers] = {}
    work: list[_At] = []


def _ways(run: Run, trace: Trace, start: int, place: _Place, wanted: Wanted) -> list[tuple[Value, Numbers]]:
    """The values that come to a place, each with what it is unlike; nothing where that are too many."""
    entry, way = next(one for one in run.blocks if one != CASES), _Way(wanted)
    for end, numbers in _flat(_held_in(trace, place), None, _NO_NUMBERS):
        _take(way, end.value, (start, end.place), numbers)
    while way.work and len(way.known) < _MOST_PLACES:
        block, name = at = way.work.pop()
        before = [one for one in _before(run).get(block, ()) if one in run.states]
        if block == entry or not before:
            way.found.append((_known(run.states[block], name), way.known[at]))
        for one in before:
            if _leaves(run, one, name, block, wanted):
                _take(way, _known(run.states[one], name), (one, name), way.known[at])
                continue
            trace = _traced(run, one)
            for end, numbers in _flat(_held_in(trace, name), _told(run, trace, one, block), way.known[at]):
                _take(way, end.value, (one, end.place), numbers)
    return [] if way.work else way.found


def _before(run: Run) -> Mapping[int, list[int]]:
    """The blocks that lead to each block."""
    if run.before is None:
        run.before = {}
        for start, block in run.blocks.items():
            for one in block.followed_by:
                run.before.setdefault(one, []).append(start)
    return run.before


def _take(way: _Way, value: Value, at: tuple[int, _Place | None], numbers: Numbers) -> None:
    """Takes in a value that a place holds at the beginning of a block, or that came from no place."""
    block, name = at
    if way.wanted.atoms.isdisjoint(map(as_read, value)):
        return
    if name is None:
        way.found.append((value, numbers))
    elif (block, name) not in way.known or not way.known[block, name] <= numbers:
        way.known[block, name] = way.known.get((block, name), numbers) & numbers
        way.work.append((block, name))


def _flat(held: _Held, told: _Compared | None, numbers: Numbers) -> Iterator[tuple[_Held, Numbers]]:
    """The ways by which a block has brought what a place holds, each with what it is unlike.

    Of more ways than one looks at, all values together with nothing that they are unlike.
    """
    work, found = [(held, numbers)], list[tuple[_Held, Numbers]]()
    for _ in range(_MOST_WAYS):
        if not work:
            break
        one, without = work.pop()
        without = without | told.numbers if told is not None and _is_same(one, told.held) else without
        if one.ways:
            work += [(way, without | more) for way, more in one.ways]
        else:
            found.append((one, without))
    yield from [(_Held(held.value), _NO_NUMBERS)] if work else found


def _is_same(one: _Held, other: _Held) -> bool:
    """Whether two are the same number, whatever that is."""
    if one is other:
        return True
    (atom, *others) = one.value or (None,)
    return one.value == other.value and isinstance(atom, Parameter) and not others


def _told(run: Run, trace: Trace, start: int, to: int) -> _Compared | None:
    """What the branch at the end of a block says of what it compared, where it leads to another one."""
    rows = run.blocks[start].rows
    last = rows[-1][2] if rows else NOTHING
    return trace.compared.get(last.flags) if _is_told(last, rows, to) else None


def _traced(run: Run, start: int, until: int | None = None) -> Trace:
    """What places hold at the end of a block that is reached, or before the instruction at an address."""
    if until is None and start in run.traces:
        return run.traces[start]
    state = run.states[start].copied()
    places: dict[_Place, _Held] = {name: _Held(value, name) for name, value in state.registers.items()}
    places |= {at: _Held(value, at) for at, (width, value) in state.slots.items() if width in _WHOLE}
    trace = Trace(state, places, {})
    for row in run.blocks[start].rows:
        if row[0] == until:
            return trace
        _go_on(run, trace, row)
    if until is None:
        run.traces[start] = trace
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
    step(state, row, run.lift, run.effects)
    if does.kind in (Kind.CALL, Kind.STORE):
        _forget(run, trace, does, to)
    (at, *others) = to or (None,)
    if isinstance(at, Stack) and not others and stored is not None and at.at in state.slots:
        places[at.at] = stored
    for name in (*does.also, *((does.to,) if does.to else ())):
        places.pop(name, None)
        places.pop(name.removesuffix(LOW), None)
    if new is not None and does.to and does.to not in does.also:
        places[does.to] = new


def _forget(run: Run, trace: Trace, does: Operation, to: Value | None) -> None:
    """Takes in that a call, or a store to somewhere, may have changed what places hold."""
    state, escaped, called = trace.state, trace.state.escaped, does.kind == Kind.CALL
    low = [one.at for one in to or () if isinstance(one, Stack)]
    everywhere = called or any(not isinstance(one, Stack | Number) for one in to or ())
    for name in list(trace.places):
        if isinstance(name, str):
            lost = called and name not in run.lift.preserved
        else:
            width = state.slots[name][0] if name in state.slots else 0
            near = any(at < name + width and name < at + (does.width or _FAR) for at in low)
            lost = not width or near or (everywhere and not escaped.isdisjoint((name >> 2, name + width - 1 >> 2)))
        if lost:
            del trace.places[name]


def _held_in(trace: Trace, place: _Place) -> _Held:
    """What a place holds."""
    if place not in trace.places:
        trace.places[place] = _Held(_known(trace.state, place))
    return trace.places[place]


def _known(state: State, place: _Place) -> Value:
    if isinstance(place, str):
        return state.get(place)
    return state.slots[place][1] if place in state.slots else UNKNOWN


def _new(trace: Trace, does: Operation, behind: int) -> _Held:
    """What an instruction puts into a register."""
    state = trace.state
    first = _copied(trace, does) or _read(trace, does, behind) or _Held(put(state, does, behind))
    if not does.other:
        return first
    second = _held_in(trace, does.other) if not does.added else _Held(plus(state.get(does.other), does.added))
    compared, numbers = trace.compared.get(does.flags), _NO_NUMBERS
    if compared is not None and does.unlike is not None:
        taken = first if does.unlike else second
        numbers = compared.numbers if _is_same(taken, compared.held) else _NO_NUMBERS
    ways = (first, numbers if does.unlike else _NO_NUMBERS), (second, _NO_NUMBERS if does.unlike else numbers)
    return _Held(first.value | second.value, None, ways)


def _copied(trace: Trace, does: Operation) -> _Held | None:
    """What a register holds that is copied as it is, or stored; None for anything else."""
    plain = (does.place is None or does.kind == Kind.STORE) and does.operator is None
    if not plain or does.number or does.choice or does.register is None or does.register.endswith(LOW):
        return None
    return _held_in(trace, does.register)


def _read(trace: Trace, does: Operation, behind: int) -> _Held | None:
    """What is read from a slot of the stack, all of it; None for anything else."""
    if does.place is None or not does.reads or does.operator is not None:
        return None
    (at, *others) = read_from(trace.state, does, behind) or (None,)
    slot = trace.state.slots.get(at.at) if isinstance(at, Stack) and not others else None
    whole = slot is not None and slot[0] == does.width and does.width in _WHOLE
    return _held_in(trace, at.at) if isinstance(at, Stack) and whole else None


def _compares(trace: Trace, does: Operation, behind: int) -> _Compared | None:
    """What an instruction compares, and what that is unlike where it is unlike the other one; None if nobody knows."""
    register = does.register if does.place is None else None
    first = _held_in(trace, register) if register is not None else _read(trace, does, behind)
    if does.number is not None:
        return _Compared(first, _numbers(does.number, does.width)) if first is not None else None
    if not isinstance(does.operand, str):
        return None
    second = _held_in(trace, does.operand)
    for one, other in ((first, second.value), (second, held(trace.state, does, behind))):
        (atom, *others) = other or (None,)
        if one is not None and isinstance(atom, Number) and not others:
            return _Compared(one, _numbers(atom.value, does.width))
    return None


@lru_cache(1 << 12)
def _numbers(number: int, width: int) -> Numbers:
    """What a value is unlike whose lowest bytes are unlike a number, in the ways that it may be written.

    Of a number of 64 bits the higher half is not known where an instruction has written the lower one; so that it is
    unlike -1 does not say that the lower half is.
    """
    if 0 <= number < min(1 << _BITS * width - 1, _POSITIVE):
        return frozenset({number})
    if width != _WHOLE[0]:
        return _NO_NUMBERS
    low = number % (2 * _POSITIVE)
    return frozenset({low, low - 2 * _POSITIVE} if low >= _POSITIVE else {low})
