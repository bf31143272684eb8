"""A database that cannot be used costs one line and nothing that was in it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from sqlite_utils import Database

from archscan.errors import StoreError
from archscan.store import open_readonly, open_store
from archscan.store.application import APPLICATION_ID
from archscan.store.schema import MIGRATIONS, migrate
from archscan.store.tables import SCRIPTS
from tests.scan.scanning import ARCHSCAN, archscan, assert_sound, rows, scan


@pytest.fixture
def filled(corpus_debs: dict[str, Path], tmp_path: Path) -> Path:
    db = tmp_path / "filled.db"
    assert scan(db, corpus_debs["hardened"]) == 0
    return db


def _refused(db: Path, package: Path) -> str:
    done = archscan("scan", "-q", "--db", db, package)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert str(db) in done.stderr
    return done.stderr


def test_a_text_file_is_left_alone(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "notes.db"
    db.write_text("my notes\n" * 100)
    _refused(db, corpus_debs["no-pie"])
    assert db.read_text() == "my notes\n" * 100


def test_a_database_of_somebody_else_is_left_alone(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "theirs.db"
    connection = sqlite3.connect(db)
    connection.execute("CREATE TABLE cats (name TEXT)")
    connection.close()
    before = db.read_bytes()
    assert "not one of archscan" in _refused(db, corpus_debs["no-pie"])
    assert db.read_bytes() == before


def test_a_damaged_database_is_said_to_be_one(filled: Path, corpus_debs: dict[str, Path]) -> None:
    data = bytearray(filled.read_bytes())
    data[100:4096] = b"\xff" * 3996
    filled.write_bytes(data)
    _refused(filled, corpus_debs["no-pie"])


def test_a_newer_archscan_is_respected(filled: Path, corpus_debs: dict[str, Path]) -> None:
    connection = sqlite3.connect(filled)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('archscan', 'm999', '')"
    )
    connection.commit()
    connection.close()
    assert "newer" in _refused(filled, corpus_debs["no-pie"])


def test_a_folder_is_no_database(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    _refused(tmp_path, corpus_debs["no-pie"])
    _refused(tmp_path / "no" / "such" / "folder.db", corpus_debs["no-pie"])


def test_an_empty_file_becomes_a_database(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "empty.db"
    db.touch()
    assert scan(db, corpus_debs["hardened"]) == 0
    assert_sound(db)


def test_a_locked_database_is_waited_for_and_then_left(filled: Path, corpus_debs: dict[str, Path]) -> None:
    writer = sqlite3.connect(filled, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert "another process" in _refused(filled, corpus_debs["no-pie"])
    writer.execute("ROLLBACK")
    writer.close()
    assert scan(filled, corpus_debs["no-pie"]) == 0


def _in_a_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """The shell script in a mount namespace of its own, where it may mount what nobody else sees."""
    return subprocess.run(["unshare", "--mount", "sh", "-ec", script], capture_output=True, text=True, check=False)


@pytest.mark.full
def test_a_full_disk_keeps_what_was_there(filled: Path, corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    size = filled.stat().st_size
    packages = " ".join(map(str, corpus_debs.values()))
    done = _in_a_namespace(
        f"mount -t tmpfs -o size={size + 120_000} none {folder}\ncp {filled} {folder}/a.db\n"
        f"{' '.join(ARCHSCAN)} scan -q --db {folder}/a.db {packages} && exit 99 || code=$?\n"
        f"cp {folder}/a.db* {tmp_path}\nexit $code"
    )
    assert done.returncode == 1, done.stderr
    assert "disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert_sound(tmp_path / "a.db")
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM package WHERE name = 'hardened'") == [(1,)]


@pytest.mark.full
def test_a_read_only_disk_is_said_to_be_one(filled: Path, corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    done = _in_a_namespace(
        f"mount -t tmpfs none {folder}\ncp {filled} {folder}/a.db\nmount -o remount,ro {folder}\n"
        f"{' '.join(ARCHSCAN)} scan -q --db {folder}/a.db {corpus_debs['no-pie']}"
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_lines_that_were_stored_stay(tmp_path: Path) -> None:
    """A database of before m017, whose lines had no name."""
    db = Database(tmp_path / "a.db")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    MIGRATIONS.apply(db, stop_before="m017_places")
    db.execute("INSERT INTO debug_info VALUES (1, 'ab', 'x86_64', 64, 'f', 'p', ?, 1)", ["0" * 64])
    db.execute("INSERT INTO source_line VALUES (1, '0x10', 'a.c', 7)")
    db.conn.commit()
    migrate(db)
    db.execute("PRAGMA foreign_keys = ON")
    assert db.execute("SELECT * FROM source_line").fetchall() == [(1, "0x10", "a.c", 7, None)]
    db.execute("INSERT INTO source_line VALUES (1, '0x20', NULL, NULL, 'table')")
    for row in ("'0x30', NULL, NULL, NULL", "'0x30', 'a.c', NULL, NULL", "'0x30', NULL, 7, 'f'"):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(f"INSERT INTO source_line VALUES (1, {row})")
    db.execute("DELETE FROM debug_info")
    assert db.execute("SELECT count(*) FROM source_line").fetchone() == (0,)
    db.close()


def test_migrations_make_what_the_scripts_make(tmp_path: Path) -> None:
    direct = sqlite3.connect(":memory:")
    direct.executescript("".join(SCRIPTS))
    migrated = Database(tmp_path / "a.db")
    migrate(migrated)
    sql = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%sqlite%' ORDER BY 1, 2"
    assert migrated.conn.execute(sql).fetchall() == direct.execute(sql).fetchall()
    direct.close()
    migrated.close()


def test_an_older_database_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    db = tmp_path / "old.db"
    database = Database(db)
    MIGRATIONS.apply(database, stop_before="m002_judgement")
    database.execute("PRAGMA application_id = 0x61726368")
    database.execute("INSERT INTO symbol (name) VALUES ('kept')")
    database.conn.commit()
    database.close()
    with open_store(db) as opened:
        assert opened.execute("SELECT name FROM symbol").fetchall() == [("kept",)]
        assert "finding" in opened.table_names()
        assert "open_finding" in opened.view_names()


def test_every_table_is_strict(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as database:
        ours = [
            row for row in database.execute("PRAGMA table_list").fetchall() if row[2] == "table" and row[0] == "main"
        ]
        assert {row[1] for row in ours if not row[5] and "sqlite" not in row[1]} == set()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("elf", "kind", "gadget"), ("elf", "relro", "yes"), ("elf", "pie", "full"), ("package", "status", "fine")],
)
def test_words_outside_a_vocabulary_are_refused(filled: Path, table: str, column: str, value: str) -> None:
    connection = sqlite3.connect(filled)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"UPDATE {table} SET {column} = ?", [value])
    connection.close()


def test_reading_needs_a_database_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="archscan scan"), open_readonly(tmp_path / "none.db"):
        pass


def test_two_scans_at_once_do_not_break_anything(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    packages = list(map(str, corpus_debs.values()))
    half = len(packages) // 2
    running = [
        subprocess.Popen([*ARCHSCAN, "scan", "-q", "--db", str(db), *part], stderr=subprocess.PIPE)
        for part in (packages[:half], packages[half:])
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert all(b"Traceback" not in text and text.count(b"\n") <= 1 for text in errors), errors
    assert_sound(db)


def test_the_views_count(filled: Path, tmp_path: Path) -> None:
    shutil.copy(filled, tmp_path / "b.db")
    assert rows(filled, "SELECT name, status FROM package_summary") == [("hardened", "complete")]
    objects = rows(filled, "SELECT sum(objects) FROM hardening_summary WHERE feature = 'pie'")
    assert objects == rows(filled, "SELECT count(*) FROM elf")
    assert rows(filled, "SELECT count(*) FROM current_package") == [(1,)]
