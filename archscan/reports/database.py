"""An archscan database opened for reading only."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from archscan.errors import StoreError
from archscan.store.schema import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection, closed when the ``with`` ends.

    Raises StoreError when there is no such file or it is not an archscan database.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such database; make one with `archscan scan`, or name another with --db")
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be opened: {error}") from error
    try:
        if _application(connection, path) != APPLICATION_ID:
            raise StoreError(f"{path}: is not a database of archscan; name another with --db")
        connection.execute("BEGIN")  # one state of the database throughout, also while a scan writes to it
        yield connection
    finally:
        connection.close()


def _application(connection: sqlite3.Connection, path: Path) -> int:
    try:
        return int(connection.execute("PRAGMA application_id").fetchone()[0])
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read as a database: {error}") from error
