"""What stands where pointers point, and what the parameters of a function are to who calls it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from archscan.elf.values import Call
from archscan.elf.values.arithmetic import computed, made_of
from archscan.elf.values.domain import (
    UNKNOWN,
    Along,
    Atom,
    Computed,
    Element,
    Field,
    FieldAddress,
    Memory,
    Number,
    Parameter,
    Pointer,
    Stack,
    Unknown,
    Value,
    field,
)
from archscan.elf.values.fields import CHANGED, field_of

NEVER_STORED: Value = frozenset({Unknown("stack")})


def as_passed(call: Call | None, one: Atom) -> Value | None:
    """What a parameter of a function was to its caller, or something that is reached from there; None if it is neither.

    What stands behind further pointers is what stood there when the function was called.
    """
    if isinstance(one, Computed):
        made = as_passed(call, one.of)
        return None if made is None else computed(one, made)
    if isinstance(one, Field | FieldAddress):
        pointers = as_passed(call, one.of)
        if pointers is None:
            return None
        if isinstance(one, Field):
            return at_place(pointers, one, call)
        return UNKNOWN if isinstance(one.of, Parameter) else moved(one, pointers)
    if not isinstance(one, Parameter) or one.of:
        return None
    return call.arguments[one.number] if call and one.number < len(call.arguments) else UNKNOWN


def moved(place: FieldAddress, pointers: Value) -> Value:
    """The addresses at a distance from where pointers point."""
    found: set[Atom] = set()
    for one in pointers:
        if isinstance(one, Pointer):
            found.add(FieldAddress(one, place.at))
        elif isinstance(one, FieldAddress):
            found.add(FieldAddress(one.of, _sum(one.at, place.at)))
        elif isinstance(one, Number) and place.at is not None:
            found.add(Number(one.value + place.at))
        else:
            found |= made_of(one)
    return frozenset(found)


def at_place(pointers: Iterable[Atom], place: Field, call: Call | None) -> Value:
    """What stands in a field of what pointers point to, as a call passes them."""
    found: set[Atom] = set()
    for one in pointers:
        if isinstance(one, Pointer):
            found |= _behind(one, place.at, place, call)
        elif isinstance(one, FieldAddress):
            found |= _behind(one.of, _sum(one.at, place.at), place, call)
        elif one == Number(0):
            continue  # nobody reads what NULL points to
        elif place.at is None or place.again:
            found.add(Unknown("list" if place.again else "indexed"))
        elif isinstance(one, Number):
            found.add(Memory(one.value + place.at, place.width))
        elif isinstance(one, Stack):
            width, value = call.slots.get(one.at + place.at, (0, NEVER_STORED)) if call else (0, NEVER_STORED)
            found |= value if width in (0, place.width) else {Unknown("field")}
        elif isinstance(one, Along):
            end = one.end + place.at if one.end else 0
            found.add(Element(Along(one.start + place.at, one.stride, one.of, one.table, end), place.width))
        else:
            found.add(Unknown("field"))
    return frozenset(found)


def _behind(of: Pointer, at: int | None, place: Field, call: Call | None) -> Value:
    """What stands at a distance from where something points, or that far behind it, where a list is meant.

    What the function has stored there before the call that passes it is that, unless it is somewhere in a list.
    """
    if not place.again:
        return field_of(call.fields if call else {}, of, at, place.width)
    one = field(of, at, place.width)
    again: Value = frozenset({msgspec.structs.replace(one, again=True) if isinstance(one, Field) else one})
    return again | CHANGED if call and any(pointer == of for pointer, _ in call.fields) else again


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
