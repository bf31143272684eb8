"""One data file of the catalogue at a time: TOML in, values out, strictly.

An algorithm, a selector or a symbol is written once, every key is known, every word is in its vocabulary; anything else
is a ``RuleError`` that names file, key and what was expected. Values are best written as literal strings (``'…'``): the
standard library's parser takes the others character by character.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec
import tomli

from archscan.crypto.entries import Algorithm, Copies, Kind, Library, Role, Selector, Symbol, Text, Use, Value, When
from archscan.errors import RuleError
from archscan.model import Strength

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_T = TypeVar("_T")
_WORD = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_DIRECTIONS = ("generate", "verify")
_MOST_ARGUMENTS = 16
_SHORTEST_PREFIX = 3
_ROLES, _KINDS, _TEXTS = frozenset(Role), frozenset(Kind), frozenset(Text)
# Words of a vocabulary for the message of an error, put together once.
_ROLE, _KIND, _TEXT = ("one of " + ", ".join(words) for words in (Role, Kind, Text))
_DIRECTION = "one of " + ", ".join(_DIRECTIONS)
_ARGUMENT = f"a number from 0 to {_MOST_ARGUMENTS - 1}"
_NUMBERS = (Kind.NUMBER, Kind.BITS)


class _Algorithms(msgspec.Struct, forbid_unknown_fields=True):
    algorithm: list[dict[str, object]]


class _Selectors(msgspec.Struct, forbid_unknown_fields=True):
    selector: list[dict[str, object]]


class _Selector(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kind: str
    source: str
    values: str


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    library: str
    sonames: tuple[str, ...]
    binary: str | None = None
    node: str | None = None
    note: str | None = None
    prefixes: str = ""


class _When(msgspec.Struct, forbid_unknown_fields=True):
    argument: int
    numbers: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    bits: int = 0
    given: bool = False


class _Symbols(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What both kinds of table say."""

    role: str
    symbols: str
    returns: str | None = None
    hidden: bool = False
    only_in: tuple[str, ...] = ()
    vague: bool = False
    direction: str | None = None
    when: _When | None = None
    size: int | None = None
    note: str | None = None


class _Direct(_Symbols, kw_only=True):
    """The symbol stands for one algorithm."""

    algorithm: str
    kind: str = "function"


class _Generic(_Symbols, kw_only=True):
    """An argument says which algorithm it is; without one, nothing does that could be read."""

    argument: int | None = None
    also: tuple[int, ...] = ()
    list: bool = False
    count: int | None = None
    selector: str | None = None
    selectors: dict[str, str] = {}
    points: str | None = None
    text: str = Text.POINTER.value


class Known(msgspec.Struct, frozen=True):
    """What the files of libraries may name: algorithms and selectors, by name."""

    algorithms: Mapping[str, Algorithm]
    selectors: Mapping[str, Selector]


def _table(path: Path) -> dict[str, object]:
    try:
        return tomli.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: expected UTF-8 text: {error}") from error
    except tomli.TOMLDecodeError as error:
        raise RuleError(f"{path}: expected TOML: {error}") from error


def _typed(value: object, kind: type[_T], where: str) -> _T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        keys = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))  # type: ignore[arg-type]
        raise RuleError(f"{where}: {error}; expected keys: {keys}") from error


def _expect(true: bool, where: str, expected: str, got: object) -> None:
    if not true:
        raise RuleError(f"{where}: expected {expected}, got {got!r}")


def algorithms(path: Path) -> dict[str, Algorithm]:
    """The algorithms of one file (``algorithms.toml``) by name. Raises ``RuleError``."""
    found: dict[str, Algorithm] = {}
    for position, table in enumerate(_typed(_table(path), _Algorithms, str(path)).algorithm):
        where = f"{path}: algorithm[{position}]"
        strength = table.get("strength")
        _expect(strength in list(Strength), f"{where}.strength", "one of " + ", ".join(Strength), strength)
        one = _typed(table, Algorithm, where)
        for key, word in (("name", one.name), ("family", one.family)):
            _expect(_WORD.fullmatch(word) is not None, f"{where}.{key}", "a lower-case word", word)
        _expect(one.name not in found, f"{where}.name", "each name once", one.name)
        found[one.name] = one
    return found


def selectors(path: Path, algorithms: Mapping[str, Algorithm]) -> dict[str, Selector]:
    """The selectors of one file (``selectors/*.toml``) by name, whose values name algorithms. Raises ``RuleError``."""
    found: dict[str, Selector] = {}
    for position, table in enumerate(_typed(_table(path), _Selectors, str(path)).selector):
        where = f"{path}: selector[{position}]"
        one = _typed(table, _Selector, where)
        _expect(_NAME.fullmatch(one.name) is not None, f"{where}.name", "lower-case words", one.name)
        _expect(one.name not in found, f"{where}.name", "each name once", one.name)
        _expect(one.kind in _KINDS, f"{where}.kind", _KIND, one.kind)
        values = tuple(_values(one.values, Kind(one.kind), algorithms, f"{where}.values"))
        _expect(bool(values), f"{where}.values", "at least one line", one.values)
        found[one.name] = Selector(name=one.name, kind=Kind(one.kind), source=one.source, values=values)
    return found


def _values(text: str, kind: Kind, algorithms: Mapping[str, Algorithm], where: str) -> Iterator[Value]:
    """The values of a selector, one a line: the algorithm, then a number and its name, or all of a text."""
    seen: set[int | str] = set()
    for line in text.splitlines():
        algorithm, _, rest = line.strip().partition(" ")
        if not algorithm:
            continue
        _expect(algorithm in algorithms, where, "the name of an algorithm first", line)
        number = None
        if kind in _NUMBERS:
            digits, _, rest = rest.partition(" ")
            try:
                number = int(digits, 0)
            except ValueError:
                _expect(False, where, "a number behind the algorithm", line)
        else:
            _expect(rest not in seen, where, "each text once", line)
        seen.add(rest)
        yield Value(algorithm, number, rest)


def library(path: Path, known: Known) -> Library:
    """The library of one file (``catalogue/<id>.toml``), which names what is ``known``. Raises ``RuleError``."""
    table = _table(path)
    direct, generic = table.pop("direct", []), table.pop("generic", [])
    header = _typed(table, _Header, str(path))
    _expect(header.library == path.stem, f"{path}: library", f"{path.stem!r}, as the file is named", header.library)
    _expect(_WORD.fullmatch(header.library) is not None, f"{path}: library", "a lower-case word", header.library)
    named = bool(header.sonames) != bool(header.binary)
    _expect(named, f"{path}: sonames", "at least one, or else a binary", header.sonames)
    tables = isinstance(direct, list) and isinstance(generic, list)
    _expect(tables and bool(direct or generic), f"{path}: direct", "at least one [[direct]] or [[generic]]", direct)
    assert isinstance(direct, list)
    assert isinstance(generic, list)
    symbols: dict[str, Symbol] = {}
    for key, rows in (("direct", direct), ("generic", generic)):
        for position, row in enumerate(rows):
            where = f"{path}: {key}[{position}]"
            read = _direct(row, known, where) if key == "direct" else _generic(row, header, known, where)
            for one in _symbols(*read, header, where):
                before = symbols.get(one.name)
                symbols[one.name] = _merged(before, one, f"{where}.symbols") if before else one
    return Library(
        id=header.library,
        sonames=header.sonames,
        binary=header.binary,
        node=header.node,
        note=header.note,
        symbols=tuple(symbols[name] for name in sorted(symbols)),
        prefixes=_prefixes(header, symbols, str(path)),
    )


def _prefixes(header: _Header, symbols: Mapping[str, Symbol], path: str) -> tuple[str, ...]:
    """The beginnings of names that are the library's alone, each with three characters or more."""
    words = tuple(header.prefixes.split())
    for word in words:
        _expect(len(word) >= _SHORTEST_PREFIX, f"{path}: prefixes", f"{_SHORTEST_PREFIX} characters or more", word)
    if words:
        named = any(name.startswith(words) for name in symbols)
        _expect(named, f"{path}: prefixes", "the beginning of at least one symbol", header.prefixes)
    return words


def _direct(row: object, known: Known, where: str) -> tuple[_Symbols, bool, Use]:
    """A ``[[direct]]`` table: what it says, whether of data, and the use."""
    table = _typed(row, _Direct, where)
    _expect(table.algorithm in known.algorithms, f"{where}.algorithm", "a name from algorithms.toml", table.algorithm)
    _expect(table.kind in ("function", "data"), f"{where}.kind", "function or data", table.kind)
    return table, table.kind == "data", _use(table, where, algorithm=table.algorithm)


def _generic(row: object, header: _Header, known: Known, where: str) -> tuple[_Symbols, bool, Use]:
    """The same of a ``[[generic]]`` table."""
    table = _typed(row, _Generic, where)
    told = bool(table.selector) + bool(table.points)
    _expect(table.argument is not None or not told, f"{where}.argument", "a number beside selector or points", None)
    _expect(told <= 1, f"{where}.selector", "a selector or points, not both", table.selector)
    for name in filter(None, (table.selector, *table.selectors.values())):
        _expect(name in known.selectors, f"{where}.selector", "a name from selectors/*.toml", name)
        numbered = known.selectors[name].kind in _NUMBERS
        _expect(numbered or not table.list, f"{where}.list", "a selector of numbers beside it", name)
    _expect(bool(table.selector) or not table.list, f"{where}.list", "a selector beside it", table.selector)
    _expect(table.list or table.count is None, f"{where}.count", "list = true beside it", table.count)
    _expect(table.argument is not None or not table.also, f"{where}.also", "an argument beside it", table.also)
    for soname in table.selectors:
        _expect(soname in header.sonames, f"{where}.selectors", "names from sonames", soname)
    _expect(table.text in _TEXTS, f"{where}.text", _TEXT, table.text)
    return table, False, _use(
        table,
        where,
        argument=table.argument,
        also=table.also,
        list=table.list,
        count=table.count,
        selector=table.selector,
        selectors=tuple(sorted(table.selectors.items())),
        points=table.points,
        text=Text(table.text),
    )  # fmt: skip


def _use(table: _Symbols, where: str, **how: object) -> Use:
    _expect(table.role in _ROLES, f"{where}.role", _ROLE, table.role)
    known = table.direction is None or table.direction in _DIRECTIONS
    _expect(known, f"{where}.direction", _DIRECTION, table.direction)
    when = table.when
    if when is not None:
        told = bool(when.numbers) + bool(when.words) + bool(when.bits) + when.given
        _expect(told == 1, f"{where}.when", "one of numbers, words, bits, given = true", msgspec.to_builtins(when))
    also = how.get("also", ())
    assert isinstance(also, tuple)
    for number in (how.get("argument"), *also, how.get("count"), table.size, when.argument if when else None):
        inside = number is None or (isinstance(number, int) and 0 <= number < _MOST_ARGUMENTS)
        _expect(inside, f"{where}.argument", _ARGUMENT, number)
        _expect(number != 0 or not table.hidden, f"{where}.argument", "a number above 0 beside hidden", number)
    return Use(
        role=Role(table.role),
        direction=table.direction,
        when=When(**msgspec.structs.asdict(when)) if when else None,
        size=table.size,
        note=table.note,
        **how,  # type: ignore[arg-type]
    )


def _symbols(table: _Symbols, data: bool, use: Use, header: _Header, where: str) -> Iterator[Symbol]:
    """The symbols of one table, each with its one use."""
    for soname in table.only_in:
        _expect(soname in header.sonames, f"{where}.only_in", "names from sonames", soname)
    words, where = table.symbols.split(), f"{where}.symbols"
    _expect(bool(words), where, "at least one symbol", table.symbols)
    for word in words:
        name, at, node = word.partition("@")
        _expect(bool(name) and bool(node) is bool(at) and "@" not in node, where, "name or name@NODE", word)
        yield Symbol(
            name=name,
            version=node or header.node,
            data=data,
            returns=table.returns,
            hidden=table.hidden,
            only_in=table.only_in,
            vague=table.vague,
            uses=(use,),
        )


def _merged(before: Symbol, symbol: Symbol, where: str) -> Symbol:
    """A symbol that several tables name, of which all but the last say when they hold."""
    _expect(before.uses[-1].when is not None, where, "each symbol once per library, or `when` where more follow",
            symbol.name)  # fmt: skip
    same = msgspec.structs.replace(before, uses=()) == msgspec.structs.replace(symbol, uses=())
    _expect(same, where, "the same version, returns, hidden, only_in and vague as before", symbol.name)
    return msgspec.structs.replace(symbol, uses=(*before.uses, *symbol.uses))


def copies(path: Path, known: Mapping[str, Algorithm]) -> Copies:
    """What is told of implementations inside objects (``copies.toml``). Raises ``RuleError``."""
    found = _typed(_table(path), Copies, str(path))
    for key in ("go", "go_functions", "rust"):
        for name, algorithm in getattr(found, key).items():
            _expect(algorithm in known, f"{path}: {key}.{name!r}", "an algorithm of algorithms.toml", algorithm)
    for position, provider in enumerate(found.provider):
        where = f"{path}: provider[{position}]"
        _expect(provider.path != "*" or provider.language is not None, where, "a path or a language", provider.path)
        for algorithm in provider.algorithms:
            _expect(algorithm in known, f"{where}.algorithms", "algorithms of algorithms.toml", algorithm)
    for algorithm, pattern in found.named.items():
        _expect(algorithm in known, f"{path}: named", "algorithms of algorithms.toml", algorithm)
        try:
            re.compile(pattern)
        except re.error as error:
            raise RuleError(f"{path}: named.{algorithm}: expected a regular expression: {error}") from error
    return found
