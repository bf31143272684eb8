"""What part of a database a report is about: packages by name or source, findings by severity, or the new ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import NoTargetError
from archscan.model import Severity

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

# A view in the place of a table has no index to insist on.
_HINT = re.compile(r"\bINDEXED BY \w+")
# Tables of which a part is shown, and what ties their rows to a package.
_OF_PACKAGE = {"package": "id", "elf": "package_id", "file": "package_id", "problem": "package_id"}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Names are patterns as SQLite's GLOB has them; several of a kind are alternatives, kinds are joined by *and*."""

    sources: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    severity: Severity | None = None  # and worse
    new: bool = False  # first seen in the last scan

    @property
    def by_name(self) -> bool:
        """Whether it leaves packages out."""
        return bool(self.sources or self.packages)

    def words(self) -> str:
        """The selection as people read it; empty where nothing is left out."""
        parts = {"source": self.sources, "package": self.packages}
        said = [f"{kind} {' or '.join(names)}" for kind, names in parts.items() if names]
        said += [f"findings of severity {self.severity} and above"] if self.severity else []
        return ", ".join([*said, *(["findings that are new"] if self.new else [])])

    def described(self) -> dict[str, Any]:
        """The selection as reports state it."""
        return {
            "sources": list(self.sources),
            "packages": list(self.packages),
            "severity": None if self.severity is None else str(self.severity),
            "new": self.new,
        }


def narrow(connection: sqlite3.Connection, selection: Selection) -> None:
    """Make the connection show only what is selected, to every query that names tables and views without a schema.

    Temporary views stand before the tables, and the database's own views are made anew on top of them; the file stays
    as it is. Raises NoTargetError where no package has such a name.
    """
    if selection == Selection():
        return
    if selection.by_name:
        _choose(connection, selection)
    for statement in _views(connection, selection):
        connection.execute(statement)


def _choose(connection: sqlite3.Connection, selection: Selection) -> None:
    connection.execute("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
    kinds = {"coalesce(source, name)": selection.sources, "name": selection.packages}
    wanted = [
        "(" + " OR ".join([f"{column} GLOB ?"] * len(patterns)) + ")" for column, patterns in kinds.items() if patterns
    ]
    values = (*selection.sources, *selection.packages)
    sql = f"INSERT INTO temp.chosen SELECT id FROM main.package WHERE {' AND '.join(wanted)}"
    if connection.execute(sql, values).rowcount == 0:
        named = ", ".join(repr(name) for name in values)
        raise NoTargetError(f"no package in the database matches {named}")


def _views(connection: sqlite3.Connection, selection: Selection) -> Iterator[str]:
    own = connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'view'").fetchall()
    for name, sql in own:
        if name != "current_package":  # the newest of all packages, and then the chosen ones among these
            own_sql = sql.replace("CREATE VIEW", "CREATE TEMP VIEW", 1)
            yield _HINT.sub("", own_sql) if selection.by_name else own_sql
    among = "IN (SELECT id FROM temp.chosen)" if selection.by_name else "IS NOT NULL"
    yield f"CREATE TEMP VIEW current_package AS SELECT * FROM main.current_package WHERE id {among}"
    if selection.by_name:
        for table, column in _OF_PACKAGE.items():
            yield f"CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} WHERE {column} {among}"
    words = list(Severity)
    worse = words[words.index(selection.severity) :] if selection.severity else words
    severities = ", ".join(f"'{word}'" for word in worse)
    yield f"""CREATE TEMP VIEW occurrence AS SELECT * FROM main.occurrence
              WHERE severity IN ({severities}) AND package_id {among}"""
    since = "first_scan = (SELECT max(id) FROM main.scan)" if selection.new else "true"
    yield f"""CREATE TEMP VIEW finding AS SELECT * FROM main.finding WHERE {since} AND id IN (
              SELECT o.finding_id FROM temp.occurrence o JOIN temp.current_package p ON p.id = o.package_id
              WHERE o.unchecked = 0)"""
