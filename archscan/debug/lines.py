"""The line table of a unit: its files, and the line of an address (DWARF 4 and 5, section 6.2)."""

from __future__ import annotations

import bisect
import posixpath
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from archscan.debug.units import Tables
from archscan.debug.values import (
    LINE_STRP,
    STRP,
    DamageError,
    Sizes,
    number,
    sleb,
    start,
    text,
    uleb,
    value,
)

_MOST_FILES = 65_536
_MOST_COLUMNS = 16  # of a list of files; DWARF 5 has five kinds
_PATH, _DIRECTORY = 1, 2  # DW_LNCT_…
_FAR = 1 << 65  # behind every address
_MOST_SAID = 4_000_000  # lines that one table may give; one that goes back and forth could give each many times
_FIRST_ROW = (0, 1, 1)  # address, file and line where a sequence begins


class LineTable(msgspec.Struct, frozen=True):
    """The header of a line table. A file is its folder's number and its name; numbers begin at ``first``.

    ``program`` and ``end`` bound the program in `.debug_line`; the rest are its parameters.
    """

    folders: tuple[bytes, ...]
    files: tuple[tuple[int, bytes], ...]
    first: int
    program: int
    end: int
    sizes: Sizes
    shortest: int
    line_base: int
    line_range: int
    opcode_base: int
    lengths: bytes

    def path(self, file: int) -> bytes | None:
        """The path of a file by its number, relative to where the compiler ran if its folder is."""
        if not self.first <= file < self.first + len(self.files):
            return None
        folder, name = self.files[file - self.first]
        # Number 0 is where the compiler ran; before DWARF 5 it is not in the list.
        where = self.folders[folder - self.first] if 0 < folder < len(self.folders) + self.first else b""
        return posixpath.join(where, name)


def line_table(tables: Tables, at: int) -> LineTable:
    """The header of the line table at an offset of `.debug_line`. Raises DamageError."""
    data, order = tables.line, tables.order
    offset, at, end = start(data, at, order)
    version, at = number(data, at, 2, order), at + 2
    if not 2 <= version <= 5:
        raise DamageError(f"a line table of version {version}")
    address = 8
    if version == 5:
        address, at = number(data, at, 1, order), at + 2
    length, at = number(data, at, offset, order), at + offset
    program = at + length
    if program > end:
        raise DamageError("a header that ends behind its table")
    shortest, at = number(data, at, 1, order), at + (2 if version >= 4 else 1)
    at += 1  # whether a row is a statement at first
    line_base, line_range, opcode_base = number(data, at, 1, order), number(data, at + 1, 1, order), data[at + 2]
    if not line_range or not opcode_base:
        raise DamageError("a line table without opcodes")
    lengths, at = data[at + 3 : at + 2 + opcode_base], at + 2 + opcode_base
    sizes = Sizes(order, offset, address, version)
    if version == 5:
        folders, files = _formed(tables, at, program, sizes)
    else:
        folders, files = _plain(data, at, program)
    return LineTable(folders, files, 0 if version == 5 else 1, program, end, sizes, shortest,
                     line_base - 256 if line_base > 127 else line_base, line_range, opcode_base, lengths)  # fmt: skip


def _plain(data: bytes, at: int, end: int) -> tuple[tuple[bytes, ...], tuple[tuple[int, bytes], ...]]:
    folders: list[bytes] = []
    files: list[tuple[int, bytes]] = []
    while (name := _inline(data, at, end)) and len(folders) < _MOST_FILES:
        folders.append(name)
        at += len(name) + 1
    at += 1
    while (name := _inline(data, at, end)) and len(files) < _MOST_FILES:
        folder, at = uleb(data, at + len(name) + 1)
        _, at = uleb(data, at)  # date
        _, at = uleb(data, at)  # size
        files.append((folder, name))
    return tuple(folders), tuple(files)


def _inline(data: bytes, at: int, end: int) -> bytes:
    stop = data.find(b"\0", at, end)
    if stop < 0:
        raise DamageError("a name without end")
    return data[at:stop]


def _formed(tables: Tables, at: int, end: int, sizes: Sizes) -> tuple[tuple[bytes, ...], tuple[tuple[int, bytes], ...]]:
    folders, at = _rows(tables, at, end, sizes)
    files, _ = _rows(tables, at, end, sizes)
    return tuple(name for _, name in folders), tuple(files)


def _rows(tables: Tables, at: int, end: int, sizes: Sizes) -> tuple[list[tuple[int, bytes]], int]:
    """The rows of a list that describes its own columns (DWARF 5, section 6.2.4.1), and where it ends."""
    data = tables.line
    count, at = number(data, at, 1, sizes.order), at + 1
    columns = []
    for _ in range(count):
        content, at = uleb(data, at)
        form, at = uleb(data, at)
        columns.append((content, form))
    length, at = uleb(data, at)
    # Each row has a name, and so a byte: many rows of columns without size would cost whatever their number says.
    if length > _MOST_FILES or count > _MOST_COLUMNS or length > end - at:
        raise DamageError(f"a list of {length} files of {count} columns")
    rows = []
    for _ in range(length):
        folder, name, begin = 0, b"", at
        for content, form in columns:
            found, at, real = value(data, at, form, sizes)
            if content == _PATH:
                name = _text(tables, found, real)
            elif content == _DIRECTORY and isinstance(found, int):
                folder = found
        if at > end or at == begin:
            raise DamageError("a list of files that ends behind its table")
        rows.append((folder, name))
    return rows, at


def _text(tables: Tables, found: int | bytes, form: int) -> bytes:
    if isinstance(found, bytes):
        return found
    if form == LINE_STRP:
        return text(tables.line_str, found)
    return text(tables.str, found) if form == STRP else b""


def lines_of(tables: Tables, table: LineTable, wanted: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Address → number of its file, and line, for those of ``wanted`` that the table covers.

    Of code that was inlined it is the innermost line. A program that makes no sense gives what it said before. The
    cost is the size of the program, however many addresses are wanted.
    """
    found: dict[int, tuple[int, int]] = {}
    with suppress(DamageError):
        _run(tables.line, table, [*sorted(one for one in wanted if one < _FAR), _FAR], found)
    return found


def _run(data: bytes, table: LineTable, wanted: Sequence[int], found: dict[int, tuple[int, int]]) -> None:
    """Go through the program, and fill in what its rows say of ``wanted``, which ends with an address beyond all.

    A row holds from its address up to that of the next one. ``due`` is the first address that is wanted from there on,
    so that most rows cost two comparisons.
    """
    at, end, opcode_base = table.program, table.end, table.opcode_base
    advances, steps = _special(table)
    address, file, line = _FIRST_ROW
    before = due = _FAR  # no row yet
    said, left = (1, 1), _MOST_SAID
    while at < end and left > 0:
        opcode, at = data[at], at + 1
        if opcode >= opcode_base:
            address, line = address + advances[opcode], line + steps[opcode]
        elif opcode == 0:
            kind, place, at = _extended(data, at, end)
            if kind == 2 and at - place in (2, 4, 8):  # DW_LNE_set_address
                address = number(data, place, at - place, table.sizes.order)
            if kind != 1:  # DW_LNE_end_sequence
                continue
            left -= _fill(wanted, due, address, said, found)
            address, file, line = _FIRST_ROW
            before = due = _FAR
            continue
        elif opcode == 4:  # DW_LNS_set_file
            file, at = uleb(data, at)
            continue
        elif opcode != 1:  # DW_LNS_copy
            advance, more, at = _standard(data, at, opcode, table)
            address, line = address + advance, line + more
            continue
        if address > due or address < before:
            left -= _fill(wanted, due, address, said, found)
            due = wanted[bisect.bisect_left(wanted, address, hi=len(wanted) - 1)]
        before, said = address, (file, line)


def _special(table: LineTable) -> tuple[list[int], list[int]]:
    """What each special opcode adds to the address and to the line."""
    codes = [max(opcode - table.opcode_base, 0) for opcode in range(256)]
    return (
        [code // table.line_range * table.shortest for code in codes],
        [table.line_base + code % table.line_range for code in codes],
    )


def _fill(wanted: Sequence[int], due: int, end: int, said: tuple[int, int], found: dict[int, tuple[int, int]]) -> int:
    """Note what a row says for the addresses that are wanted from ``due`` up to the next row; gives their number."""
    last = len(wanted) - 1
    places = range(bisect.bisect_left(wanted, due, hi=last), bisect.bisect_left(wanted, end, hi=last))
    for place in places:
        found[wanted[place]] = said
    return len(places)


def _extended(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """The kind of an extended opcode, where its operand begins, and where that ends."""
    length, at = uleb(data, at)
    if not length or at + length > end:
        raise DamageError("an extended opcode that ends past the end")
    return data[at], at + 1, at + length


def _standard(data: bytes, at: int, opcode: int, table: LineTable) -> tuple[int, int, int]:
    """What a standard opcode adds to the address and to the line, and where it ends."""
    if opcode == 2:  # DW_LNS_advance_pc
        advance, at = uleb(data, at)
        return advance * table.shortest, 0, at
    if opcode == 3:  # DW_LNS_advance_line
        more, at = sleb(data, at)
        return 0, more, at
    if opcode == 8:  # DW_LNS_const_add_pc
        return (255 - table.opcode_base) // table.line_range * table.shortest, 0, at
    if opcode == 9:  # DW_LNS_fixed_advance_pc
        return number(data, at, 2, table.sizes.order), 0, at + 2
    # The header says how many numbers follow one that is not known.
    for _ in range(table.lengths[opcode - 1] if opcode <= len(table.lengths) else 0):
        _, at = uleb(data, at)
    return 0, 0, at
