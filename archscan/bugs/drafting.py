"""Drafts: one bug for a source package and a family of rules, made once, and kept up to date until it is sent."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.bugs import record, text
from archscan.bugs.checks import checked, is_address
from archscan.bugs.material import Left, Matter
from archscan.errors import BugError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from jinja2 import Environment

    from archscan.bugs.campaign import Campaign

_OPEN = ("drafted", "approved")
_UNSENT = ("drafted", "approved", "skipped", "failed")


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """What drafting did, by ids of bugs: new ones, those written anew, those with nothing left, those kept as edited.

    ``unwritten`` says what no text could be made of that may leave, and why; ``reported`` are findings of source
    packages that have a bug already.
    """

    new: tuple[int, ...] = ()
    anew: tuple[int, ...] = ()
    same: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    edited: tuple[int, ...] = ()
    unwritten: tuple[str, ...] = ()
    reported: tuple[Left, ...] = ()


def draft(
    connection: sqlite3.Connection, environment: Environment, of: Campaign, matters: Sequence[Matter], now: datetime
) -> Drafted:
    """Make or renew the drafts of a campaign. To be called in a transaction.

    What was sent, skipped or edited by hand is left alone, and so is what another campaign has.
    """
    rows = connection.execute("SELECT source, family, place, bug_id FROM bug_source")
    known = {(source, family, place): number for source, family, place, number in rows}
    done: dict[str, list[Any]] = defaultdict(list)
    fresh: list[Matter] = []
    of_bug: dict[int, list[Matter]] = defaultdict(list)
    for matter in matters:
        number = known.get((matter.source, matter.family, matter.place))
        if number is None:
            fresh.append(matter)
        else:
            of_bug[number].append(matter)
    for number, members in of_bug.items():
        one = record.bug(connection, number)
        if one.state not in _UNSENT or one.campaign_id != of.id:
            done["reported"] += (left for matter in members for left in _left(matter))
        else:
            try:
                done[_renewed(connection, environment, of, one, members, now)].append(number)
            except BugError as error:
                done["unwritten"].append(f"bug {number}: {error}")
    done["dropped"] += _dropped(connection, of, set(of_bug), now)
    for group in _grouped(fresh, of.team_from):
        try:
            done["new"].append(_made(connection, environment, of, group, now))
        except BugError as error:  # nothing of it was stored
            done["unwritten"].append(f"{group[0].source} {group[0].family}: {error}")
    return Drafted(**{name: tuple(found) for name, found in done.items()})


def _left(matter: Matter) -> Iterator[Left]:
    for one in (one.finding for one in matter.found):
        yield Left(reason="reported", finding=one["id"], rule=one["rule"], source=one["source"],
                   subject=one["subject"], path=one["path_key"])  # fmt: skip


def _grouped(matters: Iterable[Matter], team_from: int) -> list[list[Matter]]:
    """The matters of each bug: one each, but all of a maintainer together who has many of one family."""
    by_team: dict[tuple[str, str], list[Matter]] = defaultdict(list)
    alone: list[list[Matter]] = []
    for matter in matters:
        address = parseaddr(matter.maintainer)[1].lower()
        if matter.target == "debian" and matter.place == "package" and is_address(address):
            by_team[address, matter.family].append(matter)
        else:
            alone.append([matter])
    for group in by_team.values():
        alone += [group] if len(group) >= team_from else [[matter] for matter in group]
    return sorted(alone, key=lambda group: (group[0].source, group[0].family, group[0].place))


def fingerprint(*words: str) -> str:
    """What a bug is known by wherever it comes back from: the digest of what it is about."""
    return hashlib.sha256("\0".join(("bug", *words)).encode()).hexdigest()


def digest(written: str) -> str:
    """The digest of a text."""
    return hashlib.sha256(written.encode()).hexdigest()


def _identity(group: Sequence[Matter]) -> str:
    first = group[0]
    if len(group) > 1:
        return fingerprint("team", first.family, *(one.source for one in group))
    return fingerprint(first.place, first.source, first.family)


def _values(
    environment: Environment, of: Campaign, group: Sequence[Matter], identity: str, *, many: bool
) -> dict[str, Any]:
    """The columns of a bug that follow from what it is about; ``many`` for a mail to a team."""
    first = group[0]
    maintainer = first.maintainer
    if many:
        written = text.team(environment, of, group, identity, maintainer)
    else:
        written = text.report(environment, of, first, identity)
    kind = "team" if many else "report"
    checked(written.text, first.target, kind)
    return {
        "kind": kind, "target": first.target, "source": "" if many else first.source, "family": first.family,
        "recipient": parseaddr(maintainer)[1] if many else None, "version": None if many else first.version,
        "severity": first.severity, "maintainer": maintainer, "text": written.text, "attached": written.attached,
        "human": "; ".join(dict.fromkeys(one.human for one in group if one.human)), "digest": digest(written.text),
    }  # fmt: skip


def _made(
    connection: sqlite3.Connection, environment: Environment, of: Campaign, group: Sequence[Matter], now: datetime
) -> int:
    identity = _identity(group)
    values = {
        **_values(environment, of, group, identity, many=len(group) > 1),
        "fingerprint": identity,
        "campaign_id": of.id,
    }
    sources = [(one.source, one.family, one.place) for one in group]
    return record.add(connection, values, sources, _fingerprints(group), now)


def _fingerprints(group: Iterable[Matter]) -> list[str]:
    return [found for one in group for found in one.fingerprints]


def _renewed(
    connection: sqlite3.Connection, environment: Environment, of: Campaign, one: record.Bug,
    group: Sequence[Matter], now: datetime,
) -> str:  # fmt: skip
    """Bring an unsent bug up to date, and what became of it, as a field of ``Drafted``."""
    values = _values(environment, of, group, one.fingerprint, many=one.kind == "team")
    if values["digest"] == one.digest:
        return "same"
    if digest(one.text) != one.digest:
        return "edited"
    if one.state in ("skipped", "failed"):
        return "same"
    record.set_findings(connection, one.id, _fingerprints(group))
    changed = {name: values[name] for name in ("text", "attached", "digest", "version", "severity", "human", "target")}
    record.step(connection, one, "drafted", "written anew: what it is about changed", now, **changed)
    return "anew"


def _dropped(connection: sqlite3.Connection, of: Campaign, alive: set[int], now: datetime) -> list[int]:
    """Skip what waits in the campaign and has nothing left to report."""
    gone = [
        one
        for one in record.bugs(connection, "b.campaign_id = ? AND b.kind <> 'control'", (of.id,))
        if one.state in _OPEN and one.id not in alive
    ]
    for one in gone:
        record.step(connection, one, "skipped", "nothing of it is to be reported any more", now)
    return [one.id for one in gone]


def edited(connection: sqlite3.Connection, one: record.Bug, written: str, now: datetime) -> record.Bug:
    """The bug with a text that somebody wrote, as a draft that has to be looked at again. Raises BugError."""
    if f"archscan-fp: {one.fingerprint}" not in written and one.kind != "control":
        raise BugError(f"the line `archscan-fp: {one.fingerprint}` must stay: replies are recognised by it")
    checked(written, one.target, one.kind)
    return record.step(connection, one, "drafted", "edited", now, text=written)
