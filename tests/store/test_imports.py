"""Imports behind their view, what is dropped during a large load, and a disk that is full."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from sqlite_utils import Database

from archscan.model import Job, Limits, Reading
from archscan.pool import answers
from archscan.pool.spawner import Answer, Ending
from archscan.store import Extraction, dump, finish_scan, imports, open_readonly, open_store, start_scan, write
from tests.bench.made import Made
from tests.bench.statistics import read
from tests.bench.store import encoded

_EXTRACTION = Extraction("1", ("elf",))


def _readings(count: int, seed: int = 1) -> list[Reading]:
    said = islice(Made(read(), seed).packages(), count)
    return [
        answers.reading(
            Job(path=f"{number}.deb", target="."), Answer(Ending("exit", 0, False), encoded(one), 0.0), Limits()
        )
        for number, one in enumerate(said)
    ]


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
