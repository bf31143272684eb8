"""An ``Image`` read by LIEF: fast, and in C++, which is why it runs in a process that may die."""

from __future__ import annotations

import io
import warnings
from typing import Any

import lief

from archscan.elf.headers import Layout
from archscan.elf.image import Image, Section, Segment
from archscan.errors import ElfError
from archscan.model import escape

_LOW_32 = 0xFFFF_FFFF  # LIEF puts the architecture above the number of a processor-specific tag or type


def _configuration() -> lief.ELF.ParserConfig:
    """Headers and the dynamic section only: symbols, notes and relocations are read where they are needed."""
    configuration = lief.ELF.ParserConfig()
    configuration.parse_dyn_symbols = False
    configuration.parse_notes = False
    configuration.parse_overlay = False
    configuration.parse_relocations = False
    configuration.parse_symbol_versions = False
    configuration.parse_symtab_symbols = False
    return configuration


_CONFIGURATION = _configuration()
lief.logging.disable()  # it writes to stdout, and what it refuses pyelftools gets


def read(data: bytes, layout: Layout) -> Image:
    """The object as LIEF sees it. Raises ElfError where LIEF refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # see _number
        return _read(data, layout)


def _read(data: bytes, layout: Layout) -> Image:
    # From a BytesIO LIEF reads what it needs; bytes it would copy whole.
    binary = lief.ELF.parse(io.BytesIO(data), _CONFIGURATION)
    if binary is None:
        raise ElfError("corrupt", "LIEF finds no ELF object")
    if (len(binary.segments), len(binary.sections)) != (layout.segments, layout.sections):
        # It gives up in silence on what it finds odd, and does not count beyond 65,279 sections.
        raise ElfError("corrupt", "LIEF does not list all headers")
    header = binary.header
    tags = ((_number(entry.tag), entry.value) for entry in binary.dynamic_entries)
    dynamic = tuple((number & _LOW_32, value) for number, value in tags if number)
    return Image(
        data=data,
        reader="lief",
        bits=layout.bits,
        order=layout.order,
        osabi=data[7],
        type=_number(header.file_type) & _LOW_32,
        machine=_number(header.machine_type) & 0xFFFF,
        flags=header.processor_flag,
        entry=header.entrypoint,
        segments=tuple(map(_segment, binary.segments)),
        sections=tuple(map(_section, binary.sections)),
        dynamic=dynamic,
        tags=dict(dynamic),
    )


def _number(word: Any) -> int:
    """The number behind a word of LIEF; where it knows no word, it gives the number itself, and a warning."""
    return int(getattr(word, "value", word))


def _segment(segment: lief.ELF.Segment) -> Segment:
    return Segment(
        _number(segment.type) & _LOW_32,
        int(segment.flags) & 7,
        segment.file_offset,
        segment.virtual_address,
        segment.physical_size,
        segment.virtual_size,
    )


def _section(section: lief.ELF.Section) -> Section:
    return Section(
        escape(section.name),
        _number(section.type) & _LOW_32,
        section.flags,
        section.virtual_address,
        section.offset,
        section.size,
        section.link,
        section.entry_size,
    )
