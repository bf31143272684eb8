"""Bombs of real size against the limits that everybody has, each alone, through the command."""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from archscan.model import Limits
from tests.bench.cost import cost
from tests.damage.bombs import BOMBS, write

_MOST_MEMORY = 400  # MiB, of any process of the run; one that reads what is honest takes as much


@pytest.mark.full
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_real_size_is_a_problem(name: str, tmp_path: Path) -> None:
    package, database, output = (tmp_path / f"x.{ending}" for ending in ("deb", "db", "txt"))
    write(name, package)
    scan = [sys.executable, "-m", "archscan", "scan", str(package), "--db", str(database), "--jobs", "1", "--thorough"]
    found = cost(["sh", "-c", 'output=$1; shift; exec "$@" >"$output" 2>&1', "sh", str(output), *scan])
    said = output.read_text()
    print(f"{name}: {package.stat().st_size} bytes, {found.wall:.1f} s, {found.largest:.0f} MiB, exit {found.code}")  # noqa: T201
    words = BOMBS[name][2]
    with closing(sqlite3.connect(database)) as db:
        problems = db.execute("SELECT kind, message FROM problem").fetchall()
    assert len(problems) <= 3, problems[:5]
    if words:
        assert any(words in message for _, message in problems), (problems, said)
    else:
        assert problems == []
    assert not re.search(r"Traceback|internal", f"{said} {problems}"), said
    assert found.largest < _MOST_MEMORY
    assert found.wall < Limits().deadline / 3
