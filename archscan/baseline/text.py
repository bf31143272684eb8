r"""A baseline as a file: a head, an empty line, then one fact a line, sorted; above a line why it is as it is.

Names are as the database has them (``model.text``): a backslash is ``\\``, what may not stand in a line ``\xNN``, and
in package and path a blank ``\x20``. Lines that begin with ``#`` are the reviewer's reason for the line below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from archscan.baseline.facts import FACETS, Fact, Selection
from archscan.errors import BaselineError

FORMAT = "archscan-baseline/1"
MOST_BYTES = 256 << 20
"""What a file may have."""

_HEAD = ("Format", "Suite", "Package", "Source", "Facets", "Versions")
_MANY = ("Package", "Source")
_HEAD_LINE = re.compile(r"([A-Za-z]+): (.+)")
_FACT_LINE = re.compile(r"([a-z]+) ([^ ]+) ([^ ]+) (.+)")
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Baseline(msgspec.Struct, frozen=True):
    """What somebody reviewed: which packages and facets, the facts, and by line the reasons without their ``# ``."""

    selection: Selection
    facts: tuple[Fact, ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = {}


def text(baseline: Baseline) -> Iterator[str]:
    """The lines of the file, with line ends."""
    chosen = baseline.selection
    yield f"Format: {FORMAT}\n"
    if chosen.suite:
        yield f"Suite: {chosen.suite}\n"
    yield from (f"Package: {glob}\n" for glob in chosen.packages)
    yield from (f"Source: {glob}\n" for glob in chosen.sources)
    yield f"Facets: {', '.join(chosen.facets)}\n"
    yield f"Versions: {'yes' if chosen.versions else 'no'}\n\n"
    for line in sorted({fact.line for fact in baseline.facts}):
        yield from (f"# {reason}".rstrip() + "\n" for reason in baseline.reasons.get(line, ()))
        yield f"{line}\n"


def read(path: Path) -> Baseline:
    """The baseline of a file. Raises BaselineError that names the file and the line."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    return parsed(str(path), data)


def parsed(name: str, data: bytes) -> Baseline:
    """The baseline of a file's bytes; ``name`` is for errors. Raises BaselineError that names the line."""
    if len(data) > MOST_BYTES:
        raise BaselineError(f"{name}: expected at most {MOST_BYTES >> 20} MiB")
    lines = _numbered(name, data)
    selection = _head(name, lines)
    facts: dict[str, Fact] = {}
    reasons: dict[str, tuple[str, ...]] = {}
    above: list[str] = []
    for number, line in lines:
        if line.startswith("#"):
            above.append(line[1:].removeprefix(" "))
        elif line:
            fact = _fact(name, number, line, selection)
            if fact.line in facts:
                raise BaselineError(f"{name}:{number}: {_shown(line)}: expected once")
            facts[fact.line] = fact
            if above:
                reasons[fact.line] = tuple(above)
            above = []
        elif above:
            raise BaselineError(f"{name}:{number}: expected below a reason the line that it is for, not an empty one")
    if above:
        raise BaselineError(f"{name}: expected below the last reason the line that it is for")
    return Baseline(selection, tuple(facts.values()), reasons)


def _numbered(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = raw.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise BaselineError(f"{name}:{number}: expected UTF-8") from error
        if _UNSAFE.search(line):
            raise BaselineError(rf"{name}:{number}: {_shown(line)}: expected \xNN for what no screen shows")
        yield number, line


def _head(name: str, lines: Iterator[tuple[int, str]]) -> Selection:
    """The head, to its empty line."""
    said: dict[str, list[str]] = {}
    for number, line in lines:
        if not line:
            break
        match = _HEAD_LINE.fullmatch(line)
        if number == 1 and line != f"Format: {FORMAT}":
            raise BaselineError(f"{name}:1: expected `Format: {FORMAT}` as the first line")
        if not match or match[1] not in _HEAD:
            raise BaselineError(f"{name}:{number}: {_shown(line)}: expected one of {', '.join(_HEAD)}, then `: `; "
                                "an empty line ends the head")  # fmt: skip
        if match[1] in said and match[1] not in _MANY:
            raise BaselineError(f"{name}:{number}: {match[1]}: expected once")
        _check(name, number, match[1], match[2])
        said.setdefault(match[1], []).append(match[2])
    for field in ("Format", "Facets"):
        if field not in said:
            raise BaselineError(f"{name}:1: expected `{field}: …` in the head")
    return Selection(
        suite=said.get("Suite", [None])[0],
        packages=tuple(said.get("Package", ())),
        sources=tuple(said.get("Source", ())),
        facets=_words(said["Facets"][0]),
        versions=said.get("Versions", ["yes"])[0] == "yes",
    )


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(","))


def _check(name: str, number: int, field: str, value: str) -> None:
    if field == "Versions" and value not in ("yes", "no"):
        raise BaselineError(f"{name}:{number}: Versions: expected yes or no, got {_shown(value)}")
    unknown = [word for word in _words(value) if word not in FACETS] if field == "Facets" else []
    if unknown:
        raise BaselineError(f"{name}:{number}: Facets: {_shown(unknown[0])}: expected some of {', '.join(FACETS)}")


def _fact(name: str, number: int, line: str, selection: Selection) -> Fact:
    match = _FACT_LINE.fullmatch(line)
    if not match or match[1] not in FACETS:
        raise BaselineError(f"{name}:{number}: {_shown(line)}: expected a facet, a package, a path or -, and what is "
                            "said, with one blank between")  # fmt: skip
    if match[1] not in selection.facets or (match[1] == "versions" and not selection.versions):
        raise BaselineError(f"{name}:{number}: {match[1]}: expected a facet that the head names")
    return Fact(match[1], match[2], match[3], match[4])


def _shown(line: str) -> str:
    return ascii(line[:60])


def with_reasons(reasons: Mapping[str, tuple[str, ...]], facts: Iterable[Fact]) -> dict[str, tuple[str, ...]]:
    """Of the reasons those whose line is still there."""
    return {fact.line: reasons[fact.line] for fact in facts if fact.line in reasons}
