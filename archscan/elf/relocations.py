"""The relocations that the loader carries out, as far as the checks need them: where it writes, and of which type."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from archscan.elf.image import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELASZ,
    DT_RELSZ,
    ET_REL,
    SHF_ALLOC,
    SHT_REL,
    SHT_RELA,
    Image,
    contents,
    mapped,
    tag,
)

_MIPS = 8


def relocations(image: Image) -> Iterator[tuple[int, int]]:
    """Address and type of each relocation of a linked object.

    Found through the dynamic section; in a static executable, whose start code applies them, through its allocated
    sections. Relative relocations packed as DT_RELR fill no slot and are left out.
    """
    if image.type == ET_REL:
        return
    if image.dynamic:
        tables = [
            (tag(image, DT_RELA), tag(image, DT_RELASZ), True),
            (tag(image, DT_REL), tag(image, DT_RELSZ), False),
            (tag(image, DT_JMPREL), tag(image, DT_PLTRELSZ), tag(image, DT_PLTREL) == DT_RELA),
        ]
        seen: list[tuple[int, int]] = []
        for address, size, addend in tables:
            # Some linkers count the PLT's relocations within the others (DT_RELASZ, gABI).
            if (
                address is not None
                and size
                and not any(low <= address and address + size <= high for low, high in seen)
            ):
                seen.append((address, address + size))
                yield from _entries(image, mapped(image, address, size), addend=addend)
        return
    for section in image.sections:
        if section.type in (SHT_REL, SHT_RELA) and section.flags & SHF_ALLOC:
            yield from _entries(image, contents(image, section), addend=section.type == SHT_RELA)


def _entries(image: Image, data: bytes, *, addend: bool) -> Iterator[tuple[int, int]]:
    word = "Q" if image.bits == 64 else "I"
    entry = struct.Struct(image.order + word * (3 if addend else 2))
    rows = entry.iter_unpack(data[: len(data) // entry.size * entry.size])
    if image.bits == 32:
        for row in rows:
            yield row[0], row[1] & 0xFF
    elif image.machine == _MIPS:  # three types and a symbol in bytes of their own (MIPS64 ABI supplement)
        shift = 56 if image.order == "<" else 0
        for row in rows:
            yield row[0], row[1] >> shift & 0xFF
    else:
        for row in rows:
            yield row[0], row[1] & 0xFFFF_FFFF
