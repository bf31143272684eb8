"""Two runs on one database: the second says so and changes nothing; whoever is killed leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archscan.errors import StoreError
from archscan.store import open_readonly, open_store
from archscan.store.lock import only_writer
from tests.scan.scanning import archscan

_HOLDER = """
import os, pathlib, sys, time
from archscan.store import open_store
with open_store(pathlib.Path(sys.argv[1])):
    if os.fork() == 0:  # as the processes that read packages do, it outlives a run that is killed
        os.setsid()
        time.sleep(float(sys.argv[2]))
        os._exit(0)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _held(db: Path, orphan_seconds: float = 0) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HOLDER, str(db), str(orphan_seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "held\n"
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    with open_store(tmp_path / "a.db"):
        pass
    return tmp_path / "a.db"


@pytest.mark.parametrize("command", [("scan", "-q"), ("rules", "apply"), ("confirm",)])
def test_the_second_says_so_in_one_line_and_changes_nothing(
    command: tuple[str, ...], db: Path, corpus_debs: dict[str, Path]
) -> None:
    before = db.read_bytes()
    targets = () if command[0] == "rules" else (corpus_debs["hardened"],)
    with _held(db) as running:
        done = archscan(*command, "--db", db, *targets)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert f"process {running.pid}" in done.stderr
        assert db.read_bytes() == before
        with open_readonly(db) as connection:
            assert connection.execute("SELECT count(*) FROM scan").fetchone() == (0,)
    assert not Path(f"{db}-wal").exists() or Path(f"{db}-wal").stat().st_size == 0


def test_a_holder_that_is_killed_holds_no_more_although_its_children_live(db: Path) -> None:
    with _held(db, orphan_seconds=30) as running:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        with open_store(db):
            pass
    assert sorted(path.name for path in db.parent.iterdir()) == ["a.db"]


def test_a_link_to_a_database_is_the_same_database(db: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(db)
    with _held(db), pytest.raises(StoreError, match="another process"), open_store(link):
        pass


def test_a_lock_that_is_removed_between_opening_and_locking_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    place, lockf = tmp_path / "a.db.lock", fcntl.lockf
    removed: list[int] = []

    def late(descriptor: int, how: int) -> None:
        if not removed:
            place.unlink()
            removed.append(descriptor)
        lockf(descriptor, how)

    monkeypatch.setattr("archscan.store.lock.fcntl.lockf", late)
    with only_writer(tmp_path / "a.db"):
        assert place.read_text() == f"{os.getpid()}\n"
    assert removed
    assert not place.exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "a.db.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="cannot be locked"), only_writer(tmp_path / "a.db"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
