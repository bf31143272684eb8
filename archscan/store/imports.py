"""Imports: the tables behind the view ``import``, their rows, and the index that a large load does without.

They are nine rows of ten of a database. So a row is three numbers; it lies beside the others of its object, where
writing costs least; and it names its symbol without a foreign key, because looking that up in a table of millions
takes longer than the row itself, and no symbol is ever deleted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from archscan.model import Elf
from archscan.store.rows import insert

if TYPE_CHECKING:
    from sqlite_utils import Database

_BY_SYMBOL = "CREATE INDEX IF NOT EXISTS imported_symbol ON imported (symbol_id)"
_PLACE = "coalesce({0}version, char(0)), coalesce({0}library, char(0))"  # no text of ours holds a NUL
_SAME = f"({_PLACE.format('n.')}) = ({_PLACE.format('{0}')})"
# In one line, as migrations are cut at semicolons that end one.
_TRIGGER = (
    "CREATE TRIGGER import_insert INSTEAD OF INSERT ON import BEGIN "
    "INSERT OR IGNORE INTO node (version, library) VALUES (new.version, new.library); "
    "INSERT OR IGNORE INTO imported SELECT new.elf_id, new.symbol_id, n.id FROM node n "
    f"WHERE {_SAME.format('new.')}; END;"
)

IMPORTS = f"""
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    version TEXT,
    library TEXT
) STRICT;
CREATE UNIQUE INDEX node_place ON node ({_PLACE.format("")});

CREATE TABLE imported (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    symbol_id INTEGER NOT NULL,
    node_id INTEGER NOT NULL,
    PRIMARY KEY (elf_id, symbol_id, node_id)
) STRICT, WITHOUT ROWID;

INSERT INTO node (version, library) SELECT DISTINCT version, library FROM import;
INSERT OR IGNORE INTO imported
SELECT i.elf_id, i.symbol_id, n.id FROM import i JOIN node n ON {_SAME.format("i.")};
DROP TABLE import;
{_BY_SYMBOL};

CREATE VIEW import AS
SELECT i.elf_id, i.symbol_id, n.version, n.library FROM imported i JOIN node n ON n.id = i.node_id;
{_TRIGGER}
"""

_SYMBOL, _VERSION, _NODE = attrgetter("symbol"), attrgetter("version"), attrgetter("version", "library")
_MOST_NAMES = 100_000  # of symbols, remembered twice over: some 40 MB
_LARGE = 100  # packages; fewer are sooner written with the index than without
_LOOKED_AT = 1_000  # rows of each index, for a guess at how many others are alike
_BUSY = 5_000  # milliseconds
_SHARE = 4  # where one of so many packages was written anew, making the index once costs less than keeping it


class _Known:
    """What was met lately: ids by name, and how many packages were written."""

    def __init__(self) -> None:
        self.symbols: dict[str, int] = {}
        self.older: dict[str, int] = {}
        self.nodes: dict[tuple[str | None, str | None], int] = {}
        self.written = 0


_known: WeakKeyDictionary[Database, _Known] = WeakKeyDictionary()


def forget_names(db: Database) -> None:
    """Forget the ids of names: those that were new may have been rolled back."""
    if known := _known.get(db):
        known.symbols.clear()
        known.older.clear()
        known.nodes.clear()


def write_imports(db: Database, numbered: Sequence[tuple[int, Elf]]) -> None:
    """Store what the objects, each with its id, import and export.

    Column by column and for as many objects at once as there are: what is done for each import decides how many
    workers one writer keeps up with. The ids of the objects ascend.
    """
    known = _known.setdefault(db, _Known())
    imports = [line for _, row in numbered for line in row.imports]
    exports = [line for _, row in numbered for line in row.exports]
    symbols = _symbols(db.conn, known, [*map(_SYMBOL, imports), *map(_SYMBOL, exports)])
    nodes = _nodes(db.conn, known, list(map(_NODE, imports)))
    objects = chain.from_iterable(repeat(number, len(row.imports)) for number, row in numbered)
    # In the order of the key, so that each object's rows are added behind those of the last.
    cells = _in_order(list(objects), symbols[: len(imports)], nodes)
    insert(db.conn, "INSERT OR IGNORE INTO imported", ("elf_id", "symbol_id", "node_id"), cells)
    objects = chain.from_iterable(repeat(number, len(row.exports)) for number, row in numbered)
    db.conn.executemany(
        "INSERT INTO export (elf_id, symbol_id, version) VALUES (?, ?, ?)",
        zip(objects, symbols[len(imports) :], map(_VERSION, exports), strict=True),
    )


def _in_order(*columns: list[int]) -> list[int]:
    """The rows of some columns, sorted, as one list of cells."""
    import numpy as np

    arrays = [np.array(column, np.int64) for column in columns]
    cells: list[int] = np.stack(arrays, 1)[np.lexsort(arrays[::-1])].ravel().tolist()
    return cells


def _symbols(conn: sqlite3.Connection, known: _Known, names: Sequence[str]) -> list[int]:
    """The id of each symbol; new names get a row."""
    found = list(map(known.symbols.get, names))  # nearly all of them are there; this is done for each import
    if None in found:
        missing = {name for name, number in zip(names, found, strict=True) if number is None}
        if len(known.symbols) + len(missing) > _MOST_NAMES:  # what is not met again before the next time is forgotten
            known.older, known.symbols = known.symbols, {}
            missing = set(names)
        known.symbols.update(_numbered(conn, known.older, missing))
    return list(map(known.symbols.__getitem__, names))


def _numbered(conn: sqlite3.Connection, older: dict[str, int], names: set[str]) -> dict[str, int]:
    """Name → id of symbols that were not met lately."""
    found = {name: older[name] for name in names if name in older}
    missing = sorted(names - found.keys())
    found |= _stored(conn, missing)
    new = [name for name in missing if name not in found]
    if new:
        first = int(conn.execute("SELECT coalesce(max(id), 0) + 1 FROM symbol").fetchone()[0])
        added = dict(zip(new, range(first, first + len(new)), strict=True))
        conn.executemany("INSERT INTO symbol (name, id) VALUES (?, ?)", added.items())
        found |= added
    return found


def _stored(conn: sqlite3.Connection, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    sql = "SELECT s.name, s.id FROM json_each(?) j CROSS JOIN symbol s ON s.name = j.value"
    return conn.execute(sql, [json.dumps(names)])


def _nodes(conn: sqlite3.Connection, known: _Known, places: Sequence[tuple[str | None, str | None]]) -> list[int]:
    """The id of the node of each version and library; new ones get a row."""
    found = list(map(known.nodes.get, places))
    if None in found:
        if len(known.nodes) > _MOST_NAMES:
            known.nodes.clear()
        for node in set(places) - known.nodes.keys():
            conn.execute("INSERT OR IGNORE INTO node (version, library) VALUES (?, ?)", node)
            sql = "SELECT id FROM node WHERE version IS ? AND library IS ?"
            known.nodes[node] = int(conn.execute(sql, node).fetchone()[0])
    return list(map(known.nodes.__getitem__, places))


def count_written(db: Database, packages: int) -> None:
    """Note that packages were stored. After many of them the index by symbol is dropped until ``settle``.

    Imports of one object name symbols from all over, so that keeping the index takes a page for each of them: it makes
    eight times as much work as the rows.
    """
    known = _known.setdefault(db, _Known())
    before, known.written = known.written // _LARGE, known.written + packages
    if known.written // _LARGE > before:
        stored = int(db.execute("SELECT count(*) FROM package").fetchone()[0])
        if known.written * _SHARE >= stored:
            db.execute("DROP INDEX IF EXISTS imported_symbol")


def settle(db: Database, *, hurry: bool) -> None:
    """Leave the database as readers want it: with all its indices, known to the planner, and without a log.

    An index that a large load left out, in this process or in one that was killed, is made; not in a ``hurry``: then
    the next scan does it. Other processes that read meanwhile may keep the log from being cut; the next one cuts it.
    """
    if not hurry:
        with db.conn:
            db.execute(_BY_SYMBOL)
        db.execute(f"PRAGMA analysis_limit = {_LOOKED_AT}")
        db.execute("PRAGMA optimize")
    db.execute("PRAGMA busy_timeout = 0")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute(f"PRAGMA busy_timeout = {_BUSY}")
