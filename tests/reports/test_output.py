import os
import sqlite3
from pathlib import Path

import pytest

from archscan.errors import ArchscanError, StoreError
from archscan.reports import database
from archscan.reports.output import replaced


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with replaced(path) as stream:
        stream.write("é\n")
        assert not path.exists()
    assert path.read_bytes() == "é\n".encode()
    assert [found.name for found in tmp_path.iterdir()] == ["report.json"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old", encoding="utf-8")

    def fail() -> None:
        with replaced(path) as stream:
            stream.write("new")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert path.read_text(encoding="utf-8") == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["report.json"]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "report.json", tmp_path / "latest.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    link.symlink_to(path)
    with replaced(link) as stream:
        stream.write("new")
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replaced(tmp_path / "report.json") as stream:
            stream.write("x")
    finally:
        os.umask(before)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_directly() -> None:
    with replaced(Path("/dev/null")) as stream:
        stream.write("x")
    assert not Path("/dev/null").is_file()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no" / "report.json"
    with pytest.raises(ArchscanError, match=r"report\.json: cannot be written: No such file"), replaced(path):
        pytest.fail("there is no such folder")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ArchscanError, match="cannot be written: Is a directory"), replaced(tmp_path):
        pytest.fail("a folder was opened")


def test_a_database_is_opened_for_reading_whatever_its_name(filled_path: Path) -> None:
    with database.opened(filled_path) as connection:
        assert connection.execute("SELECT count(*) FROM scan").fetchone() == (2,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM scan")


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.db: there is no such database"), database.opened(tmp_path / "none.db"):
        pytest.fail("there is none")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at" * 10])
def test_another_file_is_no_database(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"other\.db: "), database.opened(path):
        pytest.fail("it is none of ours")
