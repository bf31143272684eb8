"""Differences as people and programs read them: text, Markdown, JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO

import msgspec

from archscan.compare.change import Change, Effect

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
    stream.write(f"{names[0]} → {names[1]}\n")
    package: tuple[str, str | None] | None = None
    for change in changes:
        if (change.package, change.architecture) != package:
            package = (change.package, change.architecture)
            stream.write(f"\n{change.package} {change.architecture or ''}".rstrip() + "\n")
        stream.write(f"  {_MARKS[change.effect]} {_line(change)}\n")
        if change.facet == "scripts" and change.detail:
            stream.writelines(f"      {line}\n" for line in change.detail.split("\n")[:_MOST_DETAIL])
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
    stream.write(f"# {_escaped(names[0])} → {_escaped(names[1])}\n")
    package: tuple[str, str | None] | None = None
    for change in changes:
        if (change.package, change.architecture) != package:
            package = (change.package, change.architecture)
            stream.write(f"\n## {_escaped(change.package)} {_escaped(change.architecture or '')}".rstrip() + "\n\n")
            stream.write("| effect | what | path | subject | old | new |\n|---|---|---|---|---|---|\n")
        cells = (change.effect.value, change.facet, change.path, change.subject, change.old, change.new)
        stream.write(f"| {' | '.join(_escaped(cell or '') for cell in cells)} |\n")


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)


def _json(changes: Iterable[Change], stream: TextIO, names: tuple[str, str]) -> None:
    stream.write(f'{{"old":{json.dumps(names[0])},"new":{json.dumps(names[1])},"changes":[')
    comma = ""
    for change in changes:
        stream.write(f"{comma}\n{msgspec.json.encode(change).decode()}")
        comma = ","
    stream.write("\n]}\n")


FORMS: dict[str, Callable[[Iterable[Change], TextIO, tuple[str, str]], None]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
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
