"""One data file of the catalogue at a time: TOML in, values out, strictly.

An algorithm or a symbol is written once, every key is known, every word is in its vocabulary; anything else is a
``RuleError`` that names file, key and what was expected. Values are best written as literal strings (``'…'``): the
standard library's parser takes the others character by character.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from archscan.crypto.entries import Algorithm, Library, Role, Symbol
from archscan.errors import RuleError
from archscan.model import Strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_T = TypeVar("_T")
_WORD = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_SYMBOL = re.compile(r"([^@\s]+)(?:@([^@\s]+))?")


class _Algorithms(msgspec.Struct, forbid_unknown_fields=True):
    algorithm: list[dict[str, object]]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    library: str
    sonames: tuple[str, ...]
    binary: str | None = None
    node: str | None = None
    note: str | None = None


class _Direct(msgspec.Struct, forbid_unknown_fields=True):
    algorithm: str
    role: str
    symbols: str
    kind: str = "function"
    returns: str | None = None
    only_in: tuple[str, ...] = ()
    vague: bool = False
    note: str | None = None


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: expected UTF-8 text: {error}") from error
    except tomllib.TOMLDecodeError as error:
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


def _symbols(table: object, header: _Header, known: Mapping[str, Algorithm], where: str) -> Iterable[Symbol]:
    """The symbols of one ``[[direct]]`` table."""
    direct = _typed(table, _Direct, where)
    _expect(direct.algorithm in known, f"{where}.algorithm", "a name from algorithms.toml", direct.algorithm)
    _expect(direct.role in set(Role), f"{where}.role", "one of " + ", ".join(Role), direct.role)
    _expect(direct.kind in ("function", "data"), f"{where}.kind", "function or data", direct.kind)
    for soname in direct.only_in:
        _expect(soname in header.sonames, f"{where}.only_in", "names from sonames", soname)
    words = direct.symbols.split()
    _expect(bool(words), f"{where}.symbols", "at least one symbol", direct.symbols)
    for word in words:
        match = _SYMBOL.fullmatch(word)
        _expect(match is not None, f"{where}.symbols", "name or name@NODE", word)
        assert match is not None
        yield Symbol(
            name=match[1],
            version=match[2] or header.node,
            data=direct.kind == "data",
            algorithm=direct.algorithm,
            role=Role(direct.role),
            returns=direct.returns,
            only_in=direct.only_in,
            vague=direct.vague,
            note=direct.note,
        )


def library(path: Path, known: Mapping[str, Algorithm]) -> Library:
    """The library of one file (``catalogue/<id>.toml``), which names ``known`` algorithms. Raises ``RuleError``."""
    table = _table(path)
    tables = table.pop("direct", None)
    header = _typed(table, _Header, str(path))
    _expect(header.library == path.stem, f"{path}: library", f"{path.stem!r}, as the file is named", header.library)
    _expect(_WORD.fullmatch(header.library) is not None, f"{path}: library", "a lower-case word", header.library)
    named = bool(header.sonames) != bool(header.binary)
    _expect(named, f"{path}: sonames", "at least one, or else a binary", header.sonames)
    _expect(isinstance(tables, list) and bool(tables), f"{path}: direct", "at least one [[direct]] table", tables)
    assert isinstance(tables, list)
    symbols: dict[str, Symbol] = {}
    for position, direct in enumerate(tables):
        where = f"{path}: direct[{position}]"
        for symbol in _symbols(direct, header, known, where):
            _expect(symbol.name not in symbols, f"{where}.symbols", "each symbol once per library", symbol.name)
            symbols[symbol.name] = symbol
    return Library(
        id=header.library,
        sonames=header.sonames,
        binary=header.binary,
        node=header.node,
        note=header.note,
        symbols=tuple(symbols[name] for name in sorted(symbols)),
    )
