"""What of a function's registers and stack may still be read where a block begins (`living`).

Only that is followed: compilers use a register or a slot for one variable after another, and what is left in it of the
one before would be taken for what another way brings. That is the live variables of any book on compilers; slots are
those that the function addresses by its stack or frame pointer. What lies above a place whose address it computes may
be read by way of that, so it counts as read everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import inf

import msgspec

from archscan.elf.arch.lifting import COUNTER, LOW, Kind, Lift, Operation, Operator
from archscan.elf.values.blocks import Block

SLOT_BLOCK = 4  # bytes of the stack that count as one
_BEFORE = 64  # bytes below a place whose address is computed from where its contents may be addressed, too
_ADDRESSES = dict[str, int]
_LEADING = (Kind.CALL, Kind.JUMP, Kind.BRANCH)


class Living(msgspec.Struct, frozen=True):
    """Names of registers and numbers of blocks of the stack that may still be read, by where blocks begin.

    And all of the stack from ``floor`` on. ``depth`` is where the stack pointer stands at most calls, if known.
    """

    at: Mapping[int, frozenset[str | int]]
    floor: float
    depth: int | None


def living(blocks: Mapping[int, Block], entry: int, order: Mapping[int, tuple[int, int]], lift: Lift) -> Living:
    """What may still be read of a function that begins at the block ``entry``; ``order`` is that of its blocks."""
    search = _Search(lift)
    known: dict[int, _ADDRESSES] = {}
    _place(blocks, known, entry, {lift.stack: 0}, search)
    depth = search.depths.most_common(1)[0][0] if search.depths else None
    for start in blocks:
        if start not in known:
            _place(blocks, known, start, {} if depth is None else {lift.stack: depth}, search)
    own = {start: _used(block, known[start], blocks, search) for start, block in blocks.items()}
    return Living(_backwards(blocks, own, order), search.floor, depth)


def returning(blocks: Mapping[int, Block], entry: int, lift: Lift) -> Mapping[int, Block]:
    """The same without ways on from calls that do not return, where arguments are pushed.

    There the stack is deeper than on the other ways to the same place; a compiler lets them all agree.
    """
    if not lift.stack_first:
        return blocks
    ends, search = {start for start, block in blocks.items() if _ends_in_call(block)}, _Search(lift)
    known: dict[int, _ADDRESSES] = {entry: {lift.stack: 0}}
    behind: dict[int, _ADDRESSES] = {}
    work, later = [entry], list[tuple[int, _ADDRESSES]]()
    while work or later:
        if not work:
            successor, held = later.pop(0)
            if successor not in known:
                known[successor] = held
                work.append(successor)
            continue
        at = work.pop()
        held = dict(known[at])
        for _, _, does in blocks[at].rows:
            _follow(held, does, search)
        behind[at] = held
        for successor in blocks[at].followed_by:
            if at in ends:
                later.append((successor, dict(held)))
            elif successor not in known:
                known[successor] = dict(held)
                work.append(successor)
    found = dict(blocks)
    for at in ends & behind.keys():
        depth = behind[at].get(lift.stack)
        same = tuple(one for one in blocks[at].followed_by if known[one].get(lift.stack, depth) == depth)
        found[at] = Block(blocks[at].rows, same)
    return found


def _ends_in_call(block: Block) -> bool:
    """Whether nothing but what fills the place stands behind the last call of a block."""
    last = next((does for _, _, does in reversed(block.rows) if does.kind != Kind.NOTHING), None)
    return last is not None and last.kind == Kind.CALL


class _Search(msgspec.Struct):
    """What was seen so far: how deep the stack was at calls, and the lowest place whose address is computed."""

    lift: Lift
    depths: Counter[int] = msgspec.field(default_factory=Counter)
    floor: float = inf

    def take(self, at: float) -> None:
        """Takes in that the address of a place is computed."""
        self.floor = min(self.floor, at - _BEFORE)


def _place(
    blocks: Mapping[int, Block], known: dict[int, _ADDRESSES], start: int, given: _ADDRESSES, search: _Search
) -> None:
    """Finds which registers hold addresses of the own stack where blocks begin, going on from one of them."""
    known[start], work = given, [start]
    while work:
        at = work.pop()
        held = dict(known[at])
        for _, _, does in blocks[at].rows:
            if does.kind == Kind.CALL and search.lift.stack in held:
                search.depths[held[search.lift.stack]] += 1
            _follow(held, does, search)
        for successor in blocks[at].followed_by:
            before = known.get(successor)
            if before is None:
                known[successor] = dict(held)
                work.append(successor)
            elif lost := {name for name, place in before.items() if held.get(name) != place}:
                # It may still hold either address.
                for name in lost:
                    search.take(-inf if name == search.lift.stack else min(before[name], held.get(name, before[name])))
                known[successor] = {name: place for name, place in before.items() if name not in lost}
                work.append(successor)


def _follow(held: _ADDRESSES, does: Operation, search: _Search) -> None:
    """Changes the registers that hold addresses of the own stack as an instruction does."""
    lift, moved = search.lift, _computed(held, does, search)
    kept = moved is not None and does.kind == Kind.SET and does.to in (lift.stack, lift.frame)
    if moved is not None and not kept:
        search.take(moved)
    if does.kind == Kind.CALL:
        for name in held.keys() - lift.kept - {lift.stack}:
            del held[name]
    for written in (does.to, *does.also):
        if written in held and not kept:
            search.take(-inf if written == lift.stack else inf)
            del held[written]
    if kept and does.to is not None and moved is not None:
        held[does.to] = moved


def _computed(held: _ADDRESSES, does: Operation, search: _Search) -> int | None:
    """The address of the own stack that an instruction computes, or passes on; None for none, or one among others."""
    place, moved = does.place, None
    if place is not None and place.index in held:
        search.take(-inf)
    if place is not None and place.base in held:
        moved = held[place.base] + place.at
        if place.index is not None:
            search.take(moved)
            moved = None
        elif does.reads or does.kind in (Kind.STORE, *_LEADING):
            moved = None  # what stands there is meant
    for name in (does.register, does.operand, does.other):
        if isinstance(name, str) and name in held:
            moved = held[name] + (does.number or 0)
            if does.operator is not None:
                search.take(moved if does.operator == Operator.ADD else -inf)
                moved = None
    return moved


def _used(
    block: Block, given: _ADDRESSES, blocks: Mapping[int, Block], search: _Search
) -> tuple[frozenset[str | int], frozenset[str | int]]:
    """What a block reads before it is written there, and what it writes."""
    read: set[str | int] = set()
    written: set[str | int] = set()
    held = dict(given)
    for _, _, does in block.rows:
        read.update(_read(does, held, blocks, search.lift) - written)
        written |= _written(does, held, search.lift)
        _follow(held, does, search)
    return frozenset(read), frozenset(written)


def _read(does: Operation, held: _ADDRESSES, blocks: Mapping[int, Block], lift: Lift) -> set[str | int]:
    """The registers and blocks of the stack that an instruction reads."""
    names = [does.register, does.operand, does.other]
    found: set[str | int] = {lift.stack}
    if does.kind == Kind.CALL or (does.kind in _LEADING and does.target not in blocks):
        names += [*lift.arguments, *lift.pointers]
        top = held.get(lift.stack)
        if top is not None:
            first = top + (lift.passed if does.kind == Kind.CALL else lift.stacked)
            found.update(range(first // SLOT_BLOCK, (first + lift.word * lift.most_stacked) // SLOT_BLOCK))
    elif does.kind == Kind.RETURN:
        names.append(lift.result)
    place = does.place
    if place is not None:
        names += [place.base, place.index]
        if place.index is None and place.base in held and (does.reads or does.kind in _LEADING):
            at = held[place.base] + place.at
            found.update(range(at // SLOT_BLOCK, (at + max(does.width, 1) - 1) // SLOT_BLOCK + 1))
    found.update(name.removesuffix(LOW) for name in names if isinstance(name, str) and name != COUNTER)
    return found


def _written(does: Operation, held: _ADDRESSES, lift: Lift) -> set[str | int]:
    """The registers and whole blocks of the stack that an instruction writes."""
    found: set[str | int] = set(does.also)
    if does.to is not None and not does.to.endswith(LOW):
        found.add(does.to)
    if does.kind == Kind.CALL:
        found.add(lift.result)
        found.update(name for name in (*lift.arguments, *lift.pointers) if name not in lift.kept)
    place = does.place
    if does.kind == Kind.STORE and place is not None and place.index is None and place.base in held:
        at = held[place.base] + place.at
        found.update(range(-(-at // SLOT_BLOCK), (at + does.width) // SLOT_BLOCK))
    return found - {lift.stack}


def _backwards(
    blocks: Mapping[int, Block],
    own: Mapping[int, tuple[frozenset[str | int], frozenset[str | int]]],
    order: Mapping[int, tuple[int, int]],
) -> dict[int, frozenset[str | int]]:
    """What may still be read where blocks begin, from what each reads and writes itself."""
    before: dict[int, list[int]] = {}
    for start, block in blocks.items():
        for successor in block.followed_by:
            before.setdefault(successor, []).append(start)
    found = {start: read for start, (read, _) in own.items()}
    work = sorted(blocks, key=order.__getitem__)  # the last first
    waiting = set(work)
    while work:
        start = work.pop()
        waiting.discard(start)
        read, written = own[start]
        behind = read.union(frozenset().union(*map(found.__getitem__, blocks[start].followed_by)) - written)
        if len(behind) > len(found[start]):
            found[start] = behind
            for one in before.get(start, ()):
                if one not in waiting:
                    waiting.add(one)
                    work.append(one)
    return found
