import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import QueryError
from archscan.reports import queries

REPORTS = Path(__file__).parents[2] / "reports"
QUESTIONS = queries.load([REPORTS])
HEADER = "-- title: T\n-- why: W\n"


def required(question: queries.Question, value: str) -> dict[str, str]:
    return {parameter.name: value for parameter in question.parameters if parameter.default is None}


def rows(connection: sqlite3.Connection, sql: str, seconds: float = 60.0) -> list[tuple[queries.Cell, ...]]:
    with queries.ask(connection, sql, {}, seconds) as answer:
        return list(answer.rows)


def test_there_are_questions_for_all_three_readers() -> None:
    assert len(QUESTIONS) >= 14
    assert {"coverage", "problems", "package-objects", "package-crypto", "who-imports", "hardening"} <= set(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_says_what_it_answers_and_why(name: str) -> None:
    question = QUESTIONS[name]
    assert len(question.title) > 10
    assert len(question.why) > 20
    assert all(len(parameter.text) > 5 for parameter in question.parameters)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_runs_on_an_empty_database(name: str, empty: sqlite3.Connection) -> None:
    with queries.run(empty, QUESTIONS[name], required(QUESTIONS[name], "x")) as answer:
        assert list(answer.rows) == []


VALUES = {"symbol": "MD5_*", "soname": "libc.so.*", "algorithm": "md5", "feature": "stack_protector", "name": "*"}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_finds_something_in_a_filled_database(name: str, asked: sqlite3.Connection) -> None:
    question = QUESTIONS[name]
    given = {parameter: VALUES.get(parameter, "sudo") for parameter in required(question, "")}
    with queries.run(asked, question, given) as answer:
        found = list(answer.rows)
    assert found
    assert len(set(answer.columns)) == len(answer.columns)
    assert all(len(row) == len(answer.columns) for row in found)


def test_a_question_gives_the_rows_it_promises(filled: sqlite3.Connection) -> None:
    with queries.run(filled, QUESTIONS["who-imports"], {"symbol": "MD5_sudo"}) as answer:
        found = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert [(row["package"], row["path"], row["library"]) for row in found] == [
        ("sudo", "usr/bin/sudo", "libcrypto.so.3")
    ]


def told(
    connection: sqlite3.Connection, question: str, /, *columns: str, **values: str
) -> list[tuple[queries.Cell, ...]]:
    with queries.run(connection, QUESTIONS[question], values) as answer:
        found = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return [tuple(row[column] for column in columns) for row in found]


def test_modules_below_a_version_are_compared_as_versions(asked: sqlite3.Connection) -> None:
    module = {"name": "example.org/module"}
    assert told(asked, "who-embeds", "component_version", below="1.10.0", **module) == [("v1.9.0",)]
    assert told(asked, "who-embeds", "component_version", **module) == [("v1.9.0",), ("v1.10.0",)]


def test_questions_by_suite_tell_suites_apart(asked: sqlite3.Connection) -> None:
    assert told(asked, "privileged-not-pie", "package", "suite", suite="sid") == [("asked", "sid")]
    assert told(asked, "open-in-two-suites", "package", "subject") == [("asked", "pie"), ("asked", "md5")]
    assert told(asked, "open-in-two-suites", "package", newer="sid", older="trixie") == []
    assert told(asked, "not-read-whole", "package", "state", suite="sid") == [("unread", "waiting")]


def test_who_must_be_rebuilt_is_told_by_fields_modules_and_copies(asked: sqlite3.Connection) -> None:
    found = told(asked, "rebuild-when-changed", "because", source="sudo", module="example.org/*")
    assert found == [("built-using",), ("embedded sudo",), ("go example.org/module",), ("go example.org/module",)]
    assert ("asked",) not in told(asked, "rebuild-when-changed", "package", source="other")


def test_what_is_decided_is_no_longer_asked(asked: sqlite3.Connection) -> None:
    columns = ("maintainer", "uses", "example")
    assert told(asked, "md5-signing-by-maintainer", *columns) == [("A Team <team@example.org>", 2, "usr/bin/tool")]
    asked.execute(
        "INSERT INTO decision (fingerprint, state, reason, authority, made) "
        "SELECT fingerprint, 'ignored', 'legacy', 'me', '2026-05-01' FROM finding WHERE subject = 'md5'"
    )
    assert told(asked, "md5-signing-by-maintainer", *columns) == [("A Team <team@example.org>", 1, "usr/bin/tool")]


def test_lines_of_scripts_are_told_from_sites(asked: sqlite3.Connection) -> None:
    columns = ("sha1_sites", "sha1_script_lines", "sha256_script_lines")
    assert told(asked, "sha1-against-sha256", *columns, source="asked") == [(0, 1, 1)]


def test_a_limit_limits(filled: sqlite3.Connection) -> None:
    with queries.run(filled, QUESTIONS["who-imports"], {"symbol": "*", "limit": "2"}) as answer:
        assert len(list(answer.rows)) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give -p symbol=VALUE"),
        ({"symbol": "x", "colour": "red"}, "no parameter 'colour'; expected: symbol, limit"),
        ({"symbol": "x", "limit": "many"}, "limit: expected a whole number, got 'many'"),
    ],
)
def test_wrong_parameters_are_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError, match="query who-imports: ") as caught:
        queries.bound(QUESTIONS["who-imports"], given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM scan",
        "INSERT INTO scan (id) VALUES (9)",
        "CREATE TABLE t (x)",
        "DROP TABLE scan",
        "ATTACH '/tmp/other.db' AS other",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO '/tmp/copy.db'",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM scan",
        "SELECT * FROM missing",
        "SELECT :value",
        "SELEC 1",
        "",
        "-- nothing",
    ],
)
def test_what_is_no_plain_select_is_refused_in_one_line(sql: str, filled: sqlite3.Connection) -> None:
    before = filled.execute("SELECT count(*) FROM scan").fetchone()
    with pytest.raises(QueryError, match=r"^--sql: ") as caught:
        rows(filled, sql)
    assert "\n" not in str(caught.value)
    assert filled.execute("SELECT count(*) FROM scan").fetchone() == before


def test_an_endless_query_is_stopped(filled: sqlite3.Connection) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(QueryError, match=r"0\.05 s"):
        rows(filled, endless, 0.05)
    assert rows(filled, "SELECT 1") == [(1,)]


def test_json_functions_can_be_asked_on_a_new_connection(filled: sqlite3.Connection) -> None:
    assert rows(filled, "SELECT value FROM json_each('[7]')") == [(7,)]


def test_equal_column_names_are_told_apart(filled: sqlite3.Connection) -> None:
    with queries.ask(filled, "SELECT 1 AS id, 2 AS id, 3 AS id", {}) as answer:
        assert answer.columns == ("id", "id_2", "id_3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- why: W\nSELECT 1", "title: missing"),
        ("-- title: T\nSELECT 1", "why: missing"),
        (HEADER + "-- title: again\nSELECT 1", "title: expected"),
        (HEADER + "-- colour: red\nSELECT 1", "colour: expected"),
        (HEADER + "-- just words\nSELECT 1", "just words"),
        (HEADER + "-- param: p\nSELECT 1", "expected"),
        (HEADER + "-- param p: unused\nSELECT 1", "param p:"),
        (HEADER + "SELECT :undeclared", "param undeclared:"),
        (HEADER + "-- param p: twice\n-- param p: twice\nSELECT :p", "param p:"),
        (HEADER, "expected a SELECT"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.sql").write_text(text, encoding="utf-8")
    with pytest.raises(QueryError) as caught:
        queries.load([tmp_path])
    assert str(tmp_path / "own.sql") in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(QueryError, match=r"own\.sql: cannot be read"):
        queries.load([tmp_path])


def test_a_later_directory_replaces_a_question(tmp_path: Path) -> None:
    (tmp_path / "coverage.sql").write_text(HEADER + "-- param p=a=b: text\nSELECT ':no', :p -- :no\n", encoding="utf-8")
    mine = queries.load([REPORTS, tmp_path])["coverage"]
    assert (mine.title, mine.parameters) == ("T", (queries.Parameter("p", "a=b", "text"),))
    assert queries.bound(mine, {}) == {"p": "a=b"}


PIECES = st.sampled_from(
    ["-- title: T", "-- why: W", "-- param p=1: x", "-- param p: x", "--", "SELECT :p", "SELECT 1;"]
)


def outcome(text: str) -> queries.Question | str:
    try:
        return queries.parsed("own", Path("own.sql"), text)
    except QueryError as error:
        return str(error)


@given(st.lists(PIECES | st.text(max_size=20)).map("\n".join))
def test_any_text_is_a_question_or_fails_in_one_line(text: str) -> None:
    found = outcome(text)
    if isinstance(found, str):
        assert found.startswith("own.sql: ")
        assert len(found.splitlines()) == 1
    else:
        assert found.title
        assert found.why
        assert found.sql
