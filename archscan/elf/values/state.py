"""What is known at one place of a function: what its registers and the slots of its stack hold.

A slot that was never stored to holds nothing: where another way stored something, that is all it can hold, as no
program means to read what it has not stored. Blocks of the stack where something was stored that nobody knows are lost.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from math import inf
from typing import TypeVar

from archscan.elf.arch.lifting import LOW, Lift
from archscan.elf.values.domain import (
    MANY,
    OWN,
    UNKNOWN,
    Filled,
    Held,
    Number,
    Parameter,
    Pointer,
    Stack,
    Value,
    held_in,
    is_own,
    together,
)
from archscan.elf.values.fields import CHANGED, Fields, field_of, meet
from archscan.elf.values.growth import Growth, Name

MOST_FIELDS = 64  # of what pointers point to that are remembered
MOST_SLOTS = 256  # of the stack that are remembered
_WIDEST, _FEW = 8, 16  # bytes of a slot; of stack below which each place is looked at
_PATIENCE = 3  # times that numbers become more before they are a counter's
_MOST_GROWTH = 12  # times that a value becomes more before it is nobody's
_BLOCK, _MOST_LOST = 4, 4096  # bytes: of a block, and of stack that one store may spoil
_WORD = 4
_LARGEST, _MOST_FILLING = 1024, 8  # bytes of a variable that calls fill in, and how many of them
_NONE: frozenset[int] = frozenset()
_LOST_ADDRESS: Value = UNKNOWN | {OWN}
_NOBODYS = UNKNOWN | MANY
_T = TypeVar("_T")
Told = tuple[int, int, int]
"""A place of the stack, the call that was given its address, and as which argument; -1 for another way than that."""


class State:
    """What registers and slots of the stack hold at one place.

    ``escaped``: blocks of four bytes of it whose address others may have, and ``told`` who was given it. ``lost``:
    those where something is that nobody knows; any may be, where the state is ``blurred``. ``fields``: what the
    function has stored where other pointers point.
    """

    __slots__ = ("blurred", "called", "escaped", "fields", "lost", "registers", "settled", "shared", "slots", "told")

    def __init__(
        self,
        registers: dict[str, Value],
        slots: dict[int, Held],
        escaped: frozenset[int] = _NONE,
        lost: frozenset[int] = _NONE,
        told: frozenset[Told] = frozenset(),
        fields: Fields | None = None,
        *,
        blurred: bool = False,
        shared: bool = False,
    ) -> None:
        self.registers = registers
        self.slots = slots
        self.shared = shared
        self.escaped = escaped
        self.lost = lost
        self.told = told
        self.fields = fields if fields is not None else {}
        self.called = not fields  # whether it is known of all fields that others may have stored there
        self.settled = not escaped  # whether all that others may have changed is forgotten
        self.blurred = blurred

    def copied(self) -> State:
        """The same, to be changed; the slots are copied when the first of them is."""
        registers, told, fields = dict(self.registers), self.told, self.fields
        found = State(registers, self.slots, self.escaped, self.lost, told, fields, blurred=self.blurred, shared=True)
        found.called, found.settled = self.called, self.settled
        return found

    def _own(self) -> dict[int, Held]:
        """The slots, to be changed."""
        if self.shared:
            self.slots, self.shared = dict(self.slots), False
        return self.slots

    def get(self, register: str) -> Value:
        """What a register holds."""
        return self.registers.get(register, UNKNOWN)

    def set(self, register: str, value: Value) -> None:
        """Puts something into a register, and into all of it."""
        self.registers[register] = value
        self.registers.pop(register + LOW, None)

    def put(self, at: int, width: int, value: Value) -> None:
        """Puts something into a slot, and into all of it."""
        known = self.slots.get(at)
        if known is None or known[0] != width:
            if (
                width < _BLOCK
                or at % _BLOCK
                or len(self.slots) >= MOST_SLOTS
                or _overlapping(self.slots, at, at + width)
            ):
                self.forget(at, at + width)
            if len(self.slots) >= MOST_SLOTS:
                return
        if known is None or known[1] is not value or known[0] != width:
            self._own()[at] = width, value
            self.settled = self.settled and not self.told
        if width >= _BLOCK and not self.lost.isdisjoint(_blocks(at, width)):
            self.lost = self.lost.difference(_blocks(at, width))

    def forget(self, low: int, high: int) -> None:
        """Takes in that something was stored between two distances from the caller's stack pointer."""
        if high - low > _MOST_LOST:
            self.blurred = True
        elif high > low and not self.lost.issuperset(blocks := range(low // _BLOCK, (high - 1) // _BLOCK + 1)):
            self.lost = self.lost.union(blocks)
        for at in _overlapping(self.slots, low, high):
            del self._own()[at]

    def forget_all(self) -> None:
        """Takes in that something was stored in any of the slots."""
        self.slots, self.shared = {}, False
        self.blurred = True

    def escape(self, told: Iterable[Told]) -> None:
        """Takes in that others may have the addresses of some slots."""
        told = frozenset(told)
        if not told <= self.told:
            self.told |= told
        blocks = {block for at, _, _ in told for block in _blocks(at, _WIDEST)}
        if not blocks <= self.escaped:
            self.escaped, self.settled = self.escaped | blocks, False

    def forget_escaped(self) -> None:
        """Takes in that others may have stored something in what they have the address of."""
        if not self.settled:
            escaped, self.settled = self.escaped, True
            begins = sorted({place for place, _, _ in self.told})
            near = [at for at in self.slots if at >> 2 in escaped or at + _WIDEST - 1 >> 2 in escaped]
            for at in dict.fromkeys(near + self._behind(begins)):
                width, value = self.slots[at]
                reached = not escaped.isdisjoint(_blocks(at, width))
                if not (self._is_filled(at, width, value) if reached else self._is_further(at, value, begins)):
                    del self._own()[at]
                    self.lost |= frozenset(_blocks(at, width))

    def _behind(self, begins: list[int]) -> list[int]:
        """The slots that may be parts of a larger variable of which somebody was told where it begins."""
        if not begins:
            return []
        return [at for at in self.slots if at > begins[0] and at - begins[bisect(begins, at) - 1] < _LARGEST]

    def _is_further(self, at: int, value: Value, begins: list[int]) -> bool:
        """Whether it is said of all who know where its variable begins that they may have stored in a part of it."""
        begin = begins[bisect(begins, at) - 1]
        told = {Filled(call, argument, at - begin) for place, call, argument in self.told if place == begin}
        return value >= told

    def _is_filled(self, at: int, width: int, value: Value) -> bool:
        """Whether it is said already of all who have the address of a slot that they may have stored something."""
        known = {(one.call, one.argument) for one in value if isinstance(one, Filled)}
        # A variable before it ends where somebody was told that another one begins.
        near = [one for one in self.told if at <= one[0] < at + width] if known else []
        told = bool(near) and min(near)[0] == at
        return told and all(place == at and (call, argument) in known for place, call, argument in near)

    def store_field(self, of: Pointer, at: int, held: Held, *, sure: bool) -> None:
        """Takes in that something was stored, or may have been, at a distance from where something points."""
        before = self.fields.get((of, at))
        value = held[1] if sure else together(held[1], before[1] if before else held_in(of, at, held[0]))
        if before == (held[0], value):
            return
        fields = dict(self.fields)
        for place, known in self.fields.items():
            if place[0] == of and meet(place[1], known[0], at, held[0]):
                fields[place] = known[0], CHANGED
        if len(fields) < MOST_FIELDS or before:
            fields[of, at] = held[0], value
            self.fields, self.called = fields, False
        else:
            self.fields = {(of, at): (0, CHANGED)}

    def field(self, of: Pointer, at: int | None, width: int) -> Value:
        """What stands at a distance from where something points."""
        return field_of(self.fields, of, at, width)

    def forget_fields(self) -> None:
        """Takes in that others may have stored something where pointers point."""
        if not self.called:
            self.called = True
            changed = {
                (of, at): (width, both)
                for (of, at), (width, value) in self.fields.items()
                if (both := together(value, held_in(of, at, width))) is not value
            }
            if changed:
                self.fields = self.fields | changed

    def filled(self, at: int) -> Value:
        """What was put into a slot that the function did not store to: by calls that were given the address before it.

        Any place before it of which somebody was told may be where its variable begins. Empty, if nobody knows.
        """
        if self.blurred or not self.lost.isdisjoint(_blocks(at, _WORD)):
            return frozenset()
        parts = [one for place in _overlapping(self.slots, at, at + _WORD) for one in self.slots[place][1]]
        if not all(isinstance(one, Filled) for one in parts):
            return frozenset()  # a part of what was stored as a whole
        near = [one for one in self.told if at - _LARGEST < one[0] <= at]
        begin = max((place for place, _, _ in near), default=None)
        if any(argument < 0 and place == begin for place, _, argument in near):
            return frozenset()
        found = frozenset(Filled(call, argument, at - place) for place, call, argument in near if argument >= 0)
        return found if len(found) <= _MOST_FILLING else frozenset()

    def is_told(self, at: int) -> bool:
        """Whether others may have the address of a variable of which a slot is a part."""
        return any(at - _LARGEST < place <= at for place, _, _ in self.told)

    def is_empty(self, at: int, width: int) -> bool:
        """Whether nothing was stored in a slot, nor in a part of it; above is what the caller stored."""
        blocks = _blocks(at, width)
        known = self.blurred or at >= 0 or not (self.lost.isdisjoint(blocks) and self.escaped.isdisjoint(blocks))
        return not known and not _overlapping(self.slots, at, at + width)


def _overlapping(slots: dict[int, Held], low: int, high: int) -> list[int]:
    """The slots that have bytes between two places."""
    if high - low > _FEW:
        return [at for at, (width, _) in slots.items() if at < high and low < at + width]
    return [at for at in range(low - _WIDEST + 1, high) if at in slots and low < at + slots[at][0]]


def _blocks(at: int, width: int) -> tuple[int, int, int]:
    """The blocks of four bytes that a slot touches."""
    return at >> 2, at + width // 2 >> 2, at + width - 1 >> 2


def entered(lift: Lift, live: frozenset[str | int] = _NONE) -> State:
    """What is known where a function begins; of what the caller put on the stack, what is ``live``."""
    before, on_stack = (lift.most_stacked, 0) if lift.stack_first else (0, len(lift.arguments))
    registers: dict[str, Value] = {name: frozenset({Parameter(n)}) for n, name in enumerate(lift.arguments, before)}
    registers[lift.stack] = frozenset({Stack(0)})
    if lift.zero:
        registers[lift.zero] = frozenset({Number(0)})  # it is among those that calls keep, and nothing writes it
    first, word = lift.stacked, lift.word
    places = {first + word * n: on_stack + n for n in range(lift.most_stacked)}
    return State(registers, {at: (word, frozenset({Parameter(number)})) for at, number in places.items()
                             if not live.isdisjoint(_blocks(at, word))})  # fmt: skip


def narrowed(state: State, live: frozenset[str | int]) -> State:
    """The same without registers that nobody reads any more."""
    found = state.copied()
    found.registers = {name: value for name, value in state.registers.items() if name.removesuffix(LOW) in live}
    return found


def joined(one: State, other: State, grown: Growth, live: frozenset[str | int] = _NONE, floor: float = -inf) -> State:
    """What holds where two ways meet: what either brings, in registers that both know and slots that neither lost.

    The first of the two itself, where the other brings nothing new. Of slots below the ``floor``, those in ``live``
    blocks alone. What has ``grown`` too often is taken for a counter's, or for nobody's.
    """
    registers = _merged(one.registers, other.registers, grown, live)
    slots, gone = _merged_slots(one, other, grown, live, floor)
    lost = _united(_united(one.lost, other.lost), gone)
    escaped, told = _united(one.escaped, other.escaped), _united(one.told, other.told)
    blurred = one.blurred or other.blurred
    fields = _merged_fields(one.fields, other.fields, grown)
    same = registers is one.registers and slots is one.slots and escaped is one.escaped and lost is one.lost
    if same and told is one.told and fields is one.fields and blurred == one.blurred:
        return one
    found = State(registers, slots, escaped, lost, told, fields, blurred=blurred)
    found.called = one.called and other.called and fields is one.fields
    found.settled = one.settled and other.settled and escaped is one.escaped and told is one.told
    return found


def _merged_fields(one: Fields, other: Fields, grown: Growth) -> Fields:
    """What either way stored; where the other did not, what stood there before."""
    if one is other:
        return one
    found: Fields = {}
    for place, new in other.items():
        known = one.get(place)
        if known is None:
            found[place] = new[0], together(new[1], held_in(*place, new[0]))
        elif known != new:
            merged = _grown(known[1], new[1], place, grown) if known[0] == new[0] else None
            held = known[0], CHANGED if merged is None else merged
            if held != known:
                found[place] = held
    for place, (width, value) in one.items():
        if place not in other and (both := together(value, held_in(*place, width))) is not value:
            found[place] = width, both
    return one | found if found else one


def _united(one: frozenset[_T], other: frozenset[_T]) -> frozenset[_T]:
    return one if one is other or one >= other else one | other


def _grown(value: Value, new: Value, name: Name, grown: Growth) -> Value | None:
    """What either brings; None for what nobody knows."""
    if new <= value:
        return value
    times = grown.times.get(name, 0)
    merged = together(value, new, (grown.at, name) if times >= _PATIENCE else None)
    if times and not merged.isdisjoint(_NOBODYS):
        # What goes on to become more, and nobody knows some of, is nobody's: that ends it.
        merged = _LOST_ADDRESS if is_own(merged) else UNKNOWN
    if merged == value:
        return value
    grown.now.add(name)
    return merged if times < _MOST_GROWTH else None


def _merged(
    one: dict[str, Value], other: dict[str, Value], grown: Growth, live: frozenset[str | int]
) -> dict[str, Value]:
    found = None
    for name, value in one.items():
        new = other.get(name)
        if new is value or (new is not None and new <= value):
            continue
        merged = None if new is None else _grown(value, new, name, grown)
        if merged is None:
            # Nobody knows it, but it still may be an address of the own stack.
            merged = _LOST_ADDRESS if is_own(value) or (new is not None and is_own(new)) else UNKNOWN
        if merged != value:
            found = dict(one) if found is None else found
            found[name] = merged
    for name, new in other.items():
        if name not in one and is_own(new) and name.removesuffix(LOW) in live:
            found = dict(one) if found is None else found
            found[name] = _LOST_ADDRESS
    return one if found is None else found


def _merged_slots(
    one: State, other: State, grown: Growth, live: frozenset[str | int], floor: float
) -> tuple[dict[int, Held], frozenset[int]]:
    """The same for slots, of which those of another size hold something else; and the blocks that are lost."""
    if one.slots is other.slots:
        return one.slots, _NONE
    found, gone, known = None, set[int](), one.slots.get
    differing = [
        at
        for at, (width, value) in other.slots.items()
        if (held := known(at)) is None or (held[1] is not value and not value <= held[1]) or held[0] != width
    ]
    if not one.slots.keys() <= other.slots.keys():
        differing += one.slots.keys() - other.slots.keys()
    for at in differing:
        if at + _WIDEST <= floor and live.isdisjoint(_blocks(at, _WIDEST)):
            continue  # nobody reads it
        held, merged = known(at), _merged_slot(one, other, at, grown)
        if merged == held:
            continue
        found = dict(one.slots) if found is None else found
        if merged is None:
            found.pop(at, None)
            gone.update(*(_blocks(at, slots[at][0]) for slots in (one.slots, other.slots) if at in slots))
        else:
            found[at] = merged
    return one.slots if found is None else found, frozenset(gone)


def _merged_slot(one: State, other: State, at: int, grown: Growth) -> Held | None:
    """What a slot holds where two ways meet; None where that is not known."""
    held, new = one.slots.get(at), other.slots.get(at)
    if held is not None and new is not None:
        value = _grown(held[1], new[1], at, grown) if held[0] == new[0] else None
        return None if value is None else (held[0], value)
    if held is not None:
        return _beside(held, other, at)
    return _beside(new, one, at) if new is not None else None


def _beside(held: Held, other: State, at: int) -> Held | None:
    """The same where the ``other`` way stored nothing itself: then what calls have put there is there, too."""
    if not other.is_empty(at, held[0]):
        return None
    filled = other.filled(at)
    if filled:
        return held[0], together(held[1], filled)
    return None if other.is_told(at) else held
