"""The headers of an ELF file held against its size, before any library sees it.

Libraries are lenient: LIEF accepts the first 300 bytes of a program, and so would report a cut-off file as an
unprotected one. What is checked here is what every later step relies on.
"""

from __future__ import annotations

import struct

import msgspec

from archscan.elf.image import PT_LOAD, SHF_ALLOC, SHT_NOBITS
from archscan.errors import ElfError

_PN_XNUM = 0xFFFF
_SHT_NULL = 0
# (bits) → struct codes of Ehdr after e_ident, Phdr and Shdr; and where in them the fields stand that are used.
_EHDR = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
_PHDR = {32: ("IIIIIIII", (0, 1, 4)), 64: ("IIQQQQQQ", (0, 2, 5))}  # type, offset, filesz
_SHDR = {32: "IIIIIIIIII", 64: "IIQQQQIIQQ"}  # name type flags addr offset size link info addralign entsize


class Layout(msgspec.Struct, frozen=True):
    """The identification of a file whose headers fit into it, and how many there are of each."""

    bits: int
    order: str
    segments: int
    sections: int


def checked(data: bytes) -> Layout:
    """The layout of a file whose program headers, section headers and segments all lie inside it.

    Raises ElfError: ``truncated`` where something reaches past the end, ``corrupt`` where the headers make no sense.
    """
    if len(data) < 20 or data[:4] != b"\x7fELF":
        raise ElfError("truncated", f"an ELF file of {len(data)} bytes")
    bits, order = {1: 32, 2: 64}.get(data[4]), {1: "<", 2: ">"}.get(data[5])
    if bits is None or order is None:
        raise ElfError("corrupt", f"ELF class {data[4]}, data encoding {data[5]}: not 1 or 2")
    header = struct.Struct(order + _EHDR[bits])
    if len(data) < 16 + header.size:
        raise ElfError("truncated", "the file ends inside the ELF header")
    fields = header.unpack_from(data, 16)
    phoff, shoff = fields[4], fields[5]
    phentsize, phnum, shentsize, shnum = fields[8], fields[9], fields[10], fields[11]
    sections = _sections(data, order, bits, shoff, shentsize, shnum)
    if phnum == _PN_XNUM and sections:
        phnum = sections[0][7]
    segments = _segments(data, order, bits, phoff, phentsize, phnum)
    _check_sections(sections, len(data))
    if not _debug_only(sections):
        _check_segments(segments, len(data))
    return Layout(bits, order, len(segments), len(sections))


def _table(
    data: bytes, order: str, code: str, what: str, offset: int, entsize: int, count: int
) -> list[tuple[int, ...]]:
    entry = struct.Struct(order + code)
    if entsize != entry.size:
        raise ElfError("corrupt", f"a {what} header of {entsize} bytes, not {entry.size}")
    if offset + count * entsize > len(data):
        raise ElfError("truncated", f"the {what} headers end {offset + count * entsize - len(data)} bytes past the end")
    return list(entry.iter_unpack(data[offset : offset + count * entsize]))


def _sections(data: bytes, order: str, bits: int, offset: int, entsize: int, count: int) -> list[tuple[int, ...]]:
    if not offset:
        return []
    if not count:  # more than 65,279 sections: their number stands in the first one (elf(5), e_shnum)
        first = _table(data, order, _SHDR[bits], "section", offset, entsize, 1)[0]
        count = first[5] if first[1] == _SHT_NULL else 0
    return _table(data, order, _SHDR[bits], "section", offset, entsize, count)


def _segments(data: bytes, order: str, bits: int, offset: int, entsize: int, count: int) -> list[tuple[int, int, int]]:
    if not count:
        return []
    code, (kind, start, size) = _PHDR[bits]
    rows = _table(data, order, code, "program", offset, entsize, count)
    return [(row[kind], row[start], row[size]) for row in rows]


def _debug_only(sections: list[tuple[int, ...]]) -> bool:
    """Whether the file was split off by `objcopy --only-keep-debug`; its segments describe the other file."""
    allocated = [row for row in sections if row[2] & SHF_ALLOC]
    return bool(allocated) and all(row[1] in (SHT_NOBITS, 7) for row in allocated)


def _check_sections(sections: list[tuple[int, ...]], size: int) -> None:
    for number, row in enumerate(sections):
        if row[1] not in (_SHT_NULL, SHT_NOBITS) and row[5] and row[4] + row[5] > size:
            raise ElfError(
                "truncated", f"section {number} ends {row[4] + row[5] - size} bytes past the end of the file"
            )


def _check_segments(segments: list[tuple[int, int, int]], size: int) -> None:
    for number, (kind, offset, length) in enumerate(segments):
        if length and offset + length > size:
            what = "a mapped segment" if kind == PT_LOAD else f"segment {number}"
            raise ElfError("truncated", f"{what} ends {offset + length - size} bytes past the end of the file")
