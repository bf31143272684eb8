"""The state that is served stays the same, whatever a scan does meanwhile, and the user's files stay as they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from archscan.errors import StoreError
from archscan.serve.state import held
from tests.reports.conftest import add_package, new_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "store" / "a #?%.db"
    made.parent.mkdir()
    with closing(new_database(made)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        add_package(connection, "one")
        connection.commit()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def packages(served: Path) -> list[str]:
    uri = f"file:{quote(bytes(served))}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in connection.execute("SELECT name FROM package ORDER BY name")]


def written(path: Path, name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    add_package(connection, name)
    connection.commit()
    return connection


def test_a_file_without_a_log_is_served_itself(path: Path, folder: Path) -> None:
    before = path.read_bytes()
    with held(path, folder) as served:
        assert served.is_symlink()
        assert packages(served) == ["one"]
    assert path.read_bytes() == before


def test_what_is_only_in_the_log_is_served_from_a_copy(path: Path, folder: Path) -> None:
    with closing(written(path, "two")):
        assert packages(path) == ["one"], "else this proves nothing: immutable reads the file alone"
        with held(path, folder) as served:
            assert not served.is_symlink()
            assert packages(served) == ["one", "two"]


def test_a_scan_may_write_meanwhile_and_nothing_of_it_is_seen(path: Path, folder: Path) -> None:
    with held(path, folder) as served:
        before = path.read_bytes()
        with closing(written(path, "two")) as writer:
            busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert busy, "the log could be moved into the file under our feet"
            assert writer.execute("SELECT count(*) FROM package").fetchone() == (2,)
        assert path.read_bytes() == before
        assert packages(served) == ["one"]
    with closing(sqlite3.connect(path)) as writer:
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert packages(path) == ["one", "two"]


def test_a_copy_leaves_the_log_to_the_scan(path: Path, folder: Path) -> None:
    with held(path, folder, copied=True) as served, closing(written(path, "two")) as writer:
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert packages(served) == ["one"]


def test_what_is_no_database_of_ours_is_refused(tmp_path: Path, folder: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE a (b)")
    for wrong in (other, tmp_path / "missing.db", tmp_path):
        with pytest.raises(StoreError), held(wrong, folder):
            pass
