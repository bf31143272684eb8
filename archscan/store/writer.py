"""Facts into the database: one transaction a package, and a package read again replaces what was known of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from archscan.model import (
    Elf,
    File,
    FileFacts,
    Identity,
    Override,
    Package,
    PackageStatus,
    Problem,
    ProblemKind,
    Reading,
    Stage,
    escape,
)
from archscan.store.file_facts import last_said, write_contents, write_file_facts
from archscan.store.imports import count_written, forget_names, settle
from archscan.store.objects import Waiting, next_id, write_objects

if TYPE_CHECKING:
    from sqlite_utils import Database

_SLOW = 1.0  # seconds from which on a package's reading time is worth a row
_WHOLE = (PackageStatus.COMPLETE, PackageStatus.SKIPPED)  # nothing went wrong
_PACKAGE_COLUMNS = tuple(name for name in Package.__struct_fields__ if name != "relations")


class Extraction(msgspec.Struct, frozen=True):
    """What "done" means: the version of the extractor with its catalogue, and the kinds of facts, sorted."""

    extractor: str
    facts: tuple[str, ...]


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """Within it everything is written or nothing.

    It begins as a writer's. One that begins by reading may not write any more where another process did in between,
    and SQLite says so at once, without waiting (https://sqlite.org/rescode.html#busy_snapshot).
    """
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        conn.rollback()
        raise


def start_scan(
    db: Database, *, started: str, version: str, extraction: Extraction, rules_digest: str, command: str
) -> int:
    """The id of a new scan, in state ``running``. A scan that was running is marked as interrupted."""
    with transaction(db.conn):
        db.execute("UPDATE scan SET state = 'interrupted' WHERE state = 'running'")
        cursor = db.execute(
            "INSERT INTO scan (started, version, extractor, rules_digest, command, state) "
            "VALUES (?, ?, ?, ?, ?, 'running')",
            [started, version, extraction.extractor, rules_digest, command],
        )
    return int(cursor.lastrowid or 0)


def finish_scan(db: Database, scan_id: int, *, finished: str, state: str, metrics: Mapping[str, float]) -> None:
    """Note when and how a scan ended, and what was counted of it as a whole."""
    with transaction(db.conn):
        rows = [(scan_id, "scan", name, value) for name, value in metrics.items()]
        db.conn.executemany("INSERT INTO metric (scan_id, scope, name, value) VALUES (?, ?, ?, ?)", rows)
        db.execute("UPDATE scan SET finished = ?, state = ? WHERE id = ?", [finished, state, scan_id])
    settle(db, hurry=state == "interrupted")


def fill_algorithms(db: Database, rows: Iterable[Sequence[str | None]]) -> None:
    """Make the table ``algorithm`` hold the rows (name, family, strength, note)."""
    with transaction(db.conn):
        db.execute("DELETE FROM algorithm")
        db.conn.executemany("INSERT INTO algorithm (name, family, strength, note) VALUES (?, ?, ?, ?)", rows)


def write(db: Database, reading: Reading, *, scan_id: int, extraction: Extraction) -> bool:
    """Store a reading in one transaction; False where a better one of the same package is kept instead.

    A package that could not be read at all never replaces what an earlier extractor found in it: only the problem is
    added. One that could not even be fetched is known by the SHA-256 that its index promises. Facts that no column
    takes are a bug of ours, or a lie of a process that hostile input took over: then the package is stored as
    unreadable, with a problem that says so.
    """
    return write_all(db, (reading,), scan_id=scan_id, extraction=extraction)[0]


def write_all(db: Database, readings: Sequence[Reading], *, scan_id: int, extraction: Extraction) -> list[bool]:
    """Store readings in one transaction, and say of each what ``write`` does; where one does not fit, each in its own.

    Nothing of them counts as done before this returns.
    """
    try:
        with transaction(db.conn):
            batch = _Batch(db, scan_id, extraction)
            kept = [_write(batch, reading) for reading in readings]
            batch.flush()
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as error:
        forget_names(db)
        if len(readings) > 1:
            return [write(db, reading, scan_id=scan_id, extraction=extraction) for reading in readings]
        write(db, _unfit(readings[0], error), scan_id=scan_id, extraction=extraction)
        return [False]
    except BaseException:
        forget_names(db)
        raise
    count_written(db, len(readings))
    return kept


def _unfit(reading: Reading, error: Exception) -> Reading:
    """The same package as unreadable, because its facts do not fit the database."""
    text = f"the facts do not fit the database: {escape(str(error))[:2000]}"
    problem = Problem(stage=Stage.STORE, kind=ProblemKind.INTERNAL, message=text)
    rest = {"package": None, "files": (), "objects": (), "built": None, "status": PackageStatus.UNREADABLE,
            "overrides": (), "file_facts": (), "contents": None, "unread": None}  # fmt: skip
    return msgspec.structs.replace(reading, problems=(*reading.problems, problem), **rest)


class _Batch:
    """Packages of one transaction; their objects wait, as many rows at once cost less."""

    def __init__(self, db: Database, scan_id: int, extraction: Extraction) -> None:
        self.db, self.scan_id, self.extraction = db, scan_id, extraction
        self._waiting: list[Waiting] = []
        self._packages: set[int] = set()

    def wait(self, package_id: int, files: Mapping[str, int], objects: Sequence[Elf]) -> None:
        """Keep the objects of a package until ``flush``; ``files`` are the ids of what holds them, by path."""
        self._packages.add(package_id)
        self._waiting.append((package_id, files, objects))

    def before_forgetting(self, package_id: int) -> None:
        """What waits is stored before a package that is part of it is deleted."""
        if package_id in self._packages:
            self.flush()

    def flush(self) -> None:
        """Store the objects that wait."""
        write_objects(self.db, self._waiting)
        self._waiting, self._packages = [], set()


def _write(batch: _Batch, reading: Reading) -> bool:
    db, scan_id = batch.db, batch.scan_id
    identity = _promised(reading) or reading.identity
    if identity is None:
        _write_problems(db.conn, reading, None, scan_id)
        return False
    reading = msgspec.structs.replace(reading, identity=identity)
    earlier = db.execute("SELECT id, status FROM package WHERE sha256 = ?", [identity.sha256]).fetchone()
    if earlier and reading.status == PackageStatus.UNREADABLE and earlier[1] != PackageStatus.UNREADABLE:
        _write_problems(db.conn, reading, earlier[0], scan_id)
        return False
    if earlier:
        batch.before_forgetting(earlier[0])
    package_id = _write_package(db.conn, reading, batch.extraction, earlier[0] if earlier else None)
    said = last_said(reading.file_facts)
    files = _write_files(db.conn, package_id, reading.files, said)
    write_file_facts(db.conn, package_id, files, said)
    write_contents(db.conn, package_id, reading.contents)
    batch.wait(package_id, files, reading.objects)
    _write_overrides(db.conn, package_id, reading.overrides)
    _write_problems(db.conn, reading, package_id, scan_id)
    db.execute("INSERT OR IGNORE INTO unjudged (package_id) VALUES (?)", [package_id])
    if reading.seconds >= _SLOW:
        row = [scan_id, f"package {_filename(reading)}", "seconds", reading.seconds]
        db.execute("INSERT OR REPLACE INTO metric (scan_id, scope, name, value) VALUES (?, ?, ?, ?)", row)
    return True


def _promised(reading: Reading) -> Identity | None:
    """What an index promises of a package, as which it is remembered also where it was not what came."""
    job = reading.job
    return Identity(sha256=job.sha256, size=job.size or 0, known=False) if job.sha256 else None


def _write_package(conn: sqlite3.Connection, reading: Reading, extraction: Extraction, earlier: int | None) -> int:
    assert reading.identity is not None
    row: dict[str, object] = {
        "sha256": reading.identity.sha256,
        "size": reading.identity.size,
        "filename": _filename(reading),
        "built": reading.built,
        "extractor": extraction.extractor,
        "facts": ",".join(extraction.facts),
        "status": reading.status.value,
        "unread": reading.unread and reading.unread.value,
        "elf_count": len(reading.objects),
    }
    if reading.package:
        row |= {name: getattr(reading.package, name) for name in _PACKAGE_COLUMNS}
    if earlier is not None:
        _forget(conn, earlier)
        settings = ", ".join("filename = min(filename, ?)" if name == "filename" else f"{name} = ?" for name in row)
        conn.execute(f"UPDATE package SET {settings} WHERE id = ?", [*row.values(), earlier])
        package_id = earlier
    else:
        places = ", ".join("?" * len(row))
        cursor = conn.execute(f"INSERT INTO package ({', '.join(row)}) VALUES ({places})", list(row.values()))
        package_id = int(cursor.lastrowid or 0)
        conn.execute("UPDATE publication SET package_id = ? WHERE sha256 = ?", (package_id, row["sha256"]))
    if reading.package:
        conn.executemany(
            "INSERT INTO relation (package_id, kind, name, op, version) VALUES (?, ?, ?, ?, ?)",
            [(package_id, *msgspec.structs.astuple(relation)) for relation in reading.package.relations],
        )
    return package_id


def _filename(reading: Reading) -> str:
    """The name of the file alone; of the names of one package the first is kept, whichever was read first."""
    return reading.job.path.rpartition("/")[2]


def _forget(conn: sqlite3.Connection, package_id: int) -> None:
    """Delete the facts of a package; foreign keys take along what hangs on them, and leave the findings."""
    for table in ("relation", "elf", "file", "contents", "lintian_override", "problem"):
        conn.execute(f"DELETE FROM {table} WHERE package_id = ?", [package_id])


def _write_files(
    conn: sqlite3.Connection, package_id: int, files: Sequence[File], said: Mapping[str, FileFacts]
) -> dict[str, int]:
    """Path → id of the last file of that path: a tar archive may name one twice, and the last wins (dpkg)."""
    first = next_id(conn, "file")
    rows = [
        (first + number, package_id, row.path, row.path_key, row.mode, row.owner, row.group, row.size,
         row.kind.value, row.link, row.privilege, row.privilege_source and row.privilege_source.value,
         *((said[row.path].what, said[row.path].interpreter) if row.path in said else (None, None)))
        for number, row in enumerate(files)
    ]  # fmt: skip
    conn.executemany(
        "INSERT INTO file (id, package_id, path, path_key, mode, owner, grp, size, kind, link, privilege, "
        "privilege_source, what, interpreter) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    return {row.path: first + number for number, row in enumerate(files)}


def _write_overrides(conn: sqlite3.Connection, package_id: int, overrides: Sequence[Override]) -> None:
    conn.executemany(
        "INSERT INTO lintian_override (package_id, line, tag, context, comment, architectures, applies) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(package_id, *msgspec.structs.astuple(row)) for row in overrides],
    )


def _write_problems(conn: sqlite3.Connection, reading: Reading, package_id: int | None, scan_id: int) -> None:
    """Store the problems; once, also when what was stored is stored again because somebody interrupted in between."""
    if not reading.problems:
        return
    conn.execute(
        "DELETE FROM problem WHERE package_id IS ? AND scan_id = ? AND target = ?",
        [package_id, scan_id, reading.job.path],
    )
    conn.executemany(
        "INSERT INTO problem (scan_id, package_id, target, path, stage, kind, message) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [_problem(problem, reading, package_id, scan_id) for problem in reading.problems],
    )


def _problem(problem: Problem, reading: Reading, package_id: int | None, scan_id: int) -> tuple[object, ...]:
    return (
        scan_id,
        package_id,
        reading.job.path,
        problem.path,
        problem.stage.value,
        problem.kind.value,
        problem.message,
    )


def met_again(db: Database, reading: Reading) -> None:
    """Note a package that is known already and need not be read: only its file's name may be another."""
    assert reading.identity is not None
    values = [_filename(reading), reading.identity.sha256]
    if db.execute("SELECT 1 FROM package WHERE filename > ? AND sha256 = ?", values).fetchone():
        with transaction(db.conn):
            db.execute("UPDATE package SET filename = ? WHERE sha256 = ?", values)


def give_release(db: Database, sha256: str, distribution: str, release: str) -> None:
    """Note the release that a package is said to belong to; where that is news, its facts are judged again."""
    with transaction(db.conn):
        cursor = db.execute(
            "INSERT INTO package_release (package_id, distribution, release, said) "
            "SELECT id, ?, ?, 'given' FROM package WHERE sha256 = ? "
            "ON CONFLICT (package_id) DO UPDATE SET "
            "distribution = excluded.distribution, release = excluded.release, said = 'given' "
            "WHERE (distribution, release, said) IS NOT (excluded.distribution, excluded.release, 'given')",
            [distribution, release, sha256],
        )
        if cursor.rowcount:
            db.execute("INSERT OR IGNORE INTO unjudged SELECT id FROM package WHERE sha256 = ?", [sha256])


def is_whole(db: Database, sha256: str) -> bool:
    """Whether the package of that digest was read without a problem, as far as it had to be."""
    row = db.execute("SELECT status FROM package WHERE sha256 = ?", [sha256]).fetchone()
    return row is not None and row[0] in _WHOLE


def unjudged(db: Database) -> int:
    """The number of packages whose facts no rule has looked at yet."""
    return int(db.execute("SELECT count(*) FROM unjudged").fetchone()[0])
