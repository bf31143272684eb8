"""What a report holds, read from the database: counts, and the rows of each section in a fixed order.

Rows are dictionaries with the names that ``docs/report.schema.json`` describes. Findings, uses and privileges are those
of current packages: the newest version of each name and architecture.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archscan.model import PackageStatus, Severity
from archscan.reports.failing import decided

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

Row = dict[str, Any]

SEVERITIES = tuple(reversed([str(severity) for severity in Severity]))  # the worst first

FEATURES = (
    "pie",
    "relro",
    "bind_now",
    "stack_protector",
    "fortify",
    "nx",
    "stack_clash",
    "ibt_marked",
    "ibt_compiled",
    "shstk_marked",
    "bti_marked",
    "bti_compiled",
    "pac_marked",
    "pac_compiled",
    "separate_code",
    "clang_cfi",
    "safe_stack",
    "glibcxx_assertions",
)

_RANK = " ".join(f"WHEN '{severity}' THEN {rank}" for rank, severity in enumerate(SEVERITIES))

_FINDINGS = f"""
SELECT o.severity, o.confidence, o.rule_id AS rule, o.title, o.category, o.source, o.package, o.version,
       o.architecture, o.path, o.subject, o.message, o.fix_where, f.first_scan, o.fingerprint, o.evidence,
       coalesce(r.family, o.rule_id) AS family, f.path_key, c.overridden,
       (SELECT a.fix FROM advice a WHERE a.occurrence_id = o.occurrence_id) AS fix,
       iif(d.decision_id IS NULL, NULL, json_object(
           'state', d.state, 'version', d.version, 'reason', d.reason, 'authority', d.authority, 'made', d.made,
           'until', d.until, 'due', d.because, 'privileged', json(iif(d.privileged, 'true', 'false')))) AS decision
FROM open_finding o JOIN finding f ON f.id = o.finding_id JOIN occurrence c ON c.id = o.occurrence_id
LEFT JOIN rule r ON r.id = o.rule_id
LEFT JOIN finding_standing d ON d.occurrence_id = o.occurrence_id
ORDER BY CASE o.severity {_RANK} END, o.rule_id, o.source, o.package, o.architecture, o.version, o.path, o.subject,
         o.fingerprint
"""

_HARDENING = """
SELECT feature, architecture,
       sum(CASE WHEN verdict IN ('yes', 'full') THEN objects ELSE 0 END) AS protected,
       sum(CASE WHEN verdict = 'partial' THEN objects ELSE 0 END) AS partial,
       sum(CASE WHEN verdict IN ('no', 'none') THEN objects ELSE 0 END) AS unprotected,
       sum(CASE WHEN verdict = 'n/a' THEN objects ELSE 0 END) AS not_applicable,
       sum(CASE WHEN verdict = 'unknown' THEN objects ELSE 0 END) AS unknown
FROM hardening_summary GROUP BY feature, architecture ORDER BY architecture, feature
"""

# One row for all uses of one function in one object: a reader counts programs, not call sites.
_CRYPTO = """
SELECT u.strength, u.algorithm, u.role, u.direction, u.library, u.symbol, u.evidence, u.confidence,
       p.source, p.name AS package, p.version, p.architecture, coalesce(e.path, f.path) AS path, count(*) AS uses
FROM crypto_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
GROUP BY u.strength, u.algorithm, u.role, u.direction, u.library, u.symbol, u.evidence, u.confidence, p.id,
         coalesce(e.path, f.path)
ORDER BY CASE u.strength WHEN 'weak' THEN 0 WHEN 'none' THEN 1 ELSE 2 END, u.algorithm, u.role, p.source, p.name,
         p.architecture, p.version, coalesce(e.path, f.path), u.library, u.symbol, u.direction, u.evidence, u.confidence
"""

_PRIVILEGES = """
SELECT f.privilege, f.privilege_source AS granted_by,
       iif(f.mode IS NULL, NULL, printf('%04o', f.mode & 4095)) AS mode, f.owner, f.grp AS "group", f.kind,
       p.source, p.name AS package, p.version, p.architecture, f.path
FROM file f JOIN current_package p ON p.id = f.package_id
WHERE f.privilege IS NOT NULL
ORDER BY p.source, p.name, p.architecture, p.version, f.path, f.privilege, f.privilege_source
"""

_PROBLEMS = """
SELECT b.scan_id AS scan, b.stage, b.kind, b.target, p.name AS package, p.version, p.architecture, b.path, b.message
FROM problem b LEFT JOIN package p ON p.id = b.package_id
ORDER BY b.scan_id DESC, b.stage, b.kind, b.target, b.path, b.message, b.id
"""

_NESTED = """
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, f.size
FROM file f JOIN current_package p ON p.id = f.package_id
WHERE f.kind = 'archive'
ORDER BY p.source, p.name, p.architecture, p.version, f.path
"""

_NOT_WHOLE = """
SELECT status, filename, name AS package, version, architecture,
       (SELECT count(*) FROM problem b WHERE b.package_id = p.id) AS problems
FROM package p WHERE status IN ('partial', 'unreadable')
ORDER BY status DESC, filename, sha256
"""

_UNREAD = """
SELECT unread AS reason, status, count(*) AS packages, sum(size) AS bytes
FROM package WHERE unread IS NOT NULL
GROUP BY unread, status ORDER BY count(*) DESC, unread, status
"""

_WORST = """
SELECT package, version, architecture, source,
       sum(severity = 'critical') AS critical, sum(severity = 'high') AS high, sum(severity = 'medium') AS medium,
       sum(severity = 'low') AS low, sum(severity = 'negligible') AS negligible
FROM open_finding GROUP BY package_id HAVING max(severity <> 'negligible')
ORDER BY critical DESC, high DESC, medium DESC, low DESC, negligible DESC, package, architecture, version
LIMIT ?
"""

# A rule's query may set the severity of each row, so the rule is shown with the worst that it found, and with how many
# there are of each.
_COUNTS = ", ".join(f"sum(f.severity = '{severity}') AS {severity}" for severity in SEVERITIES)
_RULES = f"""
SELECT f.rule_id AS rule, coalesce(r.title, f.rule_id) AS title, coalesce(r.category, '') AS category,
       min(CASE f.severity {_RANK} END) AS severity, coalesce(r.why, '') AS why, coalesce(r.fix, '') AS fix,
       coalesce(r.fix_for, '{{}}') AS fix_for, coalesce(r.refs, '[]') AS "references", {_COUNTS}, count(*) AS open,
       sum(f.first_scan = :scan) AS new
FROM finding f LEFT JOIN rule r ON r.id = f.rule_id
WHERE f.state = 'open'
GROUP BY f.rule_id
ORDER BY min(CASE f.severity {_RANK} END), count(*) DESC, f.rule_id
"""


def rows(connection: sqlite3.Connection, sql: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> Iterator[Row]:
    """The rows of a query as dictionaries, one at a time."""
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def last_scan(connection: sqlite3.Connection) -> Row | None:
    """The newest scan: id, started, finished, state, version, command; None before the first."""
    return next(
        rows(connection, "SELECT id, state, started, finished, version, command FROM scan ORDER BY id DESC LIMIT 1"),
        None,
    )


def counts(connection: sqlite3.Connection, scan_id: int | None) -> Row:
    """The headline figures; ``new_findings`` are those first seen in the scan ``scan_id``."""
    by_status: dict[str, int] = dict(connection.execute("SELECT status, count(*) FROM package GROUP BY status"))
    by_severity = {severity: {"open": 0, "new": 0} for severity in SEVERITIES}
    for severity, opened, new in connection.execute(
        "SELECT severity, count(*), sum(first_scan = ?) FROM finding WHERE state = 'open' GROUP BY severity",
        (-1 if scan_id is None else scan_id,),
    ):
        by_severity[severity] = {"open": opened, "new": new}
    return {
        "packages": {str(status): by_status.get(status, 0) for status in PackageStatus},
        "objects": _number(connection, "SELECT count(*) FROM elf"),
        "privileged_files": _number(
            connection,
            "SELECT count(*) FROM file f JOIN current_package p ON p.id = f.package_id WHERE f.privilege IS NOT NULL",
        ),
        "problems": _number(connection, "SELECT count(*) FROM problem"),
        "findings": by_severity,
        "overridden_findings": _number(connection, "SELECT count(*) FROM finding WHERE state = 'open' AND overridden"),
        "decided_findings": decided(connection),
    }


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def rules(connection: sqlite3.Connection, scan_id: int | None) -> Iterator[Row]:
    """The rules with open findings, the most severe first: their texts and how many findings are open and new.

    ``severity`` is the worst of them, ``by_severity`` how many there are of each.
    """
    for row in rows(connection, _RULES, {"scan": -1 if scan_id is None else scan_id}):
        row["severity"] = SEVERITIES[row["severity"]]
        row["by_severity"] = {severity: row.pop(severity) for severity in SEVERITIES}
        row["references"] = json.loads(row["references"])
        row["fix_for"] = json.loads(row["fix_for"])
        yield row


def findings(connection: sqlite3.Connection, scan_id: int | None) -> Iterator[Row]:
    """Open findings, one row an occurrence, the most severe first."""
    for row in rows(connection, _FINDINGS):
        row["new"] = row.pop("first_scan") == scan_id
        row["evidence"] = json.loads(row["evidence"])
        row["overridden"] = bool(row["overridden"])
        row["evidence"].setdefault("override", None)
        row["decision"] = None if row["decision"] is None else json.loads(row["decision"])
        yield row


def decision(row: Row | None) -> str | None:
    """A decision in force in one line, as ``decided: waiver by jane: boot code``; None where there is none."""
    if row is None:
        return None
    lead = "decided" if row["due"] is None else f"needs-triage ({row['due']})"
    state = f"{row['state']} {row['version']}" if row["version"] else row["state"]
    by = f" by {row['authority']}" if row["authority"] else ""
    about = ", about a privileged program" if row["privileged"] else ""
    return f"{lead}: {state}{by}{about}" + (f": {row['reason']}" if row["reason"] else "")


def hardening(connection: sqlite3.Connection) -> list[Row]:
    """How many objects have each protection, by feature and architecture."""
    found = list(rows(connection, _HARDENING))
    return sorted(found, key=lambda row: (row["architecture"] or "", FEATURES.index(row["feature"])))


def crypto_uses(connection: sqlite3.Connection) -> Iterator[Row]:
    """Uses of cryptography, weak algorithms first; equal ones of an object are one row with their count."""
    return rows(connection, _CRYPTO)


def privileged_files(connection: sqlite3.Connection) -> Iterator[Row]:
    """Files with setuid, setgid or capabilities, and who grants them."""
    return rows(connection, _PRIVILEGES)


def problems(connection: sqlite3.Connection) -> Iterator[Row]:
    """What could not be read, newest scan first."""
    return rows(connection, _PROBLEMS)


def nested_archives(connection: sqlite3.Connection) -> Iterator[Row]:
    """Archives inside packages, which were not opened. ``size`` in bytes."""
    return rows(connection, _NESTED)


def not_whole(connection: sqlite3.Connection) -> Iterator[Row]:
    """Packages that were read in part, or not at all."""
    return rows(connection, _NOT_WHOLE)


def unread(connection: sqlite3.Connection) -> list[Row]:
    """How many packages were not unpacked, or not to their end, because of what they list: by reason and status.

    ``bytes`` are those of the packages.
    """
    return list(rows(connection, _UNREAD))


def worst(connection: sqlite3.Connection, limit: int) -> list[Row]:
    """The packages with the most severe open findings, with their counts; none that has negligible ones only."""
    return list(rows(connection, _WORST, (limit,)))


def unmeasured(connection: sqlite3.Connection) -> list[Row]:
    """The protections that stayed unknown: feature, objects, and the reason most of them give."""
    # One pass over `elf`, then only the features that have any: the reasons of a whole archive are gigabytes of JSON.
    sums = ", ".join(f"coalesce(sum({feature} = 'unknown'), 0)" for feature in FEATURES)
    found = connection.execute(f"SELECT {sums} FROM elf").fetchone()
    return [
        {"feature": feature, "objects": count, **_sample(connection, feature)}
        for feature, count in zip(FEATURES, found, strict=True)
        if count
    ]


def _sample(connection: sqlite3.Connection, feature: str) -> Row:
    # The most frequent reason among the first thousand stands for all; `query unmeasured` counts every one.
    sql = f"""
        SELECT json_extract(reasons, '$.{feature}.code') AS code, json_extract(reasons, '$.{feature}.text') AS text
        FROM (SELECT reasons FROM elf WHERE {feature} = 'unknown' ORDER BY id LIMIT 1000)
        GROUP BY code ORDER BY count(*) DESC, code LIMIT 1
    """
    return next(rows(connection, sql))
