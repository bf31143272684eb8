"""Questions to the database: saved ones (``reports/*.sql``) and free SQL, both read-only and limited in time."""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from archscan.errors import QueryError
from archscan.model.version import module_key, version_key
from archscan.rules.sandbox import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Cell = str | int | float | bytes | None

_LONGEST_VERSION = 1_000

_FIELD = re.compile(r"--\s*(?P<field>[a-z]+)(?:\s+(?P<name>\w+)(?:=(?P<default>.*?))?)?:\s*(?P<text>.+?)\s*$")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PLACE = re.compile(r"(?<![\w:]):([A-Za-z_]\w*)")


class Parameter(msgspec.Struct, frozen=True):
    """A value that a saved question asks for. Without a default it must be given."""

    name: str
    default: str | None
    text: str


class Question(msgspec.Struct, frozen=True):
    """A saved question: its name is that of its file."""

    name: str
    title: str
    why: str
    parameters: tuple[Parameter, ...]
    sql: str


class Answer(msgspec.Struct, frozen=True):
    """The columns of an answer, each name once, and its rows, which are read as they are asked for."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Cell, ...]]


def load(directories: Sequence[Path]) -> dict[str, Question]:
    """Every saved question by name, sorted; a later directory replaces questions of an earlier one.

    Raises QueryError that names the file, the key and what was expected.
    """
    files = {path.stem: path for directory in directories for path in sorted(directory.glob("*.sql"))}
    return {name: parsed(name, path, _read(path)) for name, path in sorted(files.items())}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{path}: cannot be read: {error}") from error


def parsed(name: str, path: Path, text: str) -> Question:
    """The question in the text of a file; errors as in ``load``, ``path`` only names the file in them."""
    header, sql = _split(text)
    fields: dict[str, str] = {}
    parameters: list[Parameter] = []
    for line in header:
        match = _FIELD.match(line)
        if match is None or (match["name"] is not None) != (match["field"] == "param"):
            raise QueryError(f"{path}: {line!r}: expected `-- title: …`, `-- why: …` or `-- param NAME[=default]: …`")
        if match["field"] == "param":
            parameters.append(Parameter(match["name"], match["default"], match["text"]))
        elif match["field"] in {"title", "why"} and match["field"] not in fields:
            fields[match["field"]] = match["text"]
        else:
            raise QueryError(f"{path}: {match['field']}: expected title and why once each, and param")
    _check(path, fields, parameters, sql)
    return Question(name, fields["title"], fields["why"], tuple(parameters), sql)


def _split(text: str) -> tuple[list[str], str]:
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:end], "\n".join(lines[end:]).strip().removesuffix(";")


def _check(path: Path, fields: Mapping[str, str], parameters: Sequence[Parameter], sql: str) -> None:
    for key in ("title", "why"):
        if key not in fields:
            raise QueryError(f"{path}: {key}: missing; expected a line `-- {key}: …` at the top")
    declared = [parameter.name for parameter in parameters]
    used = set(_PLACE.findall(_QUOTED.sub(" ", sql)))
    wrong = sorted({name for name in declared if declared.count(name) > 1} | (set(declared) ^ used))
    if wrong:
        raise QueryError(f"{path}: param {wrong[0]}: expected each :parameter of the query declared once, and used")
    if not sql:
        raise QueryError(f"{path}: expected a SELECT after the header")


def bound(question: Question, given: Mapping[str, str]) -> dict[str, str | int]:
    """The values for a saved question: what was given, else the defaults.

    Raises QueryError for a parameter that is missing, unknown, or not a whole number where one is expected.
    """
    known = {parameter.name: parameter for parameter in question.parameters}
    for name in given:
        if name not in known:
            expected = ", ".join(known) or "none"
            raise QueryError(f"query {question.name}: no parameter {name!r}; expected: {expected}")
    values: dict[str, str | int] = {}
    for parameter in question.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            raise QueryError(
                f"query {question.name}: give -p {parameter.name}=VALUE ({parameter.text})",
            )
        numeric = parameter.default is not None and parameter.default.isdecimal()
        if numeric and not re.fullmatch("[0-9]{1,18}", value):
            raise QueryError(f"query {question.name}: {parameter.name}: expected a whole number, got {value!r}")
        values[parameter.name] = int(value) if numeric else value
    return values


@contextmanager
def run(
    connection: sqlite3.Connection,
    question: Question,
    given: Mapping[str, str],
    seconds: float = 60.0,
) -> Iterator[Answer]:
    """The answer to a saved question, to be read inside the ``with``; errors as in ``ask``."""
    with ask(connection, question.sql, bound(question, given), seconds, name=f"query {question.name}") as answer:
        yield answer


@contextmanager
def ask(
    connection: sqlite3.Connection,
    sql: str,
    values: Mapping[str, str | int],
    seconds: float = 60.0,
    *,
    name: str = "--sql",
) -> Iterator[Answer]:
    """The answer to one SELECT, to be read inside the ``with``.

    Raises QueryError, in one line, for SQL that is wrong, wants to write, or runs longer than ``seconds``.
    """
    # SQLite makes these table functions at their first use in a connection, which the guard would take for writing.
    connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    add_functions(connection)
    try:
        with guarded(connection, seconds):
            cursor = _selected(connection, sql, values)
            yield Answer(_unique([column[0] for column in cursor.description]), cursor)
    except QueryError as error:
        raise QueryError(f"{name}: {error}") from error
    except (sqlite3.Error, sqlite3.Warning) as error:
        old = name != "--sql" and "no such" in str(error)
        hint = "; did an older archscan write the database? `archscan rules apply` brings it up to date" if old else ""
        raise QueryError(f"{name}: {_plain(error)}{hint}") from error


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that questions may call: ``version_key`` and ``module_key``."""
    for function in (version_key, module_key):
        connection.create_function(function.__name__, 1, partial(_key, function), deterministic=True)


def _key(function: Callable[[str], str], version: Cell) -> str | None:
    return function(str(version)[:_LONGEST_VERSION]) if version is not None else None


def _selected(connection: sqlite3.Connection, sql: str, values: Mapping[str, str | int]) -> sqlite3.Cursor:
    cursor = connection.execute(sql, dict(values))
    if cursor.description is None:  # an empty text or a comment
        raise QueryError("expected one SELECT")
    return cursor


def _plain(error: Exception) -> str:
    text = str(error)
    if "one statement" in text:
        return "expected one SELECT, got several statements"
    if "did not supply a value" in text or "no such parameter" in text:
        return "give each :parameter a value with -p NAME=VALUE"
    return text.replace("\n", " ")


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    # `SELECT a.id, b.id` gives `id` twice, which would lose a value in JSON.
    result: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in result:
            number += 1
            candidate = f"{name}_{number}"
        result.append(candidate)
    return tuple(result)
