"""How much of what archives publish was read, how well, and how long ago: read from the database."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.reports import content

if TYPE_CHECKING:
    import sqlite3

    from archscan.reports.content import Row

STATES = ("complete", "skipped", "partial", "failed", "stale", "waiting")
"""Of a package: read whole; known not to matter; read in part; not readable; read by another version; not read yet."""

_DAY = 86_400

# The extractor of the last scan that read packages: judging and merging are scans without one.
_LAST = "SELECT extractor FROM scan WHERE extractor <> '' ORDER BY id DESC LIMIT 1"
_STATE = """CASE WHEN p.id IS NULL THEN 'waiting' WHEN p.extractor <> :extractor THEN 'stale'
    WHEN p.status = 'unreadable' THEN 'failed' ELSE p.status END"""
_PUBLISHED = "FROM publication b LEFT JOIN package p ON p.id = b.package_id WHERE b.standing <> 'gone'"

_INDICES = """
SELECT id, origin, suite, component, architecture, date, valid_until, signed_by, packages, bytes FROM archive_index
WHERE architecture <> 'source' ORDER BY origin, suite, component, architecture
"""
_COUNTS = f"SELECT b.index_id, {_STATE} AS state, count(*), sum(b.size) {_PUBLISHED} GROUP BY 1, 2"
# A package in several suites, or for all architectures, counts once here.
_TOTAL = f"""
SELECT state, count(*), sum(size) FROM (
    SELECT {_STATE} AS state, max(b.size) AS size {_PUBLISHED} GROUP BY b.sha256) GROUP BY 1
"""
_KINDS = """
SELECT kind, count(*) FROM (
    SELECT (SELECT q.kind FROM problem q WHERE q.package_id = p.id ORDER BY q.id DESC LIMIT 1) AS kind
    FROM package p WHERE p.status = :status AND p.extractor = :extractor AND {}) GROUP BY 1 ORDER BY 2 DESC, 1
"""
_REASONS = """
SELECT p.unread, count(*) FROM package p WHERE p.unread IS NOT NULL AND p.extractor = :extractor GROUP BY 1
ORDER BY 2 DESC, 1
"""
_UNPUBLISHED = f"""
SELECT {_STATE} AS state, count(*), sum(p.size) FROM package p
WHERE NOT EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id) GROUP BY 1
"""
_LEFT = """
SELECT count(*) FROM package p
WHERE EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id)
  AND NOT EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id AND b.standing <> 'gone')
"""
_LACKING = "SELECT count(*) FROM problem WHERE scan_id = :id AND package_id IS NULL"
_MATTERS = """(NOT EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id)
    OR EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id AND b.standing <> 'gone'))"""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are pairs of packages and bytes by state, of states that occur; ages are days."""

    scan: Row | None  # the last one that read packages: id, state, started, finished, version
    writer: int | None  # the process that writes the database now
    finished: str | None  # when the last scan ended that came to its end
    age: float | None  # days since then
    archives: tuple[Row, ...]
    total: dict[str, tuple[int, int]]  # of what archives publish, each package once
    no_index: dict[str, tuple[int, int]]  # of packages that no index ever named
    left: int  # packages that every suite dropped
    failed: dict[str, int]  # kind of the last problem → packages that could not be read
    partial: dict[str, int]
    unread: dict[str, int]  # reason → packages of which not everything was unpacked
    lacking: int  # problems of the last scan that are of no package: suites and indices that could not be had
    confinement: tuple[str, ...]  # what this machine lacks to hold the processes that read packages

    @property
    def complete(self) -> bool:
        """Whether everything that is known to exist was read whole, or known not to matter, by the last scan.

        And whether that scan knew all that exists: of a suite or an index that could not be had, nobody knows.
        """
        counts = [*self.total, *self.no_index]
        finished = self.scan is not None and self.scan["state"] == "finished"
        return finished and not self.lacking and set(counts) <= {"complete", "skipped"}


def status(
    connection: sqlite3.Connection, now: datetime, *, writer: int | None = None, confinement: tuple[str, ...] = ()
) -> Status:
    """What there is to say of the database at the time ``now`` (with a zone)."""
    names = {"extractor": (connection.execute(_LAST).fetchone() or ("",))[0]}
    scans = "SELECT id, state, started, finished, version FROM scan WHERE extractor <> '' {} ORDER BY id DESC LIMIT 1"
    scan = next(content.rows(connection, scans.format("")), None)
    ended = next(content.rows(connection, scans.format("AND state = 'finished'")), None)
    if scan and scan["state"] == "running" and writer is None:
        scan["state"] = "killed"
    finished = ended["finished"] if ended else None
    age = (now - datetime.fromisoformat(finished)).total_seconds() / _DAY if finished else None
    counts: dict[int, dict[str, tuple[int, int]]] = {}
    for index, state, packages, size in connection.execute(_COUNTS, names):
        counts.setdefault(index, {})[state] = (packages, size or 0)
    archives = [{"states": counts.get(row.pop("id"), {}), **row} for row in content.rows(connection, _INDICES)]

    def kinds(sql: str, **more: str) -> dict[str, int]:
        return {kind or "unknown": number for kind, number in connection.execute(sql, {**names, **more})}

    return Status(
        scan=scan, writer=writer, finished=finished, age=age, archives=tuple(archives),
        total=_pairs(connection, _TOTAL, names), no_index=_pairs(connection, _UNPUBLISHED, names),
        left=connection.execute(_LEFT).fetchone()[0],
        failed=kinds(_KINDS.format(_MATTERS), status="unreadable"),
        partial=kinds(_KINDS.format(_MATTERS), status="partial"),
        lacking=connection.execute(_LACKING, scan or {"id": 0}).fetchone()[0],
        unread=kinds(_REASONS), confinement=confinement,
    )  # fmt: skip


def _pairs(connection: sqlite3.Connection, sql: str, names: dict[str, str]) -> dict[str, tuple[int, int]]:
    return {state: (packages, size or 0) for state, packages, size in connection.execute(sql, names)}


def as_json(one: Status) -> str:
    """The same for a program: every state has its counts, also where they are 0."""

    def full(states: dict[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
        pairs = ((state, states.get(state, (0, 0))) for state in STATES)
        return {state: {"packages": packages, "bytes": size} for state, (packages, size) in pairs}

    document: dict[str, Any] = {
        "complete": one.complete,
        "scan": one.scan,
        "writer": one.writer,
        "last_finished": one.finished,
        "age_days": None if one.age is None else round(one.age, 3),
        "archives": [{**row, "states": full(row["states"])} for row in one.archives],
        "total": full(one.total),
        "no_index": full(one.no_index),
        "left": one.left,
        "failed": one.failed,
        "partial": one.partial,
        "unread": one.unread,
        "lacking": one.lacking,
        "confinement": one.confinement,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
