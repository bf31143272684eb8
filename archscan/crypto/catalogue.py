"""The catalogue: what each crypto library exports, found by symbol and by soname.

A symbol stands for one algorithm, or an argument says which; ``selectors`` are the values by which it does.
The data is in ``rules/catalogue``, ``rules/selectors`` and ``rules/algorithms.toml``; ``tables`` reads it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from archscan.crypto import tables
from archscan.crypto.entries import Algorithm, Copies, Library, Role, Selector, Symbol, Use
from archscan.crypto.mangled import narrower
from archscan.elf.arch import machine
from archscan.errors import RuleError
from archscan.model import Strength

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from archscan.elf.image import Image

__all__ = [
    "Algorithm",
    "Catalogue",
    "Entry",
    "Library",
    "Role",
    "Selector",
    "Symbol",
    "Use",
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
    """Every library, algorithm and selector that is known, sorted by id and name.

    ``index`` finds the exporters of a symbol, also by its name on processors with 32 bits, ``stems`` the library of a
    soname's stem, ``copies`` tells of algorithms that are compiled in. ``apart`` is the part of the index that is
    another one where the place of a result is no argument. ``digest`` (sha256, hex) changes with everything
    that facts depend on, and with nothing else.
    """

    algorithms: tuple[Algorithm, ...]
    libraries: tuple[Library, ...]
    selectors: dict[str, Selector]
    strengths: dict[str, Strength]
    index: dict[str, tuple[Entry, ...]]
    apart: dict[str, tuple[Entry, ...]]
    stems: dict[str, str]
    copies: Copies
    digest: str


def load(directory: Path) -> Catalogue:
    """The catalogue in ``directory``, which holds ``algorithms.toml``, ``selectors/*.toml`` and ``catalogue/*.toml``.

    Raises ``RuleError`` naming file, key and what was expected.
    """
    return load_all((directory,))


def load_all(directories: Sequence[Path]) -> Catalogue:
    """The catalogues of several directories as one: later ones add to each part, or replace what has the same name.

    A directory may lack any part. Raises ``RuleError`` as ``load`` does, and where two libraries claim one soname
    or nothing is found at all.
    """
    algorithms: dict[str, Algorithm] = {}
    for directory in directories:
        if (path := directory / "algorithms.toml").exists():
            algorithms |= tables.algorithms(path)
    selectors: dict[str, Selector] = {}
    for path in _files(directories, "selectors"):
        selectors |= tables.selectors(path, algorithms)
    known = tables.Known(algorithms, selectors)
    libraries = {path.stem: tables.library(path, known) for path in _files(directories, "catalogue")}
    if not libraries:
        places = ", ".join(str(directory / "catalogue") for directory in directories)
        raise RuleError(f"{places}: expected at least one library (*.toml)")
    copies = Copies()
    for directory in directories:
        if (path := directory / "copies.toml").exists():
            copies = _joined(copies, tables.copies(path, algorithms))
    return _assembled(known, [libraries[name] for name in sorted(libraries)], copies)


def _joined(one: Copies, more: Copies) -> Copies:
    """What two directories say of copies; the later one's word counts."""
    tables = {name: getattr(one, name) | getattr(more, name) for name in ("named", "go", "go_functions", "rust")}
    return Copies(provider=one.provider + more.provider, **tables)


def _files(directories: Sequence[Path], part: str) -> Iterator[Path]:
    """The data files of one part, those of each directory sorted by name."""
    return (path for directory in directories for path in sorted((directory / part).glob("*.toml")))


def _assembled(known: tables.Known, libraries: Sequence[Library], copies: Copies) -> Catalogue:
    algorithms = known.algorithms
    strengths = {name: algorithm.strength for name, algorithm in algorithms.items()}
    stems: dict[str, str] = {}
    index: dict[str, list[Entry]] = {}
    hidden: set[str] = set()
    for library in libraries:
        for soname in library.sonames:
            owner = stems.setdefault(stem(soname), library.id)
            if owner != library.id:
                raise RuleError(f"{library.id}.toml: sonames: expected none of library {owner!r}, got {soname!r}")
        for symbol in library.symbols:
            index.setdefault(symbol.name, []).append(Entry(library.id, symbol))
            for name in narrower(symbol.name):
                index.setdefault(name, []).append(Entry(library.id, msgspec.structs.replace(symbol, name=name)))
            if symbol.hidden:
                hidden.add(symbol.name)
    return Catalogue(
        algorithms=tuple(algorithms[name] for name in sorted(algorithms)),
        libraries=tuple(libraries),
        selectors={name: known.selectors[name] for name in sorted(known.selectors)},
        strengths=strengths,
        index={name: tuple(entries) for name, entries in index.items()},
        apart={name: tuple(map(_apart, index[name])) for name in hidden},
        stems=stems,
        copies=copies,
        digest=_digest(libraries, known.selectors, stems, strengths, copies),
    )


def as_passed(catalogue: Catalogue, image: Image) -> Catalogue:
    """The catalogue with arguments counted as an object passes them.

    On some processors the place of a structure that is returned is none of them.
    """
    lift = machine(image.machine).lift
    return (
        msgspec.structs.replace(catalogue, index=catalogue.index | catalogue.apart)
        if lift and lift.apart
        else catalogue
    )


def _apart(entry: Entry) -> Entry:
    """The same with arguments counted without the place of the result."""
    uses = tuple(map(_moved, entry.symbol.uses)) if entry.symbol.hidden else entry.symbol.uses
    return Entry(entry.library, msgspec.structs.replace(entry.symbol, hidden=False, uses=uses))


def _moved(use: Use) -> Use:
    argument, count, size = (None if one is None else one - 1 for one in (use.argument, use.count, use.size))
    when = use.when and msgspec.structs.replace(use.when, argument=use.when.argument - 1)
    also = tuple(one - 1 for one in use.also)
    return msgspec.structs.replace(use, argument=argument, count=count, size=size, when=when, also=also)


def _digest(
    libraries: Sequence[Library],
    selectors: Mapping[str, Selector],
    stems: Mapping[str, str],
    strengths: Mapping[str, Strength],
    copies: Copies,
) -> str:
    """Of what facts are made of. Notes, nodes and the order in the files make no difference to a fact."""
    symbols = [
        (library.id, msgspec.structs.replace(symbol, version=None, uses=tuple(map(_unsaid, symbol.uses))))
        for library in libraries
        for symbol in library.symbols
    ]
    values = {name: (one.kind, one.values) for name, one in sorted(selectors.items())}
    prefixes = [(library.id, library.prefixes) for library in libraries]
    told = (sorted(stems.items()), symbols, prefixes, values, sorted(strengths.items()), _means(copies))
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _means(copies: Copies) -> tuple[object, ...]:
    """What of the copies makes facts; reasons are for people."""
    paths = sorted((one.path, one.language or "", one.algorithms) for one in copies.provider)
    tables = (copies.named, copies.go, copies.go_functions, copies.rust)
    return (paths, *(sorted(table.items()) for table in tables))


def _unsaid(use: Use) -> Use:
    return msgspec.structs.replace(use, note=None)


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
    """One line for each library: its sonames, how many symbols, which weak algorithms, those of most symbols first."""
    lines: list[dict[str, str | int | None]] = []
    for library in catalogue.libraries:
        uses = [use for symbol in library.symbols for use in symbol.uses]
        named = [use.algorithm for use in uses if use.algorithm]
        weak = Counter(name for name in named if catalogue.strengths[name] == Strength.WEAK)
        chosen = sum(any(use.algorithm is None for use in symbol.uses) for symbol in library.symbols)
        lines.append(
            {
                "library": library.id,
                "sonames": ", ".join(library.sonames) or library.binary,
                "symbols": len(library.symbols),
                "by argument": chosen,
                "weak": ", ".join(sorted(weak, key=lambda name: (-weak[name], name))),
                "others": len(set(named) - weak.keys()),
                "note": library.note,
            }
        )
    return lines


def show(catalogue: Catalogue, symbol: str) -> list[dict[str, str | None]]:
    """What is known of ``symbol`` (or of every symbol of a library, given its id): a line for each exporter and use.

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
            "algorithm": use.algorithm or _chosen(use),
            "strength": catalogue.strengths[use.algorithm].value if use.algorithm else None,
            "role": use.role.value,
            "size": None if use.size is None else f"argument {use.size}",
            "when": _when(use),
            "note": use.note,
        }
        for entry in entries
        for use in entry.symbol.uses
    ]


def _chosen(use: Use) -> str | None:
    """What an argument is that says which algorithm is used; None where none does."""
    if use.argument is None:
        return None
    arguments = " and ".join(map(str, (use.argument, *use.also)))
    arguments = f"arguments {arguments}" if use.also else f"argument {arguments}"
    listed = "a list of " if use.list else ""
    return arguments + (f": {listed}{use.points or use.selector}" if use.points or use.selector else "")


def _when(use: Use) -> str | None:
    if use.when is None:
        return None
    when = use.when
    values = ", ".join(map(str, when.numbers or when.words)) or (f"with bit {when.bits}" if when.bits else "not NULL")
    return f"argument {when.argument}: {values}"
