"""What reading costs is bounded: lists that are too long, tables without an end, damage that repeats."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import pytest

from archscan import debug
from archscan.debug import lines, places, ranges, units
from archscan.debug.lines import line_table
from archscan.debug.ranges import code_ranges
from archscan.debug.units import Head, Tables, Texts
from archscan.debug.values import DamageError, Sizes
from archscan.errors import ElfError
from archscan.store import open_readonly
from archscan.store.debug import debug_wanted
from tests.debug.building import package, program
from tests.debug.test_confirm import change
from tests.scan.scanning import scan

_SIZES = Sizes("<", 4, 8, 5)
_EMPTY = Tables("<", b"", b"", b"", b"", b"", b"", b"", b"", b"")
_NAME, _BYTE, _TEXT, _NUMBER = b"\x01", b"\x2a", b"\x08", b"\x0b"  # DW_LNCT_path, another; DW_FORM_string, data1


def _uleb(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def _table(files: bytes, *, behind: bytes = b"") -> Tables:
    """A line table of version 5 whose list of files is ``files``, and what comes ``behind`` its header."""
    folders = b"\x01" + _NAME + _TEXT + b"\x01/\0"
    fixed = struct.pack("<BBBBBB", 1, 1, 1, 0xFB, 14, 1)
    header = struct.pack("<I", len(fixed + folders + files)) + fixed + folders + files
    body = struct.pack("<HBB", 5, 8, 0) + header + behind
    return msgspec.structs.replace(_EMPTY, line=struct.pack("<I", len(body)) + body)


def _files(columns: bytes, count: int, rows: bytes) -> bytes:
    return bytes([len(columns) // 2]) + columns + _uleb(count) + rows


def test_a_list_of_files_is_read() -> None:
    found = line_table(_table(_files(_NAME + _TEXT + _BYTE + _NUMBER, 2, b"a.c\0\1b.h\0\2")), 0)
    assert [name for _, name in found.files] == [b"a.c", b"b.h"]


@pytest.mark.parametrize(
    "files",
    [
        _files(_NAME + _TEXT, lines._MOST_FILES + 1, bytes(lines._MOST_FILES + 1)),
        _files((_BYTE + _NUMBER) * (lines._MOST_COLUMNS + 1), 1, bytes(lines._MOST_COLUMNS + 1)),
        _files(b"", 3, b"abc"),  # rows without columns, and so without size
        _files(_NAME + _TEXT, 2, b"a.c\0b.h"),  # the last name ends behind the header
    ],
    ids=["files", "columns", "nothing", "behind"],
)
def test_a_list_of_files_that_cannot_be(files: bytes) -> None:
    with pytest.raises(DamageError):
        line_table(_table(files, behind=b"x\0" * 8), 0)


def test_a_list_of_no_files_that_ends_behind_its_header_cannot_be() -> None:
    """Without a row there is none that could be seen to end too late; taken for empty, it would name no header."""
    columns = _NAME + _TEXT + b"\0"
    assert line_table(_table(b"\x01" + columns), 0).files == ()
    with pytest.raises(DamageError):
        line_table(_table(b"\x01", behind=columns), 0)


def test_damaged_line_tables_use_up_what_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both where headers of FORTIFY are looked for and where lines are."""
    good = _table(_files(_NAME + _TEXT, 1, b"/usr/include/x86_64-linux-gnu/bits/stdio2.h\0"))
    heads = [Head(number, _SIZES, low=16 * number, high=16 * number + 16, line=len(good.line)) for number in range(9)]
    tables = msgspec.structs.replace(good, line=good.line + b"\x08\0\0\0\xff\xff\0\0\0\0\0\0")
    last = Head(9, _SIZES, low=1000, high=2000, line=0)
    files = debug._Files(tables)
    assert [files.fortify(head) for head in (heads[0], last)] == ["hidden", "shown"]
    monkeypatch.setattr(debug, "_MOST_FILE_BYTES", 4 * places.DAMAGED)
    files = debug._Files(tables)
    different = [msgspec.structs.replace(head, line=len(good.line) + at) for at, head in enumerate(heads)]
    assert [files.fortify(head) for head in (*different, last)] == ["hidden"] * 10
    read: list[int] = []

    def counted(tables: Tables, at: int) -> lines.LineTable:
        read.append(at)
        return line_table(tables, at)

    monkeypatch.setattr(places, "line_table", counted)
    wanted = [head.low or 0 for head in (*heads, last)]
    assert places.source_lines(tables, [*heads, last], wanted, 4 * places.DAMAGED) == ({}, False)
    assert len(read) == 5


@pytest.mark.parametrize(
    "filler",
    [bytes([5]) + bytes(8), bytes([1, 0]), bytes([2, 0, 0]), bytes([3, 0, 0])],
    ids=["base", "indexed-base", "indexed-pair", "indexed-length"],
)
def test_what_is_no_range_counts_as_one(filler: bytes) -> None:
    pair = bytes([7]) + struct.pack("<Q", 0x1000) + b"\x10"
    head = Head(0, _SIZES, ranges=0)
    few = msgspec.structs.replace(_EMPTY, rnglists=filler * 3 + pair + b"\0")
    assert [row for row in code_ranges(few, head) if row[0] < row[1]] == [(0x1000, 0x1010)]
    many = msgspec.structs.replace(_EMPTY, rnglists=filler * ranges._MOST + pair + b"\0")
    assert [row for row in code_ranges(many, head) if row[0] < row[1]] == []


def test_a_text_that_repeats_counts_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "_MOST_TEXT", 10)
    texts = Texts()
    assert [texts.get(0x0E, b"name\0", 0) for _ in range(2)] == ["name", "name"]
    with pytest.raises(ElfError, match="more than 10 characters"):
        texts.get(0x0E, b"name\0", 0)


def test_a_call_that_is_checked_is_no_evidence_of_a_unit_without(tmp_path: Path) -> None:
    """It shows level 3, and its unit has what the verdict says."""
    whole, db = program(tmp_path / "it", {}), tmp_path / "it.db"
    scan(db, package(tmp_path / "it.deb", "it", {"usr/bin/it": whole.read_bytes()}))
    sites = [{"address": "0x10", "name": "__memcpy_chk"}, {"address": "0x20", "name": "printf"}, {"address": "0x30"}]
    change(
        db,
        "UPDATE elf SET fortify = 'no', reasons = json_object('fortify', json_object('code', 'x', 'sites', json(?)))",
        (msgspec.json.encode(sites).decode(),),
    )
    with open_readonly(db) as connection:
        (asked,) = debug_wanted(connection).values()
    assert asked.addresses == ("0x10", "0x20", "0x30")
    assert asked.sites == {"fortify": ("0x20",)}
