"""What a call leaves of what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache, partial

import msgspec

from archscan.elf.arch.lifting import Lift, Operation
from archscan.elf.values.domain import OWN, UNKNOWN, Filled, Held, Number, Result, Stack, Unknown, Value, together
from archscan.elf.values.state import State

_NOTHING: Value = frozenset()
_LOST: Value = frozenset({Unknown("stack")})
_HALF = 4
RESULT = 64  # as the number of an argument: the register in which only the place of a result is passed
_MOST_STORED = 1 << 16  # bytes of a stack that one call is thought to store


class Effect(Enum):
    """What a call does with what an argument points to."""

    FILLS = 1
    MAY_FILL = 2
    READS = 3
    LENDS = 4  # reads it, and may return an address in it


class Effects(msgspec.Struct, frozen=True):
    """What is known of calls: of the one at an address, what it does with what one of its arguments points to.

    And whether it returns its first argument, and which one says how many bytes it stores.
    """

    on: Callable[[int, Operation, int], Effect] = lambda _address, _does, _argument: Effect.FILLS
    returns_first: Callable[[int], bool] = lambda _address: False
    length: Callable[[int], int | None] = lambda _address: None


NOTHING_KNOWN = Effects()


def stacked(state: State, lift: Lift, first: int) -> tuple[Value, ...]:
    """The arguments that are on the stack, from a distance on, as far as something is known there."""
    found: list[Value] = []
    (top, *others) = state.get(lift.stack) or (None,)
    while isinstance(top, Stack) and not others and len(found) < lift.most_stacked:
        at = top.at + first + lift.word * len(found)
        width, value = state.slots.get(at, (0, UNKNOWN))
        # Where the own frame ends, what the caller has put begins.
        if (top.at < 0 <= at) or (not width and not lift.stack_first):
            break
        found.append(value or UNKNOWN)
    return tuple(found)


def arguments(state: State, lift: Lift, first: int) -> tuple[Value, ...]:
    """What a function that is called finds in its arguments, those on the stack beginning at a distance."""
    registers, on_stack = tuple(map(state.get, lift.arguments)), stacked(state, lift, first)
    if not lift.stack_first:
        return registers + on_stack
    return on_stack + (UNKNOWN,) * (lift.most_stacked - len(on_stack)) + registers


def calling(address: int, does: Operation, lift: Lift, effects: Effects) -> Callable[[State], None]:
    """What a call does to a state."""
    made = _Made(address, does, lift, effects.on, effects.returns_first(address), effects.length(address))
    return partial(_call, made, frozenset({Result(address)}))


class _Made(msgspec.Struct, frozen=True):
    """A call, and what is known of it whatever it is passed (`Effects`)."""

    address: int
    does: Operation
    lift: Lift
    on: Callable[[int, Operation, int], Effect]
    returns_first: bool
    length: int | None


def _call(made: _Made, result: Value, state: State) -> None:
    """What a function that is called leaves: the registers that it must keep, and slots that nobody pointed it to.

    A function of the object may leave a slot as it was, which can be looked up; one of another is pointed to what it is
    to fill in. What lies behind such a slot may be part of the same structure, up to the next place that somebody was
    pointed to.
    """
    registers, lift = state.registers, made.lift
    given_to = arguments(state, lift, lift.passed) if lift.stack_first else tuple(map(state.get, lift.arguments))
    # What is left in the registers of further arguments may be the address, too.
    own, given = _given((*given_to, *map(state.get, lift.pointers)))
    if lift.stack_first:
        _escape_stored(state, lift, frozenset(at for at, _ in given))
    if own:
        state.forget_all()
    if given:
        _call_with(made, given_to, given, state)
    else:
        state.forget_escaped()
    state.forget_fields()
    state.registers = {name: registers[name] for name in lift.preserved if name in registers}
    state.registers[lift.result] = given_to[0] if made.returns_first else result


@lru_cache(1 << 12)
def _given(passed: tuple[Value, ...]) -> tuple[bool, tuple[tuple[int, int], ...]]:
    """Whether any address of the own stack may be passed; and which are, each with the number of the argument."""
    given = tuple((one.at, n) for n, value in enumerate(passed) for one in value if isinstance(one, Stack))
    return any(OWN in value for value in passed), given


def _call_with(made: _Made, arguments: Sequence[Value], given: Sequence[tuple[int, int]], state: State) -> None:
    """What a call leaves of the stack that is ``given`` some of its places, with the number of the argument."""
    address, word = made.address, made.lift.word
    beyond = len(arguments)  # from where registers are no arguments
    places = [(at, n if n < beyond else RESULT) for at, n in given]
    effect = {(at, n): made.on(address, made.does, n) for at, n in places}
    told = [(at, n, how) for (at, n), how in effect.items() if how in (Effect.FILLS, Effect.MAY_FILL)]
    # A place that is in several registers is given once to a function of another object: the others are left over.
    first = dict(sorted(effect, reverse=True))
    own = {at for at, n in first.items() if effect[at, n] == Effect.MAY_FILL}
    told = [(at, n, how) for at, n, how in told if how != Effect.FILLS or first[at] == n or at in own]
    surely = {at for at, _, how in told if how == Effect.FILLS}
    before = {at: _before(state, at) for at, _, _ in told if at not in surely}
    lent = [(at, address, -1) for (at, _), how in effect.items() if how == Effect.LENDS]
    state.forget_escaped()  # what is known already; what this call gets is filled in below
    state.escape([*lent, *((at, address, n) for at, n, _ in told)])
    length = _length(arguments, made.length)
    for at in dict.fromkeys(at for at, _, _ in told):
        numbers = [n for place, n, _ in told if place == at]
        state.forget(at, at + length)
        # The next place that somebody was told is another variable.
        end = min((place for place, _, _ in state.told if place > at), default=0)
        width, value = before.get(at, (0, _NOTHING))
        state.put(at, width or _width_before(end - at, word), _filled(value, address, numbers))
        for further in [one for one in state.slots if at < one < end and not length]:
            width, value = state.slots[further]
            state.put(further, width, _filled(value, address, numbers, further - at))


def _filled(value: Value, address: int, numbers: Iterable[int], at: int = 0) -> Value:
    """A value, or what a call filled in; the same value where that is among it."""
    return together(value, frozenset(Filled(address, n, at) for n in numbers))


def _escape_stored(state: State, lift: Lift, given: frozenset[int]) -> None:
    """Takes in that others may find the addresses that the function has stored elsewhere than among the arguments.

    A place that is itself ``given`` is no argument, though it may lie where further ones would.
    """
    (top, *others) = state.get(lift.stack) or (None,)
    known = isinstance(top, Stack) and not others
    first = top.at + lift.passed if isinstance(top, Stack) and known else 0
    last = first + lift.word * lift.most_stacked if known else first
    stored = [(at, one) for at, (_, value) in state.slots.items() for one in value if isinstance(one, Stack)]
    state.escape((one.at, 0, -1) for at, one in stored if at in given or not first <= at < last)


def _width_before(distance: int, word: int) -> int:
    """Bytes of the widest slot that fits into some."""
    return next((width for width in (8, 4, 2) if width <= min(distance, word)), 1) if distance > 0 else word


def _before(state: State, at: int) -> Held:
    """What a slot held, nothing if nothing was stored there; of no width where there is none."""
    return state.slots.get(at, (0, state.filled(at) if state.is_empty(at, _HALF) else _LOST))


def _length(arguments: Sequence[Value], number: int | None) -> int:
    """How many bytes a call stores at most, as an argument says; 0 where that is not known."""
    value = arguments[number] if number is not None and number < len(arguments) else _NOTHING
    return max((min(one.value, _MOST_STORED) for one in value if isinstance(one, Number)), default=0)
