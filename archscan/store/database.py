"""Opening a database so that what is wrong with it is one clear line, and what is in it stays unharmed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from archscan.errors import StoreError
from archscan.store.lock import only_writer

if TYPE_CHECKING:
    from sqlite_utils import Database

_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 5.0
_MAPPED = 1 << 40  # bytes that readers map instead of copying them; SQLite takes as much as it was built for
_CHECKPOINT_PAGES = 16_384  # 64 MiB of the log; pages that every package changes are copied once instead of 16 times


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """What SQLite says about the database at ``path``, as a StoreError of one line."""
    try:
        yield
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_advice(str(error))}") from error


def _advice(message: str) -> str:
    lowered = message.lower()
    if "locked" in lowered or "busy" in lowered:
        return "another process is writing to the database; wait for it, or choose another file with --db"
    if "readonly" in lowered or "read-only" in lowered:
        return "the database cannot be written; check its permissions, or choose another file with --db"
    if "full" in lowered:
        return "the disk is full, or the one for temporary files is (SQLITE_TMPDIR); what was finished before is kept"
    if "disk i/o" in lowered:  # a quota, a limit for files, or damage
        return "the disk cannot be written: it is full for this user, or faulty; what was finished before is kept"
    if "not a database" in lowered or "malformed" in lowered:
        return "this is no SQLite database, or a damaged one; choose another file with --db"
    if "no such table" in lowered or "no such column" in lowered:
        return f"an older archscan wrote this database ({message}); `archscan rules apply` brings it up to date"
    if "unable to open" in lowered:
        return "cannot be opened; does the folder exist, and may you write there?"
    return message


@contextmanager
def open_store(path: Path, *, made: bool = True) -> Iterator[Database]:
    """The database at ``path`` for writing, with the newest schema; made where there is none, if it may be ``made``.

    Only one process at a time has it so. Raises StoreError, also for what happens while it is open.
    """
    from sqlite_utils import Database

    from archscan.store.schema import migrate

    with store_errors(path):
        _check_file(path)
        if not made:
            _check_exists(path)
        with only_writer(path), _connected(path) as connection:
            # Before anything is changed: may we write, and is it ours?
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            database = Database(connection, execute_plugins=False)
            migrate(database)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("PRAGMA temp.cache_size = -65536")  # what is more goes to a file, not to memory
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            yield database


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise StoreError("is a folder, not a database")
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}") from error
    if beginning and beginning != _MAGIC:
        raise StoreError("is no SQLite database; choose another file with --db")


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise StoreError("there is no such database; `archscan scan TARGET…` makes one")


@contextmanager
def open_readonly(path: Path) -> Iterator[sqlite3.Connection]:
    """An archscan database for reading. Raises StoreError where there is none, or it is not archscan's."""
    from archscan.store.application import APPLICATION_ID

    with store_errors(path):
        _check_file(path)
        _check_exists(path)
        connection = sqlite3.connect(f"file:{quote(bytes(path))}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        try:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreError("is an SQLite database, but not one of archscan")
            connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
            yield connection
        finally:
            connection.close()
