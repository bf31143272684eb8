"""The packages of a state: all current ones of a database, or those that a suite of it publishes."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping

import msgspec

from archscan.errors import NoTargetError

Key = tuple[str, str | None]  # name and architecture of a package


class Known(msgspec.Struct, frozen=True):
    """A package as a state has it: the kinds of ``facts`` that were read, and whether none of these is missing."""

    id: int
    version: str
    sha256: str
    facts: frozenset[str]
    whole: bool


class State(msgspec.Struct, frozen=True):
    """A database, the packages that count in it, and how it is called."""

    connection: sqlite3.Connection
    packages: Mapping[Key, Known]
    name: str


_COLUMNS = "p.name, p.architecture, p.id, p.version, p.sha256, p.facts, p.status"
_ALL = f"SELECT {_COLUMNS} FROM current_package p ORDER BY p.version_key, p.sha256"
_SUITE = f"""
SELECT {_COLUMNS} FROM package p
WHERE p.name IS NOT NULL AND p.id IN (
    SELECT b.package_id FROM publication b WHERE b.standing = 'current' AND b.suite = ? AND b.package_id IS NOT NULL)
ORDER BY p.version_key, p.sha256
"""


def state(connection: sqlite3.Connection, name: str, suite: str | None = None) -> State:
    """The state of a database, or of one suite. Raises NoTargetError where the suite has no package that was read."""
    rows = connection.execute(_SUITE, (suite,)) if suite else connection.execute(_ALL)
    packages = dict(_known(rows))
    if suite and not packages:
        raise NoTargetError(f"{name}: the database has read no package of a suite {suite!r}")
    return State(connection, packages, name)


def state_of(connection: sqlite3.Connection, name: str, ids: Collection[int]) -> State:
    """The state that is the packages with these numbers, where they have a name."""
    marks = ", ".join("?" for _ in ids)
    sql = f"SELECT {_COLUMNS} FROM package p WHERE p.id IN ({marks}) AND p.name IS NOT NULL ORDER BY p.version_key"
    return State(connection, dict(_known(connection.execute(sql, tuple(ids)))), name)


def _known(rows: sqlite3.Cursor) -> Iterator[tuple[Key, Known]]:
    for name, architecture, package_id, version, sha256, facts, status in rows:
        whole = status in ("complete", "skipped")
        yield (name, architecture), Known(package_id, version, sha256, frozenset(facts.split(",")), whole)
