"""Scans as a person starts them: the real command, in a process of its own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from archscan.store import dump, open_readonly
from tests import warm

_LONGEST = 300  # seconds
ARCHSCAN = [sys.executable, "-m", "archscan"]


def archscan(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """The command with its output and exit code."""
    words = [*map(str, arguments)]
    if warm.usable():
        done = warm.run(words, stdin, _LONGEST)
    else:
        done = subprocess.run([*ARCHSCAN, *words], input=stdin, capture_output=True, check=False, timeout=_LONGEST)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )


def scan(db: Path, *arguments: str | Path) -> int:
    """The exit code of a quiet scan; a traceback fails the test."""
    done = archscan("scan", "-q", "--db", db, *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def dumped(db: Path) -> list[str]:
    """The dump of a database."""
    with open_readonly(db) as connection:
        return list(dump(connection))


def rows(db: Path, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """What a database answers."""
    connection = sqlite3.connect(db)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def assert_sound(db: Path) -> None:
    """The file is a whole database, and its references hold."""
    assert rows(db, "PRAGMA integrity_check") == [("ok",)]
    assert rows(db, "PRAGMA foreign_key_check") == []
