"""Findings: which occurrences are new, still there or gone, and what that makes of each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.model import Confidence, Severity
from archscan.rules.digests import digests, fill_digests
from archscan.rules.fold import fingerprint, ranked
from archscan.store.decisions import COLUMNS

if TYPE_CHECKING:
    import sqlite3

    from archscan.rules.plan import Plan

# Findings whose state may change: those that are or were met now, and those of other versions of the packages
# looked at, because a newer version decides about the older one's. Orphans lost their package.
_TOUCHED = (
    "INSERT OR IGNORE INTO temp.touched SELECT f.id FROM temp.fold t JOIN main.finding f USING (fingerprint)",
    "INSERT OR IGNORE INTO temp.touched SELECT finding_id FROM temp.missed",
    """INSERT OR IGNORE INTO temp.touched SELECT o.finding_id FROM main.unjudged u
    CROSS JOIN main.occurrence o ON o.package_id = u.package_id""",
    """INSERT OR IGNORE INTO temp.touched SELECT o.finding_id FROM main.unjudged u
    CROSS JOIN main.package p ON p.id = u.package_id
    CROSS JOIN main.package s ON s.name = p.name AND s.architecture IS p.architecture
    CROSS JOIN main.occurrence o ON o.package_id = s.id""",
    """INSERT OR IGNORE INTO temp.touched SELECT id FROM main.finding f WHERE f.state <> 'withdrawn'
    AND NOT EXISTS (SELECT 1 FROM main.occurrence o WHERE o.finding_id = f.id)""",
)

_NEW_FINDINGS = """
INSERT INTO finding (fingerprint, rule_id, source, path_key, subject, severity, confidence, state, first_scan,
                     last_change, fix_where)
SELECT fingerprint, min(rule_id), source, path_key, subject, severity, confidence, 'open', :scan, :scan, fix_where
FROM temp.fold GROUP BY fingerprint
ON CONFLICT (fingerprint) DO NOTHING
"""

_MET = """
INSERT INTO occurrence (finding_id, package_id, elf_id, file_id, rule_id, path, severity, confidence, fix_where,
                        message, evidence, unchecked, overridden, first_scan, last_scan)
SELECT f.id, t.package_id, t.elf_id, t.file_id, t.rule_id, nullif(t.path, ''), t.severity, t.confidence, t.fix_where,
       t.message, t.evidence, 0, t.overridden, :scan, :scan
FROM temp.fold t JOIN main.finding f USING (fingerprint) WHERE true
ON CONFLICT (finding_id, package_id, coalesce(path, '')) DO UPDATE SET
    elf_id = excluded.elf_id, file_id = excluded.file_id, rule_id = excluded.rule_id, severity = excluded.severity,
    confidence = excluded.confidence, fix_where = excluded.fix_where, message = excluded.message,
    digest = iif(evidence = excluded.evidence AND rule_id = excluded.rule_id, digest, NULL),
    evidence = excluded.evidence, unchecked = 0, overridden = excluded.overridden, last_scan = excluded.last_scan
"""

# Occurrences that a rule could have met again, but did not. A package that was not read whole closes nothing, nor does
# one that was not unpacked to its end, whatever it says of itself: what was not met there stays, unchecked. It goes
# only if its object still stands and the rule changed its mind.
_MISSED = """
INSERT INTO temp.missed
SELECT o.id, o.finding_id,
       r.id IS NOT NULL AND (p.status <> 'complete' OR p.unread IS NOT NULL)
       AND (u.package_id IS NOT NULL OR o.unchecked OR (o.path IS NOT NULL AND o.elf_id IS NULL AND o.file_id IS NULL))
FROM main.occurrence o
JOIN main.package p ON p.id = o.package_id
JOIN main.finding f ON f.id = o.finding_id
LEFT JOIN main.unjudged u ON u.package_id = o.package_id
LEFT JOIN temp.ruling r ON r.id = o.rule_id
WHERE {scope} AND NOT EXISTS (
    SELECT 1 FROM temp.fold t
    WHERE t.fingerprint = f.fingerprint AND t.package_id = o.package_id AND t.path = coalesce(o.path, ''))
"""
_SCOPE_CHANGED = "o.package_id IN (SELECT package_id FROM main.unjudged)"
_SCOPE_WHOLE = "(u.package_id IS NOT NULL OR r.whole OR r.id IS NULL)"

# A package of which nothing newer is known, or whose name could not be read, speaks for itself. What a suite has, but
# nobody has read whole, leaves open what it would say. A package has left where no suite has any version of it.
_STANDING = """
INSERT INTO temp.standing
SELECT p.id,
       p.name IS NULL OR EXISTS (SELECT 1 FROM main.current_package c WHERE c.id = p.id),
       p.status <> 'complete' AND p.name IS NULL OR EXISTS (
           SELECT 1 FROM main.current_package c
           WHERE c.name = p.name AND c.architecture IS p.architecture
             AND (c.status <> 'complete' OR c.unread IS NOT NULL))
       OR EXISTS (
           SELECT 1 FROM main.publication b LEFT JOIN main.package q ON q.id = b.package_id
           WHERE b.name = p.name AND b.architecture = p.architecture AND b.standing = 'current' AND q.name IS NULL),
       EXISTS (SELECT 1 FROM main.publication b WHERE b.package_id = p.id) AND NOT EXISTS (
           SELECT 1 FROM main.publication b
           WHERE b.name = p.name AND b.architecture = p.architecture AND b.standing <> 'gone')
FROM main.package p
WHERE p.id IN (SELECT o.package_id FROM temp.touched t JOIN main.occurrence o ON o.finding_id = t.id)
"""

# Each touched finding with its state and its worst occurrence, those that keep it open first. One package that was
# mended says more than another that left.
_JUDGED = f"""
INSERT INTO temp.judged
SELECT finding_id, CASE weight WHEN 3 THEN 'open' WHEN 2 THEN 'unchecked' WHEN 1 THEN 'fixed' ELSE 'removed' END,
       severity, confidence, rule_id, fix_where, overridden
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY finding_id
        ORDER BY weight DESC, {ranked("severity", Severity)} DESC, overridden,
                 {ranked("confidence", Confidence)} DESC, rule_id, fix_where) AS place
    FROM (
        SELECT o.finding_id, o.severity, o.confidence, o.rule_id, o.fix_where, o.overridden,
               CASE WHEN s.is_current AND NOT o.unchecked THEN 3 WHEN s.unsure OR o.unchecked AND s.is_current THEN 2
                    ELSE NOT s.has_left END AS weight
        FROM temp.touched t
        JOIN main.occurrence o ON o.finding_id = t.id
        JOIN temp.standing s ON s.package_id = o.package_id))
WHERE place = 1
UNION ALL
SELECT f.id, 'withdrawn', f.severity, f.confidence, f.rule_id, f.fix_where, f.overridden
FROM temp.touched t JOIN main.finding f ON f.id = t.id
WHERE NOT EXISTS (SELECT 1 FROM main.occurrence o WHERE o.finding_id = t.id)
"""

_CHANGES = """
INSERT INTO temp.change
SELECT j.finding_id, CASE WHEN f.id > :newest THEN NULL WHEN f.overridden > j.overridden THEN 'overridden'
                          ELSE f.state END, j.state
FROM temp.judged j JOIN main.finding f ON f.id = j.finding_id
WHERE f.id > :newest OR f.state <> j.state OR f.severity <> j.severity OR f.overridden > j.overridden
"""

_FINDINGS = """
UPDATE finding SET
    last_change = CASE WHEN finding.state <> j.state OR finding.severity <> j.severity THEN :scan
                       ELSE finding.last_change END,
    state = j.state, severity = j.severity, confidence = j.confidence, rule_id = j.rule_id, fix_where = j.fix_where,
    overridden = j.overridden
FROM temp.judged j
WHERE j.finding_id = finding.id AND finding.id IN (SELECT finding_id FROM temp.judged)
  AND (finding.state, finding.severity, finding.confidence, finding.rule_id, finding.fix_where, finding.overridden)
      IS NOT (j.state, j.severity, j.confidence, j.rule_id, j.fix_where, j.overridden)
"""

# The evidence is that of the new rule, which may speak of it in other words; so it is what was decided about from now.
_OTHERS = ", ".join(name for name in COLUMNS if name not in ("fingerprint", "evidence_digest"))
_CARRIED = f"""
INSERT INTO decision (fingerprint, evidence_digest, {_OTHERS})
SELECT ?, iif(evidence_digest IS NULL, NULL, ?), {_OTHERS} FROM decision WHERE fingerprint = ? ORDER BY id
"""

_TABLES = (
    "CREATE TEMP TABLE missed (id INTEGER PRIMARY KEY, finding_id INTEGER NOT NULL, keep INTEGER NOT NULL)",
    "CREATE TEMP TABLE touched (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE standing (package_id INTEGER PRIMARY KEY, is_current INTEGER, unsure INTEGER, has_left INTEGER)",
    "CREATE TEMP TABLE judged (finding_id INTEGER PRIMARY KEY, state, severity, confidence, rule_id, fix_where,"
    " overridden)",
    "CREATE TEMP TABLE change (finding_id INTEGER PRIMARY KEY, before, after)",
)


def merge(connection: sqlite3.Connection, plan: Plan, scan_id: int) -> None:
    """Bring ``finding`` and ``occurrence`` up to what ``fold`` says; leave what changed in the table ``change``."""
    scan = {"scan": scan_id}
    for statement in _TABLES:
        connection.execute(statement)
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM finding").fetchone()[0]
    connection.execute(_NEW_FINDINGS, scan)
    _carry_decisions(connection, plan, newest)
    scope = _SCOPE_WHOLE if plan.whole or plan.gone else _SCOPE_CHANGED
    connection.execute(_MISSED.format(scope=scope))
    connection.execute(_MET, scan)
    fill_digests(connection)
    connection.execute("DELETE FROM occurrence WHERE id IN (SELECT id FROM temp.missed WHERE NOT keep)")
    connection.execute("UPDATE occurrence SET unchecked = 1 WHERE id IN (SELECT id FROM temp.missed WHERE keep)")
    for statement in (*_TOUCHED, _STANDING, _JUDGED):
        connection.execute(statement)
    connection.execute(_CHANGES, {"newest": newest})
    connection.execute(_FINDINGS, scan)


def _carry_decisions(connection: sqlite3.Connection, plan: Plan, newest: int) -> None:
    # A rule that was renamed finds the same faults under new fingerprints; what was decided about them stays decided.
    for rule in (*plan.whole, *plan.changed):
        for old in rule.formerly:
            rows = connection.execute(
                "SELECT fingerprint, source, path_key, subject FROM finding WHERE id > ? AND rule_id = ?",
                (newest, rule.id),
            )
            pairs = [(new, fingerprint(old, *parts)) for new, *parts in rows]
            connection.executemany(_CARRIED, [(new, _met_digests(connection, new), former) for new, former in pairs])


def _met_digests(connection: sqlite3.Connection, name: str) -> str | None:
    rows = connection.execute("SELECT rule_id, evidence FROM temp.fold WHERE fingerprint = ?", (name,))
    return digests(rows)
