"""The functions of an object: where each begins and ends, and what it is called.

From the tables for unwinding, which stripped files keep, and from symbol tables where there are some. Assembler code
without either is in no function.
"""

from __future__ import annotations

import re

import msgspec

from archscan.elf.arrays import NONE, Mask, Offsets, among, distinct, holds, np
from archscan.elf.code import Code, offsets_of, within
from archscan.elf.image import ET_REL, Image, text_at
from archscan.elf.symbols import SYMBOL_LAYOUT, SymbolTable, dynamic_symbols, static_symbols
from archscan.elf.unwind import ranges
from archscan.model import escape

_ARM = 40
_FUNCTION, _RESOLVER = 2, 10  # STT_FUNC, STT_GNU_IFUNC
_IS_CODE = among(*(info for info in range(256) if info & 15 in (_FUNCTION, _RESOLVER)))  # by st_info
_LOCAL = 0  # STB_LOCAL
_IS_VISIBLE = among(*(other for other in range(256) if other & 3 in (0, 3)))  # STV_DEFAULT, STV_PROTECTED
_ABSOLUTE = 0xFF00  # section numbers from here on are no sections (SHN_LORESERVE)
_MOST_SYMBOLS = 1 << 22


class Labels(msgspec.Struct, frozen=True, eq=False):
    """The functions of a symbol table, sorted by where they begin: size and place of the name in its strings."""

    starts: Offsets
    sizes: Offsets
    names: Offsets
    public: Mask  # known outside of the object, or once it is linked
    strings: bytes
    source: str


class Functions(msgspec.Struct, frozen=True, eq=False):
    """Functions sorted by where they begin in the file, without two of one start; ends are exclusive.

    ``sources`` says which tables they are from. ``labels`` are the tables of symbols, the linker's first.
    ``described``: where the file says how to unwind each, -1 where it does not.
    """

    starts: Offsets
    ends: Offsets
    sources: tuple[str, ...]
    labels: tuple[Labels, ...]
    exported: Offsets  # starts of those that other objects may know by name, sorted
    described: Offsets


def functions(image: Image, text: Code, *, unwound: bool = False) -> Functions:
    """The functions of an object. Never raises for tables that lie: what points outside the code is left out.

    ``unwound``: only those that the tables for unwinding list; symbols then give no more than names.
    """
    if ("functions", unwound) not in text.searched:
        text.searched["functions", unwound] = _functions(image, text, unwound=unwound)
    found: Functions = text.searched["functions", unwound]
    return found


def _functions(image: Image, text: Code, *, unwound: bool) -> Functions:
    known = ranges(image)
    labels = (
        _labels(image, text, static_symbols(image), ".symtab"),
        _labels(image, text, dynamic_symbols(image), ".dynsym"),
    )
    found = [] if unwound else [(table.starts, table.sizes, table.source) for table in labels]
    places, described = NONE, NONE
    if known is not None:
        starts = offsets_of(text, known.starts)
        places, described = starts[starts >= 0], known.places[starts >= 0]
        # An end may be the address of something else than code; what counts is how far it is from the start.
        sizes = np.maximum(known.ends - known.starts, 0)
        found.insert(0, (starts[starts >= 0], sizes[starts >= 0], known.source))
    starts, ends = _merged(text, [(starts, sizes) for starts, sizes, _ in found])
    sources = tuple(source for rows, _, source in found if rows.size)
    where = np.full(starts.shape, -1, np.int64)
    where[np.searchsorted(starts, places)] = described
    table = labels[0] if image.type == ET_REL else labels[1]
    return Functions(starts, ends, sources, labels, distinct(table.starts[table.public]), where)


def with_starts(view: Functions, text: Code, places: Offsets, *, inside: bool = False) -> Functions:
    """The same with a function from each of the places that lies in none, up to the next one; or ``inside`` of one."""
    loose = places if inside else places[owners(view, places) < 0]
    known = [(view.starts, view.ends - view.starts), (loose, np.zeros_like(loose))]
    starts, ends = _merged(text, known)
    described = np.full(starts.shape, -1, np.int64)
    described[np.searchsorted(starts, view.starts)] = view.described
    return msgspec.structs.replace(view, starts=starts, ends=ends, described=described)


def name(view: Functions, start: int) -> str | None:
    """The name of the function that begins at an offset, escaped; None where no table names it."""
    found = name_bytes(view, start)
    return escape(found) or None if found is not None else None


def name_bytes(view: Functions, start: int, most: int | None = None) -> bytes | None:
    """The same as it stands in the file, of a long one the first ``most`` bytes."""
    for table in view.labels:
        number = int(np.searchsorted(table.starts, start))
        if number < table.starts.size and table.starts[number] == start:
            place = int(table.names[number])
            return text_at(table.strings, place) if most is None else text_at(table.strings[place : place + most], 0)
    return None


def defines(view: Functions, wanted: bytes) -> bool:
    """Whether a symbol table defines a function of that name."""
    return starts_of(view, wanted).size > 0


def starts_of(view: Functions, wanted: bytes) -> Offsets:
    """Where the functions of that name begin."""
    # Linkers let a name stand in the end of a longer one.
    ends = re.compile(re.escape(wanted + b"\0"))
    found = [
        table.starts[np.isin(table.names, [found.start() for found in ends.finditer(table.strings)])]
        for table in view.labels
    ]
    return np.concatenate([NONE, *found])


def owners(view: Functions, offsets: Offsets) -> Offsets:
    """The number of the function in which each offset lies; -1 in none."""
    if not view.starts.size:
        return np.full(offsets.shape, -1, np.int64)
    number = np.searchsorted(view.starts, offsets, "right") - 1
    return np.where((number >= 0) & (offsets < view.ends[number]), number, -1)


def _labels(image: Image, text: Code, table: SymbolTable, source: str) -> Labels:
    """The functions that a symbol table defines."""
    layout = np.dtype([(name, image.order + kind) for name, kind in SYMBOL_LAYOUT[image.bits]])
    count = min(len(table.rows) // layout.itemsize, _MOST_SYMBOLS)
    rows = np.frombuffer(table.rows, layout, count)
    wanted = _IS_CODE[rows["info"]] & (rows["section"] > 0) & (rows["section"] < _ABSOLUTE)
    rows = rows[wanted]
    values = rows["value"].astype(np.int64)
    if image.machine == _ARM:
        values &= ~1  # the lowest bit says that it is Thumb code
    if image.type == ET_REL:
        bases = np.array([part.offset for part in image.sections] + [0], np.int64)
        starts = values + bases[np.minimum(rows["section"].astype(np.int64), bases.size - 1)]
        inside = np.isin(starts, within(text, starts))
    else:
        starts = offsets_of(text, values)
        inside = starts >= 0
    bound = rows["info"] >> 4 != _LOCAL
    # Of several names for one place those come first that are known outside of their unit.
    order = np.lexsort((~bound[inside], starts[inside]))
    starts, sizes, names = (column[inside][order].astype(np.int64) for column in (starts, rows["size"], rows["name"]))
    public = (bound & _IS_VISIBLE[rows["other"]])[inside][order]
    return Labels(starts, np.maximum(sizes, 0), names, public, table.strings, source)


def _merged(text: Code, tables: list[tuple[Offsets, Offsets]]) -> tuple[Offsets, Offsets]:
    """One list of functions; where two tables know a start, the first that knows the size says it."""
    starts = np.concatenate([NONE, *(starts for starts, _ in tables)])
    sizes = np.concatenate([NONE, *(sizes for _, sizes in tables)])
    order = np.argsort(starts, kind="stable")
    starts, sizes = starts[order], sizes[order]
    if not starts.size:
        return NONE, NONE
    unique, first = np.unique(starts, return_index=True)
    # Of equal starts the largest size: a table without it has 0, and what was folded has that of the longest.
    largest = np.maximum.reduceat(sizes, first)
    following = np.append(unique[1:], np.int64(text.raw.size))
    limits = text.ends[np.maximum(np.searchsorted(text.starts, unique, "right") - 1, 0)]
    reach = np.minimum(following, limits)
    return unique, np.where(largest > 0, np.minimum(unique + largest, reach), reach)


def is_exported(view: Functions, number: int) -> bool:
    """Whether other objects may call a function by its name."""
    return number >= 0 and holds(view.exported, int(view.starts[number]))


def whole_of(view: Functions, number: int, longest: int) -> list[int]:
    """The function of which one is the part that is seldom run, as its name says (`f.cold`); it need not lead back."""
    name = name_bytes(view, int(view.starts[number]), longest) or b""
    found = starts_of(view, name.removesuffix(b".cold")) if name.endswith(b".cold") else NONE
    numbers: list[int] = distinct(owners(view, found)).tolist()
    return numbers
