"""The functions of a Go program: their names and where they begin, from the table that strip leaves (`.gopclntab`).

Go, src/runtime/symtab.go, "pcHeader": since 1.18 the table begins with a magic number, six small numbers and offsets;
rows of two numbers follow at the last of these: where a function begins, from the start of the code, and where its
record lies, whose second number is the offset of its name. Of older tables only the names are read.
"""

from __future__ import annotations

import struct

import msgspec

from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.image import Image, loads, section

_SECTIONS = (".gopclntab", ".data.rel.ro.gopclntab")
_MAGIC = (0xFFFFFFF1, 0xFFFFFFF0)  # since Go 1.20, since 1.18
_BEHIND_MAGIC = (b"\0\0\1\4", b"\0\0\1\10", b"\0\0\2\4", b"\0\0\2\10", b"\0\0\4\4", b"\0\0\4\10")
_MOST = 1 << 22  # functions; Kubernetes' programs have about 100,000
_LONGEST_NAME = 1024


class GoFunctions(msgspec.Struct, frozen=True, eq=False):
    """The names of functions, each between NULs, and for those whose place is known where it begins.

    ``addresses`` are sorted; ``places`` are the offsets of their names in ``names``.
    """

    names: bytes
    addresses: Offsets = NONE
    places: Offsets = NONE


def go_functions(image: Image) -> GoFunctions | None:
    """The functions that a program lists; None where there is no such table. What lies is left out."""
    start, size = _table(image)
    if not size:
        return None
    table = image.data[start : start + size]
    word = struct.Struct(image.order + ("Q" if image.bits == 64 else "I"))
    head = 8 + 8 * word.size
    if len(table) < head or struct.unpack_from(image.order + "I", table)[0] not in _MAGIC:
        return GoFunctions(table)
    count, _, text, names, behind, _, _, rows = (word.unpack_from(table, 8 + at * word.size)[0] for at in range(8))
    whole = table[names:behind] if names < behind <= len(table) else table
    if not 0 < count <= _MOST or rows + 8 * count > len(table):
        return GoFunctions(whole)
    pairs = np.frombuffer(table, f"{image.order}u4", 2 * count, rows).reshape(-1, 2).astype(np.int64)
    records = pairs[:, 1] + rows + 4
    inside = records + 4 <= len(table)
    raw = np.frombuffer(table, np.uint8)
    octets = [raw[np.where(inside, records + at, 0)].astype(np.int64) for at in range(4)]
    if image.order == ">":
        octets.reverse()
    places = sum((octet << 8 * at for at, octet in enumerate(octets)), start=np.zeros(count, np.int64))
    kept = inside & (places < len(whole))
    code = section(image, ".text")
    begin = text or (code.address if code else 0)  # the loader fills it in, in what may lie anywhere
    return GoFunctions(whole, (pairs[:, 0] + min(begin, 1 << 62))[kept], places[kept])


def name_at(known: GoFunctions, address: int) -> bytes | None:
    """The name of the function that begins at an address."""
    number = int(np.searchsorted(known.addresses, address))
    if number >= known.addresses.size or int(known.addresses[number]) != address:
        return None
    return known.names[int(known.places[number]) :][:_LONGEST_NAME].partition(b"\0")[0]


def address_of_name(known: GoFunctions, place: int) -> int | None:
    """Where the function begins whose name lies at an offset of the names."""
    found = np.flatnonzero(known.places == place)
    return int(known.addresses[found[0]]) if found.size else None


def _table(image: Image) -> tuple[int, int]:
    """Where in the file the table begins, and its size; without sections up to the end of what is mapped with it."""
    for name in _SECTIONS:
        found = section(image, name)
        if found is not None and found.size:
            return found.offset, found.size
    if image.sections:
        return 0, 0
    for magic in _MAGIC:
        for behind in _BEHIND_MAGIC:
            start = image.data.find(struct.pack(image.order + "I", magic) + behind)
            for part in loads(image):
                if part.offset <= start < part.offset + part.file_size:
                    return start, part.offset + part.file_size - start
    return 0, 0
