"""Other people's SQL, kept to reading and to its time.

SQLite asks the authorizer while it compiles a statement and the progress handler while it runs one
(https://sqlite.org/c3ref/set_authorizer.html, https://sqlite.org/c3ref/progress_handler.html).
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from archscan.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ACTIONS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE},
)
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "edit", "readfile", "writefile"})

# What one statement may ask of memory and of the compiler. The longest text we store is a control file of 16 MiB.
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 64 << 20,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
}
_INSTRUCTIONS = 10_000  # between two looks at the clock: some 100 microseconds


@contextlib.contextmanager
def guarded(
    connection: sqlite3.Connection,
    seconds: float = 60.0,
    *,
    into: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """A stretch in which the connection can only read, for at most ``seconds``.

    ``into`` names one temporary table that may be filled meanwhile. Raises QueryError when the time is up or
    when a statement wants more than to read; other errors of SQLite pass through. Not to be nested.
    """
    deadline = clock() + seconds
    refused: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, database: str | None, _: str | None) -> int:
        if action in _ACTIONS and not (action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_INSERT and into is not None and first == into and database == "temp":
            return sqlite3.SQLITE_OK
        refused.append(first or second or "")
        return sqlite3.SQLITE_DENY

    # SQLite sets up a table-valued function when it first meets it, which the authorizer would take for a write.
    connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    previous = {limit: connection.setlimit(limit, value) for limit, value in _LIMITS.items()}
    connection.set_authorizer(authorize)
    connection.set_progress_handler(lambda: clock() > deadline, _INSTRUCTIONS)
    try:
        yield
    except sqlite3.DatabaseError as error:
        if refused:
            raise QueryError("may only read: expected one SELECT") from error
        if str(error) == "interrupted":
            raise QueryError(f"ran longer than {seconds:g} s") from error
        raise
    finally:
        connection.set_progress_handler(None, 0)
        connection.set_authorizer(None)
        for limit, value in previous.items():
            connection.setlimit(limit, value)
