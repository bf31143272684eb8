"""What indices said to several databases, joined: as one database would have heard it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from sqlite_utils import Database

from archscan import store
from archscan.model import Published, SourceEntry
from archscan.store.merging import Part, merge
from archscan.store.schema import migrate
from tests.store.test_publishing import EXTRACTION, MAIN, digest, put, row

ENTRY = SourceEntry(name="a", version="1", maintainer="A <a@example.org>", uploaders=None, vcs_browser=None, vcs=None)


def _met(db: Database, day: int, rows: Sequence[Published], **changes: str) -> None:
    """An index as a scan of that day met it."""
    started = f"2026-01-{day:02}T00:00:00+00:00"
    scan = store.start_scan(db, started=started, version="1", extraction=EXTRACTION, rules_digest="", command="x")
    store.publish(db, msgspec.structs.replace(MAIN, **changes), iter(rows), scan)
    source = msgspec.structs.replace(MAIN, architecture="source", **changes)
    store.publish_sources(db, source, [msgspec.structs.replace(ENTRY, version=one.version) for one in rows], scan)
    store.finish_scan(db, scan, finished=started, state="finished", metrics={})


def _made(path: Path, *steps: Callable[[Database], None]) -> Path:
    with store.open_store(path) as db:
        for step in steps:
            step(db)
    return path


def _merged(path: Path, *parts: Path) -> tuple[Part, ...]:
    with closing(sqlite3.connect(f"file:{path}", uri=True)) as connection:
        migrate(Database(connection, execute_plugins=False))
        connection.commit()
        taken = merge(connection, parts)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return taken


def _dumped(path: Path) -> list[str]:
    with store.open_readonly(path) as connection:
        return list(store.dump(connection))


def _read(name: str, status: str = "complete") -> Callable[[Database], None]:
    return lambda db: put(db, name, status=status)


FIRST = [row("a"), row("b"), row("c", "1"), row("c", "2"), row("d")]
SECOND = [row("a", "2"), row("b"), row("c", "2"), row("d")]


def _first(db: Database) -> None:
    _met(db, 1, FIRST)


def _second(db: Database) -> None:
    _met(db, 2, SECOND, sha256="1" * 64)


def _other(db: Database) -> None:
    _met(db, 3, [row("a"), row("d")], suite="trixie")


def test_parts_that_heard_the_same_are_one(tmp_path: Path) -> None:
    whole = _made(tmp_path / "whole.db", _first, _other, *map(_read, "abd"))
    parts = [_made(tmp_path / f"{name}.db", _first, _other, _read(name)) for name in "abd"]
    for order in (parts, parts[::-1]):
        output = tmp_path / f"{order[0].stem}-all.db"
        taken = _merged(output, *order)
        assert [(part.packages, part.left) for part in taken] == [(1, 0)] * 3
        assert _dumped(output) == _dumped(whole)


def test_the_state_that_was_met_last_counts_whatever_the_order(tmp_path: Path) -> None:
    whole = _made(tmp_path / "whole.db", _first, _second, _other)
    early = _made(tmp_path / "early.db", _first)
    late = _made(tmp_path / "late.db", _second, _other)
    for number, order in enumerate([(early, late), (late, early)]):
        output = tmp_path / f"all-{number}.db"
        _merged(output, *order)
        assert _dumped(output) == _dumped(whole)
        with store.open_readonly(output) as connection:
            seen = connection.execute(
                "SELECT version, standing, substr(since, 9, 2), substr(until, 9, 2) FROM published "
                "WHERE suite = 'bookworm' AND name IN ('a', 'c') ORDER BY name, version"
            ).fetchall()
        assert seen == [
            ("1", "gone", "01", "01"), ("2", "current", "02", None), ("1", "gone", "01", "01"),
            ("2", "current", "01", None),
        ]  # fmt: skip


def test_a_package_that_two_hold_is_taken_once(tmp_path: Path) -> None:
    one = _made(tmp_path / "one.db", _first, _read("a", "partial"), _read("b"))
    two = _made(tmp_path / "two.db", _first, _read("a"), _read("b", "unreadable"))
    output = tmp_path / "all.db"
    assert [(part.packages, part.left) for part in _merged(output, one, two)] == [(1, 1), (1, 1)]
    with store.open_readonly(output) as connection:
        assert connection.execute("SELECT sha256, status FROM package ORDER BY name").fetchall() == [
            (digest("a", "1"), "complete"), (digest("b", "1"), "complete"),
        ]  # fmt: skip
        assert connection.execute("SELECT count(*) FROM publication WHERE package_id IS NOT NULL").fetchone() == (2,)
