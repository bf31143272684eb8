"""Copies of well-known libraries inside objects, by the texts that only their own code holds (``rules/embedded.toml``).

A copy is not seen by NEEDED or symbols; whoever mends the library has to know it. Precision comes first: what an object
holds by a header of the library alone is no copy, and neither is the library itself.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import tomli

from archscan.errors import RuleError
from archscan.model import Component, escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BEFORE, _AFTER = 64, 256  # bytes around a text in which the version may stand
_MOST = 64  # places of one text that are looked at
FILE = "embedded.toml"


class Library(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A library and the texts of its code: ``text``, and all (or with ``any`` one) of ``also``."""

    name: str
    sonames: tuple[str, ...]
    text: str
    version: str | None = None
    also: tuple[str, ...] = ()
    any: bool = False


class _Libraries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    library: tuple[Library, ...] = ()


def load_embedded(folders: Sequence[Path]) -> tuple[Library, ...]:
    """The libraries that the files ``embedded.toml`` of some folders with rules name; a later one replaces an earlier.

    Raises RuleError, which names the file, the key and what was expected.
    """
    found: dict[str, Library] = {}
    for file in (folder / FILE for folder in folders):
        if not file.is_file():
            continue
        try:
            said = msgspec.convert(tomli.loads(file.read_text("utf-8")), _Libraries)
        except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
            raise RuleError(f"{file}: expected TOML: {error}") from error
        except msgspec.ValidationError as error:
            raise RuleError(f"{file}: {error}") from error
        for one in said.library:
            _check(file, one)
            found[one.name] = one
    return tuple(found.values())


def _check(file: Path, one: Library) -> None:
    if len(one.text) < 4 or not all(one.also):
        raise RuleError(f"{file}: {one.name}: text: expected at least 4 characters, and none of also empty")
    try:
        groups = re.compile(one.version or "()").groups
    except re.error as error:
        raise RuleError(f"{file}: {one.name}: version: expected a regular expression: {error}") from error
    if groups != 1:
        raise RuleError(f"{file}: {one.name}: version: expected one group, got {groups}")


def embedded(data: bytes, soname: str | None, libraries: tuple[Library, ...]) -> tuple[Component, ...]:
    """The libraries that an object holds copies of, by its bytes and SONAME.

    A version is told where the copy names exactly one. None of an object that is the library itself.
    """
    places = _places(data, libraries) if libraries else {}
    found: list[Component] = []
    for number, one in enumerate(libraries):
        offsets = places.get(f"$a{number}")
        if not offsets or (soname or "").startswith(one.sonames) or not _has_code(places, number, one):
            continue
        versions = _versions(data, one, offsets)
        if versions or one.version is None:
            version = versions.pop() if len(versions) == 1 else None
            found.append(Component("embedded", one.name, version, "text"))
    return tuple(found)


def _has_code(places: dict[str, list[int]], number: int, one: Library) -> bool:
    seen = [f"$b{number}_{part}" in places for part in range(len(one.also))]
    return not seen or (any(seen) if one.any else all(seen))


def _versions(data: bytes, one: Library, offsets: Sequence[int]) -> set[str]:
    if one.version is None:
        return set()
    pattern = re.compile(one.version.encode())
    around = (data[max(at - _BEFORE, 0) : at + _AFTER] for at in offsets)
    return {escape(match[1]) for text in around for match in pattern.finditer(text)}


def prepare(libraries: tuple[Library, ...]) -> None:
    """Make the search, before processes are forked: it is compiled, and a process that reads may not."""
    if libraries:
        _scanner(libraries)


@cache
def _scanner(libraries: tuple[Library, ...]) -> Any:
    import yara_x

    patterns: list[str] = []
    for number, one in enumerate(libraries):
        for name, text in (
            (f"$a{number}", one.text),
            *((f"$b{number}_{part}", text) for part, text in enumerate(one.also)),
        ):
            patterns.append(f"{name} = {{ {text.encode().hex()} }}")
    strings = "\n".join(patterns)
    scanner = yara_x.Scanner(yara_x.compile(f"rule texts {{ strings: {strings} condition: any of them }}"))
    scanner.max_matches_per_pattern(_MOST)
    return scanner


def _places(data: bytes, libraries: tuple[Library, ...]) -> dict[str, list[int]]:
    return {
        pattern.identifier: [match.offset for match in pattern.matches]
        for rule in _scanner(libraries).scan(data).matching_rules
        for pattern in rule.patterns
        if len(pattern.matches)
    }
