"""An ELF object as values: what its headers and its dynamic section say, whoever read them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS = 1, 2, 3, 4, 7
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO, PT_GNU_PROPERTY = 0x6474E550, 0x6474E551, 0x6474E552, 0x6474E553
PF_X, PF_W, PF_R = 1, 2, 4
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS, SHT_REL, SHT_DYNSYM = 1, 2, 3, 4, 7, 8, 9, 11
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
(DT_NEEDED, DT_PLTRELSZ, DT_PLTGOT, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ) = range(1, 9)
DT_STRSZ, DT_SYMENT, DT_INIT, DT_FINI, DT_SONAME, DT_RPATH, DT_REL, DT_RELSZ, DT_PLTREL, DT_DEBUG = (
    10, 11, 12, 13, 14, 15, 17, 18, 20, 21
)  # fmt: skip
DT_TEXTREL, DT_JMPREL, DT_BIND_NOW, DT_INIT_ARRAY, DT_FINI_ARRAY, DT_RUNPATH, DT_FLAGS = 22, 23, 24, 25, 26, 29, 30
DT_RELRSZ, DT_RELR = 35, 36
DT_GNU_HASH, DT_VERSYM, DT_RELACOUNT, DT_RELCOUNT = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFF9, 0x6FFFFFFA
DT_FLAGS_1, DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM = range(0x6FFFFFFB, 0x70000000)
DF_TEXTREL, DF_BIND_NOW = 4, 8
STT_FUNC = 2
DF_1_NOW, DF_1_PIE = 1, 0x08000000


# A symbol (elf(5)), and where in it value, info and section index stand.
_SYMBOL = {32: "IIIBBH", 64: "IBBHQQ"}  # name value size info other shndx / name info other shndx value size
SYMBOL_FIELDS = {32: (1, 3, 5), 64: (4, 1, 3)}


class Segment(msgspec.Struct, frozen=True):
    """A program header (elf(5)). Sizes and offsets in bytes."""

    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int


class Section(msgspec.Struct, frozen=True):
    """A section header (elf(5))."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    entry_size: int


class Image(msgspec.Struct, frozen=True):
    """One ELF object; ``reader`` is who read the headers.

    ``dynamic`` are the tags and values before DT_NULL, in their order. Of a tag that comes more than once ``tags`` has
    the last value: that one counts in ld.so (glibc, elf/get-dynamic-info.h). ``made``: what was made of it already, for
    all that ask for it again; it goes with the object.
    """

    data: bytes
    reader: str
    bits: int
    order: str  # "<" or ">", as struct has it
    osabi: int
    type: int
    machine: int
    flags: int
    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    dynamic: tuple[tuple[int, int], ...]
    tags: dict[int, int]
    made: dict[str, Any] = {}


def loads(image: Image) -> Iterator[Segment]:
    """The segments that are mapped."""
    return (segment for segment in image.segments if segment.type == PT_LOAD)


def has_segment(image: Image, kind: int) -> bool:
    """Whether there is a program header of the type."""
    return any(segment.type == kind for segment in image.segments)


def tag(image: Image, wanted: int) -> int | None:
    """The value of a dynamic tag, or None."""
    return image.tags.get(wanted)


def section(image: Image, name: str) -> Section | None:
    """The first section of the name."""
    return next((found for found in image.sections if found.name == name), None)


def file_offset(image: Image, address: int) -> int | None:
    """Where in the file the byte lies that is mapped at ``address``; None where nothing of the file is."""
    for segment in loads(image):
        if segment.address <= address < segment.address + segment.file_size:
            return segment.offset + address - segment.address
    return None


def mapped(image: Image, address: int, size: int) -> bytes:
    """The bytes at an address, fewer than ``size`` where the file has no more."""
    offset = file_offset(image, address)
    return b"" if offset is None or size <= 0 else image.data[offset : offset + size]


def contents(image: Image, part: Section | Segment) -> bytes:
    """The bytes of a section or segment in the file."""
    if isinstance(part, Section):
        return b"" if part.type == SHT_NOBITS else image.data[part.offset : part.offset + part.size]
    return image.data[part.offset : part.offset + part.file_size]


def words(image: Image, data: bytes, code: str) -> tuple[int, ...]:
    """As many words of the struct code (``H``, ``I``, ``Q``) as ``data`` holds, in the object's byte order."""
    count = len(data) // struct.calcsize(image.order + code)
    return struct.unpack_from(f"{image.order}{count}{code}", data)


def text_at(table: bytes, offset: int) -> bytes:
    """The NUL-terminated string at ``offset`` of a string table; empty beyond its end."""
    if not 0 <= offset < len(table):
        return b""
    end = table.find(b"\0", offset)
    return table[offset : end if end >= 0 else None]


def symbol_struct(image: Image) -> struct.Struct:
    """The layout of an entry of a symbol table; the name's offset comes first."""
    return struct.Struct(image.order + _SYMBOL[image.bits])


def dynamic_strings(image: Image) -> bytes:
    """The string table of the dynamic section."""
    address, size = tag(image, DT_STRTAB), tag(image, DT_STRSZ)
    if address is None:
        return b""
    return mapped(image, address, size if size is not None else len(image.data))
