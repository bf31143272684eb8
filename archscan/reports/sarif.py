"""Findings in SARIF 2.1.0 (OASIS, errata 01): one run, its rules, its results and what could not be read.

Sections named in comments are those of the specification. Everything is written as it is read; what is kept is the
number of each rule and the name of each package.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, Any

from archscan import __version__
from archscan.reports import content, json_stream
from archscan.reports.cells import shown
from archscan.reports.sarif_places import locations, package_base, sources
from archscan.reports.sarif_rules import LEVELS, message, rule_descriptors
from archscan.reports.suppressions import suppressions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from typing import TextIO

    from archscan.reports.content import Row
    from archscan.reports.selection import Selection

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "archscanFinding/v1"
CHANGE = "archscanChange/v1"  # of results that `archscan compare` writes
_KEPT = ("severity", "confidence", "category", "family", "source", "package", "version", "architecture", "path",
         "path_key", "subject", "fix_where", "overridden", "new")  # fmt: skip


def write(connection: sqlite3.Connection, stream: TextIO, selection: Selection) -> None:
    """Write the log file to ``stream``; ``selection`` is what the connection was narrowed to."""
    json_stream.write(
        json_stream.Members(
            [
                ("$schema", SCHEMA),
                ("version", VERSION),
                ("runs", iter([json_stream.Members(_run(connection, selection))])),
            ]
        ),
        stream,
    )
    stream.write("\n")


def _run(connection: sqlite3.Connection, selection: Selection) -> Iterator[tuple[str, Any]]:
    scan = content.last_scan(connection)
    scan_id = scan["id"] if scan else None
    numbers: dict[str, int] = {}
    bases: dict[str, Row] = {}
    tally = Tally()
    yield "tool", json_stream.Members([("driver", json_stream.Members(_driver(connection, numbers)))])
    yield "invocations", iter([json_stream.Members(_invocation(connection, scan, bases))])
    yield "columnKind", "unicodeCodePoints"
    earlier = connection.execute("SELECT count(*) > 1 FROM scan").fetchone()[0]
    yield (
        "results",
        (
            _result(connection, finding, numbers, bases, tally, bool(earlier))
            for finding in content.findings(connection, scan_id)
        ),
    )
    yield "originalUriBaseIds", {name: bases[name] for name in sorted(bases)}
    counts = content.counts(connection, scan_id)
    yield (
        "properties",
        {
            "selection": selection.described(),
            "packages": counts["packages"],
            "objects": counts["objects"],
            "problems": counts["problems"],
            **tally.said(),
        },
    )


def _driver(connection: sqlite3.Connection, numbers: dict[str, int]) -> Iterator[tuple[str, Any]]:
    yield "name", "archscan"
    yield "semanticVersion", __version__
    yield "rules", rule_descriptors(connection, numbers)


class Tally:
    """What a file says of its own results, and ``report --verify`` counts again."""

    def __init__(self) -> None:
        self._severities = dict.fromkeys(content.SEVERITIES, 0)
        self._fingerprints: set[bytes] = set()  # 32 bytes each

    def add(self, severity: str, fingerprint: str) -> None:
        """Count one occurrence of a finding."""
        self._severities[severity] = self._severities.get(severity, 0) + 1
        self._fingerprints.add(bytes.fromhex(fingerprint))

    def said(self) -> dict[str, Any]:
        """``occurrences`` by severity, ``findings``, and the SHA-256 over all fingerprints, sorted, a line each."""
        digest = hashlib.sha256()
        for one in sorted(self._fingerprints):
            digest.update(f"{one.hex()}\n".encode())
        return {
            "occurrences": dict(self._severities),
            "findings": len(self._fingerprints),
            "fingerprintsSha256": digest.hexdigest(),
        }


def _result(
    connection: sqlite3.Connection, finding: Row, numbers: dict[str, int], bases: dict[str, Row], tally: Tally,
    earlier: bool,
) -> Row:  # fmt: skip
    tally.add(finding["severity"], finding["fingerprint"])
    sites = locations(finding, bases)
    evidence = finding["evidence"]
    found: Row = {
        "ruleId": finding["rule"],
        "ruleIndex": numbers.get(finding["rule"], -1),
        "kind": "fail",
        "level": LEVELS[finding["severity"]],
        "message": message(finding["message"]),
        "locations": sites,
        # The second key is what GitHub tells alerts apart by (and makes of source lines, where there is none).
        "partialFingerprints": {
            FINGERPRINT: finding["fingerprint"],
            "primaryLocationLineHash": finding["fingerprint"],
        },
        "properties": {
            **{name: finding[name] for name in _KEPT},
            "sites": evidence["sites"],
            "count": evidence["count"],
            "truncated": evidence["truncated"],
        },
    }
    if related := sources(connection, finding, bases):
        found["relatedLocations"] = related
    if earlier:
        found["baselineState"] = "new" if finding["new"] else "unchanged"
    # §3.27.23: with one result that has suppressions, each has them, so that "none" is told from "nobody looked".
    found["suppressions"] = [
        {
            "kind": "external",
            "status": "accepted" if one.accepted else "rejected",
            "justification": shown(one.justification),
            "properties": {"by": one.by},
        }
        for one in suppressions(finding)
    ]
    return found


def _invocation(connection: sqlite3.Connection, scan: Row | None, bases: dict[str, Row]) -> Iterator[tuple[str, Any]]:
    yield "executionSuccessful", scan is not None and scan["state"] == "finished"
    if scan is not None:
        yield "commandLine", shown(scan["command"])
        for key, name in (("startTimeUtc", "started"), ("endTimeUtc", "finished")):
            if scan[name]:
                yield key, scan[name].replace("+00:00", "Z")
    yield (
        "toolExecutionNotifications",
        chain(
            (_problem(row, bases) for row in content.problems(connection)),
            (_not_unpacked(row) for row in content.unread(connection)),
            (_not_measured(row) for row in content.unmeasured(connection)),
        ),
    )


def _problem(row: Row, bases: dict[str, Row]) -> Row:
    found: Row = {
        "level": "error",
        "descriptor": {"id": f"problem/{row['stage']}/{row['kind']}"},
        "message": message(f"{row['target']}: {row['message']}"),
        "properties": {name: row[name] for name in ("scan", "target", "package", "version", "architecture", "path")},
    }
    if row["package"] and row["path"]:
        base = package_base(row, bases)
        found["locations"] = [{"physicalLocation": {"artifactLocation": base(row["path"])}}]
    return found


def _not_unpacked(row: Row) -> Row:
    said = (
        f"{row['packages']} packages were not unpacked, or not to their end ({row['reason']}): they are {row['status']}"
    )
    return {
        "level": "note",
        "descriptor": {"id": f"not-unpacked/{row['reason']}"},
        "message": message(said),
        "properties": {"packages": row["packages"], "bytes": row["bytes"], "status": row["status"]},
    }


def _not_measured(row: Row) -> Row:
    said = f"{row['feature']} is unknown for {row['objects']} objects; most of them: {row['text'] or row['code']}"
    return {
        "level": "note",
        "descriptor": {"id": f"unknown/{row['feature']}"},
        "message": message(said),
        "properties": {"objects": row["objects"], "code": row["code"]},
    }
