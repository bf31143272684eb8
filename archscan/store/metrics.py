"""Figures for trends into the table ``metric``: how many current objects have which verdict and use which algorithm.

A *scope* is what is counted: ``all``, ``bookworm``, ``bookworm/main`` or ``bookworm/main/net``. A package that several
suites publish counts in each of them, and once in ``all``; without a known publication there is no other scope.
"""

from __future__ import annotations

import itertools
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING

from archscan.store.columns import LATER
from archscan.store.views import PROTECTIONS
from archscan.store.writer import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from sqlite_utils import Database

FEATURES = (*PROTECTIONS, "relro", *LATER)
"""The columns of ``elf`` with a verdict: a figure is named after one and its value, ``pie yes``."""

_ALL, _NO_SECTION = "all", "-"
_DEEPEST = 2  # slashes in the scope of a section; contexts would make most of the rows there, for few uses each

_PUBLISHED = """
SELECT p.id, p.status, b.suite, b.component, b.section
FROM current_package p LEFT JOIN publication b ON b.package_id = p.id AND b.standing = 'current'
ORDER BY p.id
"""

# Each object once, by the whole of its verdicts: hundreds of thousands of objects differ in a few thousand ways.
_VERDICTS = f"""
SELECT c.scopes, count(*), {", ".join(f"e.{name}" for name in FEATURES)}
FROM temp.counted c CROSS JOIN elf e ON e.package_id = c.package_id
GROUP BY c.scopes, {", ".join(f"e.{name}" for name in FEATURES)}
"""

# Objects and not uses: an object that calls a function in a hundred places is one that somebody has to look at.
_USES = """
SELECT c.scopes, u.algorithm, count(DISTINCT e.id)
FROM temp.counted c
CROSS JOIN elf e ON e.package_id = c.package_id
CROSS JOIN {uses} u ON u.elf_id = e.id {only}
GROUP BY c.scopes, u.algorithm
"""
_WEAK = _USES.format(uses="weak_use", only="")
_STRONG = _USES.format(uses="crypto_use", only="AND u.strength = 'ok'")
_CONTEXTS = _WEAK.replace("u.algorithm", "u.algorithm || ' ' || u.context")

_LATEST = """
SELECT b.id FROM scan a JOIN scan b ON b.id = (SELECT max(id) FROM scan WHERE id < a.id)
WHERE a.id = :scan AND (a.extractor, a.rules_digest) = (b.extractor, b.rules_digest)
  AND EXISTS (SELECT 1 FROM metric WHERE scan_id = b.id AND scope = 'all')
"""


def write_metrics(db: Database, scan_id: int, *, changed: bool) -> None:
    """Count what current packages hold, and keep it as the figures of a scan that is about to end.

    Where nothing was ``changed`` (no package read or judged, no index met that says something new), the figures of the
    scan before are taken over, if there are any by the same rules: a trend needs its point either way.
    """
    with transaction(db.conn):
        before = None if changed else db.execute(_LATEST, {"scan": scan_id}).fetchone()
        if before:
            db.execute(
                "INSERT INTO metric SELECT ?, scope, name, value FROM metric WHERE scan_id = ? AND scope <> 'scan' "
                "AND scope NOT LIKE 'package %'",
                [scan_id, before[0]],
            )
            return
        rows = ((scan_id, scope, name, value) for (scope, name), value in sorted(_counted(db.conn).items()))
        db.conn.executemany("INSERT INTO metric (scan_id, scope, name, value) VALUES (?, ?, ?, ?)", rows)


def _counted(conn: sqlite3.Connection) -> Counter[tuple[str, str]]:
    figures: Counter[tuple[str, str]] = Counter()

    def count(scopes: Iterable[str], name: str, number: int) -> None:
        for scope in scopes:
            figures[scope, name] += number

    packages = _packages(conn)
    sets = list(dict.fromkeys(scopes for scopes, _ in packages.values()))
    numbers = {scopes: number for number, scopes in enumerate(sets)}
    for scopes, status in packages.values():
        count(scopes, "packages", 1)
        count(scopes, f"packages {status}", 1)
    conn.execute("CREATE TEMP TABLE counted (package_id INTEGER PRIMARY KEY, scopes INTEGER NOT NULL)")
    try:
        rows = ((package_id, numbers[scopes]) for package_id, (scopes, _) in packages.items())
        conn.executemany("INSERT INTO temp.counted VALUES (?, ?)", rows)
        for number, objects, *verdicts in conn.execute(_VERDICTS):
            count(sets[number], "objects", objects)
            for name, verdict in zip(FEATURES, verdicts, strict=True):
                count(sets[number], f"{name} {verdict}", objects)
        for word, query in (("weak", _WEAK), ("ok", _STRONG)):
            for number, algorithm, objects in conn.execute(query):
                count(sets[number], f"{word} {algorithm}", objects)
        for number, use, objects in conn.execute(_CONTEXTS):
            count((scope for scope in sets[number] if scope.count("/") < _DEEPEST), f"weak {use}", objects)
    finally:
        conn.execute("DROP TABLE temp.counted")
    return figures


def _packages(conn: sqlite3.Connection) -> dict[int, tuple[tuple[str, ...], str]]:
    """Each current package with its scopes and its status."""
    found: dict[int, tuple[tuple[str, ...], str]] = {}
    for package_id, places in itertools.groupby(conn.execute(_PUBLISHED), itemgetter(0)):
        scopes = {_ALL}
        for _, status, suite, component, section in places:  # noqa: B007  # it is the same in each
            if suite is not None:
                # Sections of other components than main carry its name: `contrib/net`.
                parts = (suite, component, (section or _NO_SECTION).rpartition("/")[2])
                scopes |= {"/".join(parts[:depth]) for depth in (1, 2, 3)}
        found[package_id] = (tuple(sorted(scopes)), status)
    return found
