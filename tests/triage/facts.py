"""A judged database for decisions: packages put in by hand, with versions that compare as dpkg has them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from archscan.model.version import version_key
from archscan.rules.apply import apply
from archscan.rules.load import Rule
from archscan.store.decisions import standing
from archscan.triage.decision import Decision
from archscan.triage.record import decide
from tests.rules.facts import Forgotten, Object, Pack, book, database, put, rule

BAD = Object(columns={"kind": "executable", "pie": "no"})
NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
TODAY = NOW.date()

USES = rule(
    "uses-md5",
    category="crypto",
    severity="low",
    query="SELECT w.elf_id, w.algorithm AS subject, w.symbol, w.library, w.role, w.function, w.address, w.argument, "
    "w.context FROM weak_use w WHERE w.evidence = 'call'",
    message="{path} computes {subject}",
)


@cache
def _empty() -> bytes:
    with closing(database()) as connection:
        return bytes(connection.serialize())


def fresh() -> sqlite3.Connection:
    """An empty database, as ``tests.rules.facts.database``; copied, because making one takes most of a test's time."""
    connection = sqlite3.connect(":memory:", factory=Forgotten, check_same_thread=False)
    connection.deserialize(_empty())
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def judged(*packs: Pack, rules: tuple[Rule, ...] = (rule(),), into: sqlite3.Connection | None = None,
           scan: int = 1) -> sqlite3.Connection:  # fmt: skip
    """The database, a new one by default, with the packages judged."""
    connection = into or fresh()
    for pack in packs:
        package = put(connection, pack)
        connection.execute("UPDATE package SET version_key = ? WHERE id = ?", (version_key(pack.version), package))
    connection.commit()
    apply(connection, book(*rules), scan, changed_only=True)
    return connection


def fingerprint(connection: sqlite3.Connection, place: str = "%") -> str:
    """The fingerprint of the one finding at a path."""
    ((found,),) = connection.execute("SELECT fingerprint FROM finding WHERE path_key LIKE ?", (place,))
    return str(found)


def set_(connection: sqlite3.Connection, now: datetime = NOW, **values: Any) -> Decision:
    """A decision that is made, about the one finding where no selector is given."""
    if not {"rule", "source", "package", "path", "fingerprint"} & values.keys():
        values["fingerprint"] = fingerprint(connection)
    with connection:
        return decide(connection, Decision(**values), now)


def stands(connection: sqlite3.Connection, today: date = TODAY, days: int = 30) -> list[tuple[str, str | None]]:
    """State and reason to look again of each open occurrence that somebody decided about, by version."""
    sql = f"SELECT state, because FROM ({standing(':today', ':days')}) ORDER BY package_version, occurrence_id"
    return connection.execute(sql, {"today": today.isoformat(), "days": days}).fetchall()
