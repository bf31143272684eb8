"""What to say to bugs that are filed: that they are mended, or that a version which should be is not.

Proposals are drafts of mails like others: nothing leaves before somebody approved it and sends it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.bugs import campaign as campaigns
from archscan.bugs import drafting, record, text
from archscan.bugs.checks import checked, is_version
from archscan.bugs.filing import named_version
from archscan.bugs.mail import CONTROL
from archscan.bugs.record import Bug
from archscan.bugs.suite import Suite, source_version, source_versions
from archscan.model.version import version_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from jinja2 import Environment

_KNOWN = "SELECT done, tags, fixed_versions, found_versions FROM known_bug WHERE tracker = ? AND number = ?"
_OPEN = """
SELECT p.source_version, p.version, p.source FROM bug_finding m
JOIN finding f ON f.fingerprint = m.fingerprint AND f.state = 'open'
JOIN occurrence o ON o.finding_id = f.id AND o.unchecked = 0
JOIN package p ON p.id = o.package_id AND p.id IN ({packages})
WHERE m.bug_id = :bug
"""


class Known(msgspec.Struct, frozen=True):
    """What the tracker said last of a bug."""

    done: bool
    tags: tuple[str, ...]
    fixed: tuple[str, ...]
    found: tuple[str, ...]


def known(connection: sqlite3.Connection, one: Bug) -> Known | None:
    """What the tracker said last of a filed bug; None where it was not asked yet."""
    row = connection.execute(_KNOWN, (one.target, one.number)).fetchone()
    if row is None:
        return None
    tags, fixed, found = (tuple(json.loads(cell)) for cell in row[1:])
    return Known(bool(row[0]), tags, fixed, found)


def propose(connection: sqlite3.Connection, environment: Environment, now: datetime) -> Iterator[str]:
    """Draft what follows from the states of findings and bugs, and tell it. To be called in a transaction.

    Where it is not known what a tracker says, or it says ``wontfix``, nothing is proposed.
    """
    by_suite: dict[str, tuple[Suite, Mapping[str, str]]] = {}
    of_name = {one.name: one for one in campaigns.campaigns(connection)}
    published = connection.execute("SELECT EXISTS (SELECT 1 FROM publication)").fetchone()[0] == 1
    for one in record.bugs(connection, "b.number IS NOT NULL AND b.kind = 'report' AND b.target <> 'upstream'"):
        name = of_name[one.campaign].suite
        if name not in by_suite:
            suite = Suite(name, published)
            by_suite[name] = suite, source_versions(connection, suite)
        said = _proposed(connection, environment, one, by_suite[name], now)
        if said:
            yield f"bug {one.id} (#{one.number}): {said}"


def _proposed(
    connection: sqlite3.Connection, environment: Environment, one: Bug, of: tuple[Suite, Mapping[str, str]],
    now: datetime,
) -> str:  # fmt: skip
    suite, versions = of
    states = {state for _, state in record.findings(connection, one.id)}
    current = named_version(one.target, versions.get(one.source, ""))
    told = known(connection, one)
    wanted = "close" if states == {"fixed"} else "found" if "open" in states else ""
    if not wanted or not is_version(current):
        return ""
    if told is None:
        lead = "all of it is fixed" if wanted == "close" else "it was closed, and is open here"
        unknown = f"{lead}; what the tracker says is not known: sync with --debianbts or --status"
        return unknown if (wanted == "close") != (one.state == "closed") else ""
    if "wontfix" in told.tags:
        return ""
    if wanted == "close" and not told.done:
        return _drafted(connection, environment, one, "close", current, now)
    if wanted == "found" and told.done and _is_back(connection, one, suite, versions, told):
        if one.target != "debian":
            return f"{current} has it still, though it is closed; say so there"
        return _drafted(connection, environment, one, "found", current, now)
    return ""


def _is_back(connection: sqlite3.Connection, one: Bug, suite: Suite, versions: Mapping[str, str], told: Known) -> bool:
    """Whether the suite's version has it, and is not older than what is said to have mended it."""
    rows = connection.execute(_OPEN.format(packages=suite.packages), {"suite": suite.name, "bug": one.id})
    if not any(source_version(given, binary) == versions.get(source) for given, binary, source in rows):
        return False
    current = named_version(one.target, versions.get(one.source, ""))
    if current in {_plain(version) for version in told.found}:
        return False
    fixed = [version_key(_plain(version)) for version in told.fixed]
    if fixed:
        return version_key(current) >= max(fixed)
    return version_key(current) > version_key(one.version or "")


def _plain(version: str) -> str:
    """A version without the source package that the tracker may put in front of it."""
    return version.rpartition("/")[2]


def _drafted(
    connection: sqlite3.Connection, environment: Environment, one: Bug, action: str, version: str, now: datetime
) -> str:
    """Draft a mail about a filed bug, once for an action and a version."""
    identity = drafting.fingerprint("control", one.fingerprint, str(one.number), action, version)
    if record.bugs(connection, "b.fingerprint = ?", (identity,)):
        return ""
    template = "launchpad-close.j2" if one.target == "launchpad" else f"{action}.j2"
    written = checked(text.filled(environment, template, {"bug": one, "version": version}), one.target, "control")
    values: dict[str, Any] = {
        "fingerprint": identity, "campaign_id": one.campaign_id, "kind": "control", "about": one.id,
        "target": one.target, "recipient": _recipient(one, action), "source": one.source, "family": one.family,
        "version": version, "severity": one.severity, "maintainer": one.maintainer, "text": written,
        "digest": drafting.digest(written),
    }  # fmt: skip
    number = record.add(connection, values, (), (), now)
    what = f"{version} is without it: close" if action == "close" else f"{version} has it still: found"
    return f"{what} drafted as bug {number}"


def _recipient(one: Bug, action: str) -> str:
    if one.target == "launchpad":
        return f"{one.number}@bugs.launchpad.net"
    return f"{one.number}-done@bugs.debian.org" if action == "close" else CONTROL
