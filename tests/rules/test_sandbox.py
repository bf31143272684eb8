import sqlite3
from collections.abc import Iterator

import pytest

from archscan.errors import QueryError
from archscan.rules.sandbox import guarded

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("CREATE TABLE t (x)")
    made.execute("CREATE INDEX t_x ON t (x)")
    made.execute("INSERT INTO t VALUES (1)")
    made.execute("CREATE TEMP TABLE kept (x)")
    yield made
    made.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (2)",
        "UPDATE t SET x = 2",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE u (x)",
        "CREATE TEMP TABLE u (x)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "ATTACH ':memory:' AS other",
        "VACUUM",
        "PRAGMA journal_mode = DELETE",
        "BEGIN",
        "SAVEPOINT s",
        "INSERT INTO temp.kept VALUES (2)",
        "ANALYZE",
        "REINDEX",
        "SELECT * FROM pragma_database_list",
        "SELECT fts3_tokenizer('simple')",
    ],
)
def test_whatever_is_not_reading_is_refused_and_changes_nothing(connection: sqlite3.Connection, statement: str) -> None:
    before = list(connection.iterdump())
    with pytest.raises((QueryError, sqlite3.Error)) as caught, guarded(connection):
        connection.execute(statement)
    assert list(connection.iterdump()) == before
    assert isinstance(caught.value, QueryError) or "no such function" in str(caught.value)


def test_reading_joining_recursion_and_json_are_allowed(connection: sqlite3.Connection) -> None:
    with guarded(connection):
        rows = connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
            "SELECT n.i, t.x, j.value, upper('a') FROM n JOIN t JOIN json_each('[7]') j"
        ).fetchall()
    assert rows == [(1, 1, 7, "A"), (2, 1, 7, "A"), (3, 1, 7, "A")]


def test_one_temporary_table_can_be_filled_from_a_query(connection: sqlite3.Connection) -> None:
    with guarded(connection, into="kept"):
        connection.execute("INSERT INTO temp.kept SELECT x FROM t")
    assert connection.execute("SELECT x FROM kept").fetchall() == [(1,)]


def test_a_table_of_the_same_name_in_the_database_cannot(connection: sqlite3.Connection) -> None:
    with pytest.raises(QueryError), guarded(connection, into="t"):
        connection.execute("INSERT INTO main.t VALUES (2)")


def test_a_query_that_runs_too_long_is_stopped(connection: sqlite3.Connection) -> None:
    with pytest.raises(QueryError, match=r"ran longer than 0\.05 s"), guarded(connection, 0.05):
        connection.execute(ENDLESS).fetchall()


def test_the_clock_is_an_argument(connection: sqlite3.Connection) -> None:
    ticks = iter(range(1_000))
    with pytest.raises(QueryError, match="ran longer than 60 s"), guarded(connection, clock=lambda: float(next(ticks))):
        connection.execute(ENDLESS).fetchall()


def test_huge_values_are_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.DataError), guarded(connection):
        connection.execute("SELECT length(zeroblob(1 << 30))").fetchall()


def test_errors_of_sql_stay_what_they_are(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), guarded(connection):
        connection.execute("SELECT * FROM absent")


def test_afterwards_the_connection_writes_again(connection: sqlite3.Connection) -> None:
    before = connection.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED)
    with pytest.raises(QueryError), guarded(connection):
        connection.execute("DELETE FROM t")
    connection.execute("INSERT INTO t VALUES (2)")
    connection.execute("ATTACH ':memory:' AS other")
    assert connection.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED) == before
