"""The catalogue: what each crypto library exports, found by symbol and by soname.

Only symbols that stand for one algorithm are listed; functions that are told their algorithm by an argument are not.
The data is in ``rules/catalogue`` and ``rules/algorithms.toml``; ``tables`` says what may stand there.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from archscan.crypto import tables
from archscan.crypto.entries import Algorithm, Library, Role, Symbol
from archscan.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from archscan.model import Strength

__all__ = [
    "Algorithm",
    "Catalogue",
    "Entry",
    "Library",
    "Role",
    "Symbol",
    "algorithm_rows",
    "exports",
    "libraries",
    "load",
    "load_all",
    "show",
    "stem",
]

# What follows the name proper in a soname: `.so.3`, or the release that `libtool -release` puts before `.so`.
_SONAME_TAIL = re.compile(r"\.so\..*$|(?:-\d+\.\d.*)?\.so$", re.DOTALL)


class Entry(msgspec.Struct, frozen=True):
    """A symbol with the id of the library that exports it."""

    library: str
    symbol: Symbol


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Every library and algorithm that is known, sorted by id and name.

    ``index`` finds the exporters of a symbol, ``stems`` the library of a soname's stem. ``digest`` (sha256, hex)
    changes with everything that facts depend on, and with nothing else.
    """

    algorithms: tuple[Algorithm, ...]
    libraries: tuple[Library, ...]
    strengths: dict[str, Strength]
    index: dict[str, tuple[Entry, ...]]
    stems: dict[str, str]
    digest: str


def load(directory: Path) -> Catalogue:
    """The catalogue in ``directory``, which holds ``algorithms.toml`` and ``catalogue/*.toml``.

    Raises ``RuleError`` naming file, key and what was expected.
    """
    return load_all((directory,))


def load_all(directories: Sequence[Path]) -> Catalogue:
    """The catalogues of several directories as one: later ones add libraries and algorithms, or replace them by name.

    A directory may lack either part. Raises ``RuleError`` as ``load`` does, and where two libraries claim one soname
    or nothing is found at all.
    """
    algorithms: dict[str, Algorithm] = {}
    for directory in directories:
        if (path := directory / "algorithms.toml").exists():
            algorithms |= tables.algorithms(path)
    libraries = {
        path.stem: tables.library(path, algorithms)
        for directory in directories
        for path in sorted((directory / "catalogue").glob("*.toml"))
    }
    if not libraries:
        places = ", ".join(str(directory / "catalogue") for directory in directories)
        raise RuleError(f"{places}: expected at least one library (*.toml)")
    return _assembled(algorithms, [libraries[name] for name in sorted(libraries)])


def _assembled(algorithms: Mapping[str, Algorithm], libraries: Sequence[Library]) -> Catalogue:
    strengths = {name: algorithm.strength for name, algorithm in algorithms.items()}
    stems: dict[str, str] = {}
    index: dict[str, list[Entry]] = {}
    for library in libraries:
        for soname in library.sonames:
            owner = stems.setdefault(stem(soname), library.id)
            if owner != library.id:
                raise RuleError(f"{library.id}.toml: sonames: expected none of library {owner!r}, got {soname!r}")
        for symbol in library.symbols:
            index.setdefault(symbol.name, []).append(Entry(library.id, symbol))
    return Catalogue(
        algorithms=tuple(algorithms[name] for name in sorted(algorithms)),
        libraries=tuple(libraries),
        strengths=strengths,
        index={name: tuple(entries) for name, entries in index.items()},
        stems=stems,
        digest=_digest(libraries, stems, strengths),
    )


def _digest(libraries: Sequence[Library], stems: Mapping[str, str], strengths: Mapping[str, Strength]) -> str:
    """Of what ``uses`` reads. Notes, nodes and the order in the files make no difference to a fact."""
    symbols = [
        (library.id, symbol.name, symbol.algorithm, strengths[symbol.algorithm], symbol.role, symbol.vague)
        for library in libraries
        for symbol in library.symbols
    ]
    return hashlib.sha256(msgspec.json.encode((sorted(stems.items()), symbols))).hexdigest()


def stem(soname: str) -> str:
    """A soname without its version: ``libcrypto`` for ``libcrypto.so.3`` as for ``libcrypto.so.1.1``.

    Digits of the name itself stay (``libbotan-2``); a release before ``.so`` goes (``libisc-9.18.49-….so``).
    """
    return _SONAME_TAIL.sub("", soname.rpartition("/")[2])


def exports(library: Library, soname: str) -> tuple[Symbol, ...]:
    """The symbols that ``library`` exports under ``soname``, sorted by name."""
    return tuple(symbol for symbol in library.symbols if not symbol.only_in or soname in symbol.only_in)


def algorithm_rows(catalogue: Catalogue) -> list[tuple[str, str, str, str | None]]:
    """The rows of the table ``algorithm``: name, family, strength, note."""
    return [(one.name, one.family, one.strength.value, one.note) for one in catalogue.algorithms]


def libraries(catalogue: Catalogue) -> list[dict[str, str | int | None]]:
    """One line for each library: its sonames, how many symbols it has, which algorithms, most symbols first."""
    lines: list[dict[str, str | int | None]] = []
    for library in catalogue.libraries:
        counts = Counter(symbol.algorithm for symbol in library.symbols)
        lines.append(
            {
                "library": library.id,
                "sonames": ", ".join(library.sonames) or library.binary,
                "symbols": len(library.symbols),
                "algorithms": ", ".join(sorted(counts, key=lambda name: (-counts[name], name))),
                "note": library.note,
            }
        )
    return lines


def show(catalogue: Catalogue, symbol: str) -> list[dict[str, str | None]]:
    """What is known of ``symbol`` (or of every symbol of a library, given its id): one line for each exporter.

    Empty where the catalogue knows neither.
    """
    owners = {library.id: library for library in catalogue.libraries}
    if symbol in owners and symbol not in catalogue.index:
        entries = tuple(Entry(symbol, one) for one in owners[symbol].symbols)
    else:
        entries = catalogue.index.get(symbol, ())
    return [
        {
            "symbol": entry.symbol.name,
            "version": entry.symbol.version,
            "library": entry.library,
            "sonames": ", ".join(entry.symbol.only_in or owners[entry.library].sonames) or owners[entry.library].binary,
            "kind": "data" if entry.symbol.data else "function",
            "algorithm": entry.symbol.algorithm,
            "strength": catalogue.strengths[entry.symbol.algorithm].value,
            "role": entry.symbol.role.value,
            "note": entry.symbol.note,
        }
        for entry in entries
    ]
