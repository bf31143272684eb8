"""The symbols that an object needs and gives, read from its tables without building an object for each.

A shared library of Haskell or Go defines hundreds of thousands; what matters are the few hundred undefined ones.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from archscan.elf.image import (
    DT_GNU_HASH,
    DT_HASH,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERNEED,
    DT_VERNEEDNUM,
    DT_VERSYM,
    ET_REL,
    SHT_DYNSYM,
    SHT_SYMTAB,
    Image,
    contents,
    dynamic_strings,
    file_offset,
    mapped,
    tag,
    text_at,
    words,
)
from archscan.model import Export, Import, escape

_DT_MIPS_SYMTABNO = 0x70000011
_SYMBOL = {32: "IIIBBH", 64: "IBBHQQ"}  # name value size info other shndx / name info other shndx value size
_FIELDS = {32: (3, 4, 5), 64: (1, 2, 3)}  # info, other, shndx
_GLOBAL, _WEAK, _UNIQUE = 1, 2, 10
_HIDDEN_VERSION = 0x7FFF


class SymbolTable(msgspec.Struct, frozen=True):
    """A symbol table as bytes: ``rows`` are its entries, ``strings`` the names, ``first`` the number of row 0."""

    rows: bytes
    strings: bytes
    dynamic: bool


def dynamic_symbols(image: Image) -> SymbolTable:
    """The table that the loader uses, found through the dynamic section, so also in files without section headers."""
    address = tag(image, DT_SYMTAB)
    if address is None:
        return SymbolTable(b"", b"", dynamic=True)
    size = struct.calcsize(image.order + _SYMBOL[image.bits])
    rows = mapped(image, address, _count(image, address, size) * size)
    return SymbolTable(rows, dynamic_strings(image), dynamic=True)


def static_symbols(image: Image) -> SymbolTable:
    """The table of the linker (`.symtab`); empty in a stripped file."""
    for section in image.sections:
        if section.type == SHT_SYMTAB and section.link < len(image.sections):
            return SymbolTable(contents(image, section), contents(image, image.sections[section.link]), dynamic=False)
    return SymbolTable(b"", b"", dynamic=False)


def _count(image: Image, address: int, entry_size: int) -> int:
    """The number of dynamic symbols, which no tag gives: from the hash tables, else from the section headers."""
    for section in image.sections:
        if section.type == SHT_DYNSYM and section.address == address:
            return section.size // entry_size
    hash_table = tag(image, DT_HASH)
    if hash_table is not None:
        # Two architectures have 64-bit words there (gABI; glibc sysdeps/alpha, sysdeps/s390/s390-64).
        wide = image.bits == 64 and image.machine in (22, 0x9026)
        counts = words(image, mapped(image, hash_table, 16 if wide else 8), "Q" if wide else "I")
        return counts[1] if len(counts) > 1 else 0
    gnu_hash = tag(image, DT_GNU_HASH)
    if gnu_hash is not None:
        return _gnu_hash_count(image, gnu_hash)
    number = tag(image, _DT_MIPS_SYMTABNO) if image.machine == 8 else None
    if number is not None:
        return number
    strings = tag(image, DT_STRTAB) or 0  # linkers put the names right behind the symbols
    return max(0, strings - address) // entry_size


def _gnu_hash_count(image: Image, address: int) -> int:
    """One more than the last symbol of the last chain (https://flapenguin.me/elf-dt-gnu-hash)."""
    header = words(image, mapped(image, address, 16), "I")
    if len(header) < 4:
        return 0
    buckets, first, bloom, _ = header
    start = address + 16 + bloom * image.bits // 8
    last = max(words(image, mapped(image, start, buckets * 4), "I"), default=0)
    if last < first:
        return first
    offset = file_offset(image, start + buckets * 4 + (last - first) * 4)
    if offset is None:
        return first
    while offset + 4 <= len(image.data):
        (value,) = struct.unpack_from(image.order + "I", image.data, offset)
        last += 1
        offset += 4
        if value & 1:
            break
    return last


def imports(image: Image) -> tuple[Import, ...]:
    """The undefined symbols with the version and the file that their version record names, sorted by name.

    Of a relocatable object, the undefined symbols of its `.symtab`.
    """
    table = static_symbols(image) if image.type == ET_REL else dynamic_symbols(image)
    versions = _version_numbers(image) if table.dynamic else ()
    needed = _needed_versions(image) if table.dynamic else {}
    found = set()
    for number, name in _undefined(image, table):
        index = versions[number] & _HIDDEN_VERSION if number < len(versions) else 0
        version, library = needed.get(index, (None, None))
        found.add(Import(escape(name), version, library))
    return tuple(sorted(found, key=lambda row: (row.symbol, row.version or "", row.library or "")))


def _undefined(image: Image, table: SymbolTable) -> Iterator[tuple[int, bytes]]:
    code = struct.Struct(image.order + _SYMBOL[image.bits])
    rows = table.rows[: len(table.rows) // code.size * code.size]
    shndx = _FIELDS[image.bits][2]
    for number, row in enumerate(code.iter_unpack(rows)):
        if not row[shndx] and row[0]:
            name = text_at(table.strings, row[0])
            if name:
                yield number, name


def exports(image: Image) -> tuple[Export, ...]:
    """The symbols that other objects can bind to, with the version they are defined under, sorted by name."""
    table = dynamic_symbols(image)
    code = struct.Struct(image.order + _SYMBOL[image.bits])
    rows = table.rows[: len(table.rows) // code.size * code.size]
    info, other, shndx = _FIELDS[image.bits]
    versions, defined = _version_numbers(image), _defined_versions(image)
    found = set()
    for number, row in enumerate(code.iter_unpack(rows)):
        # Visible to others: defined here, global or weak, visibility default (0) or protected (3).
        if row[shndx] and row[info] >> 4 in (_GLOBAL, _WEAK, _UNIQUE) and row[other] & 3 in (0, 3):
            index = versions[number] & _HIDDEN_VERSION if number < len(versions) else 0
            name = text_at(table.strings, row[0])
            if name:
                found.add(Export(escape(name), defined.get(index)))
    return tuple(sorted(found, key=lambda row: (row.symbol, row.version or "")))


def defines(image: Image, name: bytes) -> bool:
    """Whether the dynamic symbol table defines ``name``."""
    table = dynamic_symbols(image)
    if name not in table.strings:
        return False
    return any(export.symbol == escape(name) for export in exports(image))


def _version_numbers(image: Image) -> tuple[int, ...]:
    address = tag(image, DT_VERSYM)
    if address is None:
        return ()
    size = struct.calcsize(image.order + _SYMBOL[image.bits])
    return words(image, mapped(image, address, len(dynamic_symbols(image).rows) // size * 2), "H")


def _needed_versions(image: Image) -> dict[int, tuple[str, str]]:
    """Version index → its name and the file it is expected in (LSB, "Version Requirements")."""
    found: dict[int, tuple[str, str]] = {}
    address, strings = tag(image, DT_VERNEED), dynamic_strings(image)
    for _ in range(min(tag(image, DT_VERNEEDNUM) or 0, 0xFFFF)):
        record = mapped(image, address or 0, 16)
        if address is None or len(record) < 16:
            break
        _, count, file, first, following = struct.unpack(image.order + "HHIII", record)
        library = escape(text_at(strings, file))
        at = address + first
        for _ in range(count):
            part = mapped(image, at, 16)
            if len(part) < 16:
                break
            _, _, index, name, after = struct.unpack(image.order + "IHHII", part)
            found[index & _HIDDEN_VERSION] = (escape(text_at(strings, name)), library)
            if not after:
                break
            at += after
        if not following:
            break
        address += following
    return found


def _defined_versions(image: Image) -> dict[int, str]:
    """Version index → its name, for the versions that the object defines (LSB, "Version Definitions")."""
    found: dict[int, str] = {}
    address, strings = tag(image, DT_VERDEF), dynamic_strings(image)
    for _ in range(min(tag(image, DT_VERDEFNUM) or 0, 0xFFFF)):
        record = mapped(image, address or 0, 20)
        if address is None or len(record) < 20:
            break
        _, flags, index, _, _, first, following = struct.unpack(image.order + "HHHHIII", record)
        name = mapped(image, address + first, 4)
        if len(name) == 4 and not flags & 1:  # the base version is the file's own name
            found[index & _HIDDEN_VERSION] = escape(text_at(strings, struct.unpack(image.order + "I", name)[0]))
        if not following:
            break
        address += following
    return found
