"""Sending: each bug is written down as under way before anything leaves, and as sent when it is known to have.

Killed at whatever moment, a bug is ``approved`` (nothing left), ``sending`` (nobody knows) or ``sent``. What is
``sending`` is never sent again by itself: somebody says what became of it, or its acknowledgement does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from archscan.bugs import campaign as campaigns
from archscan.bugs import mail, record
from archscan.bugs.filing import named_version
from archscan.bugs.suite import Suite, source_versions
from archscan.bugs.transport import DoubtError, NotSentError, Outgoing, StoppedError
from archscan.errors import BugError
from archscan.store.writer import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from archscan.bugs.campaign import Campaign
    from archscan.bugs.mail import Sender
    from archscan.bugs.record import Bug
    from archscan.bugs.transport import Transport

_LAST = "SELECT max(at) FROM bug_event WHERE state = 'sent' AND note NOT LIKE 'written to %'"


class Clock(msgspec.Struct, frozen=True):
    """The time, and how to let some of it pass."""

    now: Callable[[], datetime]
    sleep: Callable[[float], object]


class Letter(msgspec.Struct, frozen=True):
    """A bug as it would be sent, or why not."""

    bug: record.Bug
    to: str = ""
    size: int = 0
    hindrance: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a bug: its state now, and what was said. ``stops``: no other one would do better."""

    bug: record.Bug
    said: str
    stops: bool = False


def settled(connection: sqlite3.Connection, transport: Transport, now: datetime) -> list[Outcome]:
    """What is known of bugs that were under way when a process ended; without more, they stay in doubt.

    Only the files of a transport can say whether they have a mail. The caller is the only writer of the database.
    """
    found = []
    for one in record.bugs(connection, "b.state = 'sending'"):
        has = transport.has(_outgoing(one)) if one.transport == transport.name else None
        if has is None:
            found.append(Outcome(one, doubt(one)))
            continue
        state, said = ("sent", f"found: {transport.name} has it") if has else ("approved", "found: it never left")
        with transaction(connection):
            found.append(Outcome(record.step(connection, one, state, said, now), said))
    return found


def doubt(one: Bug) -> str:
    """What to do about a bug of which nobody knows whether it left."""
    return (f"in doubt: it was given to {one.transport} on {one.sent}, and nobody knows whether that took it; look for "
            f"{one.message_id}, then archscan bugs resolve {one.id} --sent or --not-sent, or read the acknowledgement "
            "with archscan bugs sync")  # fmt: skip


def _outgoing(one: Bug) -> Outgoing:
    """A bug that is under way, with the same bytes that it had."""
    at, from_ = datetime.fromisoformat(one.sent or ""), mail.sender(one.sender or "")
    to, name = one.recipient or "", one.message_id or ""
    return Outgoing(_wired(one, from_, to, at, name), from_.address, to, name)


def letters(connection: sqlite3.Connection, of: Campaign, transport: Transport) -> list[Letter]:
    """The approved bugs of a campaign as they would be sent, in their order, each with what hinders it, if anything."""
    suite = Suite(of.suite, connection.execute("SELECT EXISTS (SELECT 1 FROM publication)").fetchone()[0] == 1)
    versions = source_versions(connection, suite)
    many = campaigns.is_mass(campaigns.size(connection, of))
    found = []
    for one in record.bugs(connection, "b.campaign_id = ? AND b.state = 'approved'", (of.id,)):
        if hindrance := _hindrance(connection, one, versions, transport):
            found.append(Letter(one, hindrance=hindrance))
            continue
        try:
            to = "" if one.target == "upstream" else mail.recipient(one, many=many)
        except BugError as error:
            found.append(Letter(one, hindrance=str(error)))
            continue
        found.append(Letter(one, to, len(one.text.encode()) + len(one.attached.encode())))
    return found


def _hindrance(connection: sqlite3.Connection, one: Bug, versions: dict[str, str], transport: Transport) -> str:
    """Why an approved bug cannot be sent this way, or not any more; empty where it can."""
    if one.target != "debian" and not transport.name.startswith("eml "):
        return f"goes to {one.target}, which wants it signed or pasted: --eml DIR"
    if one.kind == "control":
        return _late(connection, one)
    if not any(state == "open" for _, state in record.findings(connection, one.id)):
        return "nothing of it is open any more; draft again"
    current = versions.get(one.source)
    if one.version and (current is None or named_version(one.target, current) != one.version):
        return f"the suite has {current or 'no version'} of {one.source} now, not {one.version}; draft again"
    return ""


_SAID = """
SELECT k.done, k.tags LIKE '%"wontfix"%' FROM bug b JOIN known_bug k ON k.tracker = b.target AND k.number = b.number
WHERE b.id = ?
"""


def _late(connection: sqlite3.Connection, one: Bug) -> str:
    """Why a mail about a filed bug is not to be sent any more, by what the tracker said last; empty where it is."""
    done, wontfix = connection.execute(_SAID, (one.about,)).fetchone() or (False, False)
    if wontfix:
        return "the tracker says wontfix"
    closes = not (one.recipient or "").startswith("control@")
    return "the tracker has it as closed" if closes and done else ""


def send(
    connection: sqlite3.Connection, ready: Sequence[Letter], from_: Sender, transport: Transport, clock: Clock,
    pause: float,
) -> Iterator[Outcome]:  # fmt: skip
    """Send bugs one after the other, with ``pause`` seconds between two, and say what became of each.

    Ends early where no further one would leave, or one is in doubt. The caller is the only writer of the database.
    """
    for letter in ready:
        if transport.paced:
            clock.sleep(_wait(connection, clock.now(), pause))
        outcome = _sent(connection, letter, from_, transport, clock)
        yield outcome
        if outcome.stops:
            return


def _wait(connection: sqlite3.Connection, now: datetime, pause: float) -> float:
    """Seconds until the next mail may leave, counted from the last one, of whichever run."""
    last = connection.execute(_LAST).fetchone()[0]
    if last is None or pause <= 0:
        return 0.0
    return min(pause, max(0.0, (datetime.fromisoformat(last) + timedelta(seconds=pause) - now).total_seconds()))


def _sent(connection: sqlite3.Connection, letter: Letter, from_: Sender, transport: Transport, clock: Clock) -> Outcome:
    at = clock.now().replace(microsecond=0)
    name = letter.bug.message_id or mail.message_id(letter.bug, from_)
    one = msgspec.structs.replace(letter.bug, recipient=letter.to or None)
    try:
        data = _wired(one, from_, letter.to, at, name)
    except BugError as error:
        return _stepped(connection, letter.bug, "failed", str(error), clock)
    under_way = {"message_id": name, "sender": str(from_), "sent": at.isoformat(), "transport": transport.name,
                 "recipient": letter.to or None}  # fmt: skip
    with transaction(connection):  # on the disk before anything leaves: the caller has set synchronous = FULL
        one = record.step(connection, letter.bug, "sending", f"to {letter.to or 'a file'} by {transport.name}", at,
                          **under_way)  # fmt: skip
    try:
        said = transport.send(Outgoing(data, from_.address, letter.to, name))
    except NotSentError as error:
        return _stepped(connection, one, "failed" if error.final else "approved", str(error), clock)
    except StoppedError as error:
        return _stepped(connection, one, "approved", str(error), clock, stops=True)
    except DoubtError as error:
        with transaction(connection):
            record.note(connection, one.id, "sending", str(error), clock.now())
        return Outcome(one, f"{error}; {doubt(one)}", stops=True)
    return _stepped(connection, one, "sent", said, clock)


def _wired(one: Bug, from_: Sender, to: str, at: datetime, name: str) -> bytes:
    if one.target == "upstream":
        return "\n".join(filter(None, (one.text, one.attached))).encode()
    return mail.wire(mail.message(one, from_, to, at, name))


def _stepped(
    connection: sqlite3.Connection, one: Bug, state: str, said: str, clock: Clock, *, stops: bool = False
) -> Outcome:
    with transaction(connection):
        after = record.step(connection, one, state, said, clock.now())
    return Outcome(after, said, stops)


def resolve(connection: sqlite3.Connection, one: Bug, now: datetime, *, sent: bool) -> Bug:
    """A bug in doubt, as somebody says who looked. Raises BugError for one that is not. Within a transaction."""
    if one.state != "sending":
        raise BugError(f"bug {one.id} is {one.state}, not in doubt")
    state, said = (
        ("sent", "somebody found that it left") if sent else ("approved", "somebody found that it did not leave")
    )
    return record.step(connection, one, state, said, now)
