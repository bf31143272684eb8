"""What names of each language mean: which function, command or class computes which algorithm. ``load`` reads it."""

from __future__ import annotations

import codecs
import functools
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from archscan.model import Strength

_LONGEST_NAME = 300
_SEPARATORS = re.compile(r"->|::|[.\\]")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a name stands for: one ``algorithm``, or what a value chooses that ``selector`` knows.

    The value is the first known one of the positional ``arguments`` (from 0) and of those named by ``keywords``; of a
    command with ``flags`` each option is one. ``otherwise`` is what is taken where none is given. ``needs`` are modules
    of which the file must name one.
    """

    role: str
    library: str
    algorithm: str | None = None
    direction: str | None = None
    arguments: tuple[int, ...] = ()
    keywords: tuple[str, ...] = ()
    flags: bool = False
    selector: str | None = None
    otherwise: str | None = None
    needs: tuple[str, ...] = ()
    vague: bool = False


class Selector(msgspec.Struct, frozen=True):
    """Values that choose algorithms, in lower case: words, and patterns with ``*`` and ``?``, the longest first."""

    words: dict[str, str]
    patterns: tuple[tuple[str, str], ...]


class Language(msgspec.Struct, frozen=True):
    """The names of a language. A file without any of ``words`` uses none of them."""

    name: str
    words: tuple[str, ...]
    entries: dict[str, tuple[Entry, ...]]


class Book(msgspec.Struct, frozen=True):
    """All languages, the selectors and the strength of each algorithm. ``digest`` (sha256, hex) changes with facts."""

    languages: dict[str, Language]
    selectors: dict[str, Selector]
    strengths: dict[str, Strength]
    digest: str


def entries(language: Language, name: str) -> tuple[str, tuple[Entry, ...]]:
    """The longest known beginning of a name, and what it means: of ``a.b.c`` also ``a.b``; nothing if none is known."""
    if len(name) > _LONGEST_NAME:
        return "", ()
    while name:
        if found := language.entries.get(name):
            return name, found
        ends = [mark.start() for mark in _SEPARATORS.finditer(name)]
        name = name[: ends[-1]] if ends else ""
    return "", ()


def chosen(selector: Selector, value: str) -> str | None:
    """The algorithm that a value selects, in any case; None where it is not known."""
    text = value.strip().lower()
    if found := selector.words.get(text):
        return found
    return next((algorithm for pattern, algorithm in selector.patterns if _matches(pattern, text)), None)


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


@functools.lru_cache(maxsize=8)
def _scanner(languages: tuple[tuple[str, tuple[str, ...]], ...]) -> object:
    """One search for the words of all languages: each scanner takes 80 MiB of address space, which is limited."""
    import yara_x

    rules = []
    for name, words in languages:
        patterns = "\n".join(f"$w{number} = {{ {word.encode().hex()} }}" for number, word in enumerate(words))
        rules.append(f"rule {name} {{ strings: {patterns} condition: any of them }}")
    scanner = yara_x.Scanner(yara_x.compile("\n".join(rules)))
    scanner.max_matches_per_pattern(1)
    return scanner


def _words(book: Book) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, language.words) for name, language in book.languages.items() if language.words)


# Of names in archives (zipfile), and what sources say they are written in (PEP 263) beside UTF-8.
_CODECS = ("cp437", "ascii", "latin-1", "iso8859-2", "iso8859-15", "cp1252", "utf-8-sig", "koi8-r", "euc-jp", "gbk")


def prepare(book: Book) -> None:
    """Make the searches, before processes are forked: these are compiled, and a process that reads may not.

    It may not import either, and so has no codec that was not looked up before.
    """
    _scanner(_words(book))
    for name in _CODECS:
        codecs.lookup(name)


def speaks(book: Book, name: str, data: bytes) -> bool:
    """Whether any word of the language of that name stands in the data, so that it is worth being read."""
    found = _scanner(_words(book)).scan(data).matching_rules  # type: ignore[attr-defined]
    return any(rule.identifier == name for rule in found)
