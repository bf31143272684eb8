"""Places that hold constants: functions, tables in data, and code that is in no function that is known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.code import within
from archscan.elf.functions import owners
from archscan.elf.image import SHF_ALLOC, SHT_NOBITS, loads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.elf.code import Code
    from archscan.elf.functions import Functions
    from archscan.elf.image import Image

_APART_IN_DATA = 128  # bytes between words of one table; of four constants, each eight times for AVX2, 32
_APART_IN_CODE = 4096  # between rounds of assembler code that no table of functions lists


class Place(msgspec.Struct, frozen=True, eq=False):
    """Offsets in the file from the first to the last constant, the number of the function (or -1), and how many."""

    start: int
    end: int
    number: int
    in_code: bool
    counts: Counter[str]


def places(text: Code, view: Functions, offsets: Offsets, names: Sequence[str]) -> list[Place]:
    """The places in which words stand; ``offsets`` are sorted, each with a name."""
    if not offsets.size:
        return []
    in_code = np.isin(offsets, within(text, offsets))
    owner = np.where(in_code, owners(view, offsets), -1)
    gaps = np.diff(offsets) > np.where(in_code[1:], _APART_IN_CODE, _APART_IN_DATA)
    fresh = gaps | (np.diff(owner) != 0) | (np.diff(in_code.astype(np.int8)) != 0)
    cluster = np.append(0, np.cumsum(fresh))
    groups: dict[tuple[int, int], list[int]] = {}
    for at, (function, run) in enumerate(zip(owner.tolist(), cluster.tolist(), strict=True)):
        groups.setdefault((function, -1 if function >= 0 else run), []).append(at)
    return [
        Place(
            int(offsets[rows[0]]),
            int(offsets[rows[-1]]),
            function,
            bool(in_code[rows[0]]),
            Counter(names[at].removeprefix("-") for at in rows),
        )
        for (function, _), rows in groups.items()
    ]


def loaded(image: Image, offsets: Offsets) -> Offsets:
    """Those of the offsets that are part of what is loaded, not of notes for debuggers or names."""
    if image.sections:
        ranges = [(one.offset, one.offset + one.size) for one in image.sections
                  if one.flags & SHF_ALLOC and one.type != SHT_NOBITS]  # fmt: skip
    else:
        ranges = [(one.offset, one.offset + one.file_size) for one in loads(image)]
    behind, kept = 0, [NONE]
    for start, end in sorted(ranges):
        kept.append(offsets[(offsets >= max(start, behind)) & (offsets < end)])
        behind = max(behind, end)
    return np.concatenate(kept)


def address_at(image: Image, offset: int) -> tuple[str | None, int]:
    """The section of a relocatable object and the distance in it, or None and the address; of what is loaded."""
    for part in image.sections:
        inside = part.type != SHT_NOBITS and part.offset <= offset < part.offset + part.size
        if inside and part.flags & SHF_ALLOC:
            from_section = image.type == 1
            return (part.name if from_section else None), part.address + offset - part.offset
    for one in loads(image):
        if one.offset <= offset < one.offset + one.file_size:
            return None, one.address + offset - one.offset
    return None, offset
