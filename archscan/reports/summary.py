"""The screen after a scan: what was read, what was found, what went wrong, and what nobody looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.reports import content
from archscan.reports.weak import weak_matrix

if TYPE_CHECKING:
    import sqlite3

    from archscan.reports.content import Row

_WORST = 5


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen shows of one scan; figures are of the whole database unless they say otherwise."""

    scan: Row
    seconds: float | None
    read: int | None  # packages that this scan read, and that it found in the database already
    known: int | None
    counts: Row
    weak: tuple[Row, ...]  # weak algorithms with the places of their uses by context, the most frequent first
    contexts: tuple[str, ...]
    rules: tuple[Row, ...]
    worst: tuple[Row, ...]
    problems: tuple[Row, ...]  # of this scan: stage, kind, problems, example, example_target
    nested: int
    nested_packages: int
    unmeasured: tuple[Row, ...]
    unread: tuple[Row, ...]  # packages that were not unpacked, or not to their end, by reason and status


_SCAN = """
SELECT id, state, started, finished, version, command,
       round((julianday(finished) - julianday(started)) * 86400, 1) AS seconds
FROM scan WHERE id = ?
"""

_PROBLEMS_OF = """
SELECT stage, kind, count(*) AS problems, min(message) AS example, min(target) AS example_target
FROM problem WHERE scan_id = ?
GROUP BY stage, kind ORDER BY problems DESC, stage, kind
"""

_NESTED = """
SELECT count(*), count(DISTINCT f.package_id)
FROM file f JOIN current_package p ON p.id = f.package_id WHERE f.kind = 'archive'
"""


def summary(
    connection: sqlite3.Connection, scan_id: int, *, read: int | None = None, known: int | None = None
) -> Summary:
    """What there is to say after the scan ``scan_id``, which must exist.

    ``read`` and ``known`` are the packages that it read and that it knew already, if the caller has counted them.
    """
    scan = next(content.rows(connection, _SCAN, (scan_id,)))
    nested, nested_packages = connection.execute(_NESTED).fetchone()
    contexts, weak = weak_matrix(connection)
    return Summary(
        scan=scan,
        seconds=scan.pop("seconds"),
        read=read,
        known=known,
        counts=content.counts(connection, scan_id),
        weak=tuple(weak),
        contexts=tuple(contexts),
        rules=tuple(content.rules(connection, scan_id)),
        worst=tuple(content.worst(connection, _WORST)),
        problems=tuple(content.rows(connection, _PROBLEMS_OF, (scan_id,))),
        nested=nested,
        nested_packages=nested_packages,
        unmeasured=tuple(content.unmeasured(connection)),
        unread=tuple(content.unread(connection)),
    )
