"""Reading back: replies and statuses become numbers and states of our bugs, and what is known of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from archscan.bugs import record
from archscan.bugs.record import Bug
from archscan.store.bugs import LEFT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from archscan.bugs.campaign import Campaign
    from archscan.bugs.replies import Reply
    from archscan.bugs.tracker import Status, Tracker

_KNOW = """
INSERT INTO known_bug (tracker, number, source, subject, done, tags, fixed_versions, found_versions, read)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tracker, number) DO UPDATE SET
    source = excluded.source, subject = excluded.subject, done = excluded.done, tags = excluded.tags,
    fixed_versions = excluded.fixed_versions, found_versions = excluded.found_versions, read = excluded.read
"""
_MOST_SOURCES = 200  # whose open bugs are asked for at a time


def take(connection: sqlite3.Connection, found: Iterable[Reply], now: datetime) -> Iterator[str]:
    """Move our bugs by what replies say, and tell each step. To be called in a transaction."""
    for one in found:
        for bug in _meant(connection, one):
            if said := _taken(connection, bug, one, now):
                yield f"bug {bug.id}: {said}"


def _meant(connection: sqlite3.Connection, one: Reply) -> list[Bug]:
    """Our bugs that a reply is about; by a number only those that have it."""
    marks = ", ".join("?" * len(one.names))
    found = record.bugs(connection, f"b.message_id IN ({marks})", one.names) if one.names else []
    if not found and one.fingerprint:
        found = record.bugs(connection, "b.fingerprint = ?", (one.fingerprint,))
    if not found and one.number is not None and not one.names:
        found = record.bugs(connection, "b.target = ? AND b.number = ?", (one.tracker, one.number))
    return found


def _taken(connection: sqlite3.Connection, bug: Bug, one: Reply, now: datetime) -> str:
    """What a reply changed of a bug; empty where it says nothing new."""
    if one.kind == "bounced":
        if bug.state not in ("sending", "sent"):
            return ""
        record.step(connection, bug, "failed", "came back: it could not be delivered", now)
        return "came back: it could not be delivered; see why, and approve it again"
    if one.number is None:
        return ""
    if bug.kind == "control":  # its acknowledgement has the number of the bug that it is about
        if bug.state in ("sending", "sent"):
            record.step(connection, bug, "acked", "acknowledged", now)
            return "acknowledged"
        return ""
    if bug.number is not None and bug.number != one.number:
        return f"has #{bug.number}, and was acknowledged as #{one.number} too: was it sent twice? merge them by hand"
    if one.kind == "closed":
        if bug.state == "closed":
            return ""
        version = f" in {one.version}" if one.version else ""
        record.step(connection, bug, "closed", f"closed{version}", now, **_known_as(bug, one.number))
        return f"#{one.number} was closed{version}"
    if bug.number is not None:
        return ""
    said = f"is #{one.number}{_surprise(bug)}"
    record.step(connection, bug, "acked", said, now, **_known_as(bug, one.number))
    return said


def _surprise(bug: Bug) -> str:
    """What is to be said of a bug that nobody knew to be filed."""
    if bug.state == "sending":
        return "; it is in doubt no more"
    return "" if bug.state in LEFT else "; another database sent it, or it left after all: it will not be sent again"


def _known_as(bug: Bug, number: int) -> dict[str, object]:
    """The number that a bug has now, and what its mail is known by where this database never gave it a name."""
    return {"number": number, "message_id": bug.message_id or f"<archscan.{bug.fingerprint[:40]}@elsewhere.invalid>"}


def learn(connection: sqlite3.Connection, found: Iterable[Status], now: datetime) -> Iterator[str]:
    """Keep what a tracker says, move our bugs by it, and tell each step. To be called in a transaction."""
    for one in found:
        lists = (json.dumps(list(words)) for words in (one.tags, one.fixed_versions, one.found_versions))
        connection.execute(
            _KNOW, (one.tracker, one.number, one.source, one.subject, int(one.done), *lists, record.stamp(now))
        )
        by_number = "b.target = ? AND b.number = ? AND b.kind <> 'control'"
        bugs = record.bugs(connection, by_number, (one.tracker, one.number))
        if not bugs and one.message_id:
            bugs = record.bugs(connection, "b.message_id = ?", (one.message_id,))
        for bug in bugs:
            if said := _learned(connection, bug, one, now):
                yield f"bug {bug.id}: {said}"


def _learned(connection: sqlite3.Connection, bug: Bug, one: Status, now: datetime) -> str:
    state = "closed" if one.done else "filed"
    if bug.number is not None and bug.number != one.number:
        return f"has #{bug.number}, and #{one.number} has its Message-ID too: was it sent twice? merge them by hand"
    if bug.state == state and bug.number == one.number:
        return ""
    versions = ", ".join(one.fixed_versions)
    said = {"closed": f"#{one.number} is closed{f' in {versions}' if versions else ''}",
            "filed": f"#{one.number} is open"}[state]  # fmt: skip
    said += _surprise(bug)
    record.step(connection, bug, state, said, now, **_known_as(bug, one.number))
    return said


def ask(connection: sqlite3.Connection, tracker: Tracker, campaigns: Iterable[Campaign], *, look: bool) -> list[Status]:
    """What the tracker says of our bugs, and of those with the usertags of campaigns whose numbers are not known yet.

    With ``look`` also of the open bugs of source packages with drafts, which may be about the same.
    """
    ours = record.bugs(connection, "b.target = 'debian' AND b.kind <> 'control'")
    numbers = {bug.number for bug in ours if bug.number is not None}
    lost = {bug.campaign for bug in ours if bug.number is None and bug.state in ("sending", "sent")}
    for one in campaigns:
        if one.name in lost:
            numbers |= set(tracker.of_usertags(one.user, one.usertags))
    if look:
        sources = sorted({bug.source for bug in ours if bug.state == "drafted" and bug.source})
        for source in sources[:_MOST_SOURCES]:
            numbers |= set(tracker.of_source(source))
    return tracker.status(sorted(numbers))
