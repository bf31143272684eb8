"""What a value that is passed is unlike, by comparisons on the ways on which it came (`unlike`).

One goes backwards from where a value is passed to where it was put into a register or a slot: past blocks that leave it
where it is, and along copies of it. Where a branch led that is taken only where it is not some number, it is not that
number; nor is what `cmov` and the like choose only then. Two places hold the same where one was copied from the other
in the same block, or where both hold the same parameter; that their sets are equal does not say so. Wherever it is not
clear what becomes of a place one stops: what is known there is what came, and from there on what was told holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from archscan.elf.arch.lifting import LOW, NOTHING, Kind, Operation
from archscan.elf.values import Call, Run
from archscan.elf.values.blocks import CASES, Row
from archscan.elf.values.domain import Atom, Element, Stack, Value
from archscan.elf.values.state import State
from archscan.elf.values.traces import (
    NO_NUMBERS,
    Brief,
    Compared,
    Held,
    Numbers,
    Place,
    Trace,
    held_in,
    is_same,
    known_at,
    looked_up,
    numbers_of,
    traced,
)

_MOST_PLACES = 500  # at the beginnings of blocks that are looked at for one value
_MOST_WAYS = 64  # by which one block may choose a value
_OTHERS = "*"  # as a register: those that calls do not keep
_At = tuple[int, Place]


class Wanted(msgspec.Struct, frozen=True):
    """Of which values it is asked what they are unlike, `as_read`, and of which numbers; None: of any."""

    atoms: frozenset[Atom]
    numbers: Numbers | None


def unlike(run: Run, call: Call, value: Value, wanted: Wanted) -> Mapping[Atom, Numbers]:
    """Of each of the values of an argument of a call, what it is unlike there.

    Where it came by several ways, what it is unlike on all of them. Nothing where nobody knows.
    """
    looked = looked_up(run)
    if looked.compares is None:
        looked.compares = _compares_with(row for block in run.blocks.values() for row in block.rows)
    if not _is_wanted(looked.compares, wanted):
        return {}
    places = [n for n, one in enumerate(call.arguments) if one == value]
    found: Mapping[Atom, Numbers] | None = None
    for number in places:
        told = _of_argument(run, call.address, number, wanted)
        found = told if found is None else {one: found[one] & numbers for one, numbers in told.items() if one in found}
    return found or {}


def _brief(run: Run, start: int) -> Brief:
    briefs = looked_up(run).briefs
    if start not in briefs:
        rows = run.blocks[start].rows
        kinds = {does.kind for _, _, does in rows}
        writes = {name.removesuffix(LOW) for _, _, does in rows for name in (does.to, *does.also) if name}
        writes |= {_OTHERS} if Kind.CALL in kinds else set()
        stores = Kind.STORE in kinds or Kind.CALL in kinds
        briefs[start] = Brief(frozenset(writes), stores, _compares_with(rows))
    return briefs[start]


def _compares_with(rows: Iterable[Row]) -> frozenset[int | None]:
    """The numbers with which instructions compare something; None where that is a register."""
    found = set[int | None]()
    for _, _, does in rows:
        if does.kind == Kind.NOTHING and does.number is not None:
            found |= numbers_of(does.number, does.width)
        elif does.kind == Kind.NOTHING and does.operand is not None:
            found.add(None)
    return frozenset(found)


def _is_wanted(compares: frozenset[int | None], wanted: Wanted) -> bool:
    """Whether comparisons with some numbers may tell what a wanted value is unlike."""
    return bool(compares) if wanted.numbers is None else None in compares or not compares.isdisjoint(wanted.numbers)


def _leaves(run: Run, start: int, place: Place, to: int, wanted: Wanted) -> bool:
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
    trace = traced(run, start, address) if start in run.states else None
    row = next((row for row in run.blocks[start].rows if row[0] == address), None) if trace is not None else None
    place = _place_of(run, trace.state, row[2], number) if trace is not None and row is not None else None
    found: dict[Atom, Numbers] = {}
    for value, numbers in _ways(run, trace, start, place, wanted) if trace and place is not None else ():
        for one in map(as_read, value):
            found[one] = found[one] & numbers if one in found else numbers
    return found


def _place_of(run: Run, state: State, does: Operation, number: int) -> Place | None:
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


def _ways(run: Run, trace: Trace, start: int, place: Place, wanted: Wanted) -> list[tuple[Value, Numbers]]:
    """The values that come to a place, each with what it is unlike; nothing where that are too many."""
    entry, way = next(one for one in run.blocks if one != CASES), _Way(wanted)
    for end, numbers in _flat(held_in(trace, place), None, NO_NUMBERS):
        _take(way, end.value, (start, end.place), numbers)
    while way.work and len(way.known) < _MOST_PLACES:
        block, name = at = way.work.pop()
        before = [one for one in _before(run).get(block, ()) if one in run.states]
        if block == entry or not before:
            way.found.append((known_at(run.states[block], name), way.known[at]))
        for one in before:
            if _leaves(run, one, name, block, wanted):
                _take(way, known_at(run.states[one], name), (one, name), way.known[at])
                continue
            trace = traced(run, one)
            for end, numbers in _flat(held_in(trace, name), _told(run, trace, one, block), way.known[at]):
                _take(way, end.value, (one, end.place), numbers)
    return [] if way.work else way.found


def _before(run: Run) -> Mapping[int, list[int]]:
    """The blocks that lead to each block."""
    before = looked_up(run).before
    if not before:
        for start, block in run.blocks.items():
            for one in block.followed_by:
                before.setdefault(one, []).append(start)
    return before


def _take(way: _Way, value: Value, at: tuple[int, Place | None], numbers: Numbers) -> None:
    """Takes in a value that a place holds at the beginning of a block, or that came from no place."""
    block, name = at
    if way.wanted.atoms.isdisjoint(map(as_read, value)):
        return
    if name is None:
        way.found.append((value, numbers))
    elif (block, name) not in way.known or not way.known[block, name] <= numbers:
        way.known[block, name] = way.known.get((block, name), numbers) & numbers
        way.work.append((block, name))


def _flat(held: Held, told: Compared | None, numbers: Numbers) -> Iterator[tuple[Held, Numbers]]:
    """The ways by which a block has brought what a place holds, each with what it is unlike.

    Of more ways than one looks at, all values together with nothing that they are unlike.
    """
    work, found = [(held, numbers)], list[tuple[Held, Numbers]]()
    for _ in range(_MOST_WAYS):
        if not work:
            break
        one, without = work.pop()
        without = without | told.numbers if told is not None and is_same(one, told.held) else without
        if one.ways:
            work += [(way, without | more) for way, more in one.ways]
        else:
            found.append((one, without))
    yield from [(Held(held.value), NO_NUMBERS)] if work else found


def _told(run: Run, trace: Trace, start: int, to: int) -> Compared | None:
    """What the branch at the end of a block says of what it compared, where it leads to another one."""
    rows = run.blocks[start].rows
    last = rows[-1][2] if rows else NOTHING
    return trace.compared.get(last.flags) if _is_told(last, rows, to) else None
