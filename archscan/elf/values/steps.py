"""What instructions do to the values of a function (`steps_of`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from archscan.elf.arch.lifting import COUNTER, FLAGS, LOW, Kind, Lift, Operation, Operator, Place
from archscan.elf.values.arithmetic import along, combined, lowest, made_of, number, plus
from archscan.elf.values.blocks import Row
from archscan.elf.values.calls import NOTHING_KNOWN, Effects, calling
from archscan.elf.values.domain import (
    OWN,
    UNKNOWN,
    Along,
    Atom,
    Computed,
    Element,
    FieldAddress,
    Filled,
    Held,
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

Step = Callable[[State], None]
"""What an instruction does to a state; what of that does not depend on the state is said before, once."""

_DEEP: Value = frozenset({Unknown("behind-pointers")})
_INDEXED: Value = frozenset({Unknown("indexed")})
_BELOW: Value = frozenset({Unknown("below-frame")})  # no slot is there: the function has no name for it
_EMPTY: Value = frozenset({Unknown("stack")})
_WORD, _HALF = 8, 4
_HIGHEST = 1 << 31
_FAR = 1 << 20  # bytes of the stack that an instruction may store to that does not say how many
_PLACES = Number | Stack
_WORDS, _KEPT = (4, 8), (1, 2, 4, 8)  # bytes of what is worth reading from elsewhere, and of what slots hold


def steps_of(rows: Iterable[Row], lift: Lift, effects: Effects = NOTHING_KNOWN) -> Iterator[Step]:
    """What instructions do to a state, one after another; nothing for those that leave it as it is."""
    for address, behind, does in rows:
        if does.kind == Kind.CALL:
            yield calling(address, does, lift, effects)
        elif does.kind == Kind.STORE and does.place is not None:
            yield partial(_stores, does, behind, lift.stack_first)
        elif does.to and does.kind in (Kind.SET, Kind.SELECT):
            yield _setting(does, does.to, behind, lift)
        if does.also and (lost := tuple(name for name in does.also if name != FLAGS)):
            yield partial(_loses, lost)


def step(state: State, row: Row, lift: Lift, effects: Effects = NOTHING_KNOWN) -> None:
    """Takes one instruction in."""
    for one in steps_of((row,), lift, effects):
        one(state)


def _setting(does: Operation, to: str, behind: int, lift: Lift) -> Step:
    """What puts something into a register."""
    if to == lift.stack:
        return partial(_moves_stack, does, to, behind, lift.word == _HALF)
    source = does.register
    plain = does.place is None and does.operator is None and not (does.number or does.other or does.choice)
    if plain and source is not None and not source.endswith(LOW):
        return partial(_copies, to, source)
    return partial(_sets, does, to, behind, lift.word == _HALF)


def _copies(to: str, source: str, state: State) -> None:
    state.set(to, state.get(source))


def _sets(does: Operation, to: str, behind: int, half: bool, state: State) -> None:
    value = _value(state, does, behind)
    if does.other:
        value = together(value, plus(state.get(does.other), does.added))
    state.set(to, _halved(value) if half else value)


def _moves_stack(does: Operation, to: str, behind: int, half: bool, state: State) -> None:
    _sets(does, to, behind, half, state)
    if OWN in state.get(to):
        state.set(to, _BELOW)


def _loses(names: Iterable[str], state: State) -> None:
    for name in names:
        state.set(name, UNKNOWN)


def _stores(does: Operation, behind: int, later: bool, state: State) -> None:
    _store(state, *store(state, does, behind), does.width, later=later)


def target(state: State, does: Operation, behind: int) -> Value:
    """Where a call or a jump leads."""
    if does.target is not None:
        return number(does.target)
    return _loaded(state, does, behind) if does.place is not None else _held(state, does)


def _stored(state: State, does: Operation) -> Value:
    """What a store puts somewhere, as many bytes as it has."""
    value = _held(state, does)
    return value if does.width not in (1, 2) else lowest(value, does.width)


def _halved(value: Value) -> Value:
    """The same with numbers as those of half the bits."""
    if all(not isinstance(one, Number) or -_HIGHEST <= one.value < _HIGHEST for one in value):
        return value
    return frozenset(
        Number((one.value + _HIGHEST) % (2 * _HIGHEST) - _HIGHEST) if isinstance(one, Number) else one for one in value
    )


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
            by = state.get(does.operand) if isinstance(does.operand, str) else number(does.operand or 0)
            value = combined(does.operator, value, by)
        return plus(value, does.number or 0)
    return UNKNOWN if does.number is None else number(does.number)


def _register(state: State, name: str) -> Value:
    """What a register holds, or its lowest byte."""
    whole = name.removesuffix(LOW)
    if whole == name or name in state.registers:
        return state.get(name)
    return lowest(state.get(whole), 1)


def _base(state: State, place: Place, behind: int) -> Value:
    """What an address is counted from."""
    if place.index is not None:
        base = state.get(place.base) if place.base else number(0)
        index = combined(Operator.MULTIPLY, state.get(place.index), number(place.factor))
        if is_own(base | state.get(place.index)):
            return frozenset({OWN})
        found = combined(Operator.ADD, base, index)
        return frozenset(_entry(one, base, place.factor) for one in found)
    if place.base is None:
        return number(0)
    return number(behind) if place.base == COUNTER else state.get(place.base)


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
    return one if isinstance(one, Pointer | FieldAddress | Computed) else Unknown("indexed")


def _address(state: State, place: Place, behind: int) -> Value:
    return plus(_base(state, place, behind), place.at)


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
            found |= {Element(along(one, place.at), width)} if one.stride > 1 else _INDEXED
        elif isinstance(one, Computed):
            found |= _INDEXED if place.index else _DEEP
        else:
            found |= {one} if isinstance(one, Unknown) and one != OWN else _DEEP
    return bounded(frozenset(found))


def _in_slot(slot: Held | None, width: int) -> Value:
    """What is read from a slot: all of it, or its lowest bytes."""
    if slot is None or width > slot[0] or not width or not slot[1]:
        return _EMPTY
    if width == slot[0]:
        return slot[1]
    if all(isinstance(one, Number) for one in slot[1]):
        return lowest(slot[1], width)
    return slot[1] if width in _WORDS else frozenset().union(*map(made_of, slot[1]))


def _big_slot(state: State, at: int, width: int) -> Held | None:
    """The slot at a place, or the wider one of which it is the little end; of a big end nobody knows what it is."""
    for wide in (_WORD, _HALF):
        slot = state.slots.get(at + width - wide) if width < wide else None
        if slot is not None and slot[0] == wide:
            return wide, frozenset(_further(one, wide - width) for one in slot[1])
    slot = state.slots.get(at)
    return slot if slot is None or slot[0] == width else (0, _EMPTY)


def _further(one: Atom, by: int) -> Atom:
    """The same, or what a call has filled in that far behind it."""
    return Filled(one.call, one.argument, one.at + by) if isinstance(one, Filled) else one


def _store(state: State, address: Value, value: Value, width: int, *, later: bool) -> None:
    """A known slot gets the value; one of several may have got it.

    An address in the value is others' from now on; or only ``later``, with a call, where it may be an argument of that.
    """
    if any(isinstance(one, Stack) for one in value) and not (later and all(isinstance(to, Stack) for to in address)):
        kept = [one.at for one in value if isinstance(one, Stack)]
        for place in kept:
            if state.is_empty(place, width):
                state.put(place, width, frozenset())  # nobody has stored anything there before the next call
        state.escape((place, 0, -1) for place in kept)
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
