"""Bombs of real size against the limits that everybody has, each alone, through the command."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from archscan.model import Limits
from tests.damage.bombs import BOMBS, write

_MOST_MEMORY = 400 << 20  # of any process of the run; one that reads what is honest takes as much


@pytest.mark.full
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_real_size_is_a_problem(name: str, tmp_path: Path) -> None:
    package, database = tmp_path / "x.deb", tmp_path / "x.db"
    write(name, package)
    command = [
        sys.executable,
        "-m",
        "archscan",
        "scan",
        str(package),
        "--db",
        str(database),
        "--jobs",
        "1",
        "--thorough",
    ]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        said = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, memory = time.monotonic() - started, usage.ru_maxrss << 10  # of the largest, as all are reaped
    print(f"{name}: {package.stat().st_size} bytes, {seconds:.1f} s, {memory >> 20} MiB, exit {process.returncode}")  # noqa: T201
    words = BOMBS[name][2]
    with closing(sqlite3.connect(database)) as db:
        problems = db.execute("SELECT kind, message FROM problem").fetchall()
    assert len(problems) <= 3, problems[:5]
    if words:
        assert any(words in message for _, message in problems), (problems, said)
    else:
        assert problems == []
    assert not re.search(r"Traceback|internal", f"{said} {problems}"), said
    assert memory < _MOST_MEMORY
    assert seconds < Limits().deadline / 3
