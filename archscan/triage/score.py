"""How urgent the work on each source package is, apart from how severe its findings are: a sum, every summand told.

A finding counts for what ``score.toml`` says of its severity; what is decided does not, but for ``needed`` and
``in-progress``, which say that there is work. The circumstances add or take off per cents of that.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from archscan.model import Severity
from archscan.store.decisions import DEFERRED_DAYS, standing
from archscan.triage.circumstances import circumstances

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator
    from datetime import date

    from archscan.triage.circumstances import Circumstances, Evidence
    from archscan.triage.weights import Weights

_SHOWN = 4  # pieces of evidence
_SEVERITIES = tuple(reversed([str(word) for word in Severity]))
_FROM_FILES = ("apparmor", "sandbox", "non-root")

_ONLY = "(:wanted IS NULL OR f.source IN (SELECT value FROM json_each(:wanted)))"
_FINDINGS = f"""
WITH settled AS MATERIALIZED (
    SELECT s.finding_id FROM ({standing(":today", ":days", _ONLY)}) s GROUP BY s.finding_id
    HAVING count(*) FILTER (WHERE s.because IS NULL AND s.state NOT IN ('needed', 'in-progress')) >= (
        SELECT count(*) FROM occurrence o JOIN current_package p ON p.id = o.package_id
        WHERE o.finding_id = s.finding_id AND o.unchecked = 0))
SELECT f.source, f.severity, f.rule_id, f.id IN (SELECT finding_id FROM settled),
       julianday(:today) - julianday(substr(c.started, 1, 10)) > :age, count(*)
FROM finding f JOIN scan c ON c.id = f.first_scan
WHERE f.state = 'open' AND NOT f.overridden AND {_ONLY}
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""


class Summand(msgspec.Struct, frozen=True):
    """Points, what for, and what shows it."""

    points: int
    what: str
    evidence: str


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A source package with the sum of its summands. ``findings`` are those that count, by severity."""

    source: str
    summands: tuple[Summand, ...]
    findings: dict[str, int]
    decided: int
    listed: bool
    raised: tuple[str, ...]
    lowered: tuple[str, ...]
    unread: bool

    @property
    def score(self) -> int:
        """The sum."""
        return sum(one.points for one in self.summands)


class Tally(msgspec.Struct):
    """The open findings of a source: by severity and rule those that count, those among them that are old, others."""

    counts: dict[str, dict[str, int]] = {}
    old: dict[str, int] = {}
    decided: int = 0


def scores(
    connection: sqlite3.Connection,
    weights: Weights,
    today: date,
    *,
    wanted: Collection[str] | None = None,
    seed: Collection[str] = (),
    days: int = DEFERRED_DAYS,
) -> list[Score]:
    """The scores of these sources, or of all that have open findings, the highest first, then by name."""
    found = tallies(connection, weights, today, wanted, days)
    known = circumstances(connection, wanted, weights.sandbox, seed)
    for name in wanted or ():
        if name in known.packages:
            found.setdefault(name, Tally())
    made = [scored(source, tally, known, weights) for source, tally in found.items()]
    return sorted(made, key=lambda one: (-one.score, one.source))


def tallies(
    connection: sqlite3.Connection, weights: Weights, today: date, wanted: Collection[str] | None, days: int
) -> dict[str, Tally]:
    """The open findings by source, without those that maintainers have overridden."""
    values = {
        "today": today.isoformat(), "days": days, "age": weights.age.days,
        "wanted": None if wanted is None else json.dumps(sorted(wanted)),
    }  # fmt: skip
    found: dict[str, Tally] = defaultdict(Tally)
    for source, severity, rule, is_settled, is_old, number in connection.execute(_FINDINGS, values):
        tally = found[source]
        if is_settled:
            tally.decided += number
            continue
        rules = tally.counts.setdefault(severity, {})
        rules[rule] = rules.get(rule, 0) + number
        if is_old:
            tally.old[severity] = tally.old.get(severity, 0) + number
    return dict(found)


def scored(source: str, tally: Tally, known: Circumstances, weights: Weights) -> Score:
    """The score of one source."""
    points: dict[str, int] = msgspec.structs.asdict(weights.points)
    found = list(_of_findings(tally, points))
    found += _of_age(tally, points, weights)
    base = sum(one.points for one in found)
    raised = list(_shares(source, base, known.raised, _percents(weights.raised), 1))
    lowered = list(_shares(source, base, known.lowered, _percents(weights.lowered), -1))
    silent = [word for word in _FROM_FILES if source in known.unread and source not in known.lowered[word]]
    told = [Summand(0, f"{word}: not read", known.unread[source]) for word in silent]
    if tally.decided:
        told.append(Summand(0, f"{_findings(tally.decided)} decided", "archscan triage list"))
    thresholds = msgspec.structs.asdict(weights.listed)
    totals = {severity: sum(tally.counts.get(severity, {}).values()) for severity in _SEVERITIES}
    return Score(
        source=source,
        summands=(*found, *(one for _, one in raised), *(one for _, one in lowered), *told),
        findings=totals,
        decided=tally.decided,
        listed=any(thresholds[word] is not None and number and number >= thresholds[word]
                   for word, number in totals.items()),
        raised=tuple(word for word, _ in raised),
        lowered=tuple(word for word, _ in lowered),
        unread=bool(silent),
    )  # fmt: skip


def _of_findings(tally: Tally, points: dict[str, int]) -> Iterator[Summand]:
    for severity in _SEVERITIES:
        rules = tally.counts.get(severity, {})
        number = sum(rules.values())
        if number:
            texts = [f"{rule} {count}" for rule, count in sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))]
            what = f"{_findings(number, severity)}, {points[severity]} each"
            yield Summand(number * points[severity], what, _few(texts))


def _of_age(tally: Tally, points: dict[str, int], weights: Weights) -> Iterator[Summand]:
    old = sum(number * points[severity] for severity, number in tally.old.items()) * weights.age.percent // 100
    if old:
        texts = [f"{tally.old[word]} {word}" for word in _SEVERITIES if tally.old.get(word) and points[word]]
        yield Summand(old, f"older than {weights.age.days} days, {weights.age.percent} %", ", ".join(texts))


def _shares(
    source: str, base: int, known: dict[str, Evidence], percents: dict[str, int], sign: int
) -> Iterator[tuple[str, Summand]]:
    for word, percent in percents.items():
        texts = known.get(word, {}).get(source)
        if texts:
            yield word, Summand(sign * (base * percent // 100), f"{word}, {'+-'[sign < 0]}{percent} %", _few(texts))


def _percents(weights: msgspec.Struct) -> dict[str, int]:
    """Per cents by the words of the file."""
    return {name.replace("_", "-"): value for name, value in msgspec.structs.asdict(weights).items()}


def _findings(number: int, severity: str = "") -> str:
    return " ".join(filter(None, (f"{number:,}", severity, "finding" if number == 1 else "findings")))


def _few(texts: list[str]) -> str:
    texts = list(dict.fromkeys(texts))
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
