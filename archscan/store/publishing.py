"""What the indices of archives say, into the database: each index in one transaction, also of packages nobody read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.model.version import version_key
from archscan.store.writer import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Sized

    from sqlite_utils import Database

    from archscan.model import Index, Published, SourceEntry

_INDEX = """
INSERT INTO archive_index (origin, suite, component, architecture, base, date, valid_until, signed_by, sha256,
                           first_scan, last_scan)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (origin, suite, component, architecture) DO UPDATE SET
    base = excluded.base, date = excluded.date, valid_until = excluded.valid_until, signed_by = excluded.signed_by,
    sha256 = excluded.sha256, last_scan = excluded.last_scan
RETURNING id
"""
_NO_FILE = "0" * 64  # the digest of an index that is not there any more
_SAME_PLACE = "origin = ? AND suite = ? AND component = ? AND architecture = ?"

# Section, priority and the place in the pool may change while the package stays what it is.
_MEET = """
INSERT INTO publication (index_id, suite, component, first_scan, last_scan, package_id, version_key, name, version,
                         architecture, section, priority, source, source_version, filename, size, sha256)
VALUES (?, ?, ?, ?, ?, (SELECT id FROM package WHERE sha256 = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name, architecture, version, sha256, index_id) DO UPDATE SET
    last_scan = excluded.last_scan, section = excluded.section, priority = excluded.priority,
    source = excluded.source, source_version = excluded.source_version, filename = excluded.filename,
    size = excluded.size, package_id = excluded.package_id
"""

_TABLES = (
    "CREATE TEMP TABLE moved (name TEXT, architecture TEXT, PRIMARY KEY (name, architecture)) WITHOUT ROWID",
    "CREATE TEMP TABLE suite (id INTEGER PRIMARY KEY, last_scan INTEGER)",
    "CREATE TEMP TABLE present (id INTEGER PRIMARY KEY, name TEXT, architecture TEXT, version_key TEXT, standing TEXT)",
)
_DROPPED = ("DROP TABLE temp.moved", "DROP TABLE temp.suite", "DROP TABLE temp.present")

# Names of which the index says something else than before: what is new or back, and what is gone.
_MOVED = """
INSERT OR IGNORE INTO temp.moved
SELECT name, architecture FROM main.publication
WHERE index_id = :index AND CASE WHEN last_scan = :scan THEN first_scan = :scan OR standing = 'gone'
                                 ELSE standing <> 'gone' END
"""
_GONE = "UPDATE publication SET standing = 'gone' WHERE index_id = :index AND last_scan < :scan AND standing <> 'gone'"

# The suite is asked as a whole: a package may have moved between components, and those for all architectures stand in
# the index of each. What stands below is decided by what is there now, in whatever order the indices came. Tables
# and CROSS JOIN make SQLite go from names to rows; the way that it takes by itself was 200 times slower.
_SUITE = """
INSERT INTO temp.suite
SELECT i.id, i.last_scan FROM main.archive_index i
JOIN main.archive_index mine ON mine.origin = i.origin AND mine.suite = i.suite WHERE mine.id = :index
"""
_PRESENT = """
INSERT INTO temp.present
SELECT b.id, b.name, b.architecture, b.version_key, b.standing
FROM temp.moved m
CROSS JOIN main.publication b ON b.name = m.name AND b.architecture = m.architecture
CROSS JOIN temp.suite s ON s.id = b.index_id AND s.last_scan = b.last_scan
"""
_DUE = """
UPDATE publication SET standing = '{0}' WHERE id IN (
    SELECT id FROM (
        SELECT id, standing, version_key < max(version_key) OVER (PARTITION BY name, architecture) AS is_older
        FROM temp.present)
    WHERE standing <> '{0}' AND is_older = ('{0}' = 'superseded'))
"""
_STANDING = (_DUE.format("current"), _DUE.format("superseded"))
_UNJUDGED = """
INSERT OR IGNORE INTO unjudged
SELECT p.id FROM temp.moved m CROSS JOIN package p ON p.name = m.name AND p.architecture = m.architecture
"""
_COUNTED = """
UPDATE archive_index SET (packages, bytes) = (
    SELECT count(*), coalesce(sum(size), 0) FROM publication WHERE index_id = :index AND standing <> 'gone')
WHERE id = :index
"""

_MEET_SOURCE = """
INSERT INTO source_package (origin, suite, component, name, version, maintainer, uploaders, vcs_browser, vcs,
                            first_scan, last_scan)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    maintainer = excluded.maintainer, uploaders = excluded.uploaders, vcs_browser = excluded.vcs_browser,
    vcs = excluded.vcs, last_scan = excluded.last_scan
"""
_COUNTED_SOURCES = """
UPDATE archive_index SET packages = (
    SELECT count(*) FROM source_package s WHERE s.origin = archive_index.origin AND s.suite = archive_index.suite
    AND s.component = archive_index.component AND s.last_scan = archive_index.last_scan)
WHERE id = ?
"""


def unchanged(db: Database, index: Index) -> bool:
    """Whether the index was stored last with the same content, so that nothing in it need be looked at again.

    One with problems is, lest they be told once and never again.
    """
    row = db.execute(f"SELECT sha256, problems FROM archive_index WHERE {_SAME_PLACE}", _place(index)).fetchone()
    return row is not None and row[0] == index.sha256 and not row[1]


def newest_date(db: Database, origin: str, suite: str) -> str | None:
    """The latest date of a Release of the suite that was met; None where there was none."""
    query = "SELECT max(date) FROM archive_index WHERE origin = ? AND suite = ?"
    found: str | None = db.execute(query, [origin, suite]).fetchone()[0]
    return found


def _note_problems(db: Database, index_id: int, told: Sized) -> None:
    """Remember how many problems an index had when it was stored."""
    db.execute("UPDATE archive_index SET problems = ? WHERE id = ?", [len(told), index_id])


def met_index_again(db: Database, index: Index, scan_id: int) -> int:
    """The id of an ``unchanged`` index; what it publishes counts as met in this scan."""
    with transaction(db.conn):
        before = db.execute(f"SELECT last_scan FROM archive_index WHERE {_SAME_PLACE}", _place(index)).fetchone()[0]
        index_id = _stored(db.conn, index, scan_id)
        db.execute(
            "UPDATE publication SET last_scan = ? WHERE index_id = ? AND last_scan = ?", [scan_id, index_id, before]
        )
        db.execute(
            "UPDATE source_package SET last_scan = ? "
            "WHERE origin = ? AND suite = ? AND component = ? AND last_scan = ? AND ? = 'source'",
            [scan_id, index.origin, index.suite, index.component, before, index.architecture],
        )
        return index_id


def publish(db: Database, index: Index, rows: Iterable[Published], scan_id: int, told: Sized = ()) -> int:
    """The id of an index whose rows are stored now, in one transaction; what it does not name any more is gone.

    ``told`` are the problems that were met meanwhile. Packages that were read and whose place changed by this are
    judged again. An exception of ``rows`` leaves the database as it was.
    """
    conn = db.conn
    with transaction(conn):
        index_id = _stored(conn, index, scan_id)
        conn.executemany(_MEET, _values(index, index_id, rows, scan_id))
        _settle(conn, index_id, scan_id)
        _note_problems(db, index_id, told)
        return index_id


def leave(db: Database, origin: str, suite: str, base: str, listed: Collection[tuple[str, str]], scan_id: int) -> int:
    """Of a suite's indices those that its Release does not list any more are left empty; how many that are.

    ``listed`` are component and architecture of all that it lists. Indices that came from elsewhere than ``base``
    stay: it may be a mirror of a part.
    """
    rows = db.execute(
        "SELECT id, component, architecture FROM archive_index "
        "WHERE origin = ? AND suite = ? AND base = ? AND sha256 <> ?", [origin, suite, base, _NO_FILE]
    ).fetchall()  # fmt: skip
    flat = {("", ""), ("", "source")} & set(listed)  # of whose index each set of architectures is one of ours
    left = [index_id for index_id, *place in rows if tuple(place) not in listed and not (flat and place[0] == "")]
    for index_id in left:
        with transaction(db.conn):
            db.execute("UPDATE archive_index SET sha256 = ?, last_scan = ? WHERE id = ?", [_NO_FILE, scan_id, index_id])
            _settle(db.conn, index_id, scan_id)
            db.execute(f"{_COUNTED_SOURCES} AND architecture = 'source'", [index_id])
    return len(left)


def _settle(conn: sqlite3.Connection, index_id: int, scan_id: int) -> None:
    """Have all that depends on what an index publishes say what it publishes in this scan."""
    names = {"index": index_id, "scan": scan_id}
    for statement in (*_TABLES, _MOVED, _GONE, _SUITE, _PRESENT, *_STANDING, _UNJUDGED, _COUNTED, *_DROPPED):
        conn.execute(statement, names)


def publish_sources(db: Database, index: Index, rows: Iterable[SourceEntry], scan_id: int, told: Sized = ()) -> int:
    """The id of the index of a Sources file (its ``architecture`` is ``source``) whose rows are stored now.

    ``told`` as in ``publish``.
    """
    place = (index.origin, index.suite, index.component)
    with transaction(db.conn):
        index_id = _stored(db.conn, index, scan_id)
        db.conn.executemany(_MEET_SOURCE, ((*place, *msgspec.structs.astuple(row), scan_id, scan_id) for row in rows))
        db.execute(_COUNTED_SOURCES, [index_id])
        _note_problems(db, index_id, told)
        return index_id


def _place(index: Index) -> list[str]:
    return [index.origin, index.suite, index.component, index.architecture]


def _stored(conn: sqlite3.Connection, index: Index, scan_id: int) -> int:
    values = (index.base, index.date, index.valid_until, index.signed_by, index.sha256, scan_id, scan_id)
    return int(conn.execute(_INDEX, (*_place(index), *values)).fetchone()[0])


def _values(index: Index, index_id: int, rows: Iterable[Published], scan_id: int) -> Iterator[tuple[object, ...]]:
    for row in rows:
        yield (
            *(index_id, index.suite, index.component, scan_id, scan_id, row.sha256, version_key(row.version)),
            *(row.name, row.version, row.architecture, row.section, row.priority, row.source, row.source_version),
            *(row.filename, row.size, row.sha256),
        )
