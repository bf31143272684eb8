"""Debug information that lies: read, or said to be unreadable, in bounded time and memory. Never a wrong yes."""

from __future__ import annotations

import functools
import random
import struct
import time
import zlib
from pathlib import Path

import msgspec
import pytest

from archscan import debug
from archscan.debug.sections import section_bytes
from archscan.elf.image import Image, Section
from archscan.elf.reader import read
from archscan.errors import ElfError
from archscan.model import Asked, Job, Limits, ProblemKind
from archscan.pool import readings
from archscan.scan.confirmation import read_debug
from archscan.scan.package import prepare
from archscan.sources import opened
from tests.damage.test_damage import damaged
from tests.debug.building import build_id, program, run

LIMITS = Limits(deadline=20.0, memory_bytes=2 << 30, member_bytes=16 << 20)
_COMPRESSED = 0x800


def image(data: bytes, name: str = ".debug_info", flags: int = 0, bits: int = 64) -> Image:
    """An object whose only section is ``data``."""
    part = Section(name, 1, flags, 0, 0, len(data), 0, 0)
    return Image(data, "test", bits, "<", 0, 3, 62, 0, 0, (), (part,), (), {})


def whole(info: bytes, abbrev: bytes = b"", line: bytes = b"") -> Image:
    """An object with a build id and sections of debug information."""
    note = struct.pack("<III4s", 4, 4, 3, b"GNU\0") + b"\x01\x02\x03\x04"
    parts, data = [], b""
    names = ((".note.gnu.build-id", note), (".debug_info", info), (".debug_abbrev", abbrev), (".debug_line", line))
    for name, content in names:
        kind = 7 if name.startswith(".note") else 1
        parts.append(Section(name, kind, 0, 0, len(data), len(content), 0, 0))
        data += content
    return Image(data, "test", 64, "<", 0, 3, 62, 0, 0, (), tuple(parts), (), {})


def unit(entry: bytes, *, version: int = 4, table: int = 0) -> bytes:
    body = struct.pack("<HIB", version, table, 8) + entry
    return struct.pack("<I", len(body)) + body


def verdicts(found: debug.Found | None) -> set[str]:
    assert found is not None
    return {row.verdict for row in debug.finished(found, {}).confirmations}


@pytest.mark.parametrize("size", [1 << 40, 17 << 20])
def test_a_section_that_promises_too_much(size: int) -> None:
    packed = zlib.compress(bytes(1 << 20))
    for data, name, flags in (
        (struct.pack("<IIQQ", 1, 0, size, 1) + packed, ".debug_info", _COMPRESSED),
        (struct.pack("<IIQQ", 2, 0, size, 1) + packed, ".debug_info", _COMPRESSED),
        (b"ZLIB" + size.to_bytes(8, "big") + packed, ".zdebug_info", 0),
    ):
        with pytest.raises(ElfError, match="member_bytes") as caught:
            section_bytes(image(data, name, flags), ".debug_info", 16 << 20)
        assert caught.value.kind == "limit"


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        struct.pack("<IIQQ", 1, 0, 100, 1) + zlib.compress(bytes(99)),
        struct.pack("<IIQQ", 1, 0, 100, 1) + b"no zlib",
        struct.pack("<IIQQ", 2, 0, 100, 1) + b"no zstd",
        struct.pack("<IIQQ", 7, 0, 100, 1) + b"nobody knows",
    ],
)
def test_a_section_that_cannot_be_unpacked(data: bytes) -> None:
    with pytest.raises(ElfError):
        section_bytes(image(data, flags=_COMPRESSED), ".debug_info", 1000)


def test_a_bomb_gives_what_it_promises_and_no_more() -> None:
    data = struct.pack("<IIQQ", 1, 0, 10, 1) + zlib.compress(bytes(1 << 24))
    assert section_bytes(image(data, flags=_COMPRESSED), ".debug_info", 1000) == bytes(10)


ABBREVIATION = bytes([1, 0x11, 0, 0x25, 0x08, 0x13, 0x0B, 0x11, 0x01, 0x12, 0x07, 0, 0, 0])
ENTRY = b"\x01GNU C17 12.2.0 -O2 -fstack-protector-strong\0\x0c" + struct.pack("<QQ", 0x1000, 0x10)


def test_units_before_the_damage_are_kept_and_the_rest_is_a_problem() -> None:
    found = debug.read(whole(unit(ENTRY) + b"\xff\x00\x00\x00rest", ABBREVIATION), "a", Asked(), LIMITS)
    assert found is not None
    assert len(found.heads) == 2  # the second stands for what was not reached
    assert found.problem is not None
    assert "unit 1" in str(found.problem)
    assert "yes" not in verdicts(found)
    assert "unknown" in verdicts(found)


@pytest.mark.parametrize(
    ("entry", "abbreviation"),
    [
        (ENTRY, b""),
        (ENTRY, b"\x02" + ABBREVIATION[1:]),
        (ENTRY[:20], ABBREVIATION),
        (b"\xff" * 20, ABBREVIATION),
        (ENTRY, bytes([1, 0x11, 0, 0x25, 0x7F, 0, 0, 0])),
        (ENTRY, bytes([1, 0x11, 0]) + b"\x80" * 100),
    ],
)
def test_a_unit_that_makes_no_sense_protects_nothing_and_blames_nothing(entry: bytes, abbreviation: bytes) -> None:
    found = debug.read(whole(unit(entry), abbreviation), "a", Asked(), LIMITS)
    assert verdicts(found) <= {"unknown", "n/a"}
    assert "unknown" in verdicts(found)


def test_one_bad_unit_beside_a_good_one_is_no_yes() -> None:
    found = debug.read(whole(unit(ENTRY) + unit(b"\x05"), ABBREVIATION), "a", Asked(), LIMITS)
    assert found is not None
    rows = {row.feature: row for row in debug.finished(found, {}).confirmations}
    assert (rows["stack_protector"].verdict, rows["stack_protector"].units_with) == ("unknown", 1)


def test_too_many_units() -> None:
    limits = Limits(compile_units=10)
    found = debug.read(whole(unit(ENTRY) * 11, ABBREVIATION), "a", Asked(), limits)
    assert found is not None
    assert found.problem is not None
    assert (found.problem.kind, "compile_units" in str(found.problem), len(found.heads)) == ("limit", True, 11)
    assert "yes" not in verdicts(found)


def test_abbreviations_are_looked_through_within_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units that each ask for another code at the end of a long table would cost their product."""
    monkeypatch.setattr("archscan.debug.units._MOST_ABBREVIATION_BYTES", 4 << 20)
    table = b"".join(bytes([0xFF, 0x7F, 0x34, 0]) + b"\x03\x08\0\0" for _ in range(100_000))
    info = b"".join(unit(bytes([0x80 | number & 0x7F, number >> 7])) for number in range(256, 3000))
    started = time.process_time()
    found = debug.read(whole(info, table), "a", Asked(), LIMITS)
    assert time.process_time() - started < 10
    assert found is not None
    assert found.problem is not None
    assert ".debug_abbrev" in str(found.problem)
    assert verdicts(found) <= {"unknown", "n/a"}


def test_line_tables_that_lie(tmp_path: Path) -> None:
    built = program(tmp_path, {})
    data = bytearray(built.read_bytes())
    address = next(
        line.split()[0] for line in run("nm", built, cwd=tmp_path).splitlines() if line.endswith(" T used")
    ).lstrip("0")
    chance = random.Random("lines")
    text = run("readelf", "--wide", "--sections", built, cwd=tmp_path)
    words = next(line for line in text.splitlines() if " .debug_line " in line).partition("]")[2].split()
    offset, size = int(words[3], 16), int(words[4], 16)
    for _ in range(200):
        broken = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            broken[offset + chance.randrange(size)] = chance.randrange(256)
        found = debug.read(read(bytes(broken)), "a", Asked(addresses=(f"0x{address}",)), LIMITS)
        assert found is not None


def test_lists_of_ranges_that_are_none_cost_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every unit has a list that only says again and again where it begins."""
    monkeypatch.setattr("archscan.debug.places._MOST_RANGES", 500_000)
    base = struct.pack("<QQ", (1 << 64) - 1, 0x1000)
    tables = whole(unit(b"\x01C\0" + struct.pack("<I", 0)) * 400, bytes([1, 0x11, 0, 0x25, 0x08, 0x55, 0x17, 0, 0, 0]))
    part = Section(".debug_ranges", 1, 0, 0, len(tables.data), 100_000 * len(base), 0, 0)
    changed = msgspec.structs.replace(
        tables, data=bytes(tables.data) + base * 100_000, sections=(*tables.sections, part)
    )
    started = time.process_time()
    assert debug.read(changed, "a", Asked(sites={"fortify": ("0x1010",)}), LIMITS) is not None
    assert time.process_time() - started < 5


def test_names_without_end_are_kept_within_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archscan.debug.units._MOST_TEXT", 1000)
    found = debug.read(whole(unit(ENTRY) * 100, ABBREVIATION), "a", Asked(), LIMITS)
    assert found is not None
    assert 2 < len(found.heads) < 50
    assert "characters of names" in str(found.problem)
    assert "yes" not in verdicts(found)


def _line_table(columns: bytes, rows: bytes) -> bytes:
    """A table of DWARF 5 whose folders and files are lists of so many rows with such columns (content, form)."""
    lists = (bytes([len(columns) // 2]) + columns + rows) * 2
    body = struct.pack("<BBBbBB", 1, 1, 1, -5, 14, 1) + lists
    rest = struct.pack("<HBBI", 5, 8, 0, len(body)) + body
    return struct.pack("<I", len(rest)) + rest


# A unit with a line table at 0: producer, language, line table and code.
_WITH_LINES = bytes([1, 0x11, 0, 0x25, 0x08, 0x13, 0x0B, 0x10, 0x17, 0x11, 0x01, 0x12, 0x07, 0, 0, 0])


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (bytes([1, 0x19]) * 255, b"\x80\x80\x04"),  # 65,536 rows of 255 columns that take no room
        (bytes([1, 0x19]), b"\x04"),
        (bytes([1, 0x08]), b"\xff\xff\x03"),
        (bytes([1, 0x7F]), b"\x01"),
    ],
)
def test_lists_of_files_that_lie_cost_their_size_and_prove_nothing(columns: bytes, rows: bytes) -> None:
    entry = b"\x01GNU C17 12.2.0 -O2\0\x0c" + struct.pack("<IQQ", 0, 0x1000, 0x100)
    started = time.process_time()
    asked = Asked(addresses=("0x1010",))
    found = debug.read(whole(unit(entry) * 20, _WITH_LINES, _line_table(columns, rows)), "a", asked, LIMITS)
    assert time.process_time() - started < 5
    assert found is not None
    assert {row.feature: row.verdict for row in debug.finished(found, {}).confirmations}["fortify"] == "unknown"


def test_damaged_debug_files_are_read_or_refused(tmp_path: Path) -> None:
    built = program(tmp_path / "built", {}, "-gdwarf-5")
    wanted = {
        build_id(built): Asked(
            addresses=("0x1139", "0x1200"), sites={"fortify": ("0x1139", "0xfffffffffffffffff", ".text+0x1")}
        )
    }
    chance = random.Random("debug")
    jobs = []
    for number in range(300):
        path = tmp_path / f"{number}"
        path.write_bytes(damaged(built.read_bytes(), chance))
        jobs.append(Job(path=str(path), target=str(path)))
    work = functools.partial(read_debug, wanted=wanted)
    done = 0
    for reading in readings(jobs, work, LIMITS, 2, opened, prepare):
        kinds = {problem.kind for problem in reading.problems}
        assert not kinds & {ProblemKind.INTERNAL, ProblemKind.TIMEOUT, ProblemKind.CRASH}, reading.problems
        done += 1
    assert done == 300
