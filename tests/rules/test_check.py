from typing import Any

import pytest

from archscan.errors import RuleError
from archscan.rules.check import check, lint
from archscan.rules.load import Example
from tests.rules.facts import book, database, rule

SELECT = "SELECT id AS elf_id, 'x' AS subject, machine FROM elf"


def test_the_columns_of_a_good_query_are_told() -> None:
    assert check(book(rule(query=SELECT))) == {"no-pie": ("elf_id", "subject", "machine")}


def test_a_query_may_begin_with_a_common_table_and_end_in_a_comment() -> None:
    query = "WITH e AS (SELECT * FROM elf)\nSELECT id AS elf_id, 'x' AS subject FROM e -- all of them"
    assert check(book(rule(query=query))) == {"no-pie": ("elf_id", "subject")}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELEC 1", "query: expected one SELECT: .*syntax error"),
        ("SELECT absent AS elf_id, 'x' AS subject FROM elf", "query: expected one SELECT: no such column: absent"),
        ("SELECT 'x' AS subject FROM elf", "query: expected one of the columns elf_id, file_id, package_id"),
        ("SELECT id AS elf_id FROM elf", "query: expected a column subject"),
        ("SELECT id AS elf_id, 'x' AS subject, count(*) FROM elf", r"not 'count\(\*\)'"),
        ("SELECT id AS elf_id, 'x' AS subject, kind, kind FROM elf", "not 'kind:1'"),
        ("SELECT id AS elf_id, 'x' AS subject, 1 AS use_id FROM elf", "expected no column 'use_id'"),
        ("SELECT id AS elf_id, ? AS subject FROM elf", "query: expected one SELECT: Incorrect number of bindings"),
        (f"{SELECT};", "query: expected one SELECT: .*syntax error"),
        (f"{SELECT}; DELETE FROM elf", "query: expected one SELECT: .*syntax error"),
        ("DELETE FROM elf RETURNING id AS elf_id, 'x' AS subject", "query: expected one SELECT: .*syntax error"),
        ("SELECT 1 AS elf_id, 2 AS subject) UNION SELECT * FROM (SELECT 1, 2", "query: expected one SELECT"),
        ("PRAGMA user_version", "query: expected one SELECT"),
        ("SELECT 1 AS elf_id, user_version AS subject FROM pragma_user_version", "query: may only read"),
        ("SELECT 1 AS elf_id, load_extension('x') AS subject", "query: (may only read|expected one SELECT)"),
    ],
)
def test_a_query_that_cannot_be_used_is_refused(query: str, expected: str) -> None:
    with pytest.raises(RuleError, match=r"^rules/hardening/no-pie\.toml: " + ".*" + expected):
        check(book(rule(query=query)))


@pytest.mark.parametrize(
    "field", ["{nothing}", "{path!r}", "{path:>9}", "{path.x}", "{path[0]}", "{}", "{elf_id}", "{path"]
)
def test_a_message_that_cannot_be_filled_in_is_refused(field: str) -> None:
    with pytest.raises(RuleError, match="message: expected"):
        check(book(rule(query=SELECT, message=f"a {field}")))


def test_a_message_may_use_columns_and_what_is_known_of_every_object() -> None:
    message = "{path} {package} {version} {architecture} {source} {machine} {subject} {{literal}}"
    check(book(rule(query=SELECT, message=message)))


def test_checking_leaves_nothing_behind_in_the_database() -> None:
    connection = database()
    for _ in range(2):
        check(book(rule(query=SELECT)), connection)
    assert connection.execute("SELECT count(*) FROM sqlite_temp_master").fetchone() == (0,)
    connection.execute("CREATE TABLE writable (x)")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"references": ()}, "references: expected at least one"),
        ({"examples": (Example("a", ()),)}, "at least one with findings"),
        ({"examples": (Example("a", ("x",)),)}, "at least one near miss"),
        ({"examples": (Example("a", ("x",)), Example("a", ()))}, "each corpus package once"),
        ({"why": "so"}, "why: expected sentences"),
        ({"fix": "do"}, "fix: expected sentences"),
        ({"changes": "luck"}, "changes: expected sentences"),
    ],
)
def test_a_rule_unfit_for_a_maintainer_is_complained_about(changes: dict[str, Any], expected: str) -> None:
    (complaint,) = lint(book(rule(**changes)))
    assert expected in complaint


def test_a_good_rule_is_not_complained_about() -> None:
    assert lint(book(rule())) == ()
