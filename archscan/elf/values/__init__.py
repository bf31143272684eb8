"""What registers and stack slots of a function can hold where it calls others.

A function is decoded once, cut into ``blocks``, and run through with values instead of numbers until nothing changes
(`run_through`): what several ways bring to one place is a set. What it passes, returns or stores at some place is
looked up afterwards (`at_calls`). ``domain`` has the values, ``state`` what is known at one place, ``steps`` and
``calls`` what one instruction does to that, ``liveness`` what of it may still be read. What differs between processors
is how an instruction is read, in ``arch``.

Bounded by construction: instructions of a function, how often a value becomes more, and how many values a set has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush

import msgspec

from archscan.elf.arch.lifting import Kind, Lift
from archscan.elf.values.blocks import CASES, Block, Row, blocks_of, order_of
from archscan.elf.values.calls import NOTHING_KNOWN, Effects, arguments
from archscan.elf.values.domain import UNKNOWN, Along, Element, Held, Memory, Pointer, Stack, Value
from archscan.elf.values.growth import Growth
from archscan.elf.values.limits import Limits, limited, limits_of
from archscan.elf.values.liveness import Living, living, returning
from archscan.elf.values.state import State, Told, entered, joined, narrowed
from archscan.elf.values.steps import step, steps_of, store, target

_WANTED = (Kind.CALL, Kind.JUMP, Kind.BRANCH, Kind.RETURN)
_NEAR = 1024  # bytes of the stack that are kept for a call that is given an address of it
MOST_STEPS = 200_000  # instructions that are gone through for one function; an option parser takes about 50,000


class Call(msgspec.Struct, frozen=True):
    """A call, or a jump to another function: its arguments as far as they are known, in their order.

    Or a return, and what the register of the ``result`` holds there; or a store, what it stores, ``to`` where, and how
    many bytes (``width``).
    ``through``: the address at which the function stands that is called. ``slots``: what is known of the stack from
    where the first of the arguments that are addresses of it points. ``leads_to``: where the call leads, unless the
    instruction says that. ``fields``: what the function has stored where other pointers point.
    """

    address: int
    arguments: tuple[Value, ...]
    result: Value
    through: int | None = None
    stored: Value = UNKNOWN
    to: Value = UNKNOWN
    width: int = 0
    slots: Mapping[int, Held] = {}
    told: tuple[Told, ...] = ()
    leads_to: Value = UNKNOWN
    fields: Mapping[tuple[Pointer, int], Held] = {}


class Budget(msgspec.Struct):
    """How many more instructions may be gone through for an object."""

    left: int


class Run(msgspec.Struct):
    """A function that was gone through: its blocks, and what is known where those begin that are reached.

    ``places``: in which block which instruction stands. ``seen``: what is done in blocks, as far as it was looked up.
    ``limits``: how far it reads tables, by comparisons; None before that is asked. ``told``: what `unlike` has
    looked up of it.
    """

    blocks: Mapping[int, Block]
    states: Mapping[int, State]
    lift: Lift
    effects: Effects
    places: dict[int, int] = {}
    seen: dict[int, _Seen] = {}
    limits: Limits | None = None
    told: object = None


class _Seen(msgspec.Struct):
    """What is done in a block: its calls, jumps and returns, and its stores."""

    calls: list[Call] = []
    stores: list[Call] = []


def run_through(
    rows: Iterable[Row],
    lift: Lift,
    cases: frozenset[int] = frozenset(),
    budget: Budget | None = None,
    effects: Effects = NOTHING_KNOWN,
) -> Run:
    """What is known where the blocks of a function begin; nothing, once the ``budget`` is spent.

    ``cases``: where jumps by tables lead; where none is known, to every block that nothing else leads to.
    ``effects``: what is known of what calls do.
    """
    budget = budget or Budget(MOST_STEPS)
    blocks = blocks_of(tuple(rows), cases)
    if not blocks:
        return Run(blocks, {}, lift, effects)
    entry = next(start for start in blocks if start != CASES)
    blocks = returning(blocks, entry, lift)
    order = order_of(blocks)
    walk = _Walk(lift, living(blocks, entry, order, lift), order)
    _lead_to(walk, entry, entered(lift, walk.living.at[entry]))
    does = {start: tuple(steps_of(block.rows, lift, effects)) for start, block in blocks.items()}
    steps, left = min(MOST_STEPS, budget.left), iter(blocks)
    while (start := _next(walk, left)) is not None:
        spent = len(blocks[start].rows) + len(blocks[start].followed_by)
        steps, budget.left = steps - spent, budget.left - spent
        if steps < 0:
            return Run(blocks, {}, lift, effects)  # what was found may lack what other ways bring
        state = walk.states[start].copied()
        for change in does[start]:
            change(state)
        for successor in blocks[start].followed_by:
            _lead_to(walk, successor, state)
    return Run(blocks, walk.states, lift, effects)


class _Walk(msgspec.Struct):
    """The way through a function: what is known so far, and where it has to be gone through again.

    A loop is gone through until nothing changes before what comes behind it, in turns: what leads back waits for the
    next one.
    """

    lift: Lift
    living: Living
    order: Mapping[int, tuple[int, int]]
    states: dict[int, State] = {}
    grown: dict[int, Growth] = {}
    work: list[tuple[int, int, int, int]] = []  # a heap: loop, turn, place in that, and where the block begins
    waiting: set[int] = set()
    now: Sequence[int] = (1, 0, 0)  # the loop, the turn and the place


def _next(walk: _Walk, blocks: Iterator[int]) -> int | None:
    """The block that is to be gone through; None at the end."""
    if not walk.work:
        _lead_to_unreached(walk, blocks)
    if not walk.work:
        return None
    *walk.now, start = heappop(walk.work)
    walk.waiting.discard(start)
    if start in walk.grown:
        walk.grown[start].count()
    return start


def _lead_to(walk: _Walk, start: int, state: State) -> None:
    """Takes in that a block may be reached with a state, from the one that is gone through."""
    known, live = walk.states.get(start), walk.living.at[start]
    if known is None:
        merged = narrowed(state, live)
    else:
        if start not in walk.grown:
            walk.grown[start] = Growth(start)
        merged = joined(known, state, walk.grown[start], live, walk.living.floor)
        if merged is known:
            return
    walk.states[start] = merged
    if start not in walk.waiting:
        walk.waiting.add(start)
        (loop, place), (same, turn, now) = walk.order[start], walk.now
        heappush(walk.work, (loop, turn + (place <= now) if loop == same else 0, place, start))


def _lead_to_unreached(walk: _Walk, blocks: Iterator[int]) -> None:
    """Goes on at the next block that nothing was seen to lead to, such as a landing pad; nothing is known there.

    But for how deep the stack is: as at most calls, which is where exceptions come from.
    """
    start = next((start for start in blocks if start not in walk.states and start != CASES), None)
    if start is not None:
        depth = walk.living.depth
        registers: dict[str, Value] = {} if depth is None else {walk.lift.stack: frozenset({Stack(depth)})}
        walk.states[start] = State(registers, {}, blurred=True)
        heappush(walk.work, (walk.order[start][0], 0, walk.order[start][1], start))


def at_calls(run: Run, wanted: frozenset[int], through: frozenset[int] = frozenset()) -> dict[int, Call]:
    """What is passed at each of the ``wanted`` addresses, of calls or returns; what is not reached is left out.

    And at the calls of what stands at one of the addresses ``through``.
    """
    if not run.places:
        run.places = {at: start for start in run.states for at, _, _ in run.blocks[start].rows}
    starts = dict.fromkeys(run.places[at] for at in sorted(wanted & run.places.keys()))
    if through:
        starts |= dict.fromkeys(start for start in run.states if any(map(_is_indirect, run.blocks[start].rows)))
    found: dict[int, Call] = {}
    for start in starts:
        for one in _seen(run, start).calls:
            slot = _through(one.leads_to, through) if through else None
            if slot is not None or one.address in wanted:
                found[one.address] = _limited(run, start, one, slot)
    return found


def at_stores(run: Run) -> tuple[Call, ...]:
    """What is stored where in a function, as far as that is reached."""
    return tuple(one for start in run.states for one in _seen(run, start).stores)


def _seen(run: Run, start: int) -> _Seen:
    """What is done in a block that is reached: it is gone through once more."""
    if start not in run.seen:
        state, seen = run.states[start].copied(), _Seen()
        for row in run.blocks[start].rows:
            _see(run, seen, state, row)
            step(state, row, run.lift, run.effects)
        run.seen[start] = seen
    return run.seen[start]


def _see(run: Run, seen: _Seen, state: State, row: Row) -> None:
    """Takes down what an instruction does, given what is known before it."""
    address, behind, does = row
    if does.kind in _WANTED:
        seen.calls.append(_call(run.lift, state, row))
    elif does.kind == Kind.STORE:
        to, stored = store(state, does, behind)
        seen.stores.append(Call(address, (), UNKNOWN, None, stored, to, width=does.width))


def _is_indirect(row: Row) -> bool:
    return row[2].target is None and row[2].kind in (Kind.CALL, Kind.JUMP)


def _limited(run: Run, start: int, call: Call, through: int | None) -> Call:
    """The same with the ends of tables, where a comparison limits what their entries are counted by."""
    if not any(map(_has_row, (*call.arguments, call.result, call.leads_to))):
        return call if through is None else msgspec.structs.replace(call, through=through)
    if run.limits is None:
        run.limits = limits_of(run.blocks, run.states, lambda state, row: step(state, row, run.lift, run.effects))
    passed = tuple(limited(run.limits, value, start) for value in call.arguments)
    result, leads_to = limited(run.limits, call.result, start), limited(run.limits, call.leads_to, start)
    return msgspec.structs.replace(call, arguments=passed, result=result, leads_to=leads_to, through=through)


@lru_cache(1 << 12)
def _has_row(value: Value) -> bool:
    return any(isinstance(one, Along | Element) for one in value)


def _call(lift: Lift, state: State, row: Row) -> Call:
    """What is passed by a call, a jump or a return."""
    address, behind, does = row
    passed = arguments(state, lift, lift.passed if does.kind == Kind.CALL else lift.stacked)
    pointed = [one.at for value in passed for one in value if isinstance(one, Stack)]
    first = min(pointed, default=0)
    slots = {at: held for at, held in state.slots.items() if first <= at < first + _NEAR} if pointed else {}
    told = tuple(sorted(one for one in state.told if one[0] in pointed)) if pointed else ()
    leads_to = target(state, does, behind) if _is_indirect(row) else UNKNOWN
    return Call(address, passed, state.get(lift.result), slots=slots, told=told, leads_to=leads_to, fields=state.fields)


def _through(leads_to: Value, slots: frozenset[int]) -> int | None:
    """The one of the slots through which a call leads; None where it may lead elsewhere, too."""
    (found, *others) = leads_to or (None,)
    return found.address if isinstance(found, Memory) and not others and found.address in slots else None
