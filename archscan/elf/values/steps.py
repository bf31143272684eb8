"""What one instruction does to the values of a function."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import product

from archscan.elf.arch.lifting import COUNTER, LOW, Kind, Lift, Operation, Operator, Place
from archscan.elf.values.calls import NOTHING_KNOWN, Effects, call
from archscan.elf.values.domain import (
    COUNTED,
    OWN,
    UNKNOWN,
    Along,
    Atom,
    Element,
    Field,
    FieldAddress,
    Held,
    Kept,
    Memory,
    Number,
    Pointer,
    Stack,
    Unknown,
    Value,
    bounded,
    is_own,
    together,
)
from archscan.elf.values.state import State

_DEEP: Value = frozenset({Unknown("behind-pointers")})
_SUM: Value = frozenset({Unknown("sum")})
_INDEXED: Value = frozenset({Unknown("indexed")})
_MASKED: dict[Value, Value] = {
    frozenset({Number(mask)}): frozenset(Number(number) for number in range(mask + 1) if not number & ~mask)
    for mask in range(1, 16)
}  # what a few of the lowest bits can be
_BELOW: Value = frozenset({Unknown("below-frame")})  # no slot is there: the function has no name for it
_EMPTY: Value = frozenset({Unknown("stack")})
_LOWEST: dict[int, Value] = {1: frozenset({Number(0xFF)}), 2: frozenset({Number(0xFFFF)})}
_WORD, _HALF = 8, 4
_HIGHEST = 1 << 31
_FAR = 1 << 20  # bytes of the stack that an instruction may store to that does not say how many
_FARTHEST_FIELD = 0x1000  # bytes of a structure; a larger number that is added is an address
_WIDEST_ENTRY = 4096  # bytes of an entry of a table
_OPAQUE, _PLACES = Pointer | Kept, Number | Stack
_WORDS, _KEPT = (4, 8), (1, 2, 4, 8)  # bytes of what is worth reading from elsewhere, and of what slots hold


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


def step(
    state: State, does: Operation, address: int, behind: int, lift: Lift, effects: Effects = NOTHING_KNOWN
) -> None:
    """Takes an instruction in; ``behind`` is the address of the next one."""
    if does.kind == Kind.CALL:
        call(state, address, does, lift, effects)
    elif does.kind == Kind.STORE and does.place is not None:
        _store(state, _address(state, does.place, behind), _stored(state, does), does.width, later=lift.stack_first)
    elif does.to and does.kind in (Kind.SET, Kind.SELECT):
        value = _value(state, does, behind)
        if does.other:
            value = together(value, _plus(state.get(does.other), does.added))
        if lift.word == _HALF:
            value = _halved(value)
        state.set(does.to, _BELOW if does.to == lift.stack and OWN in value else value)
    for name in does.also:
        state.set(name, UNKNOWN)


def target(state: State, does: Operation, behind: int) -> Value:
    """Where a call or a jump leads."""
    if does.target is not None:
        return frozenset({Number(does.target)})
    return _loaded(state, does, behind) if does.place is not None else _held(state, does)


def _stored(state: State, does: Operation) -> Value:
    """What a store puts somewhere, as many bytes as it has."""
    value = _held(state, does)
    return value if does.width not in (1, 2) else _combined(Operator.AND, value, _LOWEST[does.width])


def _halved(value: Value) -> Value:
    """The same with numbers as those of half the bits."""
    if all(not isinstance(one, Number) or -_HIGHEST <= one.value < _HIGHEST for one in value):
        return value
    return frozenset(
        Number((one.value + _HIGHEST) % (2 * _HIGHEST) - _HIGHEST) if isinstance(one, Number) else one for one in value
    )


def _number(value: int) -> Number:
    """A number of 64 bits, with its sign."""
    return Number((value + (1 << 63)) % (1 << 64) - (1 << 63))


def held(state: State, does: Operation, behind: int) -> Value:
    """What a register, or a place in memory, holds that is compared."""
    if does.place is not None:
        return _loaded(state, does, behind)
    return state.get(does.register) if does.register is not None else UNKNOWN


def put(state: State, does: Operation, behind: int) -> Value:
    """What an instruction puts into a register."""
    return _value(state, does, behind)


def read_from(state: State, does: Operation, behind: int) -> Value:
    """The address of the place that an instruction names; nothing where it names none."""
    return _address(state, does.place, behind) if does.place is not None else frozenset()


def store(state: State, does: Operation, behind: int) -> tuple[Value, Value]:
    """Where a store puts something, and what."""
    return _address(state, does.place, behind) if does.place is not None else UNKNOWN, _stored(state, does)


def _plus(value: Value, distance: int) -> Value:
    """Each value with a number added, where that means something."""
    if not distance:
        return value
    found: set[Atom] = set()
    for one in value:
        if isinstance(one, Number):
            found.add(_number(one.value + distance))
        elif isinstance(one, Stack):
            found.add(Stack(one.at + distance))
        elif isinstance(one, Pointer):
            found.add(FieldAddress(one, distance))
        elif isinstance(one, FieldAddress):
            found.add(_further(one, distance))
        elif isinstance(one, Along):
            found.add(_along(one, distance))
        elif isinstance(one, Unknown):
            found.add(one)
        else:
            found |= UNKNOWN
    return frozenset(found)


def _combined(by: Operator, left: Value, right: Value) -> Value:
    """What an operator makes of each value and each other."""
    if by == Operator.AND and right in _MASKED:
        return left if _MASKED[right].issuperset(left) else _MASKED[right]
    if len(left) > 1 and len(right) > 1:
        return frozenset({OWN}) if is_own(left | right) else _SUM  # which go together nobody knows
    if by == Operator.MULTIPLY and all(isinstance(one, Number) for one in left):
        left, right = right, left
    found: set[Atom] = set()
    for one, other in product(left, right):
        if isinstance(one, Number) and isinstance(other, Number):
            found.add(_number(_COMPUTES[by](one.value, other.value)))
        elif by in (Operator.ADD, Operator.SUBTRACT):
            found |= _sum(one, other, 1 if by == Operator.ADD else -1)
        elif by in (Operator.MULTIPLY, Operator.SHIFT) and isinstance(other, Number) and not is_own(left):
            found.add(_times(one, 1 << (other.value & 63) if by == Operator.SHIFT else other.value))
        else:
            return _somewhere(left | right)
    return bounded(frozenset(found))


def _sum(one: Atom, other: Atom, sign: int) -> Value:
    """Two values added, or subtracted; multiples of the same thing are one."""
    if isinstance(other, Number) and abs(other.value) < _FARTHEST_FIELD:
        return _plus(frozenset({one}), sign * other.value)
    if isinstance(one, Number) and sign > 0 and abs(one.value) < _FARTHEST_FIELD:
        return _plus(frozenset({other}), one.value)
    if is_own(frozenset({one, other})):
        return frozenset({_moved(one, other, sign)})
    if sign > 0 and (pointer := _moved_by_few(one, other) or _moved_by_few(other, one)):
        return frozenset({pointer})
    left, right = line_of(one), line_of(other)
    if left is None or right is None or (left.stride and right.stride and left.of != right.of):
        return _SUM
    of = left.of if left.stride else right.of
    if left.stride and right.stride and isinstance(of, Unknown):
        return _SUM  # it may be another one
    start, stride = left.start + sign * right.start, left.stride + sign * right.stride
    if stride <= 0:
        return _SUM if stride else frozenset({Number(start)})
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


def _along(one: Along, distance: int) -> Along:
    """A multiple with a number added; a large one is where a table begins, or how far that is from where it was."""
    far = abs(distance) >= _FARTHEST_FIELD
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
    if isinstance(one, Element):
        return Along(0, 1, Unknown("indexed"))
    return Along(0, 1, one) if isinstance(one, Unknown) and one not in _SUM else None


def _times(one: Atom, factor: int) -> Atom:
    """What nobody knows, multiplied."""
    if factor == 1:
        return one
    line = line_of(one)
    if line is None or not 0 < factor <= _WIDEST_ENTRY:
        return Unknown("sum")
    return Along(line.start * factor, line.stride * factor, line.of)


def _somewhere(value: Value) -> Value:
    """What is computed from a value: an address of the own stack, if that may have been one."""
    return frozenset({OWN}) if is_own(value) else UNKNOWN


def _value(state: State, does: Operation, behind: int) -> Value:
    """What an instruction puts somewhere."""
    if does.place is not None:
        return _loaded(state, does, behind) if does.reads else _address(state, does.place, behind)
    return _held(state, does)


def _held(state: State, does: Operation) -> Value:
    """A number, or what a register holds."""
    if does.choice:
        return frozenset(map(Number, does.choice))
    if does.register is not None:
        value = _register(state, does.register)
        if does.operator is not None:
            by = state.get(does.operand) if isinstance(does.operand, str) else frozenset({Number(does.operand or 0)})
            value = _combined(does.operator, value, by)
        return _plus(value, does.number or 0)
    return UNKNOWN if does.number is None else frozenset({Number(does.number)})


def _register(state: State, name: str) -> Value:
    """What a register holds, or its lowest byte."""
    whole = name.removesuffix(LOW)
    if whole == name or name in state.registers:
        return state.get(name)
    return _combined(Operator.AND, state.get(whole), _LOWEST[1])


def _base(state: State, place: Place, behind: int) -> Value:
    """What an address is counted from."""
    if place.index is not None:
        base = state.get(place.base) if place.base else frozenset({Number(0)})
        index = _combined(Operator.MULTIPLY, state.get(place.index), frozenset({Number(place.factor)}))
        if is_own(base | state.get(place.index)):
            return frozenset({OWN})
        found = _combined(Operator.ADD, base, index)
        return frozenset(_entry(one, base, place.factor) for one in found)
    if place.base is None:
        return frozenset({Number(0)})
    return frozenset({Number(behind)}) if place.base == COUNTER else state.get(place.base)


def _entry(one: Atom, base: Value, factor: int) -> Atom:
    """An address that is counted from a base, which is the table; or may be, where what is counted has a factor."""
    (table, *others) = base
    if isinstance(one, Number):
        return one
    if isinstance(one, Along):
        known = not one.table and not others and isinstance(table, Number)
        return Along(one.start, one.stride, one.of, table.value) if known and isinstance(table, Number) else one
    if factor > 1 and not others and isinstance(table, Pointer):
        return FieldAddress(table, None)
    return Unknown("indexed")


def _address(state: State, place: Place, behind: int) -> Value:
    return _plus(_base(state, place, behind), place.at)


def _loaded(state: State, does: Operation, behind: int) -> Value:
    """What stands at any of the addresses that a place may mean."""
    found: set[Atom] = set()
    place, width = does.place, does.width
    assert place is not None
    for one in _base(state, place, behind):
        if isinstance(one, Number):
            found |= {Memory(one.value + place.at, width)} if width in _KEPT else UNKNOWN
        elif isinstance(one, Stack):
            at = one.at + place.at
            slot = _big_slot(state, at, width) if does.big else state.slots.get(at)
            found |= _in_slot(slot, width) if slot is not None else state.filled(at) or _EMPTY
        elif isinstance(one, Pointer):
            found |= state.field(one, place.at, width)
        elif isinstance(one, FieldAddress):
            found |= state.field(one.of, None if one.at is None else one.at + place.at, width)
        elif isinstance(one, Along):
            found |= {Element(_along(one, place.at), width)} if one.stride > 1 else _INDEXED
        else:
            found |= {one} if isinstance(one, Unknown) and one != OWN else _DEEP
    return bounded(frozenset(found))


def _in_slot(slot: Held | None, width: int) -> Value:
    """What is read from a slot: all of it, or its lowest bytes."""
    if slot is None or width > slot[0] or not width:
        return _EMPTY
    if width == slot[0]:
        return slot[1]
    if all(isinstance(one, Number) for one in slot[1]):
        return _combined(Operator.AND, slot[1], frozenset({Number((1 << 8 * width) - 1)}))
    return slot[1] if width in _WORDS else UNKNOWN


def _big_slot(state: State, at: int, width: int) -> Held | None:
    """The slot at a place, or the wider one of which it is the little end; of a big end nobody knows what it is."""
    for wide in (_WORD, _HALF):
        slot = state.slots.get(at + width - wide) if width < wide else None
        if slot is not None and slot[0] == wide:
            return slot
    slot = state.slots.get(at)
    return slot if slot is None or slot[0] == width else (0, _EMPTY)


def _store(state: State, address: Value, value: Value, width: int, *, later: bool) -> None:
    """A known slot gets the value; one of several may have got it.

    An address in the value is others' from now on; or only ``later``, with a call, where it may be an argument of that.
    """
    if any(isinstance(one, Stack) for one in value) and not (later and all(isinstance(to, Stack) for to in address)):
        state.escape((one.at, 0, -1) for one in value if isinstance(one, Stack))
    for one in address:
        of, at = (one.of, one.at) if isinstance(one, FieldAddress) else (one, 0)
        if isinstance(of, Pointer):
            # Somewhere in it may be anywhere in it.
            state.store_field(
                of, at or 0, (width if at is not None else 1 << 16, value), sure=len(address) == 1 and at is not None
            )
    slots = [one.at for one in address if isinstance(one, Stack)]
    if OWN in address or OWN in value:
        state.forget_all()
    elif not all(isinstance(one, _PLACES) for one in address):
        # A pointer that came from elsewhere may lead to what others have the address of.
        state.forget_escaped()
    if len(address) == 1 and slots:
        if width in _KEPT:
            state.put(slots[0], width, value)
        else:
            state.forget(slots[0], slots[0] + (width or _FAR))
        return
    for at in slots:
        before = state.slots.get(at)
        if before is not None and before[0] == width:
            state.put(at, width, together(before[1], value))
        else:
            state.forget(at, at + (width or _FAR))
