"""Sets of packages, such as what an image has or a flavour ships, and which packages somebody supports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from archscan.errors import ArchscanError
from archscan.site.packages import Source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archscan.site.packages import Current, Package

SUPPORTED_COMPONENTS = ("main", "restricted")
"""Components that a security team supports, where nobody says more; the first word of ``main/debian-installer``."""

_MOST_BYTES = 64 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*")
_NOT_THERE = ("deinstall", "purge")  # dpkg --get-selections


class Member(msgspec.Struct, frozen=True):
    """A package of a set: a binary, or a source as a whole; ``supported`` is None where nothing tells."""

    name: str
    source: Source
    supported: bool | None


class PackageSet(msgspec.Struct, frozen=True):
    """A set: the members that the database has, and the names that it does not have."""

    name: str
    origin: str
    members: tuple[Member, ...]
    missing: tuple[str, ...]


def names(path: Path) -> list[str]:
    """The package names in a file, each once: the first word of every line.

    That reads plain lists, the tables of germinate, ``dpkg --get-selections`` (without what is not installed) and
    manifests with name and version; ``#`` begins a comment, ``:amd64`` behind a name is dropped. Raises ArchscanError.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ArchscanError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise ArchscanError(f"{path}: expected at most {_MOST_BYTES >> 20} MiB of names")
    found: dict[str, None] = {}
    lines = data.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        name = _name(line.partition("#")[0])
        if name is None:
            raise ArchscanError(f"{path}:{number}: expected the name of a package, got {line[:40]!a}")
        if name and not (number == 1 and re.match(r"Package\s*\|", line)):
            found[name] = None
    return list(found)


def _name(line: str) -> str | None:
    """The name in a line, empty where there is none to be; None where something else is."""
    words = line.replace("|", " | ").split()
    if words and words[0] == "*":
        words = words[1:]
    if not words or words[0] == "|" or set(words[0]) <= set("-+=") or (words[1:2] and words[1] in _NOT_THERE):
        return ""
    name = words[0].partition(":")[0]
    return name if _NAME.fullmatch(name) else None


def package_sets(given: Iterable[tuple[str, Path]], known: Current, supported: frozenset[str] | None
                 ) -> list[PackageSet]:  # fmt: skip
    """The sets of files and of the field Task, by name."""
    binaries = {package.name: (source, package) for source in known.sources.values() for package in source.packages}
    found = [_made(name, path.name, names(path), known, binaries, supported) for name, path in given]
    found += [
        _made(f"task {task}", "the field Task", sorted(several), known, binaries, supported)
        for task, several in sorted(known.tasks.items())
    ]
    return found


def _made(name: str, origin: str, wanted: list[str], known: Current, binaries: dict[str, tuple[Source, Package]],
          supported: frozenset[str] | None) -> PackageSet:  # fmt: skip
    members, missing = [], []
    for one in wanted:
        if one in binaries:
            source, package = binaries[one]
            members.append(Member(one, source, support(source, [package], supported)))
        elif one in known.sources:
            source = known.sources[one]
            members.append(Member(one, source, support(source, source.packages, supported)))
        else:
            missing.append(one)
    return PackageSet(name, origin, tuple(members), tuple(missing))


def support(source: Source, packages: Iterable[Package], supported: frozenset[str] | None) -> bool | None:
    """Whether packages of a source are supported: by the list where there is one, else by where they are published."""
    if supported is not None:
        return source.name in supported or any(package.name in supported for package in packages)
    components = {component.partition("/")[0] for package in packages for _, component in package.places}
    return any(component in SUPPORTED_COMPONENTS for component in components) if components else None
