"""The values of the analysis: sets of what a register or a slot of the stack may hold."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import pairwise

import msgspec

MOST = 24  # values of a set; more are nobody's
_DEEPEST = 3  # pointers behind one another
_ROW = 6  # places in what something points to from which on they are taken for a loop's


class Number(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """A number, or an address of the object."""

    value: int


class Stack(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """An address of the function's own stack, counted from the stack pointer as the caller left it."""

    at: int


class Result(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What the call at an address returned."""

    call: int


class Filled(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What the call at an address may have put where an argument pointed, or at a distance from there."""

    call: int
    argument: int
    at: int = 0


class Parameter(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What the caller passed, counted from 0; ``of`` the function with that name, where others may call that.

    They do so by its name, or by its address, which is ``taken``; or nothing is seen that calls it (``uncalled``).
    """

    number: int
    of: str = ""
    taken: bool = False
    uncalled: bool = False


class Memory(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What stood at an address of the object, in ``width`` bytes."""

    address: int
    width: int = 8


class Field(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What stood at a distance from where something points, in ``width`` bytes; ``at`` None: somewhere there.

    ``again``: or what stood at the same distance from where that points, and so on, as in a list.
    """

    of: Parameter | Result | Filled | Memory | Field | Kept
    at: int | None
    width: int = 8
    again: bool = False


class Kept(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What a function stored in a variable of the object, which may be anything; or to whom it has ``given`` that.

    Or what stands in a variable with the name ``by``, in which other objects may store something (``shared``).
    """

    address: int
    by: str
    given: bool = False
    shared: bool = False


class Computed(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What is computed of something else, nobody knows how; two such values need not be the same.

    Unless it is the ``low`` bits (a mask) of that with a number ``added``, and another one added ``behind`` that.
    """

    of: Parameter | Result | Filled | Memory | Field | Kept
    low: int = 0
    added: int = 0
    behind: int = 0


class Unknown(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What nobody knows, and why."""

    reason: str


class FieldAddress(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """The address at a distance from where something points; ``at`` None: somewhere there."""

    of: Parameter | Result | Filled | Memory | Field | Kept
    at: int | None


class Text(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """The address of a string that a function has put together on its stack."""

    text: bytes


class Counted(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What a loop counts, from 0: the one that begins ``at`` a block, in a register or slot of that ``name``.

    ``start`` is what the first number was of which it is known that it counts.
    """

    at: int
    name: str
    start: int


class Along(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What nobody knows times ``stride``, with ``start`` added; as an address, that of an entry of a table.

    ``table``: where that begins, as far as known; entries before are none. ``end``: what it is less than, if known.
    """

    start: int
    stride: int
    of: Parameter | Result | Filled | Memory | Field | Kept | Counted | Computed | Unknown
    table: int = 0
    end: int = 0


class Element(msgspec.Struct, frozen=True, order=True, tag=True, cache_hash=True):
    """What stands in an entry of a table, or in a part of it: ``width`` bytes at any of the addresses.

    ``unlike``: numbers that it is not, where it is passed, whatever the table has.
    """

    at: Along
    width: int
    unlike: tuple[int, ...] = ()


Atom = (
    Along
    | Element
    | Number
    | Stack
    | Result
    | Filled
    | Parameter
    | Memory
    | Field
    | FieldAddress
    | Kept
    | Computed
    | Text
    | Unknown
)
Value = frozenset[Atom]
_COUNTABLE = (Number, Along)
Pointer = Parameter | Result | Filled | Memory | Field | Kept
"""What may point to something; where, nobody knows."""

UNKNOWN: Value = frozenset({Unknown("computed")})
MANY: Value = frozenset({Unknown("too-many-values")})
COUNTED = Unknown("counted")
OWN = Unknown("own-stack")  # an address of the function's own stack, and nobody knows which
Held = tuple[int, Value]
"""How many bytes a slot of the stack has, and what they hold."""


def field(of: Pointer, at: int | None, width: int) -> Atom:
    """What stands in a field of what something points to; behind too many pointers it is nobody's."""
    if isinstance(of, Field) and of.at == at and of.width == width:
        return of if of.again else Field(of.of, at, width, again=True)
    deep, inner = 1, of
    while isinstance(inner, Field):
        deep, inner = deep + 1, inner.of
    return Field(of, at, width) if deep <= _DEEPEST else Unknown("behind-many-pointers")


@lru_cache(1 << 12)
def held_in(of: Pointer, at: int | None, width: int) -> Value:
    """The same as a value."""
    return frozenset({field(of, at, width)})


Place = tuple[int, str | int | tuple[Pointer, int]]
"""Where a block begins, and what holds a value there: a register, a slot, or a field."""


def together(one: Value, other: Value, counting: Place | None = None) -> Value:
    """What either brings; where something is ``counting``, numbers or addresses of the stack that became more go on."""
    return one if one is other else _together(one, other, counting)


@lru_cache(1 << 14)
def _together(one: Value, other: Value, counting: Place | None) -> Value:
    """The same, once for values that meet again and again."""
    if one >= other:
        return one
    both = one | other
    if counting is not None:
        both = _in_a_row(both)
        if sum([type(value) is Number for value in both]) > 2:
            return _as_row(both, counting)
    if counting is not None and _are_counted(both):
        both = frozenset(value for value in both if not isinstance(value, Stack)) | {OWN}
    found = bounded(both)
    return found if found.issuperset(_rows(one)) else _without_rows(found)


def _rows(value: Value) -> list[Atom]:
    return [one for one in value if type(one) is Along]


def _without_rows(value: Value) -> Value:
    """The same without rows that begin ever earlier, as where a loop counts down; such numbers are nobody's."""
    return frozenset(one for one in value if not isinstance(one, Along | Number)) | {COUNTED}


def _are_counted(value: Value) -> bool:
    """Whether addresses of the own stack follow each other at equal distances."""
    places = sorted([one.at for one in value if type(one) is Stack])
    return len(places) > 2 and len({later - one for one, later in pairwise(places)}) == 1


def _as_row(value: Value, counting: Place) -> Value:
    """Numbers at equal distances as a row that goes on for ever, others as nobody's."""
    numbers = sorted(one.value for one in value if isinstance(one, Number))
    stride = numbers[1] - numbers[0]
    others = frozenset(one for one in value if not isinstance(one, Number))
    if any(later - one != stride for one, later in pairwise(numbers)):
        return bounded(others | MANY)
    return bounded(others | {Along(numbers[0], stride, Counted(counting[0], str(counting[1]), numbers[0]), numbers[0])})


def bounded(value: Value) -> Value:
    """The same without what is told twice; nothing in particular where it is too much."""
    if len(value) < _ROW and not _has_many(value):
        return value
    value = _in_a_row(_somewhere(value))
    if len(value) <= MOST and MANY.isdisjoint(value):
        return value
    return MANY | {OWN} if is_own(value) else MANY


def _has_many(value: Value) -> bool:
    """Whether something of a value stands for others, too."""
    for one in value:
        kind = type(one)
        if kind is Along or (kind is FieldAddress and one.at is None):  # type: ignore[union-attr]
            return True
    return not MANY.isdisjoint(value)


def _somewhere(value: Value) -> Value:
    """Many addresses in what something points to as one of which nobody knows where it is; as a loop brings them."""
    addresses = [one for one in value if isinstance(one, FieldAddress)]
    counts = Counter(one.of for one in addresses)
    many = {one.of for one in addresses if one.at is None or counts[one.of] >= _ROW}
    if not many:
        return value
    others = {one for one in value if not (isinstance(one, FieldAddress) and one.of in many)}
    return frozenset(others | {FieldAddress(of, None) for of in many})


def _in_a_row(value: Value) -> Value:
    """The same without what is in a row that it has."""
    rows = [one for one in value if type(one) is Along and type(one.of) is Counted]
    if not rows:
        return value
    gone = [one for one in value if type(one) in _COUNTABLE and any(_is_in(one, row) for row in rows if row is not one)]
    return value.difference(gone) if gone else value


def _is_in(one: Atom, row: Along) -> bool:
    """Whether a number, or those of a row, are among those of another row that a loop counts."""
    if type(one) is Along:
        same = one.stride == row.stride and one.table == row.table and one.of == row.of
        return same and one.start > row.start and (one.start - row.start) % row.stride == 0
    after = one.value - row.start if type(one) is Number and row.table in (0, row.start) else -1
    return after >= 0 and after % row.stride == 0


def is_own(value: Value) -> bool:
    """Whether a value may be an address of the function's own stack."""
    for one in value:  # asked so often that the steps of a generator would count
        if type(one) is Stack:
            return True
    return OWN in value
