"""Imports behind their view, what is dropped during a large load, and a disk that is full."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database

from archscan.model import Job, Limits, Reading
from archscan.pool import answers
from archscan.store import (
    Extraction,
    dump,
    finish_scan,
    imports,
    open_readonly,
    open_store,
    start_scan,
    write,
    write_all,
)
from archscan.store.tables import SCRIPTS
from tests.bench.made import Made
from tests.bench.statistics import read

_EXTRACTION = Extraction("1", ("elf",))


def _readings(count: int, seed: int = 1) -> list[Reading]:
    results = islice(Made(read(), seed).results(), count)
    return [answers.reading(Job(path=f"{number}.deb", target="."), one, Limits()) for number, one in enumerate(results)]


def _scan(db: Database) -> int:
    return start_scan(db, started="2026-01-01", version="1", extraction=_EXTRACTION, rules_digest="", command="x")


def _filled(path: Path, readings: list[Reading]) -> None:
    with open_store(path) as db:
        scan_id = _scan(db)
        for reading in readings:
            assert write(db, reading, scan_id=scan_id, extraction=_EXTRACTION)
        finish_scan(db, scan_id, finished="2026-01-02", state="finished", metrics={})


@pytest.fixture(scope="module")
def readings() -> list[Reading]:
    return _readings(8)


def test_what_is_made_is_the_same_again_and_looks_like_a_scan(readings: list[Reading]) -> None:
    assert readings == _readings(8)
    assert readings != _readings(12, seed=2)
    objects = [row for reading in readings for row in reading.objects]
    assert objects
    assert all(reading.status == "complete" for reading in readings)
    assert any(len(row.imports) > 50 for row in objects)


def test_every_import_is_seen_through_the_view(tmp_path: Path, readings: list[Reading]) -> None:
    _filled(tmp_path / "a.db", readings)
    with open_readonly(tmp_path / "a.db") as connection:
        seen = set(connection.execute(
            "SELECT e.path, s.name, i.version, i.library FROM import i JOIN elf e ON e.id = i.elf_id "
            "JOIN symbol s ON s.id = i.symbol_id"))  # fmt: skip
    expected = {(row.path, line.symbol, line.version, line.library)
                for reading in readings for row in reading.objects for line in row.imports}  # fmt: skip
    assert seen == expected


def test_a_large_load_leaves_the_index_out_and_makes_it_in_the_end(
    tmp_path: Path, readings: list[Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(tmp_path / "kept.db", readings)
    monkeypatch.setattr(imports, "_LARGE", 5)
    with open_store(tmp_path / "left-out.db") as db:
        scan_id = _scan(db)
        for reading in readings:
            write(db, reading, scan_id=scan_id, extraction=_EXTRACTION)
        assert not _has_index(db)
        finish_scan(db, scan_id, finished="2026-01-02", state="interrupted", metrics={})
        assert not _has_index(db)  # whoever interrupts wants an end
        finish_scan(db, scan_id, finished="2026-01-02", state="finished", metrics={})
        assert _has_index(db)
        assert not (tmp_path / "left-out.db-wal").stat().st_size
    assert _dumped(tmp_path / "kept.db") == _dumped(tmp_path / "left-out.db")


def _has_index(db: Database) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'imported_symbol'").fetchone()[0])


def _dumped(path: Path) -> list[str]:
    with open_readonly(path) as connection:
        return list(dump(connection))


def test_names_that_were_rolled_back_are_not_remembered(tmp_path: Path, readings: list[Reading]) -> None:
    with open_store(tmp_path / "a.db") as db:
        scan_id = _scan(db)
        largest = max(readings, key=lambda reading: len(reading.objects))
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            write(db, largest, scan_id=scan_id, extraction=_EXTRACTION)
        db.execute("PRAGMA max_page_count = 1000000")
        write(db, largest, scan_id=scan_id, extraction=_EXTRACTION)
        assert not db.execute(
            "SELECT count(*) FROM imported WHERE symbol_id NOT IN (SELECT id FROM symbol)"
        ).fetchone()[0]
        assert not db.execute("SELECT count(*) FROM imported WHERE node_id NOT IN (SELECT id FROM node)").fetchone()[0]


_FILL = """
import resource, signal, sys
from pathlib import Path
from tests.store.test_imports import _filled, _readings
from archscan.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    _filled(Path(sys.argv[1]), _readings(8))
except StoreError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("size", [200_000, 1_000_000])
def test_a_full_disk_is_one_line_and_leaves_a_sound_database(
    tmp_path: Path, readings: list[Reading], size: int
) -> None:
    path = tmp_path / "a.db"
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(path), str(size)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "full" in done.stderr
    assert "what was finished before is kept" in done.stderr
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    _filled(path, readings)  # the same again continues
    _filled(tmp_path / "b.db", readings)
    assert _dumped(path) == _dumped(tmp_path / "b.db")


def test_figures_say_what_the_verdicts_say(tmp_path: Path, readings: list[Reading]) -> None:
    _filled(tmp_path / "a.db", readings)
    with open_readonly(tmp_path / "a.db") as connection:
        counted = connection.execute("SELECT feature, architecture, verdict, objects FROM hardening_summary").fetchall()
        one_by_one = connection.execute(
            "SELECT v.feature, p.architecture, v.verdict, count(*) FROM verdict v "
            "JOIN current_package p ON p.id = v.package_id GROUP BY 1, 2, 3"
        ).fetchall()
    assert counted
    assert sorted(counted) == sorted(one_by_one)


def test_imports_of_an_older_database_are_kept() -> None:
    before = SCRIPTS[: SCRIPTS.index(imports.IMPORTS)]
    connection = sqlite3.connect(":memory:")
    connection.executescript("".join(before))
    connection.executescript(
        "INSERT INTO package (id, sha256, size, filename, extractor, facts, status) "
        f"VALUES (1, '{'0' * 64}', 1, 'a.deb', '1', 'elf', 'complete');"
        "INSERT INTO symbol VALUES (7, 'one'), (8, 'two');"
    )
    columns = [row for row in connection.execute("PRAGMA table_info(elf)") if row[3] and row[4] is None]
    words = {"kind": "pie", "relro": "full", "endian": "little", "bits": 64, "reasons": "{}", "sha256": "0" * 64}
    values = [words.get(row[1], 1 if row[2] == "INTEGER" else "yes") for row in columns]
    names = ", ".join(row[1] for row in columns)
    connection.execute(f"INSERT INTO elf (id, {names}) VALUES (1, {', '.join('?' * len(columns))})", values)
    rows = [(1, 7, None, None), (1, 7, "V_1", "liba.so"), (1, 8, "V_1", None), (1, 8, "", None)]
    connection.executemany("INSERT INTO import VALUES (?, ?, ?, ?)", [*rows, rows[0]])
    connection.executescript(imports.IMPORTS)
    assert sorted(connection.execute("SELECT * FROM import"), key=str) == sorted(rows, key=str)
    connection.execute("INSERT INTO import VALUES (1, 8, 'V_2', 'libb.so')")
    assert connection.execute("SELECT library FROM import WHERE version = 'V_2'").fetchall() == [("libb.so",)]
    connection.commit()
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM elf")
    assert not connection.execute("SELECT * FROM imported").fetchall()


def test_packages_of_one_transaction_are_stored_as_each_in_its_own(tmp_path: Path, readings: list[Reading]) -> None:
    again = max(readings, key=lambda reading: len(reading.objects))
    lying = msgspec.structs.replace(readings[1], job=Job(path="lying.deb", target=".", sha256="f" * 64), objects=tuple(
        msgspec.structs.replace(row, size=1 << 70) for row in again.objects))  # fmt: skip
    several = [*readings[:4], again, again, lying, *readings[4:]]
    with open_store(tmp_path / "each.db") as db:
        scan_id = _scan(db)
        each = [write(db, one, scan_id=scan_id, extraction=_EXTRACTION) for one in several]
    with open_store(tmp_path / "together.db") as db:
        assert write_all(db, several, scan_id=_scan(db), extraction=_EXTRACTION) == each
    assert each == [one is not lying for one in several]
    assert _dumped(tmp_path / "each.db") == _dumped(tmp_path / "together.db")
    with open_store(tmp_path / "fine.db") as db:
        fine = [one for one in several if one is not lying]
        assert all(write_all(db, fine, scan_id=_scan(db), extraction=_EXTRACTION))
    _filled(tmp_path / "readings.db", readings)
    assert _dumped(tmp_path / "fine.db") == _dumped(tmp_path / "readings.db")


def test_nothing_of_packages_that_were_interrupted_together_is_stored(tmp_path: Path, readings: list[Reading]) -> None:
    with open_store(tmp_path / "a.db") as db:
        scan_id = _scan(db)
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 20}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            write_all(db, readings, scan_id=scan_id, extraction=_EXTRACTION)
        for table in ("package", "elf", "imported", "unjudged", "symbol"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        db.execute("PRAGMA max_page_count = 1000000")
        assert all(write_all(db, readings, scan_id=scan_id, extraction=_EXTRACTION))
        finish_scan(db, scan_id, finished="2026-01-02", state="finished", metrics={})
    _filled(tmp_path / "b.db", readings)
    assert _dumped(tmp_path / "a.db") == _dumped(tmp_path / "b.db")
