"""An ``Image`` read by pyelftools: the reader of what LIEF refuses, and the second opinion in the tests."""

from __future__ import annotations

import io
import struct

from elftools.common.exceptions import ELFError as PyelftoolsError
from elftools.elf.elffile import ELFFile

from archscan.elf.headers import Layout
from archscan.elf.image import PT_DYNAMIC, Image, Section, Segment
from archscan.errors import ElfError
from archscan.model import escape

# What pyelftools lets through on damaged input besides its own errors (seen with mutated objects).
_DAMAGE = (PyelftoolsError, OverflowError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error,
           UnicodeDecodeError, AssertionError, MemoryError)  # fmt: skip


def read(data: bytes, layout: Layout) -> Image:
    """The object as pyelftools sees it. Raises ElfError where it refuses it too."""
    try:
        elf = ELFFile(io.BytesIO(data))
        segments = tuple(_segment(elf, number) for number in range(elf.num_segments()))
        dynamic = _dynamic(data, layout, segments)
        return Image(
            data=data,
            reader="pyelftools",
            bits=layout.bits,
            order=layout.order,
            osabi=data[7],
            type=struct.unpack_from(layout.order + "H", data, 16)[0],
            machine=struct.unpack_from(layout.order + "H", data, 18)[0],
            flags=elf.header.e_flags,
            entry=elf.header.e_entry,
            segments=segments,
            sections=_sections(elf),
            dynamic=dynamic,
            tags=dict(dynamic),
        )
    except _DAMAGE as error:
        raise ElfError("corrupt", f"neither LIEF nor pyelftools can read it: {error}") from error


def _segment(elf: ELFFile, number: int) -> Segment:
    # The raw header: pyelftools turns numbers into names where it knows one.
    header = elf._get_segment_header(number)  # noqa: SLF001  # iter_segments() builds far more
    return Segment(
        _number(elf, header.p_type, elf.header.e_phoff + number * elf.header.e_phentsize),
        header.p_flags & 7,
        header.p_offset,
        header.p_vaddr,
        header.p_filesz,
        header.p_memsz,
    )


def _sections(elf: ELFFile) -> tuple[Section, ...]:
    count = elf.num_sections()
    headers = [elf._get_section_header(number) for number in range(count)]  # noqa: SLF001
    names_at = elf.get_shstrndx()
    names = headers[names_at] if 0 < names_at < count else None
    found = []
    for number, header in enumerate(headers):
        name = b""
        if names is not None:
            elf.stream.seek(names.sh_offset + header.sh_name)
            name = elf.stream.read(4096).partition(b"\0")[0]
        found.append(
            Section(
                escape(name),
                _number(elf, header.sh_type, elf.header.e_shoff + number * elf.header.e_shentsize + 4),
                header.sh_flags,
                header.sh_addr,
                header.sh_offset,
                header.sh_size,
                header.sh_link,
                header.sh_entsize,
            )
        )
    return tuple(found)


def _number(elf: ELFFile, value: int | str, at: int) -> int:
    """The number of a type that stands at ``at``; pyelftools gives its name where it knows one."""
    if isinstance(value, int):
        return value
    elf.stream.seek(at)
    return int.from_bytes(elf.stream.read(4), "little" if elf.little_endian else "big")


def _dynamic(data: bytes, layout: Layout, segments: tuple[Segment, ...]) -> tuple[tuple[int, int], ...]:
    part = next((segment for segment in segments if segment.type == PT_DYNAMIC), None)
    if part is None:
        return ()
    pair = struct.Struct(layout.order + ("qQ" if layout.bits == 64 else "iI"))
    section = data[part.offset : part.offset + part.file_size]
    entries = []
    for name, value in pair.iter_unpack(section[: len(section) // pair.size * pair.size]):
        if name == 0:
            break
        entries.append((name & 0xFFFF_FFFF, value))
    return tuple(entries)
