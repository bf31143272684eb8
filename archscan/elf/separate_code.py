"""Whether what is executable is nothing but code: `-z separate-code` (ld(1)).

Without it the headers, and often constants too, are mapped executable beside the code: more bytes to find pieces of
code in. It is how a linker lays things out, and linkers differ, so it says nothing of how a package was built. What
counts is what the program headers say; that the last page of one segment is mapped again with the first of the next
one does not.
"""

from __future__ import annotations

import struct

from archscan.elf.image import (
    PF_W,
    PF_X,
    PT_DYNAMIC,
    PT_GNU_EH_FRAME,
    PT_INTERP,
    PT_NOTE,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_NOBITS,
    Image,
    Segment,
    loads,
)
from archscan.elf.subject import UNLINKED, Judged, Subject, not_applicable, unlinked
from archscan.model import Reason, Site, Verdict

_HEADER = {32: 52, 64: 64}  # bytes of the ELF header
_PROGRAM_HEADERS = {32: (28, "I"), 64: (32, "Q")}  # where e_phoff stands
_SITES = 16
_MOST = 64  # executable segments; a linker makes one or two
# Segments of what is no code, wherever it is mapped: for unwinding, for the loader, notes.
_TABLES = frozenset({PT_GNU_EH_FRAME, PT_DYNAMIC, PT_INTERP, PT_NOTE})


def separate_code(subject: Subject) -> Judged:
    """The verdict, with the first segment that maps more than code and what it maps."""
    image = subject.image
    if subject.kind in UNLINKED:
        return unlinked(subject.kind)
    executable = [part for part in loads(image) if part.flags & PF_X and part.file_size]
    if not executable:
        return not_applicable("no-code", "no segment is executable")
    if len(executable) > _MOST:
        return Verdict.UNKNOWN, Reason("too-much-code", "more executable segments than are looked at")
    for part in executable:
        if _holds(part, 0, _HEADER[image.bits]) or _holds(part, _program_headers(image), 1):
            text = "the headers are mapped executable, in one segment with the code"
            return Verdict.NO, Reason("headers-in-code", text, {}, (Site(address=hex(part.address)),))
    mixed = [(part, name) for part in executable for name in _data(image, part)]
    if mixed:
        sites = tuple(Site(address=hex(part.address), name=name) for part, name in mixed[:_SITES])
        text = "sections without code are mapped executable"
        return Verdict.NO, Reason("data-in-code", text, {"sections": len(mixed)}, sites, len(mixed) > _SITES)
    if not image.sections and not any(part.file_size and not part.flags & (PF_W | PF_X) for part in loads(image)):
        return Verdict.UNKNOWN, Reason(
            "no-sections", "no segment for constants, and no sections to tell them from code"
        )
    return Verdict.YES, None


def _program_headers(image: Image) -> int:
    at, word = _PROGRAM_HEADERS[image.bits]
    offset: int = struct.unpack_from(image.order + word, image.data, at)[0]
    return offset


def _holds(part: Segment, offset: int, size: int) -> bool:
    return part.offset < offset + size and offset < part.offset + part.file_size


def _data(image: Image, part: Segment) -> list[str]:
    """The names of sections without instructions that a segment maps; without sections, what else shows."""
    if not image.sections and part.flags & PF_W:
        return ["variables"]
    if not image.sections:
        return [
            f"segment of type {hex(one.type)}"
            for one in image.segments
            if one.type in _TABLES and one.file_size and _holds(part, one.offset, one.file_size)
        ]
    return [
        one.name
        for one in image.sections
        if one.flags & (SHF_ALLOC | SHF_EXECINSTR) == SHF_ALLOC
        and one.type != SHT_NOBITS
        and one.size
        and _holds(part, one.offset, one.size)
    ]
