"""Which distribution and release each package belongs to, and so which promises were in force when it was built."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from archscan.errors import UsageError
from archscan.rules.expectations import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from archscan.rules.expectations import Distribution, Release

Named = tuple[str, str]
"""A distribution and one of its releases, by name."""

_FILL = """
INSERT INTO expectation (feature, distribution, release, architecture, language, kind, since, until, value, level,
                         fix_where, source, machine)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ASSIGN = """
INSERT INTO package_release (package_id, distribution, release, said, toolchain, horizon) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (package_id) DO UPDATE SET
    distribution = excluded.distribution, release = excluded.release, said = excluded.said,
    toolchain = excluded.toolchain, horizon = excluded.horizon
"""
_PACKAGES = """
SELECT p.id, p.version, substr(p.built, 1, 10), r.distribution, r.release, r.said,
       (SELECT json_group_array(DISTINCT coalesce(i.origin || char(10), '') || b.suite) FROM publication b
        LEFT JOIN archive_index i ON i.id = b.index_id WHERE b.package_id = p.id){fields}
FROM {tables} LEFT JOIN package_release r ON r.package_id = p.id
"""


def named(distributions: Sequence[Distribution], text: str) -> Named:
    """The release that ``text`` names, such as ``debian/trixie``. Raises UsageError for any that is not known."""
    known = [f"{one.name}/{release.name}" for one in distributions for release in one.releases]
    if text not in known:
        raise UsageError(f"--release {text}: expected one of {', '.join(known)}")
    distribution, _, release = text.partition("/")
    return distribution, release


def settle(
    connection: sqlite3.Connection,
    distributions: Sequence[Distribution],
    digest: str,
    *,
    whole: bool,
    release: Named | None = None,
) -> None:
    """Make the tables say what the files say, and place the packages: the unjudged, or with ``whole`` all of them.

    ``release`` is said to be that of every package of its distribution.
    """
    if not settled(connection, digest):
        connection.execute("DELETE FROM expectation")
        connection.executemany(_FILL, (row for one in distributions for row in rows(one)))
        connection.execute("INSERT OR REPLACE INTO setting VALUES ('expectations', ?)", (digest,))
    _assign(connection, distributions, whole=whole)
    if release:
        connection.execute(
            "UPDATE package_release SET release = ?, said = 'given' WHERE distribution = ?", (release[1], release[0])
        )
        _assign(connection, distributions, whole=True)


def settled(connection: sqlite3.Connection, digest: str) -> bool:
    """Whether the table ``expectation`` was filled from the files of that digest."""
    row = connection.execute("SELECT value FROM setting WHERE name = 'expectations'").fetchone()
    return (row[0] if row else "") == digest


def _assign(connection: sqlite3.Connection, distributions: Sequence[Distribution], *, whole: bool) -> None:
    fields = sorted({name for one in distributions for name in one.fields})
    tables = "package p" if whole else "unjudged u CROSS JOIN package p ON p.id = u.package_id"
    columns = "".join(f", json_extract(p.control, ?{number})" for number in range(1, len(fields) + 1))
    found = connection.execute(
        _PACKAGES.format(fields=columns, tables=tables), [f'$."{name}"' for name in fields]
    ).fetchall()
    connection.executemany(_ASSIGN, _placed(found, fields, distributions))


def _placed(
    packages: Iterable[Sequence[str | None]], fields: Sequence[str], distributions: Sequence[Distribution]
) -> Iterator[tuple[object, ...]]:
    by_name = {(one.name, release.name): release for one in distributions for release in one.releases}
    for package, version, built, distribution, release, said, suites, *values in packages:
        place = (distribution, release, said or "")
        if said != "given":
            known = dict(zip(fields, values, strict=True))
            place = recognised(distributions, version or "", known, suites or "[]")
        closed = _closed(by_name.get((place[0] or "", place[1] or "")))
        toolchain = min(built, closed) if built and closed else built
        yield package, *place, toolchain, closed


def _closed(release: Release | None) -> str | None:
    return release.closed.isoformat() if release and release.closed else None


def recognised(
    distributions: Sequence[Distribution], version: str, fields: Mapping[str, str | None], suites: str
) -> tuple[str | None, str | None, str]:
    """The distribution and release of a package, and what said so: the word of ``package_release.said``.

    ``fields`` are those of the control file, ``suites`` a JSON array of the names under which it was published; before
    each may stand the archive's origin and a line end.
    """
    places = [(origin, suite) for origin, _, suite in (text.rpartition("\n") for text in json.loads(suites))]
    for one in distributions:
        for release in reversed(one.releases):
            if any(_is_of(one, origin, distributions) and _is_pocket(suite, release.name) for origin, suite in places):
                return one.name, release.name, "publication"
    distribution, said = _distribution(distributions, version, fields)
    if distribution is None:
        return None, None, said
    for mark in distribution.release_marks:
        match = re.search(mark, version)
        for release in distribution.releases if match else ():
            if match and release.version == match[1]:
                return distribution.name, release.name, "version"
    return distribution.name, None, said


def _is_of(distribution: Distribution, origin: str, distributions: Sequence[Distribution]) -> bool:
    """Whether an archive of that origin, such as ``Debian Backports``, may publish the distribution's packages.

    One that is none of them, such as somebody's own, goes by the names of its suites.
    """
    word = re.split("[^a-z]", origin.lower())[0]
    return word == distribution.name or word not in {one.name for one in distributions}


def _is_pocket(suite: str, release: str) -> bool:
    """Whether a suite is the release or a part of it: ``bookworm``, ``bookworm-updates``, ``stretch/updates``."""
    return re.match(rf"{re.escape(release)}(?:[-/]|$)", suite) is not None


def _distribution(
    distributions: Sequence[Distribution], version: str, fields: Mapping[str, str | None]
) -> tuple[Distribution | None, str]:
    for one in distributions:
        if any(re.search(pattern, version) for pattern in one.versions):
            return one, "version"
    for one in distributions:
        if any(re.search(pattern, fields.get(name) or "") for name, pattern in one.fields.items()):
            return one, "field"
    return next((one for one in distributions if one.fallback), None), "default"
