"""A connection on which a query can read, and nothing else: no writing, no files, no endless running."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a SELECT needs (https://sqlite.org/c3ref/c_alter_table.html); SQLITE_RECURSIVE has no name in sqlite3 of 3.11.
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, 33})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})
_INSTRUCTIONS = 10_000  # between two looks at the clock; about a millisecond
_LIMITS = {sqlite3.SQLITE_LIMIT_LENGTH: 64 << 20, sqlite3.SQLITE_LIMIT_ATTACHED: 0}


def _permit(action: int, _first: str | None, second: str | None, _schema: str | None, _view: str | None) -> int:
    if action not in _ALLOWED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


@contextmanager
def guarded(connection: sqlite3.Connection, seconds: float) -> Iterator[sqlite3.Connection]:
    """The connection, limited to SELECT for at most ``seconds``; everything is lifted again afterwards.

    What is refused or takes too long raises sqlite3.DatabaseError ("not authorized", "interrupted").
    """
    # SQLite makes these table functions at their first use in a connection, which the authorizer would have to allow.
    connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    deadline = time.monotonic() + seconds
    before = {limit: connection.setlimit(limit, value) for limit, value in _LIMITS.items()}
    connection.set_authorizer(_permit)
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS)
    try:
        yield connection
    finally:
        connection.set_progress_handler(None, 0)
        connection.set_authorizer(None)
        for limit, value in before.items():
            connection.setlimit(limit, value)
