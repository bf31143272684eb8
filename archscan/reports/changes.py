"""Differences of two states as people and programs read them: text, Markdown, JSON, SARIF 2.1.0, JUnit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TextIO

import msgspec

from archscan import __version__
from archscan.compare import FACETS, Change, Effect
from archscan.reports import json_stream, junit, sarif
from archscan.reports.cells import shown
from archscan.reports.sarif_places import uri
from archscan.reports.sarif_rules import message

_FACETS = ("packages", *dict.fromkeys(facet.name for facet in FACETS), "files")

_MARKS = {Effect.WORSE: "-", Effect.BETTER: "+", Effect.CHANGED: "~", Effect.NOT_COMPARED: "?"}
_MOST_DETAIL = 40  # lines, in text
# What Markdown takes for its own (CommonMark 0.31, 2.4 "Backslash escapes").
_SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_{}[]<>()#+-!|~&"})


def write(
    changes: Iterable[Change], stream: TextIO, form: str, names: tuple[str, str], only: str | None = None
) -> Counter[Effect]:
    """Write the changes, or those of ``only`` one effect, in a form of ``FORMS``; gives the number of each effect."""
    counts: Counter[Effect] = Counter()

    def shown() -> Iterator[Change]:
        for change in changes:
            counts[change.effect] += 1
            if only is None or change.effect == only:
                yield change

    FORMS[form](shown(), stream, names)
    return counts


def _text(changes: Iterable[Change], stream: TextIO, names: tuple[str, str]) -> None:
    stream.write(f"{shown(names[0])} → {shown(names[1])}\n")
    package: tuple[str, str | None] | None = None
    for change in changes:
        if (change.package, change.architecture) != package:
            package = (change.package, change.architecture)
            stream.write(f"\n{shown(change.package)} {shown(change.architecture)}".rstrip() + "\n")
        stream.write(f"  {_MARKS[change.effect]} {shown(_line(change))}\n")
        if change.facet == "scripts" and change.detail:
            stream.writelines(f"      {shown(line)}\n" for line in change.detail.split("\n")[:_MOST_DETAIL])
    stream.write("\n")


def _line(change: Change) -> str:
    place = f"{change.path}: " if change.path else ""
    return f"{change.facet}: {place}{change.subject}{_values(change)}"


def _values(change: Change) -> str:
    if change.effect == Effect.NOT_COMPARED or (change.old is None and change.new is None):
        return ""
    if change.old is None:
        return f": new: {change.new}"
    return f": gone: {change.old}" if change.new is None else f": {change.old} → {change.new}"


def _markdown(changes: Iterable[Change], stream: TextIO, names: tuple[str, str]) -> None:
    stream.write(f"# {escaped(names[0])} → {escaped(names[1])}\n")
    package: tuple[str, str | None] | None = None
    for change in changes:
        if (change.package, change.architecture) != package:
            package = (change.package, change.architecture)
            stream.write(f"\n## {escaped(change.package)} {escaped(change.architecture or '')}".rstrip() + "\n\n")
            stream.write("| effect | what | path | subject | old | new |\n|---|---|---|---|---|---|\n")
        cells = (change.effect.value, change.facet, change.path, change.subject, change.old, change.new)
        stream.write(f"| {' | '.join(escaped(cell or '') for cell in cells)} |\n")


def escaped(text: str) -> str:
    """The text as Markdown shows it: no character of it means anything."""
    return shown(text).translate(_SPECIAL)


def _sarif(changes: Iterable[Change], stream: TextIO, names: tuple[str, str]) -> None:
    driver = {"name": "archscan", "semanticVersion": __version__,
              "rules": [{"id": f"compare/{name}"} for name in _FACETS]}  # fmt: skip
    run = [
        ("tool", {"driver": driver}),
        ("columnKind", "unicodeCodePoints"),
        ("properties", {"old": names[0], "new": names[1]}),
        ("results", map(_result, changes)),
    ]
    json_stream.write(
        json_stream.Members(
            [("$schema", sarif.SCHEMA), ("version", sarif.VERSION), ("runs", iter([json_stream.Members(run)]))]
        ),
        stream,
    )
    stream.write("\n")


def _result(change: Change) -> dict[str, Any]:
    """A result (§3.27): what got worse fails, what is not known is open, the rest is for information."""
    kinds = {Effect.WORSE: "fail", Effect.NOT_COMPARED: "open"}
    said: dict[str, Any] = {
        "ruleId": f"compare/{change.facet}",
        "ruleIndex": _FACETS.index(change.facet),
        "kind": kinds.get(change.effect, "informational"),
        "level": "warning" if change.effect == Effect.WORSE else "none",
        "message": message(f"{change.package}: {_line(change)}"),
        "baselineState": "new" if change.old is None else "absent" if change.new is None else "updated",
        "partialFingerprints": {sarif.CHANGE: _fingerprint(change)},
        "properties": {"effect": change.effect.value, "package": change.package, "architecture": change.architecture},
    }
    if change.path:
        said["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri(change.path)}}}]
    return said


def _fingerprint(change: Change) -> str:
    """The same for the same difference, whatever the values are (SHA-256)."""
    parts = (change.package, change.architecture or "", change.facet, change.path or "", change.subject)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _junit(changes: Iterable[Change], stream: TextIO, names: tuple[str, str]) -> None:
    found = sorted(changes, key=lambda change: (change.package, change.architecture or ""))
    suites = [
        junit.Suite(" ".join(filter(None, key)), ":".join(filter(None, key)), (("old", names[0]), ("new", names[1])),
                    tuple(_cases(list(some))))
        for key, some in groupby(found, key=lambda change: (change.package, change.architecture))
    ]  # fmt: skip
    junit.write_suites(lambda: suites, stream, None)


def _cases(changes: Sequence[Change]) -> Iterator[junit.Case]:
    """A test for each facet: it fails where anything got worse, and is skipped where something is not known."""
    for facet in _FACETS:
        some = [change for change in changes if change.facet == facet]
        lines = tuple(f"{_MARKS[change.effect]} {_line(change)}" for change in some)
        worse = [line for line, change in zip(lines, some, strict=True) if change.effect == Effect.WORSE]
        unknown = [line for line, change in zip(lines, some, strict=True) if change.effect == Effect.NOT_COMPARED]
        if worse:
            more = f" and {len(worse) - 1} more" if len(worse) > 1 else ""
            yield junit.Case(facet, "failure", f"{worse[0][: junit.MOST_SHOWN]}{more}", lines)
        elif unknown:
            yield junit.Case(facet, "skipped", unknown[0][: junit.MOST_SHOWN])
        else:
            yield junit.Case(facet, said=lines)


def _json(changes: Iterable[Change], stream: TextIO, names: tuple[str, str]) -> None:
    said = [("old", names[0]), ("new", names[1]), ("changes", (msgspec.to_builtins(change) for change in changes))]
    json_stream.write(json_stream.Members(said), stream)
    stream.write("\n")


FORMS: dict[str, Callable[[Iterable[Change], TextIO, tuple[str, str]], None]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
}
"""What each form is written by."""


def totals(counts: Counter[Effect]) -> str:
    """The numbers as a line for the terminal."""
    words: Sequence[tuple[Effect, str]] = (
        (Effect.WORSE, "worse"),
        (Effect.BETTER, "better"),
        (Effect.CHANGED, "otherwise changed"),
        (Effect.NOT_COMPARED, "not compared"),
    )
    return ", ".join(f"{counts[effect]} {word}" for effect, word in words)
