"""What a function does with what its parameters point to, by storing there and by passing it on."""

from __future__ import annotations

from collections.abc import Iterator

from archscan.elf.program import Program, called_of, callee_of, every_store, is_whole, only_reads
from archscan.elf.values import Call
from archscan.elf.values.domain import (
    Along,
    Atom,
    Computed,
    Field,
    FieldAddress,
    Filled,
    Number,
    Parameter,
    Stack,
    Unknown,
    Value,
)

_NOTHING: Value = frozenset()
_CHANGED: Value = frozenset({Unknown("field")})
_WIDEST = 16  # bytes that are stored at once
_FAR = 1 << 20  # bytes that a store may change that does not say how many
_LEAST = 4  # bytes of what is read, as far as nobody knows


def passed_on(program: Program, number: int, argument: int, place: Field) -> Value:
    """What a function's calls may have put into a place of what one of its parameters points to.

    A call may fill in what lies behind the address that it is given, up to the next one that somebody is given. How
    many arguments a function has is not known: a parameter that is still in its own register may be left there from
    before, unless that is the first, and does not count. Nor does what stands on the stack where arguments might, but
    for where the first ones are there.
    """
    given = list(_given(program, number, argument))
    if given and (place.at is None or any(far is None for _, _, far in given)):
        return frozenset({Unknown("field")})
    before = [(far, at, position) for at, position, far in given if far is not None and far <= (place.at or 0)]
    nearest = max((far for far, _, _ in before), default=0)
    return frozenset(Filled(at, position, (place.at or 0) - far) for far, at, position in before if far == nearest)


def _given(program: Program, number: int, argument: int) -> Iterator[tuple[int, int, int | None]]:
    """The calls that may store where one of a function's parameters points: as which argument, and how far from there.

    What is left over in its own register, which seems to be passed, is not.
    """
    lift = program.lift
    stacked = lift.most_stacked if lift.stack_first else 0
    looked_at, left_over = stacked + len(lift.arguments), stacked or 1
    for call in called_of(program, number):
        for position, value in enumerate(call.arguments[:looked_at]):
            for far in distances(value, argument):
                left = position == argument >= left_over and not far
                if not left and not only_reads(program, call.address, position):
                    yield call.address, position, far


def leaves_text(program: Program, number: int, argument: int, depth: int) -> bool:
    """Whether a function changes nothing where one of its parameters points, nor do those to which it passes that."""
    if not is_whole(program, number) or any(distances(one.to, argument) for one in every_store(program, number)):
        return False
    given = {(callee_of(program, number, at), position) for at, position, _ in _given(program, number, argument)}
    return all(callee >= 0 and depth > 0 and leaves_text(program, callee, at, depth - 1) for callee, at in given)


def changed(program: Program, callee: int, call: Call | None, place: Field) -> Value:
    """What a function that is called may have put into a place reached from its parameters, before it read that.

    Nobody knows what, where that lies behind further pointers; or another parameter points to the same place.
    """
    if not isinstance(place.of, Parameter):
        return _CHANGED if _changes(program, callee) else _NOTHING
    if meets(program, callee, call, place.of.number, place):
        return _CHANGED
    return passed_on(program, callee, place.of.number, place)


def meets(program: Program, callee: int, call: Call | None, argument: int, place: Field) -> bool:
    """Whether a function that is called may store in a place of what an argument points to by way of another one."""
    passed = call.arguments if call else ()
    own = [one.at for one in passed[argument] if isinstance(one, Stack)] if argument < len(passed) else []
    others = {
        (number, one.at)
        for number, value in enumerate(passed if own else ())
        for one in value
        if isinstance(one, Stack) and number != argument
    }
    for store in every_store(program, callee) if others else ():
        for number, other in others:
            for far in distances(store.to, number):
                at = None if far is None or place.at is None else other + far - place.at
                if at is None or any(at - place.width < one < at + (store.width or _WIDEST) for one in own):
                    return True
    return False


def stored_at(store: Call, argument: int, at: int) -> Value | None:
    """What a function stores at a distance from where one of its parameters points; None where nobody knows where.

    Nobody knows what, where it stores more bytes than stand there, or less.
    """
    far = distances(store.to, argument)
    if None in far or any(isinstance(one, Unknown | Along) for one in store.to):
        return None
    found = store.stored if at in far else _NOTHING
    near = [one for one in far if one is not None and one != at]
    meet = any(one < at < one + (store.width or _FAR) or at < one < at + _LEAST for one in near)
    return found | _CHANGED if meet else found


def _changes(program: Program, number: int) -> bool:
    """Whether a function may change anything but its own stack and variables of the object."""
    if not is_whole(program, number):
        return True
    if any(not isinstance(one, Stack | Number) for store in every_store(program, number) for one in store.to):
        return True
    return any(
        isinstance(_begin(one), Parameter) and not only_reads(program, call.address, position)
        for call in called_of(program, number)
        for position, value in enumerate(call.arguments)
        for one in value
    )


def _begin(one: Atom) -> Atom:
    """The first of the pointers by which something is reached."""
    while isinstance(one, Field | FieldAddress | Computed):
        one = one.of
    return one


def distances(value: Value, argument: int) -> set[int | None]:
    """How far from where a parameter points a value may point."""
    found: set[int | None] = {one.at for one in value if isinstance(one, FieldAddress) and _is(one.of, argument)}
    found |= {None for one in value if isinstance(one, Computed) and _is(one.of, argument)}
    return found | {0 for one in value if _is(one, argument)}


def _is(one: Atom, argument: int) -> bool:
    return isinstance(one, Parameter) and one.number == argument
