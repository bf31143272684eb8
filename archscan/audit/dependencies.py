"""Dependencies outside main: what the binaries need, held against indices of packages."""

from __future__ import annotations

import gzip
import json
import lzma
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from archscan.audit.answer import Answer, Result, Table
from archscan.audit.results import answered
from archscan.audit.subject import Known, Subject
from archscan.errors import UsageError

FIELDS = ("Pre-Depends", "Depends", "Recommends")
_SUPPORTED = ("main", "restricted")
_LARGEST = 1 << 30  # bytes of an index, unpacked
_RELATION = re.compile(r"\s*([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(.*\))?\s*(?:\[.*\])?\s*", re.IGNORECASE)
_COLUMNS = ("package", "field", "dependency", "component")
# As an index of Ubuntu says it: universe/net; where nothing stands in front, it is main. Debian's indices do not say.
_COMPONENT = re.compile(r"(?:(\w[\w-]*)/)?[\w-]+")

Components = Mapping[str, str]
"""Name of a package, or of what one provides → component; main where several have it."""


def of_indices(paths: Iterable[Path]) -> Components:
    """The components of the packages that Packages files name, plain or compressed with gzip or xz.

    The component is that of the section (universe/net), else the folder of the file's name as apt keeps lists
    (…_dists_noble_universe_binary-amd64_Packages), else main. Raises UsageError for what cannot be read.
    """
    found: dict[str, str] = {}
    for path in paths:
        by_name = re.search(
            r"(?:^|[_/])(main|restricted|universe|multiverse|contrib|non-free(?:-firmware)?)[_/]binary-", str(path)
        )
        for stanza in _stanzas(path):
            section = _COMPONENT.fullmatch(stanza.get("section", "")) if "/" in stanza.get("section", "") else None
            component = section[1] if section else by_name[1] if by_name else "main"
            provided = [name.split("(")[0].strip() for name in stanza.get("provides", "").split(",")]
            for name in filter(None, [stanza.get("package", ""), *provided]):
                if found.get(name) not in _SUPPORTED:
                    found[name] = component
    return found


def _stanzas(path: Path) -> Iterator[Mapping[str, str]]:
    openers = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, "rt", encoding="utf-8", errors="replace") as lines:  # type: ignore[operator]
            stanza: dict[str, str] = {}
            read = 0
            for line in lines:
                read += len(line)
                if read > _LARGEST:
                    raise UsageError(f"--index {path}: larger than {_LARGEST >> 20} MiB")
                name, colon, value = line.partition(":")
                if colon and not line[0].isspace():
                    stanza[name.lower()] = value.strip()
                elif not line.strip() and stanza:
                    yield stanza
                    stanza = {}
            if stanza:
                yield stanza
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise UsageError(f"--index {path}: cannot be read: {error}") from error


def of_database(connection: sqlite3.Connection) -> Components:
    """The components of the packages that the indices of the database name; empty where it has none."""
    sql = "SELECT name, component FROM publication WHERE standing = 'current' AND component IS NOT NULL"
    found: dict[str, str] = {}
    for name, component in connection.execute(sql):
        if found.get(name) not in _SUPPORTED:
            found[name] = component
    return found


def dependencies(connection: sqlite3.Connection, subject: Subject, components: Components) -> Result:
    """Dependencies of which no alternative is in main or restricted, nor built by the same source."""
    if not components:
        said = "not decidable here: no index says which component a dependency is in; give Packages files with --index"
        return answered("dependencies", Answer.UNDECIDED, said, Table(columns=_COLUMNS[1:], rows=(), total=0))
    own = {one.name for one in subject.packages}
    rows: list[tuple[str, ...]] = []
    asked = 0
    for package in subject.packages:
        for field, alternatives in _relations(connection, package):
            asked += 1
            first = alternatives[0]
            if first in own or components.get(first) in _SUPPORTED:
                continue  # of alternatives, the preferred one has to be in main
            where = components.get(first, "in no index")
            rows.append((package.name, field, " | ".join(alternatives), where))
    single = len(subject.packages) == 1
    table = Table(columns=_COLUMNS[single:], rows=tuple(row[single:] for row in rows), total=len(rows))
    if rows:
        return answered("dependencies", Answer.YES, "yes", table)
    return answered("dependencies", Answer.NONE, f"none of {asked} Pre-Depends, Depends and Recommends", table)


def _relations(connection: sqlite3.Connection, package: Known) -> Iterator[tuple[str, list[str]]]:
    (control,) = connection.execute("SELECT control FROM package WHERE id = ?", (package.id,)).fetchone()
    fields = json.loads(control or "{}")
    for field in FIELDS:
        for relation in str(fields.get(field, "")).split(","):
            names = [match[1] for one in relation.split("|") if (match := _RELATION.fullmatch(one))]
            if names:
                yield field, names
