"""Bugs as the database keeps them: read, and moved from state to state, each step with a line of history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import BugError, NoTargetError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_COLUMNS = ("id", "fingerprint", "campaign_id", "kind", "about", "target", "recipient", "source", "family", "version",
            "severity", "maintainer", "human", "state", "text", "attached", "digest", "drafted", "message_id", "sender",
            "sent", "transport", "number")  # fmt: skip
_SELECT = (
    f"SELECT {', '.join(f'b.{name}' for name in _COLUMNS)}, c.name FROM bug b JOIN campaign c ON c.id = b.campaign_id"
)

# From which states a step may be taken to which.
_STEPS = {
    "drafted": ("drafted", "approved", "skipped", "failed"),
    "approved": ("drafted", "approved", "skipped", "failed", "sending"),
    "skipped": ("drafted", "approved", "skipped", "failed"),
    "sending": ("approved",),
    "sent": ("sending",),
    # A tracker may know of a bug that this database never sent: another one did, or somebody was mistaken.
    "acked": ("drafted", "approved", "skipped", "failed", "sending", "sent", "acked"),
    "filed": ("drafted", "approved", "skipped", "failed", "sending", "sent", "acked", "filed", "closed"),
    "closed": ("drafted", "approved", "skipped", "failed", "sending", "sent", "acked", "filed", "closed"),
    "failed": ("approved", "sending", "sent"),
}


class Bug(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``bug``, with the name of its ``campaign``."""

    id: int
    fingerprint: str
    campaign_id: int
    kind: str
    about: int | None
    target: str
    recipient: str | None
    source: str
    family: str
    version: str | None
    severity: str
    maintainer: str
    human: str
    state: str
    text: str
    attached: str
    digest: str
    drafted: str
    message_id: str | None
    sender: str | None
    sent: str | None
    transport: str | None
    number: int | None
    campaign: str

    @property
    def subject(self) -> str:
        """What its first line says it is about."""
        return self.text.partition("\n")[0].removeprefix("Subject: ")


def bugs(connection: sqlite3.Connection, where: str = "1", values: Sequence[Any] = ()) -> list[Bug]:
    """The bugs of which a condition on ``b`` and ``c``, their campaign, holds, in the order in which they were made."""
    found = connection.execute(f"{_SELECT} WHERE {where} ORDER BY b.id", values)
    return [Bug(**dict(zip((*_COLUMNS, "campaign"), row, strict=True))) for row in found]


def bug(connection: sqlite3.Connection, number: int) -> Bug:
    """The bug with that id. Raises NoTargetError."""
    found = bugs(connection, "b.id = ?", (number,))
    if not found:
        raise NoTargetError(f"no bug {number}; `archscan bugs list` lists them")
    return found[0]


def add(
    connection: sqlite3.Connection, values: dict[str, Any], sources: Iterable[tuple[str, str, str]],
    fingerprints: Iterable[str], now: datetime,
) -> int:  # fmt: skip
    """The id of a bug that is drafted now; ``sources`` are source, family and place of what it speaks of."""
    row = {**values, "state": "drafted", "drafted": stamp(now)}
    marks = ", ".join(f":{name}" for name in row)
    number = connection.execute(f"INSERT INTO bug ({', '.join(row)}) VALUES ({marks})", row).lastrowid
    assert number is not None
    connection.executemany("INSERT INTO bug_source VALUES (?, ?, ?, ?)", ((*one, number) for one in sources))
    set_findings(connection, number, fingerprints)
    note(connection, number, "drafted", "", now)
    return number


def set_findings(connection: sqlite3.Connection, number: int, fingerprints: Iterable[str]) -> None:
    """Have a bug be about these findings."""
    connection.execute("DELETE FROM bug_finding WHERE bug_id = ?", (number,))
    connection.executemany("INSERT OR IGNORE INTO bug_finding VALUES (?, ?)", ((number, one) for one in fingerprints))


def step(connection: sqlite3.Connection, one: Bug, state: str, why: str, now: datetime, **values: Any) -> Bug:
    """The bug in another state, with other ``values``, and a line in its history. To be called in a transaction.

    Raises BugError where no such step may be taken, as from a bug that was sent.
    """
    if one.state not in _STEPS[state]:
        raise BugError(f"bug {one.id} is {one.state}, so it cannot be {state}")
    changed = {"state": state, **values}
    names = ", ".join(f"{name} = :{name}" for name in changed)
    done = connection.execute(
        f"UPDATE bug SET {names} WHERE id = :id AND state = :before", {**changed, "id": one.id, "before": one.state}
    )
    if done.rowcount != 1:
        raise BugError(f"bug {one.id} is not {one.state} any more: another process changed it")
    note(connection, one.id, state, why, now)
    return bug(connection, one.id)


def note(connection: sqlite3.Connection, number: int, state: str, why: str, now: datetime) -> None:
    """Add a line to a bug's history."""
    connection.execute(
        "INSERT INTO bug_event (bug_id, at, state, note) VALUES (?, ?, ?, ?)", (number, stamp(now), state, why[:2000])
    )


def history(connection: sqlite3.Connection, number: int) -> list[tuple[str, str, str]]:
    """What happened to a bug: when, the state after it, and a note."""
    return connection.execute(
        "SELECT at, state, note FROM bug_event WHERE bug_id = ? ORDER BY id", (number,)
    ).fetchall()


def findings(connection: sqlite3.Connection, number: int) -> list[tuple[str, str | None]]:
    """The fingerprints that a bug is about, with the state of the finding, None where the database has none."""
    sql = """SELECT m.fingerprint, f.state FROM bug_finding m LEFT JOIN finding f ON f.fingerprint = m.fingerprint
    WHERE m.bug_id = ? ORDER BY m.fingerprint"""
    return connection.execute(sql, (number,)).fetchall()


def stamp(now: datetime) -> str:
    """A time as the tables have it."""
    return now.isoformat(timespec="seconds")
