"""Numbers and entries of tables that code counts by what callers, variables and other functions give."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from archscan.elf.values.domain import (
    Along,
    Atom,
    Computed,
    Element,
    Field,
    Filled,
    Kept,
    Memory,
    Number,
    Parameter,
    Result,
    Value,
)

_COUNTING = Parameter | Result | Filled | Memory | Field | Kept | Computed
_NOTHING: Value = frozenset()


def counted(one: Along | Element, followed: Callable[[Atom], Value]) -> Value:
    """The same with what that is that is counted by; where it is a number, the number or the entry that is meant.

    As it is where an end is known: then all up to there may be meant. ``followed``: what a value is, looked at further.
    """
    line = one.at if isinstance(one, Element) else one
    if line.end or not isinstance(line.of, _COUNTING):
        return frozenset({one})
    found = _NOTHING
    for by in followed(line.of):
        if not isinstance(by, Number):
            meant = msgspec.structs.replace(line, of=by) if isinstance(by, _COUNTING) else line
            found |= {msgspec.structs.replace(one, at=meant) if isinstance(one, Element) else meant}
            continue
        place = line.start + by.value * line.stride
        found |= followed(Memory(place, one.width)) if isinstance(one, Element) else {Number(place)}
    return found
