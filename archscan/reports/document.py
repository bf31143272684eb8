"""The JSON report, ``archscan-report/1``, as described by ``docs/report.schema.json``. Written as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.reports import content, json_stream
from archscan.reports.selection import Selection
from archscan.reports.weak import weak_crypto

if TYPE_CHECKING:
    import sqlite3
    from typing import TextIO

SCHEMA = "archscan-report/1"
"""Keys keep their name and meaning as long as this stays."""
SCHEMA_VERSION = "1.1"
"""The second number rises where keys are added."""


def write(
    connection: sqlite3.Connection, stream: TextIO, generated: str | None, selection: Selection | None = None
) -> None:
    """Write the report to ``stream``; ``generated`` is the time to put in it (ISO 8601), or None.

    ``selection`` is what the connection was narrowed to.

    The same database and time give the same bytes. A list's rows are a line each, so that reports can be compared.
    """
    scan = content.last_scan(connection)
    scan_id = scan["id"] if scan else None
    parts = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "generated": generated,
        "selection": (selection or Selection()).described(),
        "scan": scan,
        "counts": content.counts(connection, scan_id),
        "rules": content.rules(connection, scan_id),
        "findings": content.findings(connection, scan_id),
        "hardening": iter(content.hardening(connection)),
        "crypto_uses": content.crypto_uses(connection),
        "weak_crypto": weak_crypto(connection),
        "privileged_files": content.privileged_files(connection),
        "problems": content.problems(connection),
        "nested_archives": content.nested_archives(connection),
        "packages_not_whole": content.not_whole(connection),
        "packages_unread": iter(content.unread(connection)),
        "unmeasured": iter(content.unmeasured(connection)),
    }
    json_stream.write(json_stream.Members(parts.items()), stream)
    stream.write("\n")
