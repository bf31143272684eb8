"""Tokens of a script, as far as it takes to tell calls from comments and strings; nonsense is passed over."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

LARGEST = 1 << 20  # bytes of a script that are read
MOST = 300_000  # tokens of one
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}


class Token(NamedTuple):
    """``kind``: name, variable, string, number, op, line (an end of line, where that ends statements)."""

    kind: str
    text: str
    line: int


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """What tells a language from others.

    ``separators`` join parts of a name, ``definitions`` begin functions, ``ends`` are words that end a call without
    brackets (``bare``), ``skipped`` ones before which a name is no use. ``updates`` and ``results`` are methods of
    objects that digest. ``indented``: a function ends by its indentation; ``named`` stands between a name and a value;
    ``constants``: a name alone is one.
    """

    separators: tuple[str, ...]
    definitions: frozenset[str]
    assignments: frozenset[str]
    ends: frozenset[str]
    skipped: frozenset[str]
    bare: bool
    updates: frozenset[str]
    results: frozenset[str]
    indented: bool = False
    named: str | None = None
    constants: bool = False


class Lines:
    """The number of the line of each place of a text, asked for in rising order."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def of(self, at: int) -> int:
        """The line of a place, from 1."""
        if at > self._at:
            self._line += self._text.count("\n", self._at, at)
            self._at = at
        return self._line


def text_of(data: bytes) -> str:
    """A script's text; undecodable bytes as surrogates."""
    return data[:LARGEST].decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def delimited(text: str, at: int) -> tuple[str, int]:
    """What stands between the delimiter at a place and the one that closes it, and where the text goes on.

    Brackets nest; a backslash takes the meaning from what follows. What is not closed reaches to the end.
    """
    if at >= len(text):
        return "", at
    opening = text[at]
    closing = _CLOSING.get(opening, opening)
    marks = re.compile(rf"\\.|[{re.escape(opening + closing)}]", re.DOTALL)
    depth, here = 1, at + 1
    while found := marks.search(text, here):
        here = found.end()
        if found.group() == closing:
            depth -= 1
            if not depth:
                return text[at + 1 : found.start()], here
        elif found.group() == opening:
            depth += 1
    return text[at + 1 :], len(text)


def after_heredocs(text: str, at: int, ends: list[str]) -> tuple[list[str], int]:
    """The bodies of the here-documents that begin at a line, and where the text goes on after the last."""
    bodies = []
    for end in ends:
        mark = re.compile(rf"^[ \t]*{re.escape(end)}[ \t;,)]*$", re.MULTILINE).search(text, at)
        bodies.append(text[at : mark.start() if mark else len(text)])
        at = mark.end() if mark else len(text)
    return bodies, at
