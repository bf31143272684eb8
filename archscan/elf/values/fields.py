"""What a function has stored where other pointers than those to its stack point, by pointer and distance."""

from __future__ import annotations

from collections.abc import Mapping

from archscan.elf.values.domain import Held, Pointer, Unknown, Value, held_in

CHANGED: Value = frozenset({Unknown("field")})
Fields = dict[tuple[Pointer, int], Held]


def field_of(fields: Mapping[tuple[Pointer, int], Held], of: Pointer, at: int | None, width: int) -> Value:
    """What stands at a distance from where something points."""
    if not fields:
        return held_in(of, at, width)
    known = fields.get((of, at)) if at is not None else None
    if known is not None:
        return known[1] if known[0] == width else CHANGED
    for (pointer, place), (wide, _) in fields.items():
        if pointer == of and (at is None or meet(place, wide, at, width)):
            return CHANGED
    return held_in(of, at, width)


def meet(one: int, width: int, other: int, wide: int) -> bool:
    """Whether two fields of the same thing have a byte in common, and are not the same."""
    return one != other and one < other + wide and other < one + width
