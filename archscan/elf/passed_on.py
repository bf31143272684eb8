"""What a function does with what one of its parameters points to, by passing it on."""

from __future__ import annotations

from archscan.elf.program import Program, called_of, only_reads
from archscan.elf.values.domain import Atom, Computed, Field, FieldAddress, Filled, Parameter, Unknown, Value


def passed_on(program: Program, number: int, argument: int, place: Field) -> Value:
    """What a function's calls may have put into a place of what one of its parameters points to.

    A call may fill in what lies behind the address that it is given, up to the next one that somebody is given. How
    many arguments a function has is not known: a parameter that is still in its own register may be left there from
    before, unless that is the first, and does not count. Nor does what stands on the stack where arguments might, but
    for where the first ones are there.
    """
    lift = program.lift
    stacked = lift.most_stacked if lift.stack_first else 0
    looked_at, left_over = stacked + len(lift.arguments), stacked or 1
    given = [
        (call.address, position, far)
        for call in called_of(program, number)
        for position, value in enumerate(call.arguments[:looked_at])
        for far in distances(value, argument)
        if not (only_reads(program, call.address, position) or (position == argument >= left_over and not far))
    ]
    if given and (place.at is None or any(far is None for _, _, far in given)):
        return frozenset({Unknown("field")})
    before = [(far, at, position) for at, position, far in given if far is not None and far <= (place.at or 0)]
    nearest = max((far for far, _, _ in before), default=0)
    return frozenset(Filled(at, position, (place.at or 0) - far) for far, at, position in before if far == nearest)


def distances(value: Value, argument: int) -> set[int | None]:
    """How far from where a parameter points a value may point."""
    found: set[int | None] = {one.at for one in value if isinstance(one, FieldAddress) and _is(one.of, argument)}
    found |= {None for one in value if isinstance(one, Computed) and _is(one.of, argument)}
    return found | {0 for one in value if _is(one, argument)}


def _is(one: Atom, argument: int) -> bool:
    return isinstance(one, Parameter) and one.number == argument
