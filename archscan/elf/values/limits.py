"""How far a table is read, by comparisons of what its entries are counted by (`Limits`, `limited`).

A comparison with a number limits what is compared only where the branch behind it led: in the blocks that are reached
by that alone. What counts is where an entry is read, or its address computed, as what was read may be used anywhere.
Where several places read the same, the table ends where the last of them may read; where one of them is without a
limit, nobody knows. Of what nobody knows, one may be another than the one that was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from archscan.elf.arch.lifting import NOTHING, Kind, Operation, mirrored
from archscan.elf.values.arithmetic import line_of, lowest
from archscan.elf.values.blocks import CASES, Block, Row
from archscan.elf.values.domain import Along, Atom, Computed, Counted, Element, Filled, Number, Result, Unknown, Value
from archscan.elf.values.state import State
from archscan.elf.values.steps import held, put, read_from

_ENTRY = 0x1000  # bytes of an entry of a table, at most
_NARROW = (1, 2)  # bytes of what is compared, of a register that has more
_ROOT = -2  # what leads to the blocks that no other block leads to
Range = tuple[int, int]
"""From where a row goes, and what it is less than."""
Step = Callable[[State, Row], None]


class _Bound(msgspec.Struct, frozen=True):
    """What is less than a number in a block and wherever only that leads.

    ``again``: where a loop begins again; what is compared is what it counts by, from the second time on.
    """

    block: int
    value: Value
    limit: int
    again: bool = False


class Compared(msgspec.Struct, frozen=True):
    """What is compared with a number before a branch; ``is_second``: as the second of the two.

    ``narrow``: its lowest bytes, where no more are compared. They are a number without a sign, so only a branch says
    something of them that has none either.
    """

    value: Value
    number: int
    is_second: bool = False
    narrow: Value = frozenset()


class Limits(msgspec.Struct, frozen=True):
    """The bounds of a function, where it reads entries of tables, and by which block alone each block is reached."""

    bounds: tuple[_Bound, ...]
    read: Mapping[Along, frozenset[int]]
    above: Mapping[int, int]
    calls: Mapping[int, int]


def limits_of(blocks: Mapping[int, Block], states: Mapping[int, State], step: Step) -> Limits:
    """What limits the tables of a function that was gone through; ``step`` takes an instruction in."""
    bounds: list[_Bound] = []
    read: dict[Along, set[int]] = {}
    calls: dict[int, int] = {}
    above, before = _above(blocks), _before(blocks)
    ways: dict[int, dict[int, _Bound]] = {}
    for start, known in states.items():
        rows, state = blocks[start].rows, known.copied()
        compared: dict[str, Compared | None] = {}
        for row in rows:
            address, behind, does = row
            if does.kind == Kind.CALL:
                calls[address] = start
            compare(compared, state, row)
            for entry in _rows(state, does, behind):
                read.setdefault(entry, set()).add(start)
            step(state, row)
        _, behind, last = rows[-1] if rows else (0, start, NOTHING)
        if last.kind == Kind.BRANCH and (with_ := compared.get(last.flags)) is not None:
            branch = mirrored(last) if with_.is_second else last
            value = with_.value | with_.narrow if last.unsigned else with_.value
            if last.unsigned is False:
                value = value - with_.narrow
            bounds += _bounds(start, branch, behind, (value, with_.number), before, above)
            for to, added, _ in _ways(branch, behind):
                if added is not None and to is not None and start in before.get(to, ()) and branch.target != behind:
                    ways.setdefault(to, {})[start] = _Bound(to, value, with_.number + added)
    for to, some in ways.items():
        bounds += _bounds_of_all(some, {one for one in before[to] if one == to or not _is_below(above, one, to)})
    return Limits(tuple(bounds), {row: frozenset(some) for row, some in read.items()}, above, calls)


def compare(compared: dict[str, Compared | None], state: State, row: Row) -> None:
    """Takes in what an instruction leaves where comparisons leave what they found, by the names of such places."""
    _, behind, does = row
    if does.kind == Kind.NOTHING and (does.number is not None or does.operand is not None):
        compared[does.flags] = _compared(state, does, behind)
    elif does.kind == Kind.CALL:
        compared.clear()
    for name in does.also:
        compared.pop(name, None)


def _compared(state: State, does: Operation, behind: int) -> Compared | None:
    """What a comparison compares with a number; None where neither is one, or may be several."""
    first = held(state, does, behind)
    if does.number is not None:
        narrow = lowest(first, does.width) if does.width in _NARROW else frozenset()
        return Compared(first, does.number, narrow=narrow)
    second = state.get(str(does.operand))
    for value, limit in ((first, second), (second, first)):
        (one, *others) = limit
        if isinstance(one, Number) and not others:
            return Compared(value, one.value, is_second=value is second)
    return None


def _rows(state: State, does: Operation, behind: int) -> Iterator[Along]:
    """The entries that an instruction reads, or whose address it computes, unless it has that from another one."""
    found: Value = frozenset()
    if does.place is not None and (does.reads or does.kind in (Kind.CALL, Kind.JUMP)):
        found = read_from(state, does, behind)
    elif does.kind in (Kind.SET, Kind.SELECT) and (does.place is not None or does.operator is not None):
        found = put(state, does, behind)
    names = {does.register, does.operand, *((does.place.base, does.place.index) if does.place is not None else ())}
    for one in found:
        known = (state.get(name) for name in names if isinstance(name, str)) if isinstance(one, Along) else ()
        if isinstance(one, Along) and not any(_is_same(one, other) for value in known for other in value):
            yield one


def _is_same(one: Along, other: Atom) -> bool:
    """Whether two are counted by the same, in the same steps."""
    return isinstance(other, Along) and (one.of, one.stride) == (other.of, other.stride)


def _bounds(
    start: int,
    branch: Operation,
    behind: int,
    compared: tuple[Value, int],
    before: Mapping[int, set[int]],
    above: Mapping[int, int],
) -> Iterator[_Bound]:
    """What a branch behind a comparison says where it leads, and where it does not."""
    value, number = compared
    for to, added, unlike in _ways(branch, behind):
        if to is None or start not in before.get(to, ()) or branch.target == behind:
            continue
        # Nothing else leads there, but for what lies behind it.
        if added is not None and all(one == start or _is_below(above, one, to) for one in before[to]):
            yield _Bound(to, value, number + added)
        # A loop that counts goes on below the number, or until it is reached.
        if (added is not None or unlike) and [one for one in before[to] if _is_below(above, one, to)] == [start]:
            yield _Bound(to, value, number + (added or 0), again=True)


def _ways(branch: Operation, behind: int) -> tuple[tuple[int | None, int | None, bool], ...]:
    """Where a branch leads, or not, with what is added to the number that is more there; and if it is unlike that."""
    return (branch.target, branch.taken, branch.unlike is True), (behind, branch.passed, branch.unlike is False)


def _bounds_of_all(ways: Mapping[int, _Bound], wanted: Collection[int]) -> Iterator[_Bound]:
    """What holds in a block to which several ``wanted`` ones lead, each behind a comparison of the same."""
    found = [ways[one] for one in wanted if one in ways]
    if len(wanted) > 1 and len(found) == len(wanted) and len({bound.value for bound in found}) == 1:
        yield max(found, key=lambda bound: bound.limit)


def limited(limits: Limits, value: Value, block: int) -> Value:
    """A value that is known in a block, with the ends of its tables as far as comparisons say them."""
    return frozenset(
        Element(_ended(limits, one.at, block), one.width)
        if isinstance(one, Element)
        else _ended(limits, one, block)
        if isinstance(one, Along)
        else one
        for one in value
    )


def _ended(limits: Limits, one: Along, block: int) -> Along:
    found = [_range_in(limits, one, where) for where in _places(limits, one) or (block,)]
    known = [row for row in found if row is not None]
    if len(known) < len(found):
        return one
    table, end = min(begin for begin, _ in known), max(end for _, end in known)
    return msgspec.structs.replace(one, table=max(table, one.table), end=end)


def _places(limits: Limits, one: Along) -> frozenset[int]:
    """The blocks where an entry, or another part of the same, is read first.

    Or where what counts it was multiplied, before the address of the table was added to that.
    """
    same = [(row.start, some) for row, some in limits.read.items() if _is_same(row, one)]
    near = frozenset[int]().union(*(some for start, some in same if abs(start - one.start) < _ENTRY))
    return limits.read.get(one) or near or frozenset().union(*(some for start, some in same if abs(start) < _ENTRY))


def _range_in(limits: Limits, one: Along, block: int) -> Range | None:
    """How far a row goes in a block; None where nothing says that."""
    if isinstance(one.of, Unknown):
        return None
    found = [
        row
        for bound in limits.bounds
        if (row := _range(one, bound)) is not None
        and _is_below(limits.above, block, bound.block)
        and not _is_made_anew(limits, one, bound.block)
    ]
    return min(found, key=lambda row: row[1], default=None)


def _is_made_anew(limits: Limits, one: Along, block: int) -> bool:
    """Whether a call behind the comparison brings what is counted by once more."""
    of = one.of.of if isinstance(one.of, Computed) else one.of
    made = limits.calls.get(of.call) if isinstance(of, Result | Filled) else None
    return made is not None and _is_below(limits.above, made, block)


def _range(one: Along, bound: _Bound) -> Range | None:
    """From where a row goes, and what it is less than, where a value is less than a limit."""
    if bound.again and not isinstance(one.of, Counted):
        return None
    lines = [line for line in map(line_of, bound.value) if line is not None and (line.of, line.stride) == (one.of, 1)]
    # At the end of a loop it may be counted already.
    found = [bound.limit - line.start + bound.again for line in lines]
    begins = [line.start * (not bound.again) for line in lines]
    return (one.start - one.stride * max(begins), one.start + one.stride * max(found)) if lines else None


def _before(blocks: Mapping[int, Block]) -> dict[int, set[int]]:
    """The blocks that lead to each block."""
    found: dict[int, set[int]] = {start: set() for start in blocks}
    for start, block in blocks.items():
        for successor in block.followed_by:
            found[successor].add(start)
    return found


def _is_below(above: Mapping[int, int], block: int, other: int) -> bool:
    """Whether a block is reached by way of the other one alone, or is that."""
    while block not in (other, _ROOT):
        block = above.get(block, _ROOT)
    return block == other


def _above(blocks: Mapping[int, Block]) -> dict[int, int]:
    """The block through which each block is reached at last, whatever way is taken: its immediate dominator.

    Cooper, Harvey and Kennedy, A Simple, Fast Dominance Algorithm.
    """
    order, begins = _ordered(blocks)
    place, before = {start: number for number, start in enumerate(order)}, _before(blocks)
    above: dict[int, int] = {}
    changed = True
    while changed:
        changed = False
        for start in order:
            known = [one for one in before[start] if one in above]
            new = _ROOT if start in begins or not known else _meeting(known, above, place)
            if above.get(start) != new:
                above[start], changed = new, True
    return above


def _meeting(known: Sequence[int], above: Mapping[int, int], place: Mapping[int, int]) -> int:
    """The last block that all have above them, or are."""
    found = known[0]
    for one in known[1:]:
        other = one
        while found != other:
            if _ROOT in (found, other):
                return _ROOT
            if place[found] > place[other]:
                found = above[found]
            else:
                other = above[other]
    return found


def _ordered(blocks: Mapping[int, Block]) -> tuple[list[int], set[int]]:
    """The blocks in reverse post-order, and those with which a way begins: the function's first, and what is left."""
    found: list[int] = []
    begins: set[int] = set()
    seen: set[int] = set()
    for begin in (start for start in blocks if start != CASES):
        if begin in seen:
            continue
        begins.add(begin)
        seen.add(begin)
        work = [(begin, iter(blocks[begin].followed_by))]
        while work:
            _, successors = work[-1]
            following = next((one for one in successors if one not in seen), None)
            if following is None:
                found.append(work.pop()[0])
            else:
                seen.add(following)
                work.append((following, iter(blocks[following].followed_by)))
    return found[::-1], begins
