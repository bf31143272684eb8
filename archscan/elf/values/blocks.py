"""The blocks of a function: instructions that are gone through one after another, and what follows on each."""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec

from archscan.elf.arch.lifting import Kind, Operation
from archscan.elf.jump_tables import is_table

Row = tuple[int, int, Operation]
"""Address, the address behind it, and what the instruction does, or one thing of several that it does."""

CASES = -1  # the block where jumps by tables lead, in place of an address


class Block(msgspec.Struct, frozen=True):
    """Instructions of which only the last leads elsewhere, and where."""

    rows: tuple[Row, ...]
    followed_by: tuple[int, ...]


def blocks_of(rows: tuple[Row, ...], cases: frozenset[int]) -> Mapping[int, Block]:
    """The blocks of a function by where they begin, in their order; jumps by tables lead to all ``cases``."""
    return _switched(_without_padding(_cut(rows, cases), cases), cases) if rows else {}


def _cut(rows: tuple[Row, ...], cases: frozenset[int]) -> dict[int, Block]:
    addresses = {address for address, _, _ in rows}
    begins = {rows[0][0]} | cases
    for _, behind, does in rows:
        if does.kind in (Kind.JUMP, Kind.BRANCH, Kind.RETURN):
            begins.add(behind)
            if does.target in addresses:
                begins.add(does.target)
    found: dict[int, Block] = {}
    block: list[Row] = []
    for row in rows:
        if block and block[-1][0] != row[0] and (row[0] in begins or block[-1][1] != row[0]):
            found[block[0][0]] = Block(tuple(block), _followed_by(block[-1], begins))
            block = []
        block.append(row)
    found[block[0][0]] = Block(tuple(block), _followed_by(block[-1], begins))
    return {start: _within(one, found) for start, one in found.items()}


def _followed_by(last: Row, begins: set[int]) -> tuple[int, ...]:
    _, behind, does = last
    found = []
    if does.kind in (Kind.JUMP, Kind.BRANCH) and does.target in begins and does.target is not None:
        found.append(does.target)
    if does.kind not in (Kind.JUMP, Kind.RETURN):
        found.append(behind)
    return tuple(found)


def _within(block: Block, blocks: Container[int]) -> Block:
    inside = tuple(start for start in block.followed_by if start in blocks)
    return block if inside == block.followed_by else Block(block.rows, inside)


def _without_padding(blocks: dict[int, Block], cases: frozenset[int]) -> dict[int, Block]:
    """The same without what fills the place up to where a loop or a case begins: nothing leads there."""
    first = next(iter(blocks))
    led_to = {successor for block in blocks.values() for successor in block.followed_by} | cases
    return {
        start: block
        for start, block in blocks.items()
        if start == first or start in led_to or any(does.kind != Kind.NOTHING for _, _, does in block.rows)
    }


def _switched(blocks: dict[int, Block], cases: frozenset[int]) -> Mapping[int, Block]:
    """The same with jumps by tables leading to all cases, by way of an empty block.

    Where none is known, to every block that nothing else leads to.
    """
    tables = [start for start, block in blocks.items() if is_table(block.rows[-1][2])]
    if not tables:
        return blocks
    led_to = {successor for block in blocks.values() for successor in block.followed_by}
    known = tuple(sorted(cases & blocks.keys())) or tuple(start for start in list(blocks)[1:] if start not in led_to)
    leading = {start: Block(blocks[start].rows, (CASES,)) for start in tables}
    return {CASES: Block((), known)} | blocks | leading


def order_of(blocks: Mapping[int, Block]) -> dict[int, tuple[int, int]]:
    """The loop and the place of each block: numbers in an order in which only loops lead back, and only to themselves.

    Blocks that lead to each other are one loop, which Tarjan's algorithm finds (strongly connected components). What
    nothing leads to from the first block, such as landing pads, comes before the rest.
    """
    found: dict[int, tuple[int, int]] = {}
    seen: dict[int, int] = {}  # when each was seen
    back: dict[int, int] = {}  # when the first of those was seen that it leads back to
    left: list[tuple[int, int]] = []  # blocks whose loop is not yet known whole, and their places
    entry = next(start for start in blocks if start != CASES)
    for first in (entry, *blocks):
        work = [] if first in seen else [(first, iter(blocks[first].followed_by))]
        while work:
            start, successors = work[-1]
            seen.setdefault(start, len(seen))
            following = next((one for one in successors if one not in seen), None)
            if following is not None:
                work.append((following, iter(blocks[following].followed_by)))
                continue
            work.pop()
            left.append((start, -len(back)))
            leads_to = (start, *(one for one in blocks[start].followed_by if one not in found))
            back[start] = min(back.get(one, seen[one]) for one in leads_to)
            if back[start] == seen[start]:
                loop = -len(found)
                while left and seen[left[-1][0]] >= seen[start]:
                    one, place = left.pop()
                    found[one] = loop, place
    return found
