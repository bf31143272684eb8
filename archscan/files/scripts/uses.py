"""What a script mentions as uses of cryptography, with what surrounds each (``context_evidence``).

The evidence is JSON with the keys that uses in ELF objects have, where a script can say them:

``texts``
    first, ``near`` of them, what stands close: ``in NAME`` for each part of the function's name, ``as NAME`` for what
    gets the result, ``of NAME`` for what goes in, ``NAME=VALUE`` for named arguments, and strings as they are; then
    other strings of the function.
``sinks``
    calls that get the result: name, null, 1.
``calls``
    what is called in the function.
``callers``
    functions of the file that call it: ``name``.
``alternatives``
    how many algorithms of this role are mentioned in the function; outside of functions, in the statement.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from archscan.files.forms.text import cut
from archscan.files.scripts.book import Entry, chosen, entries
from archscan.model import Confidence, CryptoUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from archscan.files.scripts.book import Book, Language

MOST = 1_000  # uses of one file
_MOST_NEAR, _MOST_TEXTS, _MOST_CALLS, _MOST_SINKS, _MOST_CALLERS = 24, 32, 32, 8, 4
_LONGEST = 120  # characters of a text that is kept
_LONGEST_NAME = 200
_OF_A_TABLE = 3  # alternatives, at least, among which a table is for choosing
_UNCALLED = frozenset({"hash", "hmac", "cipher", "kdf", "password"})


class Reference(msgspec.Struct, frozen=True):
    """A value that is a name: ``hashlib.md5`` that is passed on. ``mention`` is the number of its own mention.

    ``told`` is what it is told where it is called.
    """

    name: str
    mention: int = -1
    told: str | None = None


Value = str | Reference | None
"""A constant, a name, or what is not known."""


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A name in a script, where it stands and what stands around it.

    ``called`` with the ``arguments`` and ``keywords`` (``rest``: and others that are not known); ``place`` tells
    statements apart, ``number`` mentions. ``listed``: it is an entry of a table. ``modules`` are what the file imports.
    """

    name: str
    line: int
    number: int = -1
    called: bool = True
    arguments: tuple[Value, ...] = ()
    keywords: Mapping[str, Value] = {}
    rest: bool = False
    function: str | None = None
    place: object = None
    near: tuple[str, ...] = ()
    far: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    sure: Confidence = Confidence.CERTAIN
    listed: bool = False


class _Found(msgspec.Struct, frozen=True):
    mention: Mention
    symbol: str
    entry: Entry
    algorithm: str
    role: str
    argument: str | None


def crypto_uses(
    book: Book, language: Language, mentions: Iterable[Mention], modules: Iterable[str] = ()
) -> tuple[CryptoUse, ...]:
    """The uses among the mentions, in the order of their lines; ``modules`` are those that the file names."""
    told = frozenset(modules)
    consumed: set[int] = set()
    found: list[_Found] = []
    for mention in mentions:
        found += _meant(book, language, mention, told, consumed)
        if len(found) > 4 * MOST:
            break
    kept = [one for one in found if one.mention.number not in consumed]
    kept.sort(key=lambda one: (one.mention.line, one.symbol, one.algorithm))
    choices = _choices(kept)
    rows = dict.fromkeys(_use(book, one, choices) for one in kept[:MOST])
    return tuple(rows)


def _meant(
    book: Book, language: Language, mention: Mention, modules: frozenset[str], consumed: set[int]
) -> Iterator[_Found]:
    symbol, known = entries(language, mention.name)
    for entry in known:
        if entry.needs and not modules & set(entry.needs):
            continue
        if not mention.called and symbol != mention.name:
            continue  # a constant of what is known, such as MD5.digest_size
        if entry.algorithm is not None:
            uncalled = not mention.called and entry.role in _UNCALLED
            yield _Found(mention, symbol, entry, entry.algorithm, "lookup" if uncalled else entry.role, None)
        elif mention.called and symbol == mention.name:
            yield from _selected(book, language, mention, symbol, entry, consumed)


def _selected(
    book: Book, language: Language, mention: Mention, symbol: str, entry: Entry, consumed: set[int]
) -> Iterator[_Found]:
    """What the values of a call choose; nothing where these are known at run time only."""
    assert entry.selector is not None
    given = False
    seen = set()
    for value in _values(mention, entry):
        given = given or not entry.flags
        if isinstance(value, Reference):
            algorithm, shown = _algorithm(book, language, value), value.told or value.name
            if algorithm is not None:
                consumed.add(value.mention)
        elif value is not None:
            algorithm, shown = chosen(book.selectors[entry.selector], value), value
        else:
            continue
        if algorithm is not None and algorithm not in seen:
            given = True
            seen.add(algorithm)
            yield _Found(mention, symbol, entry, algorithm, entry.role, shown)
    if entry.otherwise is not None and not given and not mention.rest:
        yield _Found(mention, symbol, entry, entry.otherwise, entry.role, None)


def _values(mention: Mention, entry: Entry) -> Iterator[Value]:
    for name in entry.keywords:
        if name in mention.keywords:
            yield mention.keywords[name]
    for position in entry.arguments:
        if position < len(mention.arguments):
            yield mention.arguments[position]
    if entry.flags:
        yield from (name.lstrip("-") for name in mention.keywords if name.startswith("-"))


def _algorithm(book: Book, language: Language, value: Reference) -> str | None:
    """What a name that is passed on stands for, by itself or by what it is told."""
    for entry in entries(language, value.name)[1]:
        if entry.algorithm:
            return entry.algorithm
        if value.told is not None and entry.selector:
            return chosen(book.selectors[entry.selector], value.told)
    return None


def _choices(found: Sequence[_Found]) -> Mapping[object, int]:
    """How many algorithms are mentioned for one role in each place."""
    named: defaultdict[object, set[str]] = defaultdict(set)
    for one in found:
        named[_place(one)].add(one.algorithm)
    return {place: len(algorithms) for place, algorithms in named.items()}


def _place(one: _Found) -> object:
    mention = one.mention
    return mention.function or (mention.place,), one.role


def _use(book: Book, one: _Found, choices: Mapping[object, int]) -> CryptoUse:
    mention, entry = one.mention, one.entry
    sure = mention.sure
    if not mention.called and sure == Confidence.CERTAIN and one.role == "lookup":
        sure = Confidence.LIKELY
    if entry.vague:
        sure = Confidence.POSSIBLE
    return CryptoUse(
        algorithm=one.algorithm,
        strength=book.strengths[one.algorithm],
        role=one.role,
        direction=entry.direction,
        library=entry.library,
        symbol=cut(one.symbol, _LONGEST_NAME),
        evidence="script",
        confidence=sure,
        function=cut(mention.function, _LONGEST_NAME) if mention.function else None,
        line=mention.line,
        argument=cut(one.argument, _LONGEST) if one.argument else None,
        context_evidence=_evidence(mention, choices[_place(one)]),
    )


def _evidence(mention: Mention, alternatives: int) -> str | None:
    near = _distinct(mention.near, _MOST_NEAR)
    far = _distinct((text for text in mention.far if text not in mention.near), _MOST_TEXTS - len(near))
    found: dict[str, object] = {
        "sinks": [[name, None, 1] for name in _distinct(mention.sinks, _MOST_SINKS)],
        "calls": _distinct(mention.calls, _MOST_CALLS),
        "texts": [*near, *far],
        "near": len(near),
        "callers": [{"name": name} for name in _distinct(mention.callers, _MOST_CALLERS)],
    }
    said = {key: value for key, value in found.items() if value or (key == "near" and far)}
    if mention.listed:
        alternatives = max(alternatives, _OF_A_TABLE)
    if alternatives > 1:
        said["alternatives"] = alternatives
    return json.dumps(said, ensure_ascii=False) if said else None


def _distinct(texts: Iterable[str], most: int) -> list[str]:
    kept: dict[str, None] = {}
    for text in texts:
        if len(kept) >= most:
            break
        if one := cut(text.strip(), _LONGEST):
            kept[one] = None
    return list(kept)
