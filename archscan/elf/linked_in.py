"""Functions and data that an object defines under given names, and what lies among functions of such names.

A library that is linked in brings its names along: in the table of the linker, as long as nobody strips it, and in
that of the loader, where the object exports them. Nothing is built for the names that nobody asks for: a library of
Haskell has hundreds of thousands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import msgspec
import numpy.typing as npt

from archscan.elf.arch.idioms import Pairs
from archscan.elf.arrays import NONE, Mask, Offsets, among, np, numbers
from archscan.elf.calls import Calls
from archscan.elf.code import Code, offsets_of
from archscan.elf.image import ET_DYN, ET_EXEC, SHT_NOBITS, Image, symbol_struct, text_at
from archscan.elf.mapping import FAR
from archscan.elf.symbols import SYMBOL_LAYOUT, SymbolTable, dynamic_symbols, static_symbols

_ARM = 40
_OBJECT, _FUNCTION, _RESOLVER = 1, 2, 10  # STT_OBJECT, STT_FUNC, STT_GNU_IFUNC
_IS_KNOWN = among(*(info for info in range(256) if info & 15 in (_OBJECT, _FUNCTION, _RESOLVER)))  # by st_info
_ABSOLUTE = 0xFF00  # section numbers from here on are no sections (SHN_LORESERVE)
_MOST_SYMBOLS = 1 << 20  # of a table; node has 200,000
_MOST_FOUND = 1 << 16  # definitions under names that are looked for; the catalogue has 3,300
_KEY = 8  # characters of a name that are compared for all names at once
_SPREAD, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(48)  # Knuth's multiplicative hash, of which 16 bits are kept
_LONGEST_NAME = 1024
_IMMEDIATE = 4  # bytes of a number behind the first byte of an instruction of x86


Heads = npt.NDArray[np.uint64]


class Names(msgspec.Struct, frozen=True, eq=False):
    """Names that are looked for, and by a hash of their first characters whether any of them begins so."""

    names: frozenset[bytes]
    begins: Mask


class Definition(msgspec.Struct, frozen=True):
    """A function or an object: its name, its address, the bytes that its symbol says it has."""

    name: str
    address: int
    size: int
    is_function: bool


class LinkedIn(msgspec.Struct, frozen=True):
    """What an object has of libraries that are linked in: named functions and data by their addresses.

    ``inside`` are ranges of addresses in which the code is these libraries' own, ``objects`` those of all named data of
    the object; ends are exclusive, and both sorted.
    """

    functions: Mapping[int, str] = {}
    data: Mapping[int, str] = {}
    inside: tuple[tuple[int, int], ...] = ()
    objects: tuple[tuple[int, int], ...] = ()


NOTHING = LinkedIn()
"""Of an object that has nothing linked in."""


def names(wanted: Iterable[str]) -> Names:
    """The names as they are looked for."""
    found = frozenset(name.encode() for name in wanted)
    begins = np.zeros(1 << 16, np.bool_)
    if found:
        heads = b"".join(name[:_KEY].ljust(_KEY, b"\0") for name in found)
        begins[_hashed(np.frombuffer(heads, np.uint64))] = True
    return Names(found, begins)


def defined(image: Image, wanted: Names) -> tuple[Definition, ...]:
    """What an object, linked and with its code, defines under the names, each place once; by name, then address.

    Nothing where it has more symbols than are looked at.
    """
    if image.type not in (ET_EXEC, ET_DYN) or _is_debug(image):
        return ()
    known = _tables(image)
    if any(len(table.rows) > _MOST_SYMBOLS * symbol_struct(image).size for table in known):
        return ()
    found = {one for table in known for one in _defined(image, table, wanted)}
    return tuple(sorted(found, key=lambda one: (one.name, one.address)))


def every(image: Image) -> Iterator[Definition]:
    """All that the tables name and define; a place may come twice."""
    for table in _tables(image):
        rows = _rows(image, table)
        yield from (_definition(image, table, row) for row in rows.tolist())


def _is_debug(image: Image) -> bool:
    """Whether the file has the tables of an object and nothing of its code."""
    code = [part for part in image.sections if part.name == ".text"]
    return bool(code) and all(part.type == SHT_NOBITS for part in code)


def _tables(image: Image) -> tuple[SymbolTable, SymbolTable]:
    return static_symbols(image), dynamic_symbols(image)


@cache
def _layout(order: str, bits: int) -> np.dtype[np.void]:
    return np.dtype([(name, order + kind) for name, kind in SYMBOL_LAYOUT[bits]])


def _rows(image: Image, table: SymbolTable) -> npt.NDArray[np.void]:
    layout = _layout(image.order, image.bits)
    count = min(len(table.rows) // layout.itemsize, _MOST_SYMBOLS)
    rows = np.frombuffer(table.rows, layout, count)
    rows = rows[rows["section"] > 0]
    known = _IS_KNOWN[rows["info"]] & (rows["section"] < _ABSOLUTE)
    near = (rows["value"] < FAR) & (rows["size"] < FAR)
    found: npt.NDArray[np.void] = rows[known & near & (rows["name"] < len(table.strings))]
    return found


def _defined(image: Image, table: SymbolTable, wanted: Names) -> Iterator[Definition]:
    if not table.rows:
        return
    rows = _rows(image, table)
    if not rows.size:
        return
    strings = np.frombuffer(table.strings + b"\0" * _KEY, np.uint8)
    heads = strings[rows["name"].astype(np.int64)[:, None] + np.arange(_KEY)]
    heads *= np.minimum.accumulate(heads != 0, axis=1)  # what stands behind the end of a short name is another one
    likely = wanted.begins[_hashed(np.ascontiguousarray(heads).view(np.uint64)[:, 0])]
    for row in rows[likely][:_MOST_FOUND].tolist():
        if _name(table, row) in wanted.names:
            yield _definition(image, table, row)


def _hashed(heads: Heads) -> Offsets:
    hashed: Offsets = (heads * _SPREAD >> _SHIFT).astype(np.int64)
    return hashed


def _name(table: SymbolTable, row: tuple[int, ...]) -> bytes:
    return text_at(table.strings[row[0] : row[0] + _LONGEST_NAME], 0)


def _definition(image: Image, table: SymbolTable, row: tuple[int, ...]) -> Definition:
    place, size, info = (row[4], row[5], row[1]) if image.bits == 64 else (row[1], row[2], row[3])
    is_function = info & 15 != _OBJECT
    if image.machine == _ARM and is_function:
        place &= ~1  # the lowest bit says that it is Thumb code
    return Definition(_name(table, row).decode("ascii", "replace"), place, size, is_function)


def into(text: Code, direct_calls: Pairs, prefix: int | None, linked_in: LinkedIn) -> Calls:
    """The direct calls of functions that are linked in, each with the function's address; without those among these.

    One behind a byte that may be a ``prefix`` comes twice, with that and without: whoever decodes it knows.
    """
    if not linked_in.functions:
        return Calls(NONE, NONE)
    offsets, targets = direct_calls
    known = np.isin(targets, np.array(sorted(linked_in.functions), np.int64))
    offsets, targets = offsets[known], targets[known]
    outside = outside_of(text, offsets, linked_in)
    offsets, targets = offsets[outside], targets[outside]
    if prefix is None:
        return Calls(offsets, targets)
    behind = (offsets > 0) & (text.raw[offsets - 1] == prefix)
    return Calls(np.append(offsets, offsets[behind] - 1), np.append(targets, targets[behind]))


def without_inner(text: Code, found: Calls, slots: set[int], linked_in: LinkedIn) -> Calls:
    """The same without calls through some slots by code of what is linked in."""
    if not slots or not linked_in.inside:
        return found
    kept = outside_of(text, found.offsets, linked_in) | ~np.isin(found.slots, np.array(sorted(slots), np.int64))
    return Calls(found.offsets[kept], found.slots[kept])


def named_addresses(image: Image, text: Code, named: Pairs) -> Pairs:
    """Of where code seems to name addresses, where it does: in what is moved, an address as it is is a number."""
    offsets, addresses = named
    if image.type == ET_EXEC or not offsets.size:
        return named
    held = numbers(text.raw, np.minimum(offsets + 1, max(text.raw.size - _IMMEDIATE, 0)), _IMMEDIATE, text.order)
    moved = held != addresses
    return offsets[moved], addresses[moved]


def outside_of(text: Code, offsets: Offsets, linked_in: LinkedIn) -> Mask:
    """Whether each offset lies in code that is not of what is linked in."""
    outside = np.ones(offsets.shape, np.bool_)
    for low, high in linked_in.inside:
        first, last = offsets_of(text, np.array([low, high - 1], np.int64)).tolist()
        outside &= (offsets < first) | (offsets > last)
    return outside
