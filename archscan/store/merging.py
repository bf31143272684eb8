"""Databases joined into a new one: facts by package, ids renumbered, symbols interned, history kept.

Each part is attached in turn and copied by SQL, so that memory does not grow with what it holds. What rules say is
copied for its history alone; it has to be judged again afterwards.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from archscan.errors import StoreError
from archscan.store.application import APPLICATION_ID
from archscan.store.copying import AFTER, COPIES, NUMBERED_SCANS, PREPARED, RANK, SCANS, Copy
from archscan.store.database import store_errors
from archscan.store.writer import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBERED = ("package", "file", "service", "elf", "call_site", "crypto_use", "problem", "occurrence", "debug_info")
_SLOW_INDICES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'"
_NEEDED_WHILE_COPYING = ("publication_index",)


class Part(msgspec.Struct, frozen=True):
    """What was taken of one database: its packages, and how many of them another database has better."""

    path: Path
    packages: int
    left: int


def merge(conn: sqlite3.Connection, parts: Sequence[Path]) -> tuple[Part, ...]:
    """Copy what the databases hold into an empty one with the newest schema; it must have been opened with URIs.

    Of a package that several hold, the facts of the newer extractor are taken, of equal ones those that are more or
    that were read better, else the first. Of an index the state that was met last is taken. Raises StoreError where a
    part is no database of archscan's or is damaged; the new one is worthless then.
    """
    for statement in PREPARED:
        conn.execute(statement)
    for number, path in enumerate(parts):
        with _attached(conn, path):
            _check(conn)
            with transaction(conn):
                conn.execute(RANK, {"part": number})
                conn.execute(SCANS, {"part": number})
    slow = [row for row in conn.execute(_SLOW_INDICES).fetchall() if row[0] not in _NEEDED_WHILE_COPYING]
    with transaction(conn):
        conn.execute(NUMBERED_SCANS)
        for name, _ in slow:
            conn.execute(f"DROP INDEX {name}")
    taken = []
    for number, path in enumerate(parts):
        with _attached(conn, path), transaction(conn):
            taken.append(_copied(conn, number, path))
    with transaction(conn):
        for _, sql in slow:
            conn.execute(sql)
        for statement in AFTER:
            conn.execute(statement)
    return tuple(taken)


@contextmanager
def _attached(conn: sqlite3.Connection, path: Path) -> Iterator[None]:
    with store_errors(path):
        conn.execute("ATTACH ? AS part", [f"file:{quote(bytes(path.absolute()))}?mode=ro"])
        try:
            yield
        finally:
            conn.rollback()
            conn.execute("DETACH part")


def _check(conn: sqlite3.Connection) -> None:
    if conn.execute("PRAGMA part.application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError("is no database of archscan")
    names = "SELECT name FROM {}._sqlite_migrations WHERE migration_set = 'archscan'"
    mine, its = (set(conn.execute(names.format(schema)).fetchall()) for schema in ("main", "part"))
    if its - mine:
        raise StoreError("was written by a newer archscan; upgrade archscan")
    if mine - its:
        raise StoreError("was written by an older archscan; `archscan rules apply --db` on it brings it up to date")
    if (said := conn.execute("PRAGMA part.quick_check(1)").fetchone()[0]) != "ok":
        raise StoreError(f"is damaged: {' '.join(said.split())}")


def _copied(conn: sqlite3.Connection, number: int, path: Path) -> Part:
    names: dict[str, int] = {"part": number}
    for table in _NUMBERED:
        names[table] = conn.execute(f"SELECT coalesce(max(id), 0) FROM main.{table}").fetchone()[0]
    for copy in COPIES:
        if isinstance(copy, Copy):
            conn.execute(copy.sql([row[1] for row in conn.execute(f"PRAGMA main.table_info({copy.table})")]), names)
        else:
            conn.execute(copy, names)
    every = conn.execute("SELECT count(*) FROM part.package").fetchone()[0]
    took = conn.execute("SELECT count(*) FROM temp.taken").fetchone()[0]
    return Part(path, took, every - took)
