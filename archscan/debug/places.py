"""The source lines of addresses: each line table is gone through once, whatever the number of addresses."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from archscan.debug.lines import LineTable, line_table, lines_of
from archscan.debug.ranges import code_ranges
from archscan.debug.units import Head, Tables
from archscan.debug.values import DamageError
from archscan.model import escape

DAMAGED = 64 << 10  # what a damaged table counts for, of which nobody knows how much was read
MOST_LINE_BYTES = 64 << 20  # of line tables that are gone through for one object; a web engine has about as much
_MOST_RANGES = 5_000_000  # that addresses are looked for in
_LONGEST = 4096  # bytes of a path (PATH_MAX)

Lines = dict[int, tuple[str, int]]
"""Address → source file and line."""


def source_lines(tables: Tables, found: Sequence[Head], wanted: Iterable[int], most: int) -> tuple[Lines, bool]:
    """The lines of those addresses that lie in a unit's code, and whether all tables were looked at for them.

    At most about ``most`` bytes of tables are. The file is as the line table has it: relative to where the compiler
    ran, unless that was told a whole path.
    """
    lines: Lines = {}
    left, bytes_left = set(wanted), most
    for head, addresses in owners(tables, [head for head in found if head.line is not None], left):
        mine = addresses & left
        if not mine or head.line is None:
            continue
        if bytes_left < 0:
            return lines, False
        try:
            table = line_table(tables, head.line)
        except DamageError:
            bytes_left -= DAMAGED
            continue
        bytes_left -= table.end - head.line
        for address, (file, line) in lines_of(tables, table, mine).items():
            path = _path(table, file, head)
            if path and 0 < line < 1 << 31:
                left.remove(address)
                lines[address] = path, line
    return lines, True


def numbers(words: Iterable[str]) -> dict[int, str]:
    """The addresses that are plain (``0x…``), with how they were written."""
    return {int(word, 16): word for word in words if re.fullmatch("0x[0-9a-f]{1,16}", word)}


def owners(tables: Tables, found: Sequence[Head], wanted: Iterable[int]) -> Iterator[tuple[Head, set[int]]]:
    """The units in whose code some of the addresses lie, with these."""
    wanted, left = sorted(wanted), _MOST_RANGES
    for head in found if wanted else ():
        ranges = code_ranges(tables, head)
        left -= len(ranges)
        if mine := {at for low, high in ranges for at in wanted[bisect_left(wanted, low) : bisect_left(wanted, high)]}:
            yield head, mine
        if left < 0:
            return


def _path(table: LineTable, file: int, head: Head) -> str | None:
    path = table.path(file)
    if path:
        return escape(path[:_LONGEST])
    return head.name if isinstance(head.name, str) else None
