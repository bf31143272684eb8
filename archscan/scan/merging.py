"""Databases of several runs joined into one, and judged as one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from archscan import __version__, store
from archscan.crypto.catalogue import algorithm_rows, load_all
from archscan.errors import NoTargetError, StoreError, UsageError
from archscan.rules.apply import apply
from archscan.rules.check import check
from archscan.rules.load import RuleBook, load
from archscan.store.database import store_errors
from archscan.store.lock import only_writer
from archscan.store.merging import Part, merge
from archscan.store.schema import migrate

_CACHE_KIBIBYTES = 65_536


def merged(output: Path, parts: Sequence[Path], data: Sequence[Path], command: str, now: str) -> tuple[Part, ...]:
    """What was taken of each database; ``output`` holds all of it then, judged by the rules of the folders ``data``.

    It is written beside and takes its name at the end, so that it is whole or what it was before. One that exists is
    replaced only if it is a part itself. Raises StoreError, NoTargetError, UsageError, RuleError.
    """
    for path in parts:
        if not path.exists():
            raise NoTargetError(f"{path}: there is no such database")
    inodes = [path.stat() for path in parts]
    if len({(one.st_dev, one.st_ino) for one in inodes}) < len(inodes):
        raise UsageError("a database is named twice")
    if output.exists() and not any(os.path.samestat(output.stat(), one) for one in inodes):
        text = "exists, and would be lost; name it among the databases as well, or choose another name"
        raise UsageError(f"{output}: {text}")
    book = load(data)
    check(book)
    target = output.resolve()
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    with store_errors(output), only_writer(output):
        try:
            taken = _written(part, parts, book, data, command, now)
            _close(target)
            part.replace(target)
        finally:
            for name in (part, Path(f"{part}-wal"), Path(f"{part}-shm"), Path(f"{part}-journal")):
                name.unlink(missing_ok=True)
    return taken


def _written(
    path: Path, parts: Sequence[Path], book: RuleBook, data: Sequence[Path], command: str, now: str
) -> tuple[Part, ...]:
    # What is not whole is thrown away, so nothing needs a journal before the end.
    with closing(sqlite3.connect(f"file:{_quoted(path)}", uri=True)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIBIBYTES}"):
            connection.execute(f"PRAGMA {setting}")
        db = Database(connection, execute_plugins=False)
        migrate(db)
        connection.commit()
        taken = merge(connection, parts)
        store.fill_algorithms(db, algorithm_rows(load_all(data)))
        scan_id = store.start_scan(db, started=now, version=__version__, extraction=store.Extraction("", ()),
                                   rules_digest=book.digest, command=command)  # fmt: skip
        _judge(connection, book, scan_id)
        store.finish_scan(db, scan_id, finished=now, state="finished", metrics={})
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode = WAL")
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return taken


def _judge(connection: sqlite3.Connection, book: RuleBook, scan_id: int) -> None:
    """Judge the whole. What was found in a part alone, and is not so of the whole, was never found."""
    connection.execute("CREATE TEMP TABLE stood AS SELECT id FROM finding WHERE state <> 'withdrawn'")
    connection.commit()
    apply(connection, book, scan_id, changed_only=False)
    connection.execute("DELETE FROM finding WHERE state = 'withdrawn' AND id IN (SELECT id FROM temp.stood)")
    connection.commit()


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(bytes(path))


def _close(path: Path) -> None:
    """Have what is still in the write-ahead log of the old database written to it, so that none is left beside the new.

    Raises StoreError where others have it open: they would take the new one's log for that of the old.
    """
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if Path(f"{path}-wal").exists() or Path(f"{path}-shm").exists():
        raise StoreError("is being read by another process; wait for it, or choose another name")
