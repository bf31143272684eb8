"""Where an object's data keeps addresses of functions that are linked in, and whose data that is.

A table is the program's where code of the program names it, or something in it up to the place; what has no symbol
begins at the nearest address before that code names. A linked-in library has tables of all that it offers, which only
code of its own names.
"""

from __future__ import annotations

from collections.abc import Iterator

from archscan.elf.arrays import NONE, Mask, Offsets, distinct, np, numbers
from archscan.elf.image import (
    DT_REL,
    DT_RELA,
    DT_RELASZ,
    DT_RELSZ,
    ET_EXEC,
    PF_W,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_PROGBITS,
    Image,
    loads,
    mapped,
    section,
    tag,
)
from archscan.elf.linked_in import LinkedIn, named_addresses, outside_of
from archscan.elf.mapping import mapping, offsets
from archscan.elf.program import Program

_LONGEST = 4096  # bytes from where a table is named to an entry
_MOST_BYTES = 64 << 20  # of data that is looked through
_Places = tuple[Offsets, Offsets]


def own_tables(program: Program, functions: set[int], linked_in: LinkedIn) -> list[tuple[int, int]]:
    """The places of tables of the program that hold the address of one of the functions, and the address."""
    if not functions:
        return []
    places, held = _held(program.image)
    known = np.isin(held, np.array(sorted(functions), np.int64)) & ~_in_got(program.image, places)
    places, held = places[known], held[known]
    if linked_in.functions:
        mine = is_programs(program, places, linked_in)
        places, held = places[mine], held[mine]
    return sorted(zip(places.tolist(), held.tolist(), strict=True))


def own_slots(image: Image, linked_in: LinkedIn) -> dict[int, str]:
    """The slots of the GOT that hold the address of something that is linked in, and its name."""
    if not linked_in.functions:
        return {}
    named = {**linked_in.functions, **linked_in.data}
    places, held = _held(image)
    known = np.isin(held, np.array(sorted(named), np.int64)) & _in_got(image, places)
    return {place: named[address] for place, address in zip(places[known].tolist(), held[known].tolist(), strict=True)}


def _in_got(image: Image, places: Offsets) -> Mask:
    """Whether each place is one of those that the linker has made."""
    inside = np.zeros(places.shape, np.bool_)
    for part in filter(None, (section(image, name) for name in (".got", ".got.plt", ".toc"))):
        inside |= (places >= part.address) & (places < part.address + part.size)
    return inside


def is_programs(program: Program, places: Offsets, linked_in: LinkedIn) -> Mask:
    """Whether each place lies in what code of the program names, and what is no data of a linked-in library."""
    code, named = named_addresses(program.image, program.text, program.named_places())
    outside = outside_of(program.text, code, linked_in)
    by_program = distinct(named[outside])
    if not by_program.size:
        return np.zeros(places.shape, np.bool_)
    begins = np.array(linked_in.objects or [(0, 0)], np.int64)
    number = np.maximum(np.searchsorted(begins[:, 0], places, "right") - 1, 0)
    start = np.where(places < begins[number, 1], begins[number, 0], -1)  # of the object with a name in which it lies
    every = distinct(named)
    last = every[np.maximum(np.searchsorted(every, places, "right") - 1, 0)]
    first = by_program[np.minimum(np.searchsorted(by_program, start), by_program.size - 1)]
    mine: Mask = np.where(
        start < 0,
        np.isin(last, by_program) & (last <= places) & (places - last < _LONGEST),
        (start <= first) & (first <= places) & ~np.isin(start, np.array(sorted(linked_in.data), np.int64)),
    )
    return mine


def _held(image: Image) -> _Places:
    """The places of data where an address stands once the object is loaded, and the address."""
    if image.type == ET_EXEC:
        return _words(image)
    word = image.bits // 8
    address, size = tag(image, DT_RELA), tag(image, DT_RELASZ)
    if address is not None and size:
        data = mapped(image, address, size)
        rows = np.frombuffer(data, f"{image.order}i{word}", len(data) // (3 * word) * 3).reshape(-1, 3)
        relative = rows[:, 1].astype(np.int64) >> (32 if image.bits == 64 else 8) == 0
        return rows[relative, 0].astype(np.int64), rows[relative, 2].astype(np.int64)
    table, size = tag(image, DT_REL), tag(image, DT_RELSZ)
    if table is None or not size:
        return NONE, NONE
    data = mapped(image, table, size)
    rows = np.frombuffer(data, f"{image.order}u{word}", len(data) // (2 * word) * 2).reshape(-1, 2)
    symbols = rows[:, 1].astype(np.uint64) >> np.uint64(32 if image.bits == 64 else 8)
    places = rows[symbols == 0, 0].astype(np.int64)
    where = offsets(mapping((part.address, part.offset, part.file_size - word + 1) for part in loads(image)), places)
    places, where = places[where >= 0], where[where >= 0]
    return places, numbers(np.frombuffer(image.data, np.uint8), where, word, image.order)


def _words(image: Image) -> _Places:
    """The words of the data of a program that is not moved, of which some are addresses."""
    word, left, found = image.bits // 8, _MOST_BYTES, [(NONE, NONE)]
    for address, offset, size in _data(image):
        skipped = -address % word
        count = max(min(size - skipped, left) // word, 0)
        if not count or offset + skipped + count * word > len(image.data):
            continue
        held = np.frombuffer(image.data, f"{image.order}i{word}", count, offset + skipped).astype(np.int64)
        found.append((address + skipped + word * np.arange(count, dtype=np.int64), held))
        left -= count * word
    return np.concatenate([places for places, _ in found]), np.concatenate([held for _, held in found])


def _data(image: Image) -> Iterator[tuple[int, int, int]]:
    """Where a program's data lie: address, offset, size. What is constant may share a segment with code.

    The loader's symbols hold addresses, too; where no section tells them apart, only what may be written is looked at.
    """
    for part in image.sections:
        if part.type == SHT_PROGBITS and part.flags & SHF_ALLOC and not part.flags & SHF_EXECINSTR:
            yield part.address, part.offset, part.size
    if not image.sections:
        yield from ((one.address, one.offset, one.file_size) for one in loads(image) if one.flags & PF_W)
