"""One finding as the database knows it: what was found, where, by which evidence, and what the rule says of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from archscan.errors import NoTargetError, UsageError
from archscan.reports.content import Row, rows
from archscan.store.places import line_of, name_of

if TYPE_CHECKING:
    import sqlite3

_SHORTEST = 6  # digits of a fingerprint
_MOST_CANDIDATES = 8  # that are named where a prefix fits several
_PREFIX = re.compile(r"[0-9a-fA-F]{6,64}")

_FINDING = """
SELECT f.id, f.fingerprint, f.rule_id AS rule, coalesce(r.title, f.rule_id) AS title,
       coalesce(r.category, '') AS category, f.severity, f.confidence, f.state, f.source, f.path_key, f.subject,
       f.fix_where, f.overridden, coalesce(r.why, '') AS why, coalesce(r.fix, '') AS fix,
       coalesce(r.fix_for, '{}') AS fix_for, coalesce(r.refs, '[]') AS "references"
FROM finding f LEFT JOIN rule r ON r.id = f.rule_id
"""

# Current packages first, and of each the newest.
_OCCURRENCES = """
SELECT p.name AS package, p.version, p.architecture, p.filename, p.sha256, p.status, o.path,
       o.severity, o.confidence, o.fix_where, o.message, o.unchecked, o.evidence, o.overridden, o.elf_id, o.file_id,
       f.path AS file_path, f.mode, f.privilege, f.privilege_source, e.sha256 AS elf_sha256, e.machine, e.bits, e.kind,
       e.language, (SELECT j.value FROM json_each(e.reasons) j WHERE j.key = :subject) AS reason,
       p.id IN (SELECT id FROM current_package) AS current
FROM occurrence o
JOIN package p ON p.id = o.package_id
LEFT JOIN elf e ON e.id = o.elf_id
LEFT JOIN file f ON f.id = coalesce(e.file_id, o.file_id)
WHERE o.finding_id = :finding
ORDER BY current DESC, p.version_key DESC, p.name, p.architecture, o.path, p.sha256
"""

# A finding about an algorithm is about the uses of that; any other about those that its evidence names. That has the
# function as it was scanned; `named` is what debug symbols call it.
_USES = """
SELECT u.algorithm, u.strength, u.role, u.direction, u.library, u.symbol, u.evidence, u.confidence, u.function,
       w.function AS named, u.address, u.argument, coalesce(x.context, 'unknown') AS context,
       x.confidence AS context_confidence, x.because, x.protocol, c.outcome, c.value, c.reason, w.line
FROM crypto_use u
JOIN use_place w ON w.use_id = u.id
LEFT JOIN call_site c ON c.id = u.call_site_id
LEFT JOIN crypto_context x ON x.use_id = u.id
WHERE (u.elf_id = :elf OR (:elf IS NULL AND u.file_id = :file))
  AND (u.algorithm = :subject OR NOT EXISTS (SELECT 1 FROM algorithm a WHERE a.name = :subject))
ORDER BY CASE u.evidence WHEN 'call' THEN 0 WHEN 'constant' THEN 1 WHEN 'instruction' THEN 2 WHEN 'language' THEN 3
                         WHEN 'data' THEN 4 ELSE 5 END,
         CASE c.outcome WHEN 'value' THEN 0 WHEN 'set' THEN 1 ELSE 2 END, u.role = 'lookup', length(u.address),
         u.address, u.symbol, u.id
"""
_PLACES = f"""
SELECT j.value, {line_of(":elf", "j.value")}, {name_of(":elf", "j.value")} FROM json_each(:addresses) j
"""
_NAMED = ("algorithm", "role", "library", "symbol", "evidence", "function", "address")


def finding(connection: sqlite3.Connection, name: str) -> Row:
    """Everything about the finding with that number, or whose fingerprint begins so, as JSON has it.

    Raises UsageError for what is neither, or fits several; NoTargetError where there is none.
    """
    found = named(connection, name)
    for key in ("fix_for", "references"):
        found[key] = json.loads(found[key])
    found["overridden"] = bool(found["overridden"])
    values = {"finding": found["id"], "subject": found["subject"]}
    found["occurrences"] = [_occurrence(connection, row, found) for row in list(rows(connection, _OCCURRENCES, values))]
    return found


def named(connection: sqlite3.Connection, name: str) -> Row:
    """The finding with that number, or whose fingerprint begins so, without its occurrences; errors as ``finding``."""
    by_number = name.isascii() and name.isdecimal() and len(name) < 19
    if by_number:
        exact = next(rows(connection, f"{_FINDING} WHERE f.id = ?", (int(name),)), None)
        if exact is not None:
            return exact
    if not _PREFIX.fullmatch(name):
        if by_number:
            raise NoTargetError(f"no finding {name}; `archscan query findings` lists them")
        expected = f"expected the number of a finding, or {_SHORTEST} and more hexadecimal digits of its fingerprint"
        raise UsageError(f"{name!r}: {expected}; `archscan query findings` lists both")
    low = name.lower()
    like = (low, low + "g")  # no digit comes after f
    found = list(rows(connection, f"{_FINDING} WHERE f.fingerprint >= ? AND f.fingerprint < ? LIMIT 9", like))
    if not found:
        what = f"no finding {name}, and none" if by_number else "no finding"
        raise NoTargetError(f"{what} whose fingerprint begins with {low}; `archscan query findings` lists them")
    if len(found) > 1:
        some = ", ".join(f"{row['fingerprint'][:16]} ({row['rule']})" for row in found[:_MOST_CANDIDATES])
        more = ", …" if len(found) > _MOST_CANDIDATES else ""
        raise UsageError(f"{low} begins several fingerprints, give more digits: {some}{more}")
    return found[0]


def _occurrence(connection: sqlite3.Connection, row: Row, found: Row) -> Row:
    evidence = json.loads(row.pop("evidence"))
    reason = row.pop("reason")
    elf, file = row.pop("elf_id"), row.pop("file_id")
    for key in ("unchecked", "current", "overridden"):
        row[key] = bool(row[key])
    row["evidence"] = evidence
    row["reason"] = json.loads(reason) if reason else None
    row["places"] = {} if elf is None else _places(connection, elf, row)
    row["uses"] = []
    if found["category"] == "crypto" and (elf is not None or file is not None):
        named = {"elf": elf, "file": file, "subject": found["subject"]}
        row["uses"] = _distinct(_meant(list(rows(connection, _USES, named)), evidence))
    return row


def _places(connection: sqlite3.Connection, elf: int, row: Row) -> dict[str, Row]:
    """Source line and symbol, where known, of the addresses that the object's verdict and the rule's rows name."""
    sites = [*(row["reason"] or {}).get("sites", ()), *row["evidence"].get("sites", ())]
    named = [site.get("address") for site in sites if isinstance(site, dict)]
    values = {"addresses": json.dumps([one for one in named if isinstance(one, str)]), "elf": elf}
    found = connection.execute(_PLACES, values)
    return {address: {"line": line, "name": name} for address, line, name in found if line or name}


def _meant(uses: list[Row], evidence: Row) -> list[Row]:
    """The uses that made the finding: those that its rows name, and where not all are kept, all of their contexts."""
    found = [use for use in uses if _is_named(use, evidence)]
    if not evidence.get("truncated"):
        return found
    contexts = {use["context"] for use in found}
    return [use for use in uses if use["context"] in contexts]


def _is_named(use: Row, evidence: Row) -> bool:
    """Whether one of the rows that made the finding agrees with a use in all that both say."""
    sites = [site for site in evidence.get("sites", ()) if isinstance(site, dict)]
    return not sites or any(
        all(site[key] == use[key] for key in _NAMED if site.get(key) is not None and key in site) for site in sites
    )


def _distinct(uses: list[Row]) -> list[Row]:
    """Each use once: a call that was found by two ways has two rows."""
    return list({json.dumps(use, sort_keys=True): use for use in uses}.values())


def scan_commands(connection: sqlite3.Connection) -> list[str]:
    """The commands of the scans that filled the database, the newest first: they say where packages lay."""
    return [command for (command,) in connection.execute("SELECT DISTINCT command FROM scan ORDER BY id DESC LIMIT 64")]
