"""The findings as CSV for a spreadsheet: one row an occurrence, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from archscan.reports import content
from archscan.reports.cells import spreadsheet

if TYPE_CHECKING:
    import sqlite3
    from typing import TextIO

COLUMNS = (
    "severity",
    "confidence",
    "rule",
    "title",
    "category",
    "source",
    "package",
    "version",
    "architecture",
    "path",
    "subject",
    "message",
    "fix_where",
    "new",
    "fingerprint",
    "evidence",
    "overridden",
    "override_comment",
    "fix",
    "family",
    "path_key",
    "decision",
)
"""New columns are added at the end."""


def write(connection: sqlite3.Connection, stream: TextIO) -> None:
    """Write the open findings to ``stream`` under a header line; ``evidence`` is JSON."""
    scan = content.last_scan(connection)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in content.findings(connection, scan["id"] if scan else None):
        row["override_comment"] = (row["evidence"]["override"] or {}).get("comment")
        row["decision"] = content.decision(row["decision"])
        for name in ("new", "overridden"):
            row[name] = "yes" if row[name] else "no"
        row["evidence"] = json.dumps(row["evidence"], ensure_ascii=False, separators=(",", ":"))
        writer.writerow([spreadsheet(row[column]) for column in COLUMNS])
