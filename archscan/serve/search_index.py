"""What the search looks in: full-text indices over packages, paths, symbols and findings, in a file of their own.

Nothing is written beside the user's database. The indices hold no text (``content=''``), only where each word stands;
rows are looked up by their id in the tables themselves.

``/`` divides words, so that ``bin/sudo`` is found as two words beside each other and ``sudo`` alone, too; ``_ . - +``
do not, so that ``EVP_md5``, ``libssl.so.3`` and ``g++`` are words.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from archscan.store.database import store_errors

if TYPE_CHECKING:
    from pathlib import Path

# Of a hostile name as long as a book, the beginning is enough to be found by.
_LONGEST = 4096
_TOKENS = """tokenize = "unicode61 remove_diacritics 0 tokenchars '_.-+~'" """


class Index(msgspec.Struct, frozen=True):
    """A full-text index: of which table, by which key, over which columns."""

    name: str
    table: str
    key: str
    columns: tuple[str, ...]


INDICES = (
    Index("package_words", "package", "id", ("name", "source", "maintainer")),
    Index("file_words", "file", "id", ("path",)),
    Index("elf_words", "elf", "id", ("path", "soname")),
    Index("symbol_words", "symbol", "id", ("name",)),
    Index("finding_words", "finding", "id", ("source", "path_key", "subject")),
)
"""What can be searched, each index by the id of its rows."""


def build(database: Path, target: Path) -> None:
    """The indices of ``database``, which nobody changes meanwhile, into the new file ``target``."""
    with store_errors(target), closing(sqlite3.connect(target, uri=True)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("ATTACH ? AS facts", (f"file:{quote(bytes(database))}?immutable=1",))
        for index in INDICES:
            _fill(connection, index)
        connection.commit()


def _fill(connection: sqlite3.Connection, index: Index) -> None:
    columns = ", ".join(index.columns)
    texts = ", ".join(f"substr({column}, 1, {_LONGEST})" for column in index.columns)
    connection.execute(f"CREATE VIRTUAL TABLE {index.name} USING fts5({columns}, content='', {_TOKENS})")
    connection.execute(
        f"INSERT INTO {index.name} (rowid, {columns}) SELECT {index.key}, {texts} FROM facts.{index.table}"
    )


def words(text: str) -> str | None:
    """The text as a question to an index: every word must be there, the last one may go on; None without a word."""
    found = [word for word in text.replace("\0", " ").split() if any(character.isalnum() for character in word)]
    quoted = ['"' + word.replace('"', '""') + '"' for word in found]
    return " ".join(quoted) + "*" if quoted else None
