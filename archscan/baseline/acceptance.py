"""A reviewer takes what is other: lines into the baseline, decisions on findings into the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

import msgspec

from archscan.baseline.drift import Drift
from archscan.baseline.facts import Fact
from archscan.baseline.text import Baseline, with_reasons
from archscan.model import escape
from archscan.triage.decision import Decision
from archscan.triage.record import decide

# Packages of other selections, suites and versions that are current all the same, in which the finding is open too.
_ELSEWHERE = """
SELECT p.name || coalesce(':' || p.architecture, '') || ' ' || p.version FROM finding g
JOIN occurrence o ON o.finding_id = g.id AND NOT o.unchecked JOIN current_package p ON p.id = o.package_id
WHERE g.fingerprint = ? AND p.id NOT IN (SELECT package_id FROM temp.chosen) ORDER BY 1 LIMIT 1
"""


class Accepted(msgspec.Struct, frozen=True):
    """The baseline as it is now; ``decided`` are fingerprints, ``open`` those left open, each with why."""

    baseline: Baseline
    decided: tuple[str, ...]
    open: tuple[tuple[str, str], ...]


class Review(msgspec.Struct, frozen=True):
    """Who accepts, why, and when (UTC)."""

    who: str
    reason: str
    when: datetime


def accepted(
    connection: sqlite3.Connection, baseline: Baseline, now: Sequence[Fact], taken: Drift, review: Review
) -> Accepted:
    """The baseline with what is ``taken`` of its drift, and which findings that decides (``decided`` writes it).

    ``now`` is what ``facts`` gave, on the same connection.

    A finding is one thing in all packages of its source: it is decided where everything that it is open in is reviewed.
    """
    gone = {fact.line for fact in taken.gone}
    facts = (*(fact for fact in baseline.facts if fact.line not in gone), *taken.new)
    note = (escape(f"{review.reason} ({review.who}, {review.when.date().isoformat()})"),)
    reasons = {**with_reasons(baseline.reasons, facts), **{fact.line: note for fact in taken.new}}
    reviewed = {fact.line for fact in facts}
    sure, still = [], []
    for mark in sorted({mark for fact in taken.new for mark in fact.findings}):
        why = _why_open(connection, mark, now, reviewed)
        if why:
            still.append((mark, why))
        else:
            sure.append(mark)
    return Accepted(Baseline(baseline.selection, facts, reasons), tuple(sure), tuple(still))


def _why_open(connection: sqlite3.Connection, mark: str, now: Sequence[Fact], reviewed: set[str]) -> str | None:
    """What of the finding is not reviewed; None where all is."""
    elsewhere = connection.execute(_ELSEWHERE, (mark,)).fetchone()
    if elsewhere:
        return f"it is open in {elsewhere[0]}, too, which the baseline is not about"
    missing = [fact.line for fact in now if mark in fact.findings and fact.line not in reviewed]
    return f"not accepted: {missing[0]}" if missing else None


def decided(connection: sqlite3.Connection, marks: Sequence[str], review: Review) -> None:
    """Decide ``accepted`` on each finding; to be called in a transaction. Raises FieldError."""
    for mark in marks:
        one = Decision(fingerprint=mark, state="accepted", authority=review.who, reason=review.reason)
        decide(connection, one, review.when)
