"""The machine code of an object: where it stands in the file, and which address each byte of it has.

Code is looked at where it stands in the file, so every place here is an offset into the file; `place` says it as the
database does. That serves relocatable objects too, whose sections have no address yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

import msgspec

from archscan.elf.arrays import NONE, Bytes, Offsets, Pattern, Words, find, np
from archscan.elf.image import (
    DT_PLTGOT,
    ET_REL,
    PF_X,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_NOBITS,
    Image,
    loads,
    tag,
)
from archscan.elf.mapping import FAR, Mapping, mapping, offsets

_GAP = 1 << 16  # searching this much in vain costs less than another range to search
_T = TypeVar("_T")


class Part(msgspec.Struct, frozen=True):
    """A run of code: offset and size in the file, the address of its first byte, the section of a relocatable one."""

    offset: int
    size: int
    address: int
    section: str | None


class Code(msgspec.Struct, frozen=True, eq=False):
    """All code of an object; ``raw`` is the whole file.

    ``runs`` are the ranges of the file that are searched: parts that lie close together, with what lies between them.
    ``searched``: what was found in them, by the search (see `once`).
    """

    raw: Bytes
    order: str
    bits: int
    parts: tuple[Part, ...]  # sorted by offset, without overlap
    runs: tuple[tuple[int, int], ...]
    starts: Offsets  # where each part begins and ends
    ends: Offsets
    mapping: Mapping
    got: int | None = None  # where the GOT begins, from which code counts its slots, as the dynamic section says
    searched: dict[object, Any] = {}


def once(search: Callable[[Code], _T]) -> Callable[[Code], _T]:
    """The same search, done once for the code of an object, as several verdicts ask; nobody changes its arrays."""

    @wraps(search)
    def known(code: Code) -> _T:
        if search not in code.searched:
            code.searched[search] = search(code)
        found: _T = code.searched[search]
        return found

    return known


def code(image: Image) -> Code:
    """The code of an object: of its executable sections, or where it has none, of its executable segments."""
    if "code" not in image.made:
        image.made["code"] = _code(image)
    found: Code = image.made["code"]
    return found


def _code(image: Image) -> Code:
    parts: list[Part] = []
    runs: list[tuple[int, int]] = []
    for part in sorted(_sections(image) or _segments(image), key=lambda part: part.offset):
        if not part.size or (parts and part.offset < parts[-1].offset + parts[-1].size):
            continue
        parts.append(part)
        end = part.offset + part.size
        if runs and part.offset - runs[-1][1] <= _GAP:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((part.offset, end))
    starts = np.array([part.offset for part in parts], np.int64)
    sizes = np.array([part.size for part in parts], np.int64)
    raw = np.frombuffer(image.data, np.uint8)
    known = mapping((part.address, part.offset, part.size) for part in parts)
    return Code(
        raw, image.order, image.bits, tuple(parts), tuple(runs), starts, starts + sizes, known, tag(image, DT_PLTGOT)
    )


def _sections(image: Image) -> list[Part]:
    wanted = SHF_ALLOC | SHF_EXECINSTR
    return [
        Part(row.offset, row.size, row.address, row.name if image.type == ET_REL else None)
        for row in image.sections
        if row.flags & wanted == wanted and row.type != SHT_NOBITS and row.address < FAR
    ]


def _segments(image: Image) -> list[Part]:
    return [
        Part(row.offset, row.file_size, row.address, None)
        for row in loads(image)
        if row.flags & PF_X and row.address < FAR
    ]


def beginning(text: Code, size: int) -> Code:
    """The same, but no more than the first bytes of its runs are searched."""
    runs, left = [], size
    for low, high in text.runs:
        if left > 0:
            runs.append((low, min(high, low + left)))
            left -= high - low
    return msgspec.structs.replace(text, runs=tuple(runs), searched={})


def matches(text: Code, pattern: Pattern) -> Offsets:
    """Where in the code a pattern of bytes stands (see `arrays.find`)."""
    found = [find(text.raw, low, high, pattern) for low, high in text.runs]
    return within(text, np.concatenate(found)) if found else NONE


def words(text: Code, size: int) -> Iterator[tuple[int, Words]]:
    """The code as instruction words of 2 or 4 bytes: for each run the offset of its first word, and the words.

    Words stand at multiples of their size in the file as they do in memory: both are congruent (gABI, "p_align").
    """
    for low, high in text.runs:
        first = low + -low % size
        count = (high - first) // size
        if count > 0:
            yield first, np.frombuffer(text.raw, f"{text.order}u{size}", count, first)


def within(text: Code, offsets: Offsets) -> Offsets:
    """Those of the offsets that lie in the code."""
    if not text.parts:
        return NONE
    number = np.searchsorted(text.starts, offsets, "right") - 1
    return offsets[(number >= 0) & (offsets < text.ends[number])]


def offsets_of(text: Code, addresses: Offsets) -> Offsets:
    """The offset of the byte at each address; -1 where no code is mapped there."""
    return offsets(text.mapping, addresses)


def address_of(text: Code, offset: int) -> int:
    """The address of a byte of code; in a relocatable object, its place in the section."""
    part = _part(text, offset)
    return offset - part.offset + part.address


def place(text: Code, offset: int) -> str:
    """The address of a byte of code as the database says it: ``0x…``, or ``section+0x…``."""
    section = _part(text, offset).section
    address = hex(address_of(text, offset))
    return address if section is None else f"{section}+{address}"


def entry(text: Code, image: Image) -> int:
    """The offset where the kernel enters a program; -1 in what is only linked or loaded."""
    if image.type == ET_REL or not image.entry or image.entry >= FAR:
        return -1
    return int(offsets_of(text, np.array([image.entry], np.int64))[0])


def _part(text: Code, offset: int) -> Part:
    return text.parts[int(np.searchsorted(text.starts, offset, "right")) - 1]
