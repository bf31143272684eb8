"""What files say into the database: their rows, and all that hangs on them."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from archscan.model import Contents, CryptoUse, FileFacts
from archscan.store.rows import insert

_USE = CryptoUse.__struct_fields__
# kind of fact → table and its columns behind the file's id and the position
_LISTS = {
    "directives": ("directive", ("line", "section", "name", "value")),
    "profiles": ("profile", ("kind", "name", "attachment", "mode", "line")),
    "commands": ("script_call", ("line", "what", "name", "text")),
    "endpoints": ("endpoint", ("line", "url")),
    "keys": ("key_material", ("line", "kind", "detail")),
}
_SERVICE = ("name", "kind", "scope", "user", "grp", "dynamic", "schedule", "activates", "line")
_SCRIPT = ("name", "interpreter", "lines", "own_lines", "tools", "sha256", "own_sha256", "own")


def last_said(facts: Iterable[FileFacts]) -> Mapping[str, FileFacts]:
    """The facts by path: where a tar archive names one twice, the last wins (dpkg)."""
    return {one.path: one for one in facts}


def write_file_facts(
    conn: sqlite3.Connection, package_id: int, files: Mapping[str, int], facts: Mapping[str, FileFacts]
) -> None:
    """Store what the files of a package say; ``files`` are the ids of their rows by path."""
    found = [(files[path], one) for path, one in facts.items() if path in files]
    for field, (table, columns) in _LISTS.items():
        rows = _positioned((file_id, getattr(one, field)) for file_id, one in found)
        _insert(conn, table, ("file_id", "position", *columns), rows)
    uses = ((file_id, *map(_plain, msgspec.structs.astuple(use))) for file_id, one in found for use in one.uses)
    _insert(conn, "crypto_use", ("file_id", *_USE), uses)
    scripts = (
        (file_id, package_id, *(_plain(value) for value in msgspec.structs.astuple(one.script)))
        for file_id, one in found
        if one.script
    )
    _insert(conn, "maintainer_script", ("file_id", "package_id", *_SCRIPT), scripts)
    _write_services(conn, package_id, found)


def _write_services(conn: sqlite3.Connection, package_id: int, found: Sequence[tuple[int, FileFacts]]) -> None:
    services = [(file_id, service) for file_id, one in found for service in one.services]
    if not services:
        return
    first = int(conn.execute("SELECT coalesce(max(id), 0) + 1 FROM service").fetchone()[0])
    numbered = list(enumerate((service for _, service in services), first))
    _insert(
        conn, "service", ("id", "package_id", "file_id", *_SERVICE),
        ((first + number, package_id, file_id, *map(_plain, msgspec.structs.astuple(service)[: len(_SERVICE)]))
         for number, (file_id, service) in enumerate(services)),
    )  # fmt: skip
    programs = _positioned((number, service.programs) for number, service in numbered)
    _insert(conn, "service_program", ("service_id", "position", "directive", "path", "arguments", "flags"), programs)
    listens = _positioned((number, service.listens) for number, service in numbered)
    _insert(conn, "listener", ("service_id", "position", "kind", "family", "address", "port"), listens)


def write_contents(conn: sqlite3.Connection, package_id: int, contents: Contents | None) -> None:
    """Store the list of a package's paths, sorted and packed."""
    if contents is not None:
        packed = zlib.compress("\n".join(sorted(contents.paths)).encode(), 6)
        conn.execute("INSERT INTO contents VALUES (?, ?, ?)", (package_id, contents.members, packed))


def _positioned(lists: Iterable[tuple[int, Sequence[msgspec.Struct]]]) -> Iterator[tuple[object, ...]]:
    for owner, rows in lists:
        for position, row in enumerate(rows):
            yield (owner, position, *msgspec.structs.astuple(row))


def _insert(conn: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    insert(conn, f"INSERT INTO {table}", columns, [cell for row in rows for cell in row])


def _plain(value: object) -> object:
    """A value as SQLite takes it: words of vocabularies as text, lists as JSON."""
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, str) else value
