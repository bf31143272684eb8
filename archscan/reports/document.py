"""The JSON report, ``archscan-report/1``, as described by ``docs/report.schema.json``. Written as it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archscan.reports import content
from archscan.reports.weak import weak_crypto

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import TextIO

SCHEMA = "archscan-report/1"


def write(connection: sqlite3.Connection, stream: TextIO, generated: str | None) -> None:
    """Write the report to ``stream``; ``generated`` is the time to put in it (ISO 8601), or None.

    The same database and time give the same bytes. A list's rows are a line each, so that reports can be compared.
    """
    scan = content.last_scan(connection)
    scan_id = scan["id"] if scan else None
    single = {
        "schema": SCHEMA,
        "generated": generated,
        "scan": scan,
        "counts": content.counts(connection, scan_id),
    }
    lists = {
        "rules": content.rules(connection, scan_id),
        "findings": content.findings(connection, scan_id),
        "hardening": content.hardening(connection),
        "crypto_uses": content.crypto_uses(connection),
        "weak_crypto": weak_crypto(connection),
        "privileged_files": content.privileged_files(connection),
        "problems": content.problems(connection),
        "nested_archives": content.nested_archives(connection),
        "packages_not_whole": content.not_whole(connection),
        "packages_unread": content.unread(connection),
        "unmeasured": content.unmeasured(connection),
    }
    stream.write("{\n")
    stream.writelines(f"{_json(key)}: {_json(value)},\n" for key, value in single.items())
    for number, (key, items) in enumerate(lists.items()):
        stream.write(f"{_json(key)}: ")
        _write_list(items, stream)
        stream.write("\n" if number == len(lists) - 1 else ",\n")
    stream.write("}\n")


def _write_list(items: Iterable[content.Row], stream: TextIO) -> None:
    separator = "[\n"
    for item in items:
        stream.write(separator + _json(item))
        separator = ",\n"
    stream.write("[]" if separator == "[\n" else "\n]")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
