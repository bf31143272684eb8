"""What is in force and what is due: decisions with what they decide, and findings that somebody has to look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.model import Severity
from archscan.store.decisions import DEFERRED_DAYS, PRIVILEGED, closed, standing
from archscan.store.questions import SEVERITY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from datetime import date

Cell = str | int | float | bytes | None

REASONS = {
    "asked": "somebody asks for it",
    "expired": "the decision held until {until}",
    "privileged": "only a decision on the finding itself, with an authority, counts about a privileged program",
    "changed": "the evidence is not what was decided about",
    "deferred": "it was deferred on {made}",
    "not-fixed": "{package_version} has it still",
}
"""Why a finding is to be looked at though somebody decided about it, by ``finding_standing.because``."""

_RANK = SEVERITY.replace("severity", "f.severity")

# One severity at a time: whoever wants the worst must not weigh what is decided about the least. By the word and not by
# its rank, whose index SQLite 3.40 mistakes where several parts of a UNION ALL ask for it.
_LEVEL = "f.severity = :severity AND +f.rule_id GLOB :rule AND +f.source GLOB :source"
_QUEUE = f"""
WITH stands AS MATERIALIZED ({standing(":today", ":days", _LEVEL)}),
{closed("stands")}
SELECT f.id AS finding, substr(f.fingerprint, 1, 12) AS fingerprint, f.severity, f.confidence, f.rule_id AS rule,
       f.source, f.path_key, f.subject,
       (SELECT count(*) FROM occurrence o JOIN current_package p ON p.id = o.package_id
        WHERE o.finding_id = f.id AND o.unchecked = 0) AS occurrences, b.*
FROM finding f
LEFT JOIN (SELECT finding_id, state, version, made, until, reason, authority, package_version, because,
                  row_number() OVER (PARTITION BY finding_id ORDER BY because <> 'asked', occurrence_id) AS place
           FROM stands WHERE because IS NOT NULL) b ON b.finding_id = f.id AND b.place = 1
WHERE f.state = 'open' AND NOT f.overridden AND {_RANK} = :level AND {_LEVEL}
  AND f.id NOT IN (SELECT finding_id FROM closed)
ORDER BY f.rule_id, f.source, f.path_key, f.subject
LIMIT :limit
"""

_OF_FINDING = f"""
SELECT s.*, d.fingerprint, d.selector, d.about
FROM ({standing(":today", ":days", "f.id = :finding")}) s JOIN decision d ON d.id = s.decision_id
ORDER BY s.occurrence_id
"""

_DECISIONS = f"""
WITH stands AS MATERIALIZED ({standing(":today", ":days")})
SELECT d.*, d.id IN (SELECT id FROM last_decision) AS is_last,
       coalesce(d.until < :today AND d.state <> 'deferred', 0) AS expired,
       (SELECT count(DISTINCT s.finding_id) FROM stands s WHERE s.decision_id = d.id AND s.because IS NULL) AS decided,
       (SELECT count(DISTINCT s.finding_id) FROM stands s WHERE s.decision_id = d.id AND s.because IS NOT NULL) AS due
FROM decision d
ORDER BY d.made DESC, d.id DESC
"""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which findings the queue is about: globs, the least severity, and how many at most."""

    rule: str = "*"
    source: str = "*"
    severity: Severity = Severity.NEGLIGIBLE
    limit: int = 50


Table = tuple[tuple[str, ...], list[tuple[Cell, ...]]]
"""Names of columns, and rows."""


def queue(connection: sqlite3.Connection, asked: Asked, today: date, days: int = DEFERRED_DAYS) -> Table:
    """The findings that need a look now, worst first, with the reason why; one more than ``limit`` tells of more.

    What the maintainer has overridden is left out, as it is by ``scan --fail-on``.
    """
    ranks = list(Severity)
    values = {"today": today.isoformat(), "days": days, "rule": asked.rule, "source": asked.source}
    columns = ("finding", "fingerprint", "severity", "confidence", "rule", "source", "path_key", "subject",
               "occurrences", "why", "decision")  # fmt: skip
    found: list[tuple[Cell, ...]] = []
    for level in range(len(ranks) - 1, ranks.index(asked.severity) - 1, -1):
        left = asked.limit + 1 - len(found)
        rows = (
            _rows(connection, _QUEUE, {**values, "severity": ranks[level], "level": level, "limit": left})
            if left
            else ()
        )
        found += [(*_cells(row, columns[:-2]), why(row), told(row)) for row in rows]
    return columns, found


def listed(connection: sqlite3.Connection, today: date, days: int = DEFERRED_DAYS, *, every: bool = False) -> Table:
    """The decisions that are in force, or all, the newest first, with the number of open findings of each.

    ``decides`` are those that need no look because of it, ``due`` those that it speaks of and that need one.
    """
    columns = ("target", "state", "versions", "release", "until", "authority", "made", "reason", "standing",
               "decides", "due")  # fmt: skip
    rows = []
    for row in _rows(connection, _DECISIONS, {"today": today.isoformat(), "days": days}):
        word = "replaced" if not row["is_last"] else "expired" if row["expired"] else "in force"
        if every or word == "in force":
            rows.append((target(row), _state(row), *_cells(row, columns[2:8]), word, row["decided"], row["due"]))
    return columns, rows


def of_finding(
    connection: sqlite3.Connection, finding_id: int, today: date, days: int = DEFERRED_DAYS
) -> list[dict[str, Any]]:
    """What is decided of a finding's open occurrences: each decision in force once, with why it is due, or None."""
    values = {"today": today.isoformat(), "days": days, "finding": finding_id}
    found: dict[tuple[int, str | None], dict[str, Any]] = {}
    for row in _rows(connection, _OF_FINDING, values):
        shown = {
            **{name: row[name] for name in ("state", "version", "reason", "authority", "made", "until", "release")},
            "versions": row["versions"],
            "target": target(row),
            "due": why(row) if row["because"] else None,
            "text": _sentence(row),
            "privileged": bool(row["privileged"]),
            "occurrences": 0,
        }
        found.setdefault((row["decision_id"], row["because"]), shown)["occurrences"] += 1
    return list(found.values())


def effects(connection: sqlite3.Connection, after: int, today: date) -> tuple[int, dict[str, int]]:
    """How many open findings the decisions with greater ids decide, and how many they do not, by reason."""
    values = {"today": today.isoformat(), "days": DEFERRED_DAYS, "after": after}
    sql = f"""
    SELECT because, count(DISTINCT finding_id) FROM ({standing(":today", ":days")})
    WHERE decision_id > :after GROUP BY because ORDER BY because
    """
    found = dict(connection.execute(sql, values).fetchall())
    decided = found.pop(None, 0)
    said = {
        because: "needs-triage, as asked" if because == "asked" else REASONS[because].partition("{")[0].strip()
        for because in found
    }
    return decided, {said[because]: number for because, number in found.items()}


def is_privileged(connection: sqlite3.Connection, finding_id: int) -> bool:
    """Whether one of the finding's occurrences is about a file with a privilege, or its rule about such."""
    sql = f"SELECT EXISTS (SELECT 1 FROM occurrence o WHERE o.finding_id = ? AND {PRIVILEGED})"
    return bool(connection.execute(sql, (finding_id,)).fetchone()[0])


def why(row: Mapping[str, Any]) -> str:
    """Why a finding is to be looked at: ``new``, or the state it has now and what brought it back."""
    if row["because"] is None:
        return "new"
    text = REASONS[row["because"]].format(until=row["until"], made=row["made"][:10],
                                          package_version=row["package_version"])  # fmt: skip
    return f"needs-triage ({row['because']}): {text}"


def _sentence(row: Mapping[str, Any]) -> str:
    until = f", until {row['until']}" if row["until"] else ""
    about = ", about a privileged program" if row["privileged"] else ""
    lead = "decided" if row["because"] is None else why(row)
    selected = f" ({target(row)})" if row["selector"] is not None else ""
    return f"{lead}: {_told(row)}{until}{about}{selected}"


def told(row: Mapping[str, Any]) -> str | None:
    """A decision in one line; None where there is none."""
    return None if row["because"] is None else _told(row)


def _told(row: Mapping[str, Any]) -> str:
    by = f" by {row['authority']}" if row["authority"] else ""
    return f"{_state(row)} on {row['made'][:10]}{by}" + (f": {row['reason']}" if row["reason"] else "")


def _state(row: Mapping[str, Any]) -> str:
    return f"{row['state']} {row['version']}" if row["version"] else str(row["state"])


def target(row: Mapping[str, Any]) -> str:
    """What a decision is about, in one line."""
    if row["selector"] is None:
        about = f" {row['about']}" if row["about"] else ""
        return f"{row['fingerprint'][:12]}{about}"
    return " ".join(f"{name}={value}" for name, value in json.loads(row["selector"]).items())


def _cells(row: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Cell, ...]:
    return tuple(row[name] for name in names)


def _rows(connection: sqlite3.Connection, sql: str, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(sql, dict(values))
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
