"""What a report says, held against the database that it was made of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from archscan.reports import content, database
from archscan.reports.selection import narrow

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from archscan.reports.selection import Selection
    from archscan.reports.verify.content import Faults, Said

_MOST = 5  # that are named


def compare(db: Path, said: Said, selection: Selection, faults: Faults) -> str:
    """What was compared; faults say where the report and the database at ``db`` differ."""
    with database.opened(db) as connection:
        narrow(connection, said.selection or selection)
        compared = [*_findings(connection, said, faults), *_packages(connection, said, faults)]
        if said.counts is not None:
            scan = content.last_scan(connection)
            found = content.counts(connection, scan["id"] if scan else None)
            for name in sorted(found):
                faults.unequal("", f"counts: {name}", said.counts.get(name), found[name])
            compared.append("counts")
    return f"the database says the same: {', '.join(compared)}" if compared else "nothing that a database could say"


def _findings(connection: sqlite3.Connection, said: Said, faults: Faults) -> list[str]:
    if said.fingerprints is None or said.occurrences is None:
        return []
    rows = connection.execute("SELECT fingerprint, severity FROM open_finding").fetchall()
    _differ("finding", said.fingerprints, {str(row[0]) for row in rows}, faults)
    found = Counter(str(row[1]) for row in rows)
    for severity in content.SEVERITIES:
        faults.unequal(
            "", f"the number of occurrences that are {severity}", said.occurrences[severity], found[severity]
        )
    return ["findings"]


def _packages(connection: sqlite3.Connection, said: Said, faults: Faults) -> list[str]:
    if said.packages is None:
        return []
    found = {str(row[0]) for row in connection.execute("SELECT sha256 FROM current_package")}
    _differ("package", said.packages, found, faults)
    return ["packages"]


def _differ(what: str, said: set[str], found: set[str], faults: Faults) -> None:
    both = {f"is no {what} of the database": said - found, f"is a {what} that is missing here": found - said}
    for kind, ones in both.items():
        for one in sorted(ones)[:_MOST]:
            faults.add("", f"{one} {kind}")
        if len(ones) > _MOST:
            faults.add("", f"and {len(ones) - _MOST} more: {kind}")
