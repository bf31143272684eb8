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
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush

import msgspec

from archscan.elf.arch.lifting import Kind, Lift, Operation
from archscan.elf.values.blocks import CASES, Block, Row, blocks_of, order_of
from archscan.elf.values.calls import NOTHING_KNOWN, Effects, arguments
from archscan.elf.values.domain import UNKNOWN, Along, Element, Held, Memory, Stack, Value
from archscan.elf.values.limits import Limits, limited, limits_of
from archscan.elf.values.liveness import Living, living, returning
from archscan.elf.values.state import Growth, State, entered, joined, narrowed
from archscan.elf.values.steps import step, store, target

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

    ``limits``: how far it reads tables, by comparisons; None before that is asked.
    """

    blocks: Mapping[int, Block]
    states: Mapping[int, State]
    lift: Lift
    effects: Effects
    limits: Limits | None = None


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
            _lead_to(walk, successor, state, walk.order[start])
    return Run(blocks, walk.states, lift, effects)


class _Walk(msgspec.Struct):
    """The way through a function: what is known so far, and where it has to be gone through again.

    That are two heaps: blocks are taken in their ``order``, and what leads back waits for the next turn.
    """

    lift: Lift
    living: Living
    order: Mapping[int, int]
    states: dict[int, State] = {}
    grown: defaultdict[int, Growth] = msgspec.field(default_factory=lambda: defaultdict(Growth))
    now: list[tuple[int, int]] = []
    later: list[tuple[int, int]] = []
    waiting: set[int] = set()


def _next(walk: _Walk, blocks: Iterator[int]) -> int | None:
    """The block that is to be gone through; None at the end."""
    if not walk.now:
        walk.now, walk.later = walk.later or _unreached(walk, blocks), []
        if not walk.now:
            return None
    _, start = heappop(walk.now)
    walk.waiting.discard(start)
    if start in walk.grown:
        walk.grown[start].count()
    return start


def _lead_to(walk: _Walk, start: int, state: State, origin: int = -1) -> None:
    """Takes in that a block may be reached with a state, from the one that is the ``origin``th in their order."""
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
        place = walk.order[start]
        heappush(walk.now if place > origin else walk.later, (place, start))


def _unreached(walk: _Walk, blocks: Iterator[int]) -> list[tuple[int, int]]:
    """The next block that nothing was seen to lead to, such as a landing pad of an exception; nothing is known there.

    But for how deep the stack is: as at most calls, which is where exceptions come from.
    """
    start = next((start for start in blocks if start not in walk.states and start != CASES), None)
    if start is None:
        return []
    depth = walk.living.depth
    walk.states[start] = State({} if depth is None else {walk.lift.stack: frozenset({Stack(depth)})}, {}, blurred=True)
    return [(walk.order[start], start)]


def at_calls(run: Run, wanted: frozenset[int], through: frozenset[int] = frozenset()) -> dict[int, Call]:
    """What is passed at each of the ``wanted`` addresses, of calls or returns; what is not reached is left out.

    And at the calls of what stands at one of the addresses ``through``.
    """
    found: dict[int, Call] = {}
    for start, known in run.states.items():
        rows = run.blocks[start].rows
        if any(at in wanted or (through and _is_indirect(does)) for at, _, does in rows):
            found |= {one.address: one for one in _in_block(run, start, known.copied(), wanted, through)}
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


def _in_block(run: Run, start: int, state: State, wanted: frozenset[int], through: frozenset[int]) -> Iterator[Call]:
    """Changes a state as the instructions of a block do, and takes down what is wanted of them."""
    for address, behind, does in run.blocks[start].rows:
        slot = _through(state, does, behind, through) if through and _is_indirect(does) else None
        if slot is not None or (address in wanted and does.kind in _WANTED):
            leads_to = target(state, does, behind) if _is_indirect(does) else UNKNOWN
            first = run.lift.passed if does.kind == Kind.CALL else run.lift.stacked
            yield _call(run, start, state, address, slot, leads_to, arguments(state, run.lift, first))
        step(state, does, address, behind, run.lift, run.effects)


def _limited(run: Run, value: Value, block: int) -> Value:
    """The same with the ends of tables, where a comparison limits what their entries are counted by."""
    if not any(isinstance(one, Along | Element) for one in value):
        return value
    if run.limits is None:
        lift, effects = run.lift, run.effects
        run.limits = limits_of(
            run.blocks, run.states, lambda state, does, at, behind: step(state, does, at, behind, lift, effects)
        )
    return limited(run.limits, value, block)


def _call(
    run: Run, start: int, state: State, address: int, slot: int | None, leads_to: Value, passed: tuple[Value, ...]
) -> Call:
    passed = tuple(_limited(run, value, start) for value in passed)
    pointed = [one.at for value in passed for one in value if isinstance(one, Stack)]
    first = min(pointed, default=0)
    slots = {at: held for at, held in state.slots.items() if first <= at < first + _NEAR} if pointed else {}
    result, leads_to = _limited(run, state.get(run.lift.result), start), _limited(run, leads_to, start)
    return Call(address, passed, result, slot, slots=slots, leads_to=leads_to)


def _through(state: State, does: Operation, behind: int, slots: frozenset[int]) -> int | None:
    """The one of the slots through which a call leads; None where it may lead elsewhere, too."""
    (found, *others) = target(state, does, behind) or (None,)
    return found.address if isinstance(found, Memory) and not others and found.address in slots else None
