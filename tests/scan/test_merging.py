"""Databases that were joined equal the database of one run; what cannot be joined harms nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archscan.store.copying import COPIES, JUDGED, Copy
from archscan.store.schema import migrate
from tests.scan.scanning import archscan, assert_sound, dumped, rows, scan

SHARDS = (1, 2, 3)


@pytest.fixture(scope="module")
def pool(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages with findings of many rules, one that is no package, and one that ends in its middle."""
    folder = tmp_path_factory.mktemp("pool")
    for name in ("hardened", "no-pie", "md5-inside", "md5-import", "privileged", "overridden", "uses-signatures"):
        shutil.copy(corpus_debs[name], folder)
    whole = corpus_debs["no-pie"].read_bytes()
    (folder / "short_1_amd64.deb").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "text_1_amd64.deb").write_text("no package")
    return folder


@pytest.fixture(scope="module")
def whole(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("whole") / "whole.db"
    assert scan(db, pool) == 11
    return db


@pytest.fixture(scope="module")
def parts(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    for part in SHARDS:
        assert scan(folder / f"{part}.db", "--shard", f"{part}/3", pool) in (0, 11)
    return [folder / f"{part}.db" for part in SHARDS]


def merged(output: Path, *parts: Path) -> int:
    done = archscan("merge", output, *parts)
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode:
        assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode


def changed(db: Path, *statements: str) -> None:
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_shards_merged_equal_one_run(parts: list[Path], whole: Path, tmp_path: Path) -> None:
    digests = [set(rows(part, "SELECT sha256 FROM package")) for part in parts]
    assert sum(map(len, digests)) == len(set().union(*digests))
    assert sum(1 for one in digests if one) > 1
    for order in (parts, parts[::-1]):
        output = tmp_path / f"{order[0].stem}-all.db"
        assert merged(output, *order) == 0
        assert [path.name for path in tmp_path.iterdir()] == [output.name]
        assert_sound(output)
        assert dumped(output) == dumped(whole)
        for path in tmp_path.iterdir():
            path.unlink()


def test_merging_twice_changes_nothing(parts: list[Path], whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "all.db"
    assert merged(output, *parts) == 0
    assert merged(output, output, whole, parts[1]) == 0
    assert dumped(output) == dumped(whole)
    assert scan(output) == 2


def test_a_merged_database_is_scanned_on(parts: list[Path], whole: Path, pool: Path, tmp_path: Path) -> None:
    output = tmp_path / "all.db"
    assert merged(output, *parts) == 0
    assert scan(output, pool) == 11
    assert dumped(output) == dumped(whole)
    assert rows(output, "SELECT value FROM metric WHERE name = 'packages read' ORDER BY scan_id DESC LIMIT 1") == [(0,)]


def test_the_newer_extractor_and_the_better_reading_are_taken(whole: Path, tmp_path: Path) -> None:
    older, worse = tmp_path / "older.db", tmp_path / "worse.db"
    shutil.copy(whole, older)
    changed(older, "UPDATE package SET extractor = '9-old', maintainer = 'old'", "DELETE FROM crypto_use")
    shutil.copy(whole, worse)
    changed(worse, "UPDATE package SET status = 'unreadable', maintainer = 'worse' WHERE status <> 'unreadable'",
            "DELETE FROM elf")  # fmt: skip
    for order in ((older, worse, whole), (whole, older, worse)):
        output = tmp_path / "all.db"
        assert merged(output, *order) == 0
        assert rows(output, "SELECT count(*) FROM package WHERE maintainer IN ('old', 'worse')") == [(0,)]
        assert [line for line in dumped(output) if '"kind":"truncated"' not in line] == [
            line for line in dumped(whole) if '"kind":"truncated"' not in line
        ]
        output.unlink()


def test_history_is_kept(parts: list[Path], tmp_path: Path) -> None:
    copies = [Path(shutil.copy(part, tmp_path)) for part in parts]
    for number, copy in enumerate(copies):
        changed(copy, f"UPDATE scan SET started = '202{number}-01-01T00:00:00+00:00'")
        decided = ("0" * 64, f"{number + 1:064x}")
        values = ", ".join(f"('{one}', 'accepted', 'known', 'me', '2026')" for one in decided)
        changed(copy, f"INSERT INTO decision (fingerprint, state, reason, authority, made) VALUES {values}")
    output = tmp_path / "all.db"
    assert merged(output, *reversed(copies)) == 0
    assert rows(output, "SELECT count(*) FROM decision") == [(4,)]
    since = "SELECT DISTINCT s.started FROM finding f JOIN scan s ON s.id = f.first_scan ORDER BY 1"
    assert rows(output, since) == sorted({row for copy in copies for row in rows(copy, since)})
    ordered = rows(output, "SELECT started FROM scan ORDER BY id")
    assert ordered == sorted(ordered)


@pytest.mark.parametrize("damage", ["text", "foreign", "torn", "older", "missing"])
def test_what_is_no_sound_database_is_refused_and_harms_nothing(
    damage: str, parts: list[Path], whole: Path, tmp_path: Path
) -> None:
    bad, output = tmp_path / "bad.db", tmp_path / "all.db"
    shutil.copy(whole, output)
    shutil.copy(parts[0], bad)
    if damage == "text":
        bad.write_text("my notes\n" * 1000)
    elif damage == "foreign":
        changed(bad, "PRAGMA application_id = 7")
    elif damage == "torn":
        data = bytearray(bad.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
        bad.write_bytes(data)
    elif damage == "older":
        changed(bad, "DELETE FROM _sqlite_migrations WHERE name = 'm019_archives'")
    else:
        bad.unlink()
    before = output.read_bytes()
    assert merged(output, output, bad) in (1, 3)
    assert output.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in ("bad.db", "all.db-wal", "all.db-shm")
                  and not path.name.startswith("bad.db-")) == ["all.db"]  # fmt: skip


def test_what_would_be_lost_is_not_replaced(parts: list[Path], whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "all.db"
    shutil.copy(whole, output)
    before = output.read_bytes()
    assert merged(output, *parts) == 2
    assert merged(tmp_path / "new.db", parts[0], parts[0]) == 2
    assert output.read_bytes() == before
    assert not (tmp_path / "new.db").exists()


def test_a_reader_of_the_old_database_is_not_given_the_new_one(parts: list[Path], whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "all.db"
    shutil.copy(whole, output)
    with closing(sqlite3.connect(output)) as reader:
        reader.execute("SELECT count(*) FROM package").fetchone()
        assert merged(output, output, parts[0]) == 1
    assert merged(output, output, parts[0]) == 0


def test_every_table_is_copied_or_judged_anew() -> None:
    import sqlite_utils

    database = sqlite_utils.Database(memory=True)
    migrate(database)
    copied = {copy.table for copy in COPIES if isinstance(copy, Copy)} | {"symbol", "node", "producer", "decision"}
    internal = {"_sqlite_migrations", "sqlite_sequence"}
    assert set(database.table_names()) - internal == copied | set(JUDGED)
    database.close()


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "-1/3", "a/b"])
def test_a_shard_must_be_a_part(text: str, pool: Path, tmp_path: Path) -> None:
    assert scan(tmp_path / "a.db", "--shard", text, pool) == 2
