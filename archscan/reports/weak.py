"""Weak cryptography as a report groups it: by package, algorithm, context and confidence, each with its evidence.

The saved question `weak-crypto` says the same in SQL; a test holds the two against each other.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from archscan.reports.content import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archscan.reports.content import Row

MOST_SITES = 16  # of a group that are named
CONTEXTS = ("signature", "certificate", "password", "kdf", "mac", "token", "tls", "fingerprint", "selectable",
            "protocol-mandated", "checksum", "non-security", "unknown")  # fmt: skip
"""What a use may serve for, those first where weakness matters most; a context beyond these comes before `unknown`."""

_GROUP = ("source", "package", "version", "architecture", "algorithm", "context", "confidence")
_SITE = ("path", "function", "address", "line", "symbol", "value", "evidence", "role")

# What computes comes before what only looks something up, a call before a constant before an import.
_USES = """
SELECT p.id, p.source, p.name AS package, p.version, p.architecture, u.algorithm,
       u.context, iif(u.context = 'unknown', u.seen, u.sure) AS confidence, coalesce(e.path, f.path) AS path,
       w.function, coalesce(u.address, 'line ' || u.line) AS address, w.line, u.symbol,
       coalesce(u.argument, c.value) AS value, u.evidence, u.role
FROM weak_use u
JOIN use_place w ON w.use_id = u.use_id
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
LEFT JOIN call_site c ON c.id = u.call_site_id
ORDER BY p.name, p.version_key, p.architecture, p.id, u.algorithm, u.context, confidence,
         CASE u.evidence WHEN 'call' THEN 0 WHEN 'import' THEN 2 ELSE 1 END, u.role = 'lookup',
         c.outcome IS NOT 'value', coalesce(e.path, f.path), length(u.address), u.address, u.line, u.symbol, u.use_id
"""

_MATRIX = """
SELECT u.algorithm, u.context,
       count(DISTINCT coalesce(u.elf_id, -u.file_id) || ' '
           || coalesce(u.address, 'line ' || u.line, u.symbol, '')) AS places,
       count(DISTINCT p.id) AS packages
FROM weak_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
GROUP BY u.algorithm, u.context
"""


def weak_crypto(connection: sqlite3.Connection) -> Iterator[Row]:
    """Uses of weak algorithms, a row for each package, algorithm, context and confidence, in this order.

    ``places`` are addresses in its code and data, ``imports`` functions of which no more than the import is known,
    ``sites`` the first of both.
    """
    for key, uses in groupby(rows(connection, _USES), lambda row: (row["id"], *(row[name] for name in _GROUP))):
        yield _grouped(dict(zip(_GROUP, key[1:], strict=True)), uses)


def _grouped(row: Row, uses: Iterator[Row]) -> Row:
    places, imports, objects = set[tuple[str, str]](), set[tuple[str, str]](), set[str]()
    roles, evidence = dict[str, None](), dict[str, None]()
    sites: list[Row] = []
    for use in uses:
        seen = (use["path"], use["address"]) in places or (
            use["address"] is None and (use["path"], use["symbol"] or "") in imports
        )
        (imports if use["address"] is None else places).add((use["path"], use["address"] or use["symbol"] or ""))
        objects.add(use["path"])
        roles[use["role"]] = evidence[use["evidence"]] = None
        if not seen and len(sites) < MOST_SITES:
            sites.append({name: use[name] for name in _SITE})
    return {
        **row,
        "places": len(places),
        "imports": len(imports),
        "objects": len(objects),
        "roles": ", ".join(sorted(roles)),
        "evidence": ", ".join(sorted(evidence)),
        "sites": sites,
        "example": _example(sites[0]),
    }


def _example(site: Row) -> str:
    """One place as a line: the object, the function, the address and source line, what is called and with what."""
    if site["address"] is None:
        where = f"{site['evidence']} of {site['symbol'] or 'the algorithm'}"
    else:
        where = f"{site['function']} " if site["function"] else ""
        where += f"at {site['address']}" + (f" ({site['line']})" if site["line"] else "")
        where += f" calls {site['symbol']}" if site["symbol"] else ""
    return f"{site['path']}: {where}" + (f" ({site['value']})" if site["value"] else "")


def weak_matrix(connection: sqlite3.Connection) -> tuple[list[str], list[Row]]:
    """The contexts that occur, and how many uses each weak algorithm has in each of them, the most frequent first.

    A row has ``algorithm``, ``places`` by context, ``total``. A place is an address, or a function that is imported.
    """
    found: dict[str, dict[str, int]] = {}
    for row in rows(connection, _MATRIX):
        found.setdefault(row["algorithm"], {})[row["context"]] = row["places"]
    used = {context for places in found.values() for context in places}
    order = {name: number for number, name in enumerate(CONTEXTS)}
    contexts = sorted(used, key=lambda name: (order.get(name, len(CONTEXTS) - 1.5), name))
    table = [{"algorithm": name, "places": places, "total": sum(places.values())} for name, places in found.items()]
    return contexts, sorted(table, key=lambda row: (-row["total"], row["algorithm"]))
