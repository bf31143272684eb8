"""The book of names, out of ``rules/scripts/*.toml``, strictly: anything unknown is an error that says where."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import tomli

from archscan.errors import RuleError
from archscan.files.scripts.book import Book, Entry, Language, Selector
from archscan.model import Strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_T = TypeVar("_T")
LANGUAGES = ("python", "perl", "php", "ruby", "shell", "java")
_SHARED = "selectors"
_ROLES = frozenset(
    "hash hmac cipher sign verify kdf password tls certificate-fingerprint checksum prng lookup provider any".split()
)
_PARTS = re.compile(r"[^\w-]+")


class _Selector(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    source: str
    values: str


class _Direct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    algorithm: str
    role: str
    names: str
    library: str | None = None
    direction: str | None = None
    needs: tuple[str, ...] = ()
    note: str | None = None
    vague: bool = False


class _Chosen(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    role: str
    names: str
    selector: str
    argument: int | tuple[int, ...] = ()
    keyword: str = ""
    flags: bool = False
    otherwise: str | None = None
    library: str | None = None
    direction: str | None = None
    needs: tuple[str, ...] = ()
    note: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    language: str | None = None
    words: str = ""
    selector: tuple[dict[str, Any], ...] = ()
    direct: tuple[dict[str, Any], ...] = ()
    chosen: tuple[dict[str, Any], ...] = ()


def load_book(directories: Sequence[Path]) -> Book:
    """The book of several directories as one; later ones add names, or replace those of the same language.

    Each may hold ``algorithms.toml`` and ``scripts/*.toml``. Raises ``RuleError`` naming file, key and what was
    expected.
    """
    strengths: dict[str, Strength] = {}
    for directory in directories:
        if (path := directory / "algorithms.toml").exists():
            strengths |= _strengths(path)
    paths = [path for directory in directories for path in sorted((directory / "scripts").glob("*.toml"))]
    files = [(path, _file(path)) for path in paths]
    selectors: dict[str, Selector] = {}
    for path, file in files:
        for number, table in enumerate(file.selector, 1):
            where = f"{path}: selector {number}"
            selectors |= _selector(where, _as(where, table, _Selector), strengths)
    languages: dict[str, Language] = {}
    for path, file in files:
        if path.stem != _SHARED:
            language = _language(path, file, strengths, selectors)
            languages[language.name] = _joined(languages.get(language.name), language)
    if not languages:
        places = ", ".join(str(directory / "scripts") for directory in directories)
        raise RuleError(f"{places}: expected at least one language (*.toml)")
    told = (sorted(languages.items()), sorted(selectors.items()), sorted(strengths.items()))
    digest = hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
    return Book(languages, selectors, strengths, digest)


def _joined(one: Language | None, more: Language) -> Language:
    if one is None:
        return more
    return Language(one.name, tuple(dict.fromkeys((*one.words, *more.words))), one.entries | more.entries)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: expected TOML: {error}") from error


def _as(where: str, table: object, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise RuleError(f"{where}: {error}") from error


def _strengths(path: Path) -> dict[str, Strength]:
    rows = _table(path).get("algorithm")
    if not isinstance(rows, list):
        raise RuleError(f"{path}: algorithm: expected [[algorithm]] tables")
    found: dict[str, Strength] = {}
    for number, row in enumerate(rows, 1):
        name, strength = (row.get(key) if isinstance(row, dict) else None for key in ("name", "strength"))
        if not isinstance(name, str) or strength not in list(Strength):
            raise RuleError(f"{path}: algorithm {number}: expected a name, and a strength of {', '.join(Strength)}")
        found[name] = Strength(strength)
    return found


def _file(path: Path) -> _File:
    file = _as(str(path), _table(path), _File)
    if path.stem == _SHARED:
        if file.language is not None or file.direct or file.chosen or file.words:
            raise RuleError(f"{path}: expected [[selector]] tables only")
    elif path.stem not in LANGUAGES or file.language != path.stem:
        raise RuleError(f"{path}: language: expected the name of the file, one of {', '.join(LANGUAGES)}")
    return file


def _selector(where: str, table: _Selector, strengths: Mapping[str, Strength]) -> dict[str, Selector]:
    words: dict[str, str] = {}
    for line in filter(None, map(str.strip, table.values.split("\n"))):
        algorithm, _, text = line.partition(" ")
        text = text.strip().lower()
        if not text:
            raise RuleError(f"{where}: values: expected an algorithm and a text, got {line!r}")
        _known(f"{where}: values", algorithm, strengths)
        if words.setdefault(text, algorithm) != algorithm:
            raise RuleError(f"{where}: values: expected one algorithm for {text!r}, got {words[text]} and {algorithm}")
    patterns = sorted((text for text in words if set(text) & set("*?")), key=lambda text: (-len(text), text))
    exact = {text: algorithm for text, algorithm in words.items() if text not in patterns}
    return {table.name: Selector(exact, tuple((text, words[text]) for text in patterns))}


def _known(where: str, algorithm: str, strengths: Mapping[str, Strength]) -> str:
    if algorithm not in strengths:
        raise RuleError(f"{where}: expected an algorithm of algorithms.toml, got {algorithm!r}")
    return algorithm


def _language(
    path: Path, file: _File, strengths: Mapping[str, Strength], selectors: Mapping[str, Selector]
) -> Language:
    words = tuple(dict.fromkeys(file.words.split()))
    if not words or any(len(word) < 3 for word in words):
        raise RuleError(f"{path}: words: expected words of at least 3 letters, of which a file must hold one")
    found: dict[str, list[Entry]] = {}
    for number, table in enumerate(file.direct, 1):
        where = f"{path}: direct {number}"
        direct = _as(where, table, _Direct)
        _known(f"{where}: algorithm", direct.algorithm, strengths)
        _check(where, direct, words)
        entry = Entry(role=direct.role, library=direct.library or path.stem, algorithm=direct.algorithm,
                      direction=direct.direction, needs=direct.needs, vague=direct.vague)  # fmt: skip
        for name in _names(direct.names):
            found.setdefault(name, []).append(entry)
    for number, table in enumerate(file.chosen, 1):
        where = f"{path}: chosen {number}"
        entry, names = _choice(where, path.stem, _as(where, table, _Chosen), words)
        if entry.selector not in selectors:
            raise RuleError(
                f"{where}: selector: expected one of {', '.join(sorted(selectors))}, got {entry.selector!r}"
            )
        if entry.otherwise is not None:
            _known(f"{where}: otherwise", entry.otherwise, strengths)
        for name in names:
            found.setdefault(name, []).append(entry)
    return Language(path.stem, words, {name: tuple(rows) for name, rows in sorted(found.items())})


def _choice(where: str, language: str, table: _Chosen, words: Sequence[str]) -> tuple[Entry, Sequence[str]]:
    _check(where, table, words)
    arguments = (table.argument,) if isinstance(table.argument, int) else table.argument
    if any(not 0 <= one < 16 for one in arguments):
        raise RuleError(f"{where}: argument: expected numbers from 0 to 15")
    if not arguments and not table.keyword.split() and not table.flags:
        raise RuleError(f"{where}: expected argument, keyword or flags")
    entry = Entry(role=table.role, library=table.library or language, direction=table.direction, arguments=arguments,
                  keywords=tuple(table.keyword.split()), flags=table.flags, selector=table.selector,
                  otherwise=table.otherwise, needs=table.needs)  # fmt: skip
    return entry, _names(table.names)


def _check(where: str, table: _Direct | _Chosen, words: Sequence[str]) -> None:
    """What both tables share; each name must be found by the words, or the file is never read for it."""
    if table.role not in _ROLES:
        raise RuleError(f"{where}: role: expected one of {', '.join(sorted(_ROLES))}, got {table.role!r}")
    if table.direction not in (None, "generate", "verify"):
        raise RuleError(f"{where}: direction: expected generate or verify, got {table.direction!r}")
    names = _names(table.names)
    if not names:
        raise RuleError(f"{where}: names: expected at least one")
    for name in names:
        if not any(word in text for word in words for text in (*_spelled(name), *table.needs)):
            raise RuleError(f"{where}: names: expected one of the file's words in {name!r}")


def _names(text: str) -> Sequence[str]:
    """One a line; blanks are part of a name, as of ``openssl dgst``."""
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _spelled(name: str) -> Iterable[str]:
    """What a file spells that uses the name: each part of it, the last one as a call; a class file all of it."""
    return (*filter(None, _PARTS.split(name)), f"{name}(", name.replace(".", "/"))
