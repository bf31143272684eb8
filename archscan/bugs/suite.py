"""The development suite: where bugs are reported against, and which version of each source package it has now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from archscan.errors import UsageError
from archscan.model.version import version_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from archscan.rules.expectations import Distribution

# What archives call the suite beside the name of its release.
_ALIASES = {"unstable": "sid", "devel": ""}
_BINARY_REBUILD = re.compile(r"\+b[0-9]+$")

_PLACES = """
SELECT coalesce(b.source, p.source, b.name), coalesce(b.source_version, p.source_version), b.version
FROM publication b LEFT JOIN package p ON p.id = b.package_id
WHERE b.suite = :suite AND b.standing = 'current'
UNION ALL
SELECT s.name, s.version, s.version FROM source_package s
JOIN archive_index i ON i.origin = s.origin AND i.suite = s.suite AND i.component = s.component
    AND i.architecture = 'source'
WHERE s.suite = :suite AND s.last_scan = i.last_scan
"""
_UNPUBLISHED = "SELECT source, source_version, version FROM current_package WHERE source IS NOT NULL"


class Suite(msgspec.Struct, frozen=True):
    """A suite by its name; not ``published`` where the database knows no suites, and all newest packages are meant."""

    name: str
    published: bool

    @property
    def packages(self) -> str:
        """SQL for the ids of its packages, with the parameter ``:suite``."""
        if not self.published:
            return "SELECT id FROM current_package"
        return "SELECT package_id FROM publication WHERE suite = :suite AND standing = 'current'"


def suite(connection: sqlite3.Connection, distributions: Sequence[Distribution], wanted: str | None) -> Suite:
    """The suite that is ``wanted``, else the one in which development goes on, by what is published and the releases.

    Raises UsageError where that is not known, or several may be meant, and says what to give.
    """
    known = [name for (name,) in connection.execute("SELECT DISTINCT suite FROM publication ORDER BY suite")]
    if not known:
        if wanted is None:
            raise UsageError(
                "the database does not know which suite its packages are in, as no index of an archive was read; "
                "if they are the current ones of the development suite, say so: --suite sid"
            )
        return Suite(wanted, published=False)
    some = ", ".join(known[:20])
    if wanted is not None:
        if wanted not in known:
            raise UsageError(f"--suite {wanted}: expected one that the database knows: {some}")
        return Suite(wanted, published=True)
    found = sorted({name for one in distributions for name in _developed(one, known)})
    if len(found) != 1:
        which = f"several development suites ({', '.join(found)})" if found else f"no development suite (but {some})"
        raise UsageError(f"the database knows {which}; say which is meant with --suite")
    return Suite(found[0], published=True)


def _developed(distribution: Distribution, known: Iterable[str]) -> list[str]:
    """The suite of the distribution's newest release that is still open, if it is known under that or another name."""
    release = distribution.releases[-1]
    if release.closed is not None:
        return []
    names = {release.name, *(alias for alias, name in _ALIASES.items() if name == release.name)}
    return sorted(names & set(known))[:1]


def source_version(given: str | None, binary: str) -> str:
    """The version of the source: as the package says it, else that of the package without a rebuild's ``+b1``."""
    return given or _BINARY_REBUILD.sub("", binary)


def source_versions(connection: sqlite3.Connection, of: Suite) -> dict[str, str]:
    """The newest version of each source package in the suite, read or not."""
    rows = connection.execute(_PLACES, {"suite": of.name}) if of.published else connection.execute(_UNPUBLISHED)
    found: dict[str, tuple[str, str]] = {}
    for source, given, binary in rows:
        version = source_version(given, binary)
        found[source] = max(found.get(source, ("", "")), (version_key(version), version))
    return {source: version for source, (_, version) in found.items()}
