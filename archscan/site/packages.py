"""Current packages with their places in the archive, by source package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3

SEVERITIES = ("critical", "high", "medium", "low", "negligible")
"""The worst first; a tally has a number for each."""

_PACKAGES = """
SELECT p.id, p.name, p.version, p.architecture, p.status, coalesce(p.source, p.name), p.maintainer,
       json_extract(p.control, '$.Task')
FROM current_package p ORDER BY p.name, p.version_key, p.architecture, p.id
"""
_PLACES = """
SELECT package_id, suite, component FROM publication
WHERE standing = 'current' AND package_id IS NOT NULL GROUP BY 1, 2, 3
"""
_MAINTAINERS = "SELECT name, max(maintainer) FROM source_package WHERE maintainer <> '' GROUP BY name"

Place = tuple[str, str]
"""Suite and component."""


class Package(msgspec.Struct):
    """A current binary package."""

    name: str
    version: str
    architecture: str
    status: str
    places: tuple[Place, ...]


class Source(msgspec.Struct):
    """A source package with its current binaries; tallies have a number for each severity."""

    name: str
    maintainer: str
    packages: list[Package] = []
    open: list[int] = []
    decided: int = 0
    overridden: int = 0
    score: int = 0

    @property
    def places(self) -> set[Place]:
        """Where its binaries are."""
        return {place for package in self.packages for place in package.places}

    @property
    def rank(self) -> tuple[int, ...]:
        """What sorts the worst first."""
        return (-self.score, *(-number for number in self.open))

    @property
    def has_findings(self) -> bool:
        """Whether it has any, also such as need no look."""
        return bool(self.total or self.decided or self.overridden)

    @property
    def total(self) -> int:
        """Its open findings that nobody has decided about."""
        return sum(self.open)


class Current(msgspec.Struct):
    """All current packages: sources by name, and of each package by its id where it is published."""

    sources: dict[str, Source]
    places: dict[int, tuple[Place, ...]]
    tasks: dict[str, set[str]]  # task → binary packages


def current(connection: sqlite3.Connection) -> Current:
    """The current packages of the database."""
    published: dict[int, tuple[Place, ...]] = {}
    for package_id, suite, component in connection.execute(_PLACES):
        published[package_id] = (*published.get(package_id, ()), (suite, component))
    told = dict(connection.execute(_MAINTAINERS).fetchall())
    found = Current({}, {}, {})
    for package_id, name, version, architecture, status, source, maintainer, tasks in connection.execute(_PACKAGES):
        places = found.places[package_id] = published.get(package_id, ())
        one = found.sources.get(source)
        if one is None:
            one = found.sources[source] = Source(source, told.get(source) or "", open=[0] * len(SEVERITIES))
        if not one.maintainer and maintainer:
            one.maintainer = maintainer
        one.packages.append(Package(name, version or "", architecture or "", status, places))
        for task in _tasks(tasks):
            found.tasks.setdefault(task, set()).add(name)
    return found


def _tasks(field: object) -> list[str]:
    if not isinstance(field, str):
        return []
    return [task for task in (word.strip() for word in field.split(",")) if task]


def as_json(value: object) -> str:
    """Compact JSON in ASCII, of which no part can be taken for markup."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
