"""What comes of adding and multiplying values; of each, where there are several."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from itertools import product

from archscan.elf.arch.lifting import Operator
from archscan.elf.values.domain import (
    COUNTED,
    OWN,
    UNKNOWN,
    Along,
    Atom,
    Computed,
    Counted,
    Element,
    Field,
    FieldAddress,
    Memory,
    Number,
    Pointer,
    Stack,
    Unknown,
    Value,
    bounded,
    is_own,
)

FARTHEST_FIELD = 0x1000  # bytes of a structure; a larger number that is added is an address
_SUM: Value = frozenset({Unknown("sum")})
_MASKED: dict[Value, Value] = {
    frozenset({Number(mask)}): frozenset(Number(number) for number in range(mask + 1) if not number & ~mask)
    for mask in range(1, 16)
}  # what a few of the lowest bits can be
_DISTANCES = (Operator.ADD, Operator.SUBTRACT)
_WORD = 8
_WIDEST_ENTRY = 4096  # bytes of an entry of a table
_OPAQUE = Pointer
_LOWEST = {0xFF: 1, 0xFFFF: 2}  # masks of the lowest bytes → how many


def _shifted(value: int, by: int) -> int:
    return value << (by & 63)


_COMPUTES: dict[Operator, Callable[[int, int], int]] = {
    Operator.AND: operator.and_,
    Operator.OR: operator.or_,
    Operator.XOR: operator.xor,
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.SHIFT: _shifted,
}


@lru_cache(1 << 12)
def number(value: int) -> Value:
    """A number alone."""
    return frozenset({Number(value)})


def _signed(value: int) -> Number:
    """A number of 64 bits, with its sign."""
    return Number((value + (1 << 63)) % (1 << 64) - (1 << 63))


def lowest(value: Value, width: int) -> Value:
    """The lowest bytes of each value."""
    return combined(Operator.AND, value, number((1 << 8 * width) - 1))


def plus(value: Value, distance: int) -> Value:
    """Each value with a number added, where that means something."""
    return _plus(value, distance) if distance else value


@lru_cache(1 << 14)
def _plus(value: Value, distance: int) -> Value:
    """The same for a number that changes something, once for each."""
    found: set[Atom] = set()
    for one in value:
        if isinstance(one, Number):
            found.add(_signed(one.value + distance))
        elif isinstance(one, Stack):
            found.add(Stack(one.at + distance))
        elif isinstance(one, Pointer):
            found.add(FieldAddress(one, distance))
        elif isinstance(one, FieldAddress):
            found.add(_further(one, distance))
        elif isinstance(one, Along):
            found.add(along(one, distance))
        elif isinstance(one, Unknown):
            found.add(one)
        elif isinstance(one, Computed) and one.low:
            found.add(Computed(one.of, one.low, one.added, one.behind + distance))
        else:
            found |= made_of(one)
    return frozenset(found)


@lru_cache(1 << 14)
def combined(by: Operator, left: Value, right: Value) -> Value:
    """What an operator makes of each value and each other."""
    if by == Operator.AND and right in _MASKED:
        return left if _MASKED[right].issuperset(left) else _MASKED[right]
    many = len(left) > 1 and len(right) > 1  # which go together nobody knows
    if is_own(left | right) and (many or by not in _DISTANCES):
        return frozenset({OWN})
    if by == Operator.MULTIPLY and all(isinstance(one, Number) for one in left):
        left, right = right, left
    found: set[Atom] = set()
    for one, other in product(left, right):
        if by == Operator.AND and isinstance(other, Number) and (low := _low(one, other.value)):
            found.add(low)
        elif isinstance(one, Number) and isinstance(other, Number) and by in _COMPUTES:
            found |= _SUM if many else {_signed(_COMPUTES[by](one.value, other.value))}
        elif by in _DISTANCES and not many:
            found |= _sum(one, other, 1 if by == Operator.ADD else -1)
        elif by in (Operator.MULTIPLY, Operator.SHIFT) and isinstance(other, Number) and not many:
            found |= _times(one, 1 << (other.value & 63) if by == Operator.SHIFT else other.value)
        else:
            found |= made_of(one, other)
    return bounded(frozenset(found))


def _low(one: Atom, mask: int) -> Atom | None:
    """The lowest one or two bytes of a value; None where that is not told from what is computed in other ways."""
    if mask not in _LOWEST:
        return None
    if isinstance(one, Computed) and one.low >= mask:
        return Computed(one.of, mask, one.added + one.behind)
    if isinstance(one, Computed) and one.low:
        return None if one.behind else one
    if isinstance(one, Field | Memory) and one.width <= _LOWEST[mask]:
        return one
    if isinstance(one, FieldAddress) and one.at is not None:
        return Computed(one.of, mask, one.at)
    return Computed(one, mask) if isinstance(one, Pointer) else None


def computed(by: Computed, of: Value) -> Value:
    """What is computed as one value is, of others than that is computed of."""
    found: set[Atom] = set()
    for one in of:
        if isinstance(one, Number) and by.low:
            found.add(Number((one.value + by.added & by.low) + by.behind))
        else:
            found |= made_of(one)
    return frozenset(found)


def made_of(*values: Atom) -> Value:
    """What is computed of some values together: of what is known of them, unless that is nothing but numbers."""
    found: set[Atom] = set()
    for one in values:
        of = (
            one.at.of
            if isinstance(one, Element)
            else one.of
            if isinstance(one, FieldAddress | Along | Computed)
            else one
        )
        if is_own(frozenset({one})):
            return frozenset({OWN})
        of = of.of if isinstance(of, Computed) else of
        if isinstance(of, _OPAQUE):
            found.add(Computed(of))
        elif not isinstance(one, Number):
            found.add(of if isinstance(of, Unknown) else Unknown("computed"))
    return frozenset(found) or UNKNOWN


def _sum(one: Atom, other: Atom, sign: int) -> Value:
    """Two values added, or subtracted; multiples of the same thing are one."""
    if isinstance(other, Number) and abs(other.value) < FARTHEST_FIELD:
        return plus(frozenset({one}), sign * other.value)
    if isinstance(one, Number) and sign > 0 and abs(one.value) < FARTHEST_FIELD:
        return plus(frozenset({other}), one.value)
    if is_own(frozenset({one, other})):
        return frozenset({_moved(one, other, sign)})
    if sign > 0 and (pointer := _moved_by_few(one, other) or _moved_by_few(other, one)):
        return frozenset({pointer})
    left, right = line_of(one), line_of(other)
    if left is None or right is None or (left.stride and right.stride and left.of != right.of):
        return made_of(one, other)
    of = left.of if left.stride else right.of
    if left.stride and right.stride and isinstance(of, Counted | Unknown):
        return made_of(one, other)  # it may be another one
    start, stride = left.start + sign * right.start, left.stride + sign * right.stride
    if stride <= 0:
        return made_of(one, other) if stride else frozenset({Number(start)})
    return frozenset({Along(start, stride, of, left.table or right.table)})


def _moved_by_few(one: Atom, other: Atom) -> Atom | None:
    """What a pointer points to at a distance that is kept in fewer bytes than a pointer, as that within a text."""
    if isinstance(one, Field) and isinstance(other, Field) and one.width == _WORD and other.width < _WORD:
        return FieldAddress(one, None)
    return None


def _further(one: FieldAddress, distance: int) -> Atom:
    if one.at is None:
        return one
    return FieldAddress(one.of, one.at + distance) if one.at + distance else one.of


def along(one: Along, distance: int) -> Along:
    """A multiple with a number added; a large one is where a table begins, or how far that is from where it was."""
    far = abs(distance) >= FARTHEST_FIELD
    table = one.table + distance if far and (one.table or distance > 0) else one.table
    return Along(one.start + distance, one.stride, one.of, table)


def _moved(one: Atom, other: Atom, sign: int) -> Atom:
    """An address of the own stack at a distance, if that is known."""
    if isinstance(one, Stack) and isinstance(other, Number):
        return Stack(one.at + sign * other.value)
    if isinstance(other, Stack) and isinstance(one, Number) and sign > 0:
        return Stack(other.at + one.value)
    return OWN


def line_of(one: Atom) -> Along | None:
    """A value as a multiple of what nobody knows; a number is none of it."""
    if isinstance(one, Along):
        return one
    if isinstance(one, Number):
        return Along(one.value, 0, COUNTED, max(one.value, 0))
    if isinstance(one, _OPAQUE):
        return Along(0, 1, one)
    if isinstance(one, FieldAddress) and one.at is not None:
        return Along(one.at, 1, one.of)
    if isinstance(one, Computed) and one.low:
        return Along(one.behind, 1, Computed(one.of, one.low, one.added))
    if isinstance(one, Element | Computed):
        return Along(0, 1, Unknown("indexed" if isinstance(one, Element) else "computed"))
    return Along(0, 1, one) if isinstance(one, Unknown) and one not in _SUM else None


def _times(one: Atom, factor: int) -> Value:
    """What nobody knows, multiplied."""
    if factor == 1:
        return frozenset({one})
    line = line_of(one)
    if line is None or not 0 < factor <= _WIDEST_ENTRY:
        return made_of(one)
    return frozenset({Along(line.start * factor, line.stride * factor, line.of)})
