"""Where the code of a unit lies (DWARF 4, section 2.17.3; DWARF 5, sections 2.17.3 and 7.25)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from archscan.debug.units import Head, Tables
from archscan.debug.values import DamageError, number, uleb

_MOST = 65_536  # of one unit
_END, _BASEX, _STARTX_ENDX, _STARTX_LENGTH, _PAIR, _BASE, _START_END, _START_LENGTH = range(8)


def code_ranges(tables: Tables, head: Head) -> list[tuple[int, int]]:
    """The ranges of addresses (first, behind the last) of a unit's code, at most 65,536; what makes no sense ends them.

    Among them are some without size: what is no range, or has its addresses in another file, costs as much as one.
    """
    if head.ranges is None:
        return [(head.low, head.high)] if head.code and head.low is not None and head.high is not None else []
    found: list[tuple[int, int]] = []
    with suppress(DamageError):
        # One by one: what came before the damage is kept.
        found.extend(islice(_listed(tables, head, head.ranges), _MOST))
    return found


def _listed(tables: Tables, head: Head, at: int) -> Iterator[tuple[int, int]]:
    if head.sizes.version < 5:
        return _pairs(tables.ranges, head, at)
    if head.ranges_indexed:
        # The attribute is a number in the unit's table of offsets, which count from that table's beginning.
        base = head.rnglists_base or (12 if head.sizes.offset == 4 else 20)
        at = base + number(tables.rnglists, base + at * head.sizes.offset, head.sizes.offset, tables.order)
    return _entries(tables, head, at)


def _pairs(data: bytes, head: Head, at: int) -> Iterator[tuple[int, int]]:
    size, order, base = head.sizes.address, head.sizes.order, head.low or 0
    while True:
        low, high = number(data, at, size, order), number(data, at + size, size, order)
        at += 2 * size
        if low == high == 0:
            return
        if low == (1 << 8 * size) - 1:
            base = high
            yield base, base
        else:
            yield base + low, base + high


def _indexed(tables: Tables, head: Head, index: int) -> int | None:
    """The address of that number in `.debug_addr`; None where it lies in another file (split DWARF)."""
    if head.addresses is None:
        return None
    size = head.sizes.address
    with suppress(DamageError):
        return number(tables.addr, head.addresses + index * size, size, head.sizes.order)
    return None


def _entries(tables: Tables, head: Head, at: int) -> Iterator[tuple[int, int]]:
    data = tables.rnglists
    size, order, base = head.sizes.address, head.sizes.order, head.low or 0
    while True:
        kind, at = number(data, at, 1, order), at + 1
        if kind == _END:
            return
        if kind == _BASE:
            base, at = number(data, at, size, order), at + size
            yield base, base
        elif kind == _PAIR:
            low, at = uleb(data, at)
            high, at = uleb(data, at)
            yield base + low, base + high
        elif kind == _START_END:
            yield number(data, at, size, order), number(data, at + size, size, order)
            at += 2 * size
        elif kind == _START_LENGTH:
            low, at = number(data, at, size, order), at + size
            length, at = uleb(data, at)
            yield low, low + length
        elif kind in (_BASEX, _STARTX_ENDX, _STARTX_LENGTH):
            index, at = uleb(data, at)
            first = _indexed(tables, head, index)
            if kind == _BASEX:
                base = base if first is None else first
                yield base, base
                continue
            more, at = uleb(data, at)
            last = _indexed(tables, head, more) if kind == _STARTX_ENDX else more + (first or 0)
            yield (base, base) if first is None or last is None else (first, last)
        else:
            raise DamageError(f"a range of kind {kind}")
