"""An archscan database as reports read it: for reading only, and one state of it throughout."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from archscan.store.database import open_readonly

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection that sees nothing of a scan writing meanwhile; closed when the ``with`` ends.

    Raises StoreError when there is no such file or it is not an archscan database.
    """
    with open_readonly(path) as connection:
        connection.execute("BEGIN")
        yield connection
