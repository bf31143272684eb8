"""Who maintains which source packages, in the words of dd-list(1), from Sources indices or what scans kept of them.

As dd-list has it: people in the order of their names in capitals, each with the packages they maintain, those that they
only upload with ``(U)``.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from archscan.bugs.evidence import cut
from archscan.errors import BugError
from archscan.model.version import version_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import IO

_OPENERS: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_MOST_FIELD = 1 << 20  # characters of a field
_AFTER_ADDRESS = re.compile(r"(?<=>)\s*,\s*")
_STORED = """
SELECT s.name, s.version, coalesce(s.maintainer, ''), coalesce(s.uploaders, '') FROM source_package s
JOIN archive_index i ON i.origin = s.origin AND i.suite = s.suite AND i.component = s.component
    AND i.architecture = 'source'
WHERE s.suite = ? AND s.last_scan = i.last_scan
"""


class Source(msgspec.Struct, frozen=True):
    """A source package with the people of its newest version."""

    name: str
    version: str
    maintainer: str
    uploaders: tuple[str, ...] = ()


def stored(connection: sqlite3.Connection, suite: str, wanted: Collection[str]) -> dict[str, Source]:
    """The wanted source packages of a suite, as its Sources indices had them, by name.

    Of packages without such an index it is known only who maintains their binaries.
    """
    rows = connection.execute(_STORED, (suite,))
    found = _newest(
        Source(name, version, maintainer, _people(uploaders))
        for name, version, maintainer, uploaders in rows
        if name in wanted
    )
    binaries = connection.execute(
        "SELECT source, version, coalesce(maintainer, json_extract(control, '$.Maintainer')) FROM current_package"
    )
    for name, version, maintainer in binaries:
        if name in wanted and name not in found and maintainer:
            found[name] = Source(name, version, maintainer)
    return found


def read(path: Path, wanted: Collection[str]) -> dict[str, Source]:
    """The wanted source packages of a Sources file, packed or not, by name. Raises BugError."""
    try:
        with _opener(path)(path, "rt", encoding="utf-8", errors="replace") as file:
            return _newest(one for one in _sources(file) if one.name in wanted)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise BugError(f"{path}: cannot be read as a Sources index: {error}") from error


def _opener(path: Path) -> Callable[..., IO[str]]:
    return _OPENERS.get(path.suffix, open)


def _newest(sources: Iterable[Source]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for one in sources:
        if one.name not in found or version_key(one.version) > version_key(found[one.name].version):
            found[one.name] = one
    return found


def _sources(file: IO[str]) -> Iterator[Source]:
    for fields in _paragraphs(file):
        name, maintainer = fields.get("package", ""), fields.get("maintainer", "")
        if name and maintainer and not fields.get("extra-source-only", "").startswith("yes"):
            yield Source(name, fields.get("version", "0"), maintainer, _people(fields.get("uploaders", "")))


def _paragraphs(file: Iterable[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    last = ""
    for line in file:
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last and len(fields[last]) < _MOST_FIELD:
                fields[last] += line.rstrip("\n")
        else:
            last, _, value = line.partition(":")
            last = last.lower()
            fields[last] = value.strip()
    if fields:
        yield fields


def _people(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip().rstrip(",").strip() for one in _AFTER_ADDRESS.split(text))))


def dd_list(sources: Iterable[Source]) -> str:
    """The list as text."""
    by_person: dict[str, set[str]] = defaultdict(set)
    for one in sources:
        by_person[cut(one.maintainer)].add(one.name)
        for uploader in one.uploaders:
            by_person[cut(uploader)].add(f"{one.name} (U)")
    people = sorted(by_person, key=lambda name: (name.upper(), name))
    return "".join(
        "\n".join([name, *(f"   {package}" for package in sorted(by_person[name])), "", ""]) for name in people
    )
