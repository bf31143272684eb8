"""The table of decisions: added to, read, never changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.rules.digests import digests, fill_digests
from archscan.store.decisions import COLUMNS, SELECTED
from archscan.triage.decision import Decision, checked, later, row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_ALL = f"SELECT {', '.join(COLUMNS)} FROM decision ORDER BY id"
_ADD = f"INSERT INTO decision ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)})"
_NOT_KEYS = [number for number, name in enumerate(COLUMNS) if not name.endswith("_key")]
_RENAMED = {"evidence_digest": "evidence"}


def decisions(connection: sqlite3.Connection) -> Iterator[Decision]:
    """All decisions that were ever made, in the order in which the database got them."""
    for values in connection.execute(_ALL):
        named = dict(zip(COLUMNS, values, strict=True))
        selected = json.loads(named["selector"]) if named["selector"] is not None else {}
        plain: dict[str, Any] = {
            _RENAMED.get(name, name): value or None if name in ("about", "evidence_digest") else value
            for name, value in named.items()
            if name != "selector" and not name.endswith("_key")
        }
        yield Decision(**plain, **{name: selected[name] for name in SELECTED if name in selected})


def add(connection: sqlite3.Connection, found: Iterable[Decision]) -> int:
    """How many of the decisions were not there yet and are now; to be called in a transaction. Raises FieldError."""
    known = {_alike(values) for values in connection.execute(_ALL)}
    added = 0
    for one in found:
        values = row(checked(one))
        if _alike(values) not in known:
            known.add(_alike(values))
            connection.execute(_ADD, values)
            added += 1
    fill_digests(connection)
    return added


def _alike(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
    return tuple(values[number] for number in _NOT_KEYS)


def decide(connection: sqlite3.Connection, one: Decision, now: datetime) -> Decision:
    """Add a decision that is made now, and give it back with its time and, about a finding, with what that shows.

    To be called in a transaction. Raises FieldError.
    """
    evidence = about = None
    if one.fingerprint is not None:
        evidence = digests(
            connection.execute(
                "SELECT o.rule_id, o.evidence FROM finding f JOIN occurrence o ON o.finding_id = f.id"
                " WHERE f.fingerprint = ?",
                (one.fingerprint,),
            )
        )
        about = _about(connection, one.fingerprint)
    last = connection.execute(
        "SELECT max(made) FROM decision WHERE fingerprint IS ? AND selector IS ? AND release IS ?",
        (one.fingerprint, one.selector, one.release),
    ).fetchone()[0]
    made = checked(msgspec.structs.replace(one, made=later(now, last), evidence=evidence, about=about))
    connection.execute(_ADD, row(made))
    fill_digests(connection)
    return made


def _about(connection: sqlite3.Connection, fingerprint: str) -> str | None:
    found = connection.execute(
        "SELECT rule_id, source, path_key, subject FROM finding WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    return None if found is None else " ".join(filter(None, found))[:1_000].strip() or None
