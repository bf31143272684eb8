"""Findings as JSON lines: each line is an item of ``findings`` of the JSON report, and nothing else is in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.reports import content, json_stream

if TYPE_CHECKING:
    import sqlite3
    from typing import TextIO


def write(connection: sqlite3.Connection, stream: TextIO) -> None:
    """Write the open findings to ``stream``, an occurrence a line, the most severe first."""
    scan = content.last_scan(connection)
    found = content.findings(connection, scan["id"] if scan else None)
    stream.writelines(f"{json_stream.text(row)}\n" for row in found)
