"""Every table, view and column says what it holds, and nothing is said of what does not exist."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from archscan.errors import ArchscanError
from archscan.serve.layout import columns
from archscan.serve.words import words
from archscan.store.schema import migrate

DOCS = Path(__file__).parents[2] / "docs"
SAID = words(DOCS)
MACHINERY = {"_sqlite_migrations"}


@pytest.fixture(scope="module")
def known() -> dict[str, list[str]]:
    database = Database(memory=True)
    migrate(database)
    assert isinstance(database.conn, sqlite3.Connection)
    found = columns(database.conn)
    database.close()
    return found


def test_every_table_and_column_has_its_sentence(known: dict[str, list[str]]) -> None:
    lacking = [table for table in known if table not in SAID.tables and table not in MACHINERY]
    lacking += [
        f"{table}.{name}"
        for table, names in known.items()
        for name in names
        if not SAID.column(table, name) and table not in MACHINERY
    ]
    assert not lacking


def test_nothing_is_described_that_does_not_exist(known: dict[str, list[str]]) -> None:
    assert set(SAID.columns) <= set(known)
    for table, sentences in SAID.columns.items():
        assert set(sentences) <= set(known[table]), table
    assert set(SAID.everywhere) <= {name for names in known.values() for name in names}


def test_sentences_are_plain_text() -> None:
    sentences = [*SAID.tables.values(), *SAID.everywhere.values()]
    sentences += [text for of_table in SAID.columns.values() for text in of_table.values()]
    assert not [text for text in sentences if set("`[]") & set(text)]
    assert SAID.tables["finding"].startswith("what a rule says of a source package")
    assert SAID.column("rule", "id") == "the name of the rule"
    assert SAID.column("needed", "elf_id") == "the ELF object"


def test_a_folder_without_documents_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ArchscanError, match="not installed whole"):
        words(tmp_path)
