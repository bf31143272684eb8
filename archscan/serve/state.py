"""One state of a database that nobody changes while it is served, though a scan may be writing the file.

``immutable=1`` makes SQLite read the file alone: no locks, and never the log beside it (``-wal``). That is true only as
long as all that counts is in the file, and as nobody writes into it. A reader that began when the log was empty holds
it so: whoever moves pages of the log into the file needs the lock that it has (https://sqlite.org/walformat.html, on
WAL_READ_LOCK(0)). A scan then goes on writing, into the log; where the log had something already, a copy is served.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from archscan.errors import StoreError
from archscan.store import open_readonly
from archscan.store.database import store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "archscan"
"""What the database is called in addresses, whatever its file is called."""


@contextmanager
def held(path: Path, folder: Path, *, copied: bool = False) -> Iterator[Path]:
    """A file in ``folder`` that may be read as immutable while the ``with`` lasts: a link to ``path``, or a copy.

    A copy is made where it is asked for (``copied``) or the database has a log with something in it. Raises StoreError
    where there is no database, or no room for the copy.
    """
    served = folder / f"{NAME}.db"
    with open_readonly(path) as connection:
        # The first read takes the lock, and only then is it known that the log stays as it is for us.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if copied or _logged(path):
            with closing(sqlite3.connect(served)) as copy, store_errors(served):
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            connection.execute("ROLLBACK")
        else:
            served.symlink_to(path.absolute())
        yield served


def _logged(path: Path) -> bool:
    """Whether the log beside the database holds anything."""
    resolved = path.resolve()
    try:
        return resolved.with_name(f"{resolved.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
