"""How the database is shown, read from ``reports/serve/tables.toml``, and that as Datasette's metadata."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import ArchscanError
from archscan.serve.saved import canned
from archscan.serve.state import NAME

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from archscan.reports.queries import Question
    from archscan.serve.words import Words


class First(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tables and views that a visitor should see first, and those that are of no use to most."""

    tables: tuple[str, ...]
    hidden: tuple[str, ...]


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``tables.toml`` says; each key is explained there."""

    facets: dict[str, tuple[str, ...]]
    labels: dict[str, str]
    search: dict[str, tuple[str, str]]
    first: First
    groups: dict[str, tuple[str, ...]]


def layout(path: Path) -> Layout:
    """The layout in a file. Raises ArchscanError that names the file and what is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Layout)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise ArchscanError(f"{path}: {error}") from error


def columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of each table and view."""
    sql = """
    SELECT m.name, t.name FROM sqlite_master m JOIN pragma_table_info(m.name) t
    WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, t.cid
    """
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(sql):
        found.setdefault(table, []).append(column)
    return found


def address(name: str, tables: Mapping[str, object]) -> str:
    """What a question is called in addresses: where a table has its name, the table keeps it."""
    return f"{name}-question" if name in tables else name


def metadata(
    known: Mapping[str, list[str]], said: Words, look: Layout, questions: Mapping[str, Question], title: str
) -> dict[str, Any]:
    """Datasette's metadata for a database with the ``known`` columns of tables and views."""
    return {
        "title": title,
        "databases": {
            NAME: {
                "title": title,
                "tables": {table: _table(table, names, said, look) for table, names in known.items()},
                "queries": {address(name, known): canned(question) for name, question in questions.items()},
            }
        },
    }


def _table(table: str, names: list[str], said: Words, look: Layout) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": said.tables.get(table, ""),
        "columns": {name: text for name in names if (text := said.column(table, name))},
        "facets": list(look.facets.get(table, ())),
    }
    if table in look.labels:
        found["label_column"] = look.labels[table]
    if table in look.first.hidden:
        found["hidden"] = True
    if table in look.search:
        found["fts_table"], found["fts_pk"] = look.search[table]
    return found
