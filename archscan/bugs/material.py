"""What may be reported, grouped into bugs, and why the rest is not: every open finding is either, and counted once."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.bugs import filing
from archscan.bugs.checks import is_name, is_version
from archscan.bugs.places import Place, is_mandated, places
from archscan.bugs.suite import Suite, source_version, source_versions
from archscan.reports.content import Row, rows
from archscan.reports.finding import finding
from archscan.store.decisions import DEFERRED_DAYS, standing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

REASONS = {
    "mandated": "a protocol mandates it",
    "overridden": "overridden by the maintainer",
    "elsewhere": "not open in the suite's current version",
    "slight": "below medium",
    "decided": "decided (archscan triage list)",
    "possible": "only possible",
    "never": "the rule says that no bug is to be made of it",
    "nameless": "of a source package whose name or version no tracker would take",
    "rebuild": "needs a rebuild only",
    "placeless": "without a place that a maintainer can act on",
    "reported": "its source package has a bug for this family already",
}
"""Why a finding is not drafted."""

# Decided, and to be reported all the same.
_WANTED = ("needed",)
_SEVERITIES = ("medium", "high", "critical")
_SEVERE = f"({', '.join(repr(word) for word in _SEVERITIES)})"
_SHOWN = 100  # findings of a compiler whose evidence is looked at

_OCCURRENCES = """
SELECT f.id, f.fingerprint, f.source, f.subject, f.rule_id AS rule, coalesce(r.family, f.rule_id) AS family,
       f.overridden, o.id AS occurrence, o.severity, o.confidence, o.fix_where, o.overridden AS excused, o.path,
       p.id IN ({packages}) AS inside, p.sha256, p.version, p.version_key, p.source_version,
       coalesce(p.maintainer, json_extract(p.control, '$.Maintainer')) AS maintainer,
       e.language, x.distribution
FROM finding f
JOIN occurrence o ON o.finding_id = f.id AND o.unchecked = 0
JOIN package p ON p.id = o.package_id
LEFT JOIN rule r ON r.id = f.rule_id
LEFT JOIN elf e ON e.id = o.elf_id
LEFT JOIN package_release x ON x.package_id = p.id
WHERE f.state = 'open' AND (f.severity IN {severe} OR f.fix_where = 'toolchain')
  AND f.source GLOB :sources AND coalesce(r.family, f.rule_id) GLOB :rules
ORDER BY f.source, family, f.id, o.id
"""
# The slight ones, of which there are most, are only counted. What the toolchain or a rebuild would mend is mostly
# slight, because nothing had promised it.
_SLIGHT = """
SELECT CASE WHEN f.overridden THEN 'overridden'
            WHEN EXISTS (SELECT 1 FROM occurrence o WHERE o.finding_id = f.id AND o.unchecked = 0
                         AND coalesce(json_extract(o.evidence, '$.sites[0].protocol'), '') <> '') THEN 'mandated'
            WHEN f.fix_where = 'rebuild' THEN 'rebuild'
            ELSE 'slight' END, count(*)
FROM finding f LEFT JOIN rule r ON r.id = f.rule_id
WHERE f.state = 'open' AND NOT (f.severity IN {severe} OR f.fix_where IS 'toolchain') AND f.source GLOB :sources
  AND coalesce(r.family, f.rule_id) GLOB :rules
GROUP BY 1
"""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to make bugs of: globs of families and sources, ``caps`` by rule, where to file if not as usual."""

    rules: str = "*"
    sources: str = "*"
    caps: Mapping[str, str] = {}
    most: str = "normal"
    target: str | None = None
    possible: bool = False


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that may be reported: the whole of it, those of its occurrences that count, and their places."""

    finding: Any
    occurrences: tuple[Any, ...]
    places: tuple[Place, ...]


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """What one bug is about: a source package, a family of rules, where it is mended, and its findings.

    ``more`` are the fingerprints of further ones, of which a compiler may have as many as an archive has programs.
    """

    source: str
    family: str
    place: str
    target: str
    version: str | None
    maintainer: str
    severity: str
    human: str
    found: tuple[Found, ...]
    more: tuple[str, ...] = ()

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of its findings, shown or not."""
        return (*(one.finding["fingerprint"] for one in self.found), *self.more)


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that is not reported, with the reason, a key of ``REASONS``."""

    reason: str
    finding: int
    rule: str
    source: str
    subject: str
    path: str


class Material(msgspec.Struct, frozen=True):
    """What bugs are made of, what is left, and how many slight findings are not even looked at, by reason."""

    matters: tuple[Matter, ...]
    left: tuple[Left, ...]
    slight: Mapping[str, int]


class _Group:
    """A bug in the making: what its findings say together."""

    def __init__(self) -> None:
        self.severities: set[tuple[str, str]] = set()
        self.rules: set[str] = set()
        self.newest: Row = {}
        self.found: list[Found] = []
        self.more: list[str] = []

    def takes(self, kept: list[Row]) -> None:
        """Count the occurrences of a finding in."""
        self.severities |= {(row["severity"], row["confidence"]) for row in kept}
        self.rules |= {row["rule"] for row in kept}
        self.newest = max([*([self.newest] if self.newest else []), *kept], key=lambda row: row["version_key"] or "")


def material(connection: sqlite3.Connection, of: Suite, asked: Asked, today: date) -> Material:
    """All open findings that are asked for, as what bugs are made of or as what is left with its reason."""
    versions = source_versions(connection, of)
    names = {"suite": of.name, "rules": asked.rules, "sources": asked.sources}
    decided = _decided(connection, today)
    groups: dict[tuple[str, str, str], _Group] = defaultdict(_Group)
    left: list[Left] = []
    occurrences = rows(connection, _OCCURRENCES.format(packages=of.packages, severe=_SEVERE), names)
    for number, every in groupby(occurrences, key=itemgetter("id")):
        of_finding = list(every)
        kept, reason = _kept(of_finding, versions, decided, asked)
        if not reason:
            reason = _taken(connection, groups, kept)
        if reason:
            first = of_finding[0]
            left.append(Left(reason=reason, finding=number, rule=first["rule"], source=first["source"],
                             subject=first["subject"], path=first["path"] or ""))  # fmt: skip
    matters = tuple(_matter(key, group, versions, asked) for key, group in sorted(groups.items()))
    slight = dict(connection.execute(_SLIGHT.format(severe=_SEVERE), names).fetchall())
    return Material(matters, tuple(left), slight)


def _taken(connection: sqlite3.Connection, groups: dict[tuple[str, str, str], _Group], kept: list[Row]) -> str:
    """The reason why a finding is no part of a bug; empty where it is one now."""
    first = kept[0]
    key = ("package", first["source"], first["family"])
    if first["fix_where"] == "toolchain":
        key = ("toolchain", filing.toolchain(first["language"], first["subject"]), first["family"])
        if key in groups and len(groups[key].found) >= _SHOWN:
            groups[key].takes(kept)
            groups[key].more.append(first["fingerprint"])
            return ""
    found = _found(connection, first["id"], kept)
    if isinstance(found, str):
        return found
    groups[key].takes(kept)
    groups[key].found.append(found)
    return ""


def _decided(connection: sqlite3.Connection, today: date) -> set[int]:
    """The occurrences about which somebody decided so that nobody is to be bothered with them."""
    values = {"today": today.isoformat(), "days": DEFERRED_DAYS}
    sql = f"SELECT occurrence_id, state FROM ({standing(':today', ':days')}) WHERE because IS NULL"
    return {number for number, state in connection.execute(sql, values) if state not in _WANTED}


def _kept(of_finding: list[Row], versions: Mapping[str, str], decided: set[int], asked: Asked) -> tuple[list[Row], str]:
    """Those occurrences of a finding that count, and why there are none."""
    steps: tuple[tuple[str, Callable[[Row], bool]], ...] = (
        ("overridden", lambda row: not row["overridden"] and not row["excused"]),
        ("elsewhere", lambda row: row["inside"] and _is_current(row, versions)),
        ("nameless", lambda row: is_name(row["source"]) and is_version(versions[row["source"]])),
        ("decided", lambda row: row["occurrence"] not in decided),
        ("slight", lambda row: row["severity"] in _SEVERITIES or row["fix_where"] == "toolchain"),
        ("possible", lambda row: asked.possible or row["confidence"] != "possible"),
        ("never", lambda row: asked.caps.get(row["rule"]) != "never"),
        ("rebuild", lambda row: row["fix_where"] != "rebuild"),
    )
    kept = of_finding
    for reason, holds in steps:
        kept = [row for row in kept if holds(row)]
        if not kept:
            return [], reason
    return kept, ""


def _is_current(row: Row, versions: Mapping[str, str]) -> bool:
    return source_version(row["source_version"], row["version"]) == versions.get(row["source"])


def _found(connection: sqlite3.Connection, number: int, kept: list[Row]) -> Found | str:
    """The finding with its places, or the reason why it cannot be reported."""
    whole = finding(connection, str(number))
    wanted = {(row["sha256"], row["path"]) for row in kept}
    occurrences = [one for one in whole["occurrences"] if (one["sha256"], one["path"]) in wanted]
    if any(is_mandated(one) for one in occurrences):
        return "mandated"
    where = tuple(sorted({place for one in occurrences for place in places(whole, one)}))
    if not where:
        return "placeless"
    return Found(finding=whole, occurrences=tuple(occurrences), places=where)


def _matter(key: tuple[str, str, str], group: _Group, versions: Mapping[str, str], asked: Asked) -> Matter:
    place, source, family = key
    maintainer = (group.newest["maintainer"] or "") if place == "package" else ""
    version = versions.get(source)
    where = filing.filing(group.newest["distribution"], version or "", maintainer, asked.target)
    caps = [asked.most, *(asked.caps[rule] for rule in group.rules if rule in asked.caps)]
    severity, human = filing.severity(group.severities, caps)
    if version is None:
        human = human or f"{source} is not in the suite, so a human has to say which version is meant"
    return Matter(source=source, family=family, place=place, target=where.target, version=where.version or None,
                  maintainer=maintainer, severity=severity, human=human, found=tuple(group.found),
                  more=tuple(group.more))  # fmt: skip


def counted(left: Iterable[Left], slight: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """How many findings are not reported, by reason, in the order of ``REASONS``; those with none left out."""
    sums = dict(slight)
    for one in left:
        sums[one.reason] = sums.get(one.reason, 0) + 1
    yield from ((reason, sums[reason]) for reason in REASONS if sums.get(reason))
