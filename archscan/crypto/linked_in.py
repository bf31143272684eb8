"""Libraries of the catalogue that are linked into an object: their names are defined there, and called directly.

A function with a catalogued name need not be the library's: many programs define an `MD5Init` or `hash_init` of their
own. So an object's own definitions are taken for a library's only where all of this holds:

* the catalogue says by which ``prefixes`` the library's names begin that nobody gives to functions of their own, and
  the object defines functions with at least three catalogued names that begin so;
* the object neither is the library (by soname or path), nor offers algorithms by trade (``rules/copies.toml``), nor
  needs the library (DT_NEEDED): then it brings stand-ins for what old releases lack.

Where it holds, all catalogued names of the library count that the object defines, except those that a second such
library has, too.

What the linked-in library calls of its own is not the program's choice. Linkers keep the order of what they are given,
so the code from the first of the library's functions to the last is taken for the library's: those with catalogued
names, and those that begin with a prefix. Parts that compilers place apart (`.text.unlikely`, `.text.startup`) lie
before the start code of a program, and do not count.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.catalogue import stem
from archscan.elf import linked_in as tables
from archscan.elf.filling import KNOWN
from archscan.elf.image import DT_NEEDED, PT_INTERP, has_segment, tag
from archscan.elf.linked_in import LinkedIn
from archscan.model import Confidence, ElfKind

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from archscan.crypto.catalogue import Catalogue
    from archscan.crypto.entries import Library, Symbol
    from archscan.elf.image import Image
    from archscan.elf.linked_in import Definition, Names
    from archscan.model import Elf

_FEWEST = 3  # telling names by which a library is known
_START_FILE = "deregister_tm_clones"  # the first function of crtbegin.o, which lies before all objects
_C_LIBRARY = ("_IO_", "__libc_", "_nl_", "_dl_", "__gconv_")  # beginnings of names of glibc's own
_NAMES: dict[str, Names] = {}
_NO_CODE = frozenset({ElfKind.DEBUG, ElfKind.CORE, ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE})


class Linked(msgspec.Struct, frozen=True):
    """What is linked in, and whose each symbol is: the entry of the catalogue, the archive's name, how sure that is."""

    code: LinkedIn
    whose: Mapping[str, tuple[Symbol, str, Confidence]]


NOTHING = Linked(tables.NOTHING, {})
"""Of an object that has nothing linked in."""


def linked_in(catalogue: Catalogue, image: Image, facts: Elf) -> Linked:
    """The catalogued libraries that are linked into an object, by the names that it defines."""
    if facts.kind in _NO_CODE or not (found := tables.defined(image, names_of(catalogue))):
        return NOTHING
    libraries = _libraries(catalogue, facts, found)
    return _linked(image, libraries, found) if libraries else NOTHING


def linked_again(catalogue: Catalogue, image: Image, archives: Container[str | None]) -> Linked:
    """The same for an object of which it is known what is linked in, by names of archives (`libcrypto.a`)."""
    libraries = [one for one in catalogue.libraries if one.prefixes and archive(one) in archives]
    return _linked(image, libraries, tables.defined(image, names_of(catalogue))) if libraries else NOTHING


def names_of(catalogue: Catalogue) -> Names:
    """All names of the catalogue, as they are looked for; made once."""
    if catalogue.digest not in _NAMES:
        _NAMES[catalogue.digest] = tables.names(catalogue.index)
    return _NAMES[catalogue.digest]


def archive(library: Library) -> str:
    """The name of the static library, as the linker is given it: `libcrypto.a`."""
    return f"{stem(library.sonames[0])}.a"


def _libraries(catalogue: Catalogue, facts: Elf, found: Sequence[Definition]) -> list[Library]:
    """The libraries of which enough telling names are defined, and that the object neither is nor needs."""
    functions = {one.name for one in found if one.is_function}
    needed = {catalogue.stems.get(stem(soname)) for soname in (*facts.needed, facts.soname or "")}
    if any(one.language is None and fnmatchcase("/" + facts.path_key, one.path) for one in catalogue.copies.provider):
        return []
    return [
        library
        for library in catalogue.libraries
        if library.prefixes and library.id not in needed and library.binary != facts.path
        if sum(symbol.name in functions and symbol.name.startswith(library.prefixes) for symbol in library.symbols)
        >= _FEWEST
    ]


def _linked(image: Image, libraries: Sequence[Library], found: Sequence[Definition]) -> Linked:
    """What there is of libraries that are linked in."""
    every = [one for one in tables.every(image) if one.name]
    inside = _inside(image, libraries, every)
    whose: dict[str, tuple[Symbol, str, Confidence]] = {}
    others_know = KNOWN if _is_static(image) else frozenset()
    functions = {
        one.address: one.name
        for one in every
        if one.is_function and (one.name in others_know or _holds(inside, one.address))
    }
    prefixes = tuple(prefix for library in libraries for prefix in library.prefixes)
    data = {one.address: one.name for one in every if not one.is_function and one.name.startswith(prefixes)}
    for library in libraries:
        others = {symbol.name for other in libraries if other != library for symbol in other.symbols}
        known = {symbol.name: symbol for symbol in _released(library, found) if symbol.name not in others}
        for one in found:
            if one.name in known and known[one.name].data is not one.is_function:
                whose[one.name] = known[one.name], archive(library), Confidence.LIKELY
                (functions if one.is_function else data)[one.address] = one.name
    objects = sorted({(one.address, one.address + one.size) for one in every if not one.is_function and one.size})
    return Linked(LinkedIn(functions, data, inside, tuple(objects)), whose)


def _is_static(image: Image) -> bool:
    """Whether an object is a program that brings its C library along."""
    return bool(image.entry) and not has_segment(image, PT_INTERP) and tag(image, DT_NEEDED) is None


def _released(library: Library, found: Sequence[Definition]) -> Iterator[Symbol]:
    """The symbols of a library, with the selectors of the releases that can be meant: those that have what is defined.

    Where these differ, nobody knows what a value means.
    """
    names = {one.name for one in found}
    sonames = [
        soname
        for soname in library.sonames
        if all(not one.only_in or soname in one.only_in for one in library.symbols if one.name in names)
    ] or library.sonames
    for symbol in library.symbols:
        uses = []
        for use in symbol.uses:
            meant = {dict(use.selectors).get(soname, use.selector) for soname in sonames}
            selector = meant.pop() if len(meant) == 1 else None
            uses.append(msgspec.structs.replace(use, selector=selector, selectors=()))
        yield msgspec.structs.replace(symbol, uses=tuple(uses))


def _inside(image: Image, libraries: Sequence[Library], every: Sequence[Definition]) -> tuple[tuple[int, int], ...]:
    """For each library, and the C library, the addresses from its first function to the end of its last one."""
    functions = [one for one in every if one.is_function and "." not in one.name]
    begin = max([image.entry, *(one.address for one in functions if one.name == _START_FILE)])
    named = [({symbol.name for symbol in library.symbols}, library.prefixes) for library in libraries]
    if _is_static(image):
        named.append((set(), _C_LIBRARY))
    ranges = []
    for known, prefixes in named:
        own = [
            one for one in functions if one.address >= begin and (one.name in known or one.name.startswith(prefixes))
        ]
        if own:
            ranges.append((min(one.address for one in own), max(one.address + max(one.size, 1) for one in own)))
    return tuple(sorted(ranges))


def _holds(ranges: Sequence[tuple[int, int]], address: int) -> bool:
    return any(low <= address < high for low, high in ranges)
