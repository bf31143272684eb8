"""A command that a warm process forks is what a started one is: streams, directory, environment and end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import warm


@pytest.fixture(autouse=True)
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(warm.COLD, raising=False)
    assert warm.usable()


@pytest.mark.parametrize("arguments", [["--version"], ["scan", "missing.deb"], ["query"], ["nonsense"], []])
def test_both_write_the_same(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = subprocess.run([sys.executable, "-m", "archscan", *arguments], capture_output=True, check=False)
    ours = warm.run(arguments, b"", 60)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)


def test_what_it_is_given_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = warm.run(["scan", "--db", "here.db", "-"], b"none-of-this.deb\n", 60)
    assert done.returncode
    assert b"none-of-this.deb" in done.stderr


def test_commands_do_not_see_each_other() -> None:
    assert warm.run(["nonsense"], b"", 60).returncode == 2
    assert warm.run(["--version"], b"", 60).returncode == 0


def test_what_takes_too_long_is_killed(
    corpus_debs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    with monkeypatch.context() as there:
        there.chdir(folder)
        warm.run(["scan", "-q", str(corpus_debs["hardened"])], b"", 60)
        with pytest.raises(subprocess.TimeoutExpired):
            warm.run(["serve", "--port", "0"], b"", 5)
    for _ in range(100):
        if not _working_in(folder):
            return
        time.sleep(0.1)
    pytest.fail("the command goes on")


def _working_in(folder: Path) -> list[Path]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if process.readlink() == folder:
                found.append(process)
    return found
