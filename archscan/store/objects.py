"""ELF objects into the database: their rows, and all that hangs on them, of as many at once as there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from archscan.model import CryptoUse, Elf
from archscan.store.imports import write_imports
from archscan.store.rows import insert

if TYPE_CHECKING:
    from sqlite_utils import Database

_ELSEWHERE = ("file_path", "needed", "imports", "exports", "components", "crypto", "calls", "lines")
_COLUMNS = tuple(name for name in Elf.__struct_fields__ if name not in _ELSEWHERE)
_OF_ELF = attrgetter(*_COLUMNS)
_OF_CALL = ("address", "function", "library", "symbol", "outcome", "value", "reason")
_CALL = attrgetter(*_OF_CALL)

Waiting = tuple[int, Mapping[str, int], Sequence[Elf]]
"""The id of a package, the ids of its files by path, and its objects."""


def write_objects(db: Database, waiting: Sequence[Waiting]) -> None:
    """Store the objects of some packages, which have none yet."""
    if not any(objects for *_, objects in waiting):
        return
    conn = db.conn
    first = next_id(conn, "elf")
    found = [(package, files, row) for package, files, objects in waiting for row in objects]
    _insert(
        conn, "elf", ("id", "package_id", "file_id", *_COLUMNS),
        (
            (number, package, files.get(row.file_path), *map(_value, _OF_ELF(row)))
            for number, (package, files, row) in enumerate(found, first)
        ),
    )  # fmt: skip
    numbered = list(enumerate((row for *_, row in found), first))
    _insert(
        conn, "needed", ("elf_id", "position", "soname"),
        ((number, position, name) for number, row in numbered for position, name in enumerate(row.needed)),
    )  # fmt: skip
    _insert(
        conn, "component", ("elf_id", "ecosystem", "name", "version", "evidence"),
        ((number, *msgspec.structs.astuple(line)) for number, row in numbered for line in row.components),
    )  # fmt: skip
    _insert(
        conn, "own_line", ("elf_id", "address", "file", "line"),
        ((number, line.address, line.file, line.line) for number, row in numbered for line in row.lines),
    )  # fmt: skip
    _write_uses(conn, numbered)
    write_imports(db, numbered)


def _write_uses(conn: sqlite3.Connection, numbered: Sequence[tuple[int, Elf]]) -> None:
    """The calls of catalogued functions, and the uses that they and the imports show."""
    calls = list(
        enumerate(((elf_id, call) for elf_id, row in numbered for call in row.calls), next_id(conn, "call_site"))
    )
    _insert(
        conn, "call_site", ("id", "elf_id", *_OF_CALL),
        ((number, elf_id, *map(_value, _CALL(call))) for number, (elf_id, call) in calls),
    )  # fmt: skip
    uses: list[tuple[int, int | None, CryptoUse]] = [
        (elf_id, None, use) for elf_id, row in numbered for use in row.crypto
    ]
    uses += [(elf_id, number, use) for number, (elf_id, call) in calls for use in call.uses]
    _insert(
        conn, "crypto_use", ("elf_id", "call_site_id", *CryptoUse.__struct_fields__),
        ((elf_id, site, *map(_value, msgspec.structs.astuple(use))) for elf_id, site, use in uses),
    )  # fmt: skip


def _insert(conn: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    insert(conn, f"INSERT INTO {table}", columns, list(chain.from_iterable(rows)))


def _value(value: object) -> object:
    """A value as SQLite takes it: words and numbers as they are, reasons as JSON."""
    if isinstance(value, dict):
        return msgspec.json.encode(value, order="deterministic").decode()
    return str(value) if isinstance(value, str) else value


def next_id(conn: sqlite3.Connection, table: str) -> int:
    """The id that the next row of a table gets; safe, as nobody else writes."""
    return int(conn.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0])
