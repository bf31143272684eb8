"""The addresses that data of an object holds: tables of functions, methods, callbacks."""

from __future__ import annotations

from archscan.elf.arrays import NONE, Offsets, np, numbers
from archscan.elf.image import (
    DT_REL,
    DT_RELA,
    DT_RELASZ,
    DT_RELSZ,
    ET_EXEC,
    ET_REL,
    PF_W,
    PF_X,
    Image,
    Segment,
    loads,
    mapped,
    tag,
    words,
)
from archscan.elf.mapping import mapping, offsets

_MOST_BYTES = 64 << 20  # of data that is looked through


def pointers(image: Image) -> Offsets:
    """What relocations write into data: their addends, or where those stand in the data itself, its words.

    May hold numbers that are no addresses.
    """
    if image.type == ET_REL:
        return NONE  # relocations name symbols there
    address, size = tag(image, DT_RELA), tag(image, DT_RELASZ)
    if address is not None and size:
        return _addends(image, mapped(image, address, size))
    found, left = [], _MOST_BYTES
    for part in loads(image):
        if part.flags & PF_X or (image.type != ET_EXEC and not part.flags & PF_W):
            continue
        found.append(_words(image, part, left))
        left -= found[-1].nbytes
    return np.concatenate(found) if found else NONE


def relocated(image: Image) -> Offsets:
    """Of these, only what relocations write that name no symbol, where there are some and they tell."""
    table, size = tag(image, DT_REL), tag(image, DT_RELSZ)
    if image.type in (ET_REL, ET_EXEC) or table is None or not size:
        return pointers(image)
    word = image.bits // 8
    data = mapped(image, table, size)
    rows = np.frombuffer(data, f"{image.order}u{word}", len(data) // (2 * word) * 2).reshape(-1, 2)
    symbols = rows[:, 1].astype(np.uint64) >> np.uint64(32 if image.bits == 64 else 8)
    places = rows[symbols == 0, 0].astype(np.int64)
    ranges = ((part.address, part.offset, part.file_size - word + 1) for part in loads(image))
    where = offsets(mapping(ranges), places)
    held = numbers(np.frombuffer(image.data, np.uint8), where[where >= 0], word, image.order)
    found: Offsets = held[held != places[where >= 0]]  # what points to itself is a handle
    return found


def pointer_at(image: Image, address: int) -> int | None:
    """The address that the word at an address holds once the object is loaded; None where nothing is mapped.

    Not every linker writes into the word what a relocation will put there.
    """
    held = words(image, mapped(image, address, image.bits // 8), "Q" if image.bits == 64 else "I")
    table, size = tag(image, DT_RELA), tag(image, DT_RELASZ)
    if not held or held[0] or table is None or not size:
        return held[0] if held else None
    fields = np.frombuffer(data := mapped(image, table, size), f"{image.order}i{image.bits // 8}", _whole(image, data))
    rows = fields.reshape(-1, 3)
    addends = rows[rows[:, 0] == address, 2]
    return int(addends[0]) if addends.size else 0


def _whole(image: Image, data: bytes) -> int:
    """How many words the whole relocations of a table have."""
    return len(data) // (3 * image.bits // 8) * 3


def _addends(image: Image, data: bytes) -> Offsets:
    """Those of the relocations that name no symbol."""
    size = image.bits // 8
    rows = np.frombuffer(data, f"{image.order}i{size}", len(data) // (3 * size) * 3).reshape(-1, 3)
    symbol = rows[:, 1].astype(np.int64) >> (32 if image.bits == 64 else 8)
    # What points to itself is a handle (`__dso_handle`), and nothing that is used.
    addends: Offsets = rows[(symbol == 0) & (rows[:, 0] != rows[:, 2]), 2].astype(np.int64)
    return addends


def _words(image: Image, part: Segment, left: int) -> Offsets:
    size = image.bits // 8
    first = part.offset + -part.address % size
    count = max(min(part.offset + part.file_size - first, left) // size, 0)
    return np.frombuffer(image.data, f"{image.order}i{size}", count, first).astype(np.int64)
