"""The symbols that an object needs and gives, read from its tables without building an object for each.

A shared library of Haskell or Go defines hundreds of thousands; what matters are the few hundred undefined ones.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator

import msgspec

from archscan.elf.image import (
    DT_GNU_HASH,
    DT_HASH,
    DT_JMPREL,
    DT_REL,
    DT_RELA,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERDEF,
    DT_VERNEED,
    DT_VERSYM,
    ET_REL,
    SHT_DYNSYM,
    SHT_SYMTAB,
    SYMBOL_FIELDS,
    Image,
    contents,
    dynamic_strings,
    file_offset,
    mapped,
    symbol_struct,
    tag,
    text_at,
    words,
)
from archscan.elf.versions import defined_versions, needed_versions
from archscan.model import Export, Import, escape

_DT_MIPS_SYMTABNO = 0x70000011
_MIPS = 8
_WIDE_HASH = (22, 0x9026)  # s390x and alpha have words of 64 bits in DT_HASH (glibc, sysdeps/*/linkmap.h)
_GLOBAL, _WEAK, _UNIQUE = 1, 2, 10
_DEFAULT, _PROTECTED = 0, 3
_HIDDEN_VERSION = 0x7FFF
_STEP = 1024  # hashes looked at together
SYMBOL_LAYOUT = {
    32: (("name", "u4"), ("value", "u4"), ("size", "u4"), ("info", "u1"), ("other", "u1"), ("section", "u2")),
    64: (("name", "u4"), ("info", "u1"), ("other", "u1"), ("section", "u2"), ("value", "u8"), ("size", "u8")),
}
"""The fields of a symbol and their sizes, as NumPy has them."""
_ODD = bytes(number & 1 for number in range(256))


class SymbolTable(msgspec.Struct, frozen=True):
    """A symbol table as bytes: its entries, the names, and the version number of each entry (none in `.symtab`)."""

    rows: bytes
    strings: bytes
    versions: bytes = b""


def dynamic_symbols(image: Image) -> SymbolTable:
    """The table that the loader uses, found through the dynamic section, so also in files without section headers."""
    address, versions = tag(image, DT_SYMTAB), tag(image, DT_VERSYM)
    strings = dynamic_strings(image)
    if address is None:
        return SymbolTable(b"", strings)
    size = symbol_struct(image).size
    rows = mapped(image, address, _count(image, address, size) * size)
    return SymbolTable(rows, strings, b"" if versions is None else mapped(image, versions, len(rows) // size * 2))


def static_symbols(image: Image) -> SymbolTable:
    """The table of the linker (`.symtab`); empty in a stripped file."""
    for section in image.sections:
        if section.type == SHT_SYMTAB and section.link < len(image.sections):
            return SymbolTable(contents(image, section), contents(image, image.sections[section.link]))
    return SymbolTable(b"", b"")


def _count(image: Image, address: int, size: int) -> int:
    """The number of dynamic symbols, which no tag gives: from the hash tables, else from what lies behind."""
    hash_table = tag(image, DT_HASH)
    if hash_table is not None:
        wide = image.bits == 64 and image.machine in _WIDE_HASH
        counts = words(image, mapped(image, hash_table, 16 if wide else 8), "Q" if wide else "I")
        if len(counts) > 1:
            return counts[1]
    gnu_hash = tag(image, DT_GNU_HASH)
    hashed = _gnu_hash_count(image, gnu_hash) if gnu_hash is not None else 0
    if hashed:
        return hashed
    number = tag(image, _DT_MIPS_SYMTABNO) if image.machine == _MIPS else None
    if number is not None:
        return number
    for section in image.sections:
        if section.type == SHT_DYNSYM and section.address == address:
            return section.size // size
    return _room(image, address) // size


def _gnu_hash_count(image: Image, address: int) -> int:
    """One more than the last symbol of the last chain (https://flapenguin.me/elf-dt-gnu-hash).

    0 where nothing is defined: then the table is empty, and the undefined symbols stand in no chain.
    """
    header = words(image, mapped(image, address, 16), "I")
    if len(header) < 4:
        return 0
    buckets, first, bloom, _ = header
    start = address + 16 + bloom * image.bits // 8
    last = max(words(image, mapped(image, start, buckets * 4), "I"), default=0)
    offset = file_offset(image, start + buckets * 4 + (last - first) * 4)
    if not last or last < first or offset is None:
        return 0
    # The lowest bit of a hash is set in the last of its chain; only the lowest byte of each word is looked at.
    low = offset if image.order == "<" else offset + 3
    for at in range(low, len(image.data), 4 * _STEP):
        end = image.data[at : at + 4 * _STEP : 4].translate(_ODD).find(1)
        if end >= 0:
            return last + 1 + (at - low) // 4 + end
    return 0


def _room(image: Image, address: int) -> int:
    """The bytes from the symbols to the next table that the dynamic section knows."""
    tables = (DT_STRTAB, DT_VERSYM, DT_HASH, DT_GNU_HASH, DT_VERNEED, DT_VERDEF, DT_RELA, DT_REL, DT_JMPREL)
    behind = [value for value in map(image.tags.get, tables) if value is not None and value > address]
    return min(behind, default=address) - address


def imports(image: Image, table: SymbolTable) -> tuple[Import, ...]:
    """The undefined symbols with the version and the file that their version record names, sorted by name.

    ``table`` are the object's dynamic symbols; of a relocatable object, its `.symtab`.
    """
    return imports_of(image, table, undefined(image, table.rows))


def imports_of(image: Image, table: SymbolTable, numbers: Iterable[int]) -> tuple[Import, ...]:
    """The same of some symbols of a table, by their numbers."""
    needed = needed_versions(image, table.strings) if table.versions else {}
    name_at, version_at = struct.Struct(image.order + "I").unpack_from, struct.Struct(image.order + "H").unpack_from
    size = symbol_struct(image).size
    found = set()
    for number in numbers:
        name = text_at(table.strings, name_at(table.rows, number * size)[0])
        if name:
            known = number * 2 + 2 <= len(table.versions)
            index = version_at(table.versions, number * 2)[0] & _HIDDEN_VERSION if known else 0
            found.add((name, index if index in needed else 0))
    records = {index: (escape(version), escape(library)) for index, (version, library) in needed.items()}
    rows = [(escape(name), *records.get(index, ("", ""))) for name, index in found]
    return tuple(Import(name, version or None, library or None) for name, version, library in sorted(rows))


def undefined(image: Image, rows: bytes) -> Iterator[int]:
    """The numbers of the symbols without a section; without a Python step for each of those that have one."""
    code = symbol_struct(image)
    at = 6 if image.bits == 64 else 14  # st_shndx
    halves = memoryview(rows[: len(rows) // code.size * code.size]).cast("H")
    column = array("H", halves[at // 2 :: code.size // 2].tobytes())
    number = -1
    while True:
        try:
            number = column.index(0, number + 1)
        except ValueError:
            return
        yield number


def exports(image: Image, table: SymbolTable) -> tuple[Export, ...]:
    """The symbols that other objects can bind to, with the version they are defined under, sorted by name."""
    code = symbol_struct(image)
    _, info, shndx = SYMBOL_FIELDS[image.bits]
    other = info + 1
    defined, versions = defined_versions(image, table.strings), words(image, table.versions, "H")
    found = set()
    for number, row in enumerate(code.iter_unpack(table.rows[: len(table.rows) // code.size * code.size])):
        if row[shndx] and row[info] >> 4 in (_GLOBAL, _WEAK, _UNIQUE) and row[other] & 3 in (_DEFAULT, _PROTECTED):
            index = versions[number] & _HIDDEN_VERSION if number < len(versions) else 0
            name = text_at(table.strings, row[0])
            if name:
                found.add((name, defined.get(index, b"")))
    return tuple(Export(escape(name), escape(version) if version else None) for name, version in sorted(found))


def symbols(image: Image) -> SymbolTable:
    """The table whose undefined symbols are the object's imports."""
    return static_symbols(image) if image.type == ET_REL else dynamic_symbols(image)
