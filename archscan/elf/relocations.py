"""The relocations that the loader carries out, as far as the checks need them: where it writes, and of which type."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain, compress

from archscan.elf.arch.machine import Machine, RelocationInfo
from archscan.elf.image import (
    DT_JMPREL,
    DT_PLTGOT,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELACOUNT,
    DT_RELASZ,
    DT_RELCOUNT,
    DT_RELSZ,
    DT_SYMTAB,
    ET_REL,
    PF_W,
    PF_X,
    SHF_ALLOC,
    SHT_REL,
    SHT_RELA,
    STT_FUNC,
    SYMBOL_FIELDS,
    Image,
    Segment,
    contents,
    loads,
    mapped,
    symbol_struct,
    tag,
)

_HOST = "<" if sys.byteorder == "little" else ">"
_DT_MIPS_LOCAL_GOTNO, _DT_MIPS_SYMTABNO, _DT_MIPS_GOTSYM = 0x7000000A, 0x70000011, 0x70000013


def relocations(
    image: Image, machine: Machine, kinds: frozenset[int] | None = None, *, relative: bool = True
) -> Iterator[tuple[int, int]]:
    """Address and type of each relocation of a linked object, of some ``kinds`` or of all.

    Found through the dynamic section; in a static executable, whose start code applies them, through its allocated
    sections, and without sections by their look. Relative relocations packed as DT_RELR fill no slot and are left out.
    With ``relative=False`` those are skipped too that DT_RELACOUNT counts: ld.so treats that many as relative whatever
    their type says (glibc, elf/do-rel.h).
    """
    if image.type == ET_REL:
        return iter(())
    if image.dynamic:
        return chain(_dynamic(image, machine, kinds, relative=relative), _global_got(image, machine, kinds))
    tables = [part for part in image.sections if part.type in (SHT_REL, SHT_RELA) and part.flags & SHF_ALLOC]
    if tables or image.sections:
        return chain.from_iterable(
            _entries(image, machine, contents(image, part), kinds, addend=part.type == SHT_RELA) for part in tables
        )
    return _resolvers(image, machine.irelative if kinds is None else machine.irelative & kinds, machine)


def tables(image: Image) -> Iterator[tuple[bytes, int]]:
    """The tables that the loader goes through: their bytes, and of how many words an entry is."""
    for address, size, _, addend in _listed(image):
        yield mapped(image, address, size), 3 if addend else 2


def _listed(image: Image) -> Iterator[tuple[int, int, int | None, bool]]:
    """Address and size of each table, how many of its entries are relative, whether they hold an addend."""
    found = (
        (tag(image, DT_RELA), tag(image, DT_RELASZ), tag(image, DT_RELACOUNT), True),
        (tag(image, DT_REL), tag(image, DT_RELSZ), tag(image, DT_RELCOUNT), False),
        (tag(image, DT_JMPREL), tag(image, DT_PLTRELSZ), None, tag(image, DT_PLTREL) == DT_RELA),
    )
    seen: list[tuple[int, int]] = []
    for address, size, count, addend in found:
        if address is None or not size:
            continue
        # Some linkers count the PLT's relocations within the others (DT_RELASZ, gABI).
        if any(low <= address and address + size <= high for low, high in seen):
            continue
        seen.append((address, address + size))
        yield address, size, count, addend


def _dynamic(
    image: Image, machine: Machine, kinds: frozenset[int] | None, *, relative: bool
) -> Iterator[tuple[int, int]]:
    for address, size, count, addend in _listed(image):
        skipped = 0 if relative or not count else min(count * _entry_size(image, addend=addend), size)
        yield from _entries(image, machine, mapped(image, address + skipped, size - skipped), kinds, addend=addend)


def _entry_size(image: Image, *, addend: bool) -> int:
    return image.bits // 8 * (3 if addend else 2)


def _entries(
    image: Image, machine: Machine, data: bytes, kinds: frozenset[int] | None, *, addend: bool
) -> Iterator[tuple[int, int]]:
    # Columns instead of rows: there can be a million entries, and this takes no Python step for any of them.
    fields = 3 if addend else 2
    whole = len(data) // _entry_size(image, addend=addend) * _entry_size(image, addend=addend)
    words = array("Q" if image.bits == 64 else "I", data[:whole])
    if image.order != _HOST:
        words.byteswap()
    addresses, infos = words[::fields], words[1::fields]
    found = list(types(image, machine, infos))
    rows = zip(addresses, found, strict=True)
    return rows if kinds is None else compress(rows, map(kinds.__contains__, found))


def types(image: Image, machine: Machine, infos: Iterable[int]) -> Iterator[int]:
    """The types in a column of ``r_info``."""
    if image.bits == 32 or machine.relocation_info == RelocationInfo.BYTE:
        return map((0xFF).__and__, infos)
    if machine.relocation_info == RelocationInfo.MIPS:
        shift = 56 if image.order == "<" else 0
        return (info >> shift & 0xFF for info in infos)
    return map((0xFFFF_FFFF).__and__, infos)


def _global_got(image: Image, machine: Machine, kinds: frozenset[int] | None) -> Iterator[tuple[int, int]]:
    """The slots of a GOT that has no relocations: one for each symbol from DT_MIPS_GOTSYM on (MIPS psABI, chapter 5).

    Undefined functions that have a value have a stub there, and are bound at their first call.
    """
    names = (DT_PLTGOT, DT_SYMTAB, _DT_MIPS_LOCAL_GOTNO, _DT_MIPS_SYMTABNO, _DT_MIPS_GOTSYM)
    values = [tag(image, name) for name in names]
    if not machine.global_got or None in values:
        return
    got, table, local, count, first = (value or 0 for value in values)
    code, word = symbol_struct(image), image.bits // 8
    value, info, shndx = SYMBOL_FIELDS[image.bits]
    rows = mapped(image, table + first * code.size, (count - first) * code.size)
    for number, row in enumerate(code.iter_unpack(rows[: len(rows) // code.size * code.size])):
        lazy = not row[shndx] and row[value] and row[info] & 0xF == STT_FUNC
        kind = min(machine.jump_slot if lazy else machine.glob_dat)
        if kinds is None or kind in kinds:
            yield got + (local + number) * word, kind


_MOST_SEGMENTS = 64  # a linker makes about ten


def _resolvers(image: Image, kinds: frozenset[int], machine: Machine) -> Iterator[tuple[int, int]]:
    """The relocations of a static executable without section headers: they call resolvers (IRELATIVE), nothing else.

    No tag and no symbol leads to them. Each is a slot in a writable segment, the type, and the resolver in an
    executable one; with implicit addends the resolver's address stands in the slot.
    """
    size = image.bits // 8
    code = struct.Struct(image.order + ("Q" if size == 8 else "I"))
    parts = sorted(loads(image), key=lambda part: part.offset)[:_MOST_SEGMENTS]
    writable = [part for part in parts if part.flags & PF_W]
    executable = [part for part in parts if part.flags & PF_X]
    for kind in kinds:
        behind = 0  # segments may overlap; no byte is searched twice
        for part in parts:
            if part.flags & PF_W:
                continue
            low, behind = max(part.offset, behind), max(part.offset + part.file_size, behind)
            for at in _places(image, low, part.offset + part.file_size, code.pack(kind)):
                (slot,) = code.unpack_from(image.data, at - size)
                place = at + size
                resolver = mapped(image, slot, size) if machine.implicit_addends else image.data[place : place + size]
                whole = len(resolver) == size
                if whole and _inside(slot, writable) and _inside(code.unpack(resolver)[0], executable):
                    yield slot, kind


def _places(image: Image, low: int, end: int, wanted: bytes) -> Iterator[int]:
    """Where a word stands in a part of the file, aligned, behind another word."""
    size = len(wanted)
    at = image.data.find(wanted, low + size, end)
    while at >= 0:
        if at % size == 0:
            yield at
        at = image.data.find(wanted, at + 1, end)


def _inside(address: int, parts: list[Segment]) -> bool:
    return any(part.address <= address < part.address + part.memory_size for part in parts)
