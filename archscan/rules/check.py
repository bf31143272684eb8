"""Whether the rules of a book can be run, and whether they are fit to be read by a maintainer."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import string
from typing import TYPE_CHECKING

from archscan.errors import QueryError, RuleError
from archscan.rules.sandbox import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.rules.load import Rule, RuleBook

OBJECTS = ("elf_id", "file_id", "package_id")
OVERRIDES = ("severity", "confidence", "fix_where")
STANDARD_FIELDS = ("path", "package", "version", "architecture", "source")

_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
# By query, once it was compiled: every database is of the present schema, and compiling is half of what judging a
# single package costs.
_COMPILED: dict[str, tuple[str, ...]] = {}


def check(book: RuleBook, connection: sqlite3.Connection | None = None) -> dict[str, tuple[str, ...]]:
    """The columns of each rule's query, by rule id, after proving that query and message can be used.

    Compiles against ``connection``, or else against an empty database of the present schema. Raises RuleError.
    """
    if connection is None:
        with contextlib.closing(_empty_database()) as empty:
            return check(book, empty)
    return {rule.id: checked_columns(connection, rule) for rule in book.rules}


def checked_columns(connection: sqlite3.Connection, rule: Rule) -> tuple[str, ...]:
    """The columns of the rule's query. Compiles it, runs nothing. Raises RuleError."""
    columns = _columns(connection, rule)
    for column in columns:
        if not _COLUMN.fullmatch(column):
            raise _wrong(rule, "query", f"expected columns named once and in lower case, not {column!r}")
        if column.endswith("_id") and column not in OBJECTS:
            raise _wrong(rule, "query", f"expected no column {column!r}: ids differ between databases")
    if not set(OBJECTS) & set(columns):
        raise _wrong(rule, "query", f"expected one of the columns {', '.join(OBJECTS)}")
    if "subject" not in columns:
        raise _wrong(rule, "query", "expected a column subject")
    known = {*columns, *STANDARD_FIELDS} - set(OBJECTS)
    for key, template, fields in _templates(rule, known):
        for field in _fields(rule, key, template):
            if field not in fields:
                raise _wrong(rule, key, f"expected {{{field}}} to be one of {', '.join(sorted(fields))}")
    return columns


def lint(book: RuleBook) -> tuple[str, ...]:
    """What keeps rules from being good ones, a line each: no example that hits, none that nearly does, no reference."""
    return tuple(f"{rule.origin}: {complaint}" for rule in book.rules for complaint in _complaints(rule))


def _complaints(rule: Rule) -> Iterator[str]:
    if not rule.references:
        yield "references: expected at least one"
    if not any(example.findings for example in rule.examples):
        yield "example: expected at least one with findings"
    if not any(not example.findings for example in rule.examples):
        yield "example: expected at least one near miss, with findings = []"
    if len({example.corpus for example in rule.examples}) != len(rule.examples):
        yield "example: expected each corpus package once"
    for key, text in (("why", rule.why), ("fix", rule.fix), ("changes", rule.changes)):
        if len(text) < 40 and not (key == "changes" and not text):
            yield f"{key}: expected sentences for the one who must act"


def _empty_database() -> sqlite3.Connection:
    from archscan.store.tables import SCRIPTS

    connection = sqlite3.connect(":memory:")
    connection.executescript("".join(SCRIPTS))
    return connection


def _columns(connection: sqlite3.Connection, rule: Rule) -> tuple[str, ...]:
    if rule.query not in _COMPILED:
        _COMPILED[rule.query] = _compiled(connection, rule)
    return _COMPILED[rule.query]


def _compiled(connection: sqlite3.Connection, rule: Rule) -> tuple[str, ...]:
    try:
        with guarded(connection):
            # EXPLAIN compiles, and so asks the authorizer, but does not run the query.
            connection.execute(f"EXPLAIN SELECT * FROM (\n{rule.query}\n)").close()
        # Only a view tells its columns without being run.
        connection.execute(f"CREATE TEMP VIEW checked_rule AS\n{rule.query}")
        rows = connection.execute("SELECT name FROM pragma_table_info('checked_rule')").fetchall()
        connection.execute("DROP VIEW temp.checked_rule")
    except QueryError as error:
        raise _wrong(rule, "query", str(error)) from error
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _wrong(rule, "query", f"expected one SELECT: {error}") from error
    return tuple(name for (name,) in rows)


def _templates(rule: Rule, columns: set[str]) -> Iterator[tuple[str, str, set[str]]]:
    """Each template of the rule: its key, its text, and the fields it may name."""
    yield "message", rule.message, columns
    evidence = columns - {*STANDARD_FIELDS, *OVERRIDES} | {"path", "subject"}
    for hint in rule.lintian:
        yield "lintian", hint.context, evidence


def _fields(rule: Rule, key: str, template: str) -> Iterator[str]:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise _wrong(rule, key, f"expected a template with {{name}} fields: {error}") from error
    for _, field, form, conversion in parts:
        if field is None:
            continue
        if form or conversion or not _COLUMN.fullmatch(field):
            raise _wrong(rule, key, f"expected plain {{name}} fields, not {{{field}}} with a form or part")
        yield field


def _wrong(rule: Rule, key: str, text: str) -> RuleError:
    return RuleError(f"{rule.origin}: {key}: {text}")
