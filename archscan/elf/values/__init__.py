"""What registers and stack slots of a function can hold where it calls others.

A function is decoded once, cut into ``blocks``, and run through with values instead of numbers until nothing changes
(`run_through`): what several ways bring to one place is a set. What it passes, returns or stores at some place is
looked up afterwards (`at_calls`). ``domain`` has the values, ``state`` what is known at one place, ``steps`` and
``calls`` what one instruction does to that, ``liveness`` what of it may still be read. What differs between processors
is how an instruction is read, in ``arch``.

Bounded by construction: instructions of a function, how often a value becomes more, and how many values a set has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush

import msgspec

from archscan.elf.arch.lifting import Kind, Lift, Operation
from archscan.elf.values.blocks import CASES, Block, Row, blocks_of, order_of
from archscan.elf.values.calls import NOTHING_KNOWN, Effects
from archscan.elf.values.domain import UNKNOWN, Along, Element, Held, Memory, Stack, Value
from archscan.elf.values.liveness import Living, living
from archscan.elf.values.state import MOST_STACKED, Growth, State, entered, joined, narrowed
from archscan.elf.values.steps import held, line_of, step, store, target

_WANTED = (Kind.CALL, Kind.JUMP, Kind.BRANCH, Kind.RETURN)
_NEAR = 1024  # bytes of the stack that are kept for a call that is given an address of it
MOST_STEPS = 200_000  # instructions that are gone through for one function; an option parser takes about 50,000


class Call(msgspec.Struct, frozen=True):
    """A call, or a jump to another function: its arguments as far as they are known, in their order.

    Or a return, and what the register of the ``result`` holds there; or a store, what it stores, ``to`` where, and how
    many bytes (``width``).
    ``through``: the address at which the function stands that is called. ``slots``: what is known of the stack from
    where the first of the arguments that are addresses of it points. ``leads_to``: where the call leads, unless the
    instruction says that.
    """

    address: int
    arguments: tuple[Value, ...]
    result: Value
    through: int | None = None
    stored: Value = UNKNOWN
    to: Value = UNKNOWN
    width: int = 0
    slots: Mapping[int, Held] = {}
    leads_to: Value = UNKNOWN


class Budget(msgspec.Struct):
    """How many more instructions may be gone through for an object."""

    left: int


class Run(msgspec.Struct):
    """A function that was gone through: its blocks, and what is known where those begin that are reached.

    ``limits``: what is less than which number where the function goes on, by comparisons; None before that is asked.
    """

    blocks: Mapping[int, Block]
    states: Mapping[int, State]
    lift: Lift
    effects: Effects
    limits: tuple[tuple[Value, int], ...] | None = None


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
    walk = _Walk(lift, living(blocks, entry, lift), order_of(blocks))
    _lead_to(walk, entry, entered(lift, walk.living.at[entry]))
    steps, left = min(MOST_STEPS, budget.left), iter(blocks)
    while (start := _next(walk, left)) is not None:
        spent = len(blocks[start].rows) + len(blocks[start].followed_by)
        steps, budget.left = steps - spent, budget.left - spent
        if steps < 0:
            return Run(blocks, {}, lift, effects)  # what was found may lack what other ways bring
        state = walk.states[start].copied()
        for address, behind, does in blocks[start].rows:
            step(state, does, address, behind, lift, effects)
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
    grown: defaultdict[int, Growth] = msgspec.field(default_factory=lambda: defaultdict(Growth))
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
    found: dict[int, Call] = {}
    for start, known in run.states.items():
        rows = run.blocks[start].rows
        if any(at in wanted or (through and _is_indirect(does)) for at, _, does in rows):
            found |= {one.address: one for one in _in_block(run, rows, known.copied(), wanted, through)}
    return found


def at_stores(run: Run) -> tuple[Call, ...]:
    """What is stored where in a function, as far as that is reached."""
    return tuple(
        one for start, known in run.states.items() for one in _stores(run, run.blocks[start].rows, known.copied())
    )


def _stores(run: Run, rows: Iterable[Row], state: State) -> Iterator[Call]:
    for address, behind, does in rows:
        if does.kind == Kind.STORE:
            to, stored = store(state, does, behind)
            yield Call(address, (), UNKNOWN, None, stored, to, width=does.width)
        step(state, does, address, behind, run.lift, run.effects)


def _is_indirect(does: Operation) -> bool:
    return does.target is None and does.kind in (Kind.CALL, Kind.JUMP)


def _in_block(
    run: Run, rows: Iterable[Row], state: State, wanted: frozenset[int], through: frozenset[int]
) -> Iterator[Call]:
    """Changes a state as the instructions of a block do, and takes down what is wanted of them."""
    for address, behind, does in rows:
        slot = _through(state, does, behind, through) if through and _is_indirect(does) else None
        if slot is not None or (address in wanted and does.kind in _WANTED):
            leads_to = target(state, does, behind) if _is_indirect(does) else UNKNOWN
            stacked = _stacked(state, run.lift, 0 if does.kind == Kind.CALL else run.lift.stacked)
            yield _call(run, state, address, slot, _limited(run, leads_to), stacked)
        step(state, does, address, behind, run.lift, run.effects)


def _stacked(state: State, lift: Lift, first: int) -> tuple[Value, ...]:
    """The arguments that are on the stack, from a distance on, as far as something is known there."""
    found: list[Value] = []
    (top, *others) = state.get(lift.stack) or (None,)
    while isinstance(top, Stack) and not others and len(found) < MOST_STACKED:
        width, value = state.slots.get(top.at + first + lift.word * len(found), (0, UNKNOWN))
        if not width:
            break
        found.append(value)
    return tuple(found)


def _limited(run: Run, value: Value) -> Value:
    """The same with the ends of tables, where a comparison limits what their entries are counted by."""
    if not any(isinstance(one, Along | Element) for one in value):
        return value
    if run.limits is None:
        run.limits = tuple(_limits(run))
    return frozenset(
        Element(_ended(one.at, run.limits), one.width)
        if isinstance(one, Element)
        else _ended(one, run.limits)
        if isinstance(one, Along)
        else one
        for one in value
    )


def _ended(one: Along, limits: tuple[tuple[Value, int], ...]) -> Along:
    found = [known for value, limit in limits if (known := _range(one, value, limit)) is not None]
    if not found:
        return one
    table, end = min(begin for begin, _ in found), max(end for _, end in found)
    return msgspec.structs.replace(one, table=max(table, one.table), end=end)


def _range(one: Along, value: Value, limit: int) -> tuple[int, int] | None:
    """From where a row goes, and what it is less than, where a value is less than a limit."""
    for other in value:
        line = line_of(other)
        if line is not None and (line.of, line.stride) == (one.of, 1):
            return one.start - one.stride * line.start, one.start + one.stride * (limit - line.start)
    return None


def _limits(run: Run) -> Iterator[tuple[Value, int]]:
    """What is compared with a number before a branch, and the number."""
    for start, known in run.states.items():
        rows, state = run.blocks[start].rows, known.copied()
        if not rows or rows[-1][2].kind != Kind.BRANCH:
            continue
        compared: tuple[Value, int] | None = None
        for address, behind, does in rows:
            if does.kind == Kind.NOTHING and does.number is not None:
                compared = held(state, does, behind), does.number
            step(state, does, address, behind, run.lift, run.effects)
        if compared is not None:
            yield compared[0], compared[1] + rows[-1][2].added


def _call(run: Run, state: State, address: int, slot: int | None, leads_to: Value, stacked: tuple[Value, ...]) -> Call:
    arguments = tuple(_limited(run, value) for value in (*map(state.get, run.lift.arguments), *stacked))
    pointed = [one.at for value in arguments for one in value if isinstance(one, Stack)]
    first = min(pointed, default=0)
    slots = {at: held for at, held in state.slots.items() if first <= at < first + _NEAR} if pointed else {}
    result = _limited(run, state.get(run.lift.result))
    return Call(address, arguments, result, slot, slots=slots, leads_to=leads_to)


def _through(state: State, does: Operation, behind: int, slots: frozenset[int]) -> int | None:
    """The one of the slots through which a call leads, or may."""
    found = {one.address for one in target(state, does, behind) if isinstance(one, Memory) and one.address in slots}
    return found.pop() if len(found) == 1 else None
