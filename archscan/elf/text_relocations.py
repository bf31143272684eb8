"""Whether the loader must write into what is mapped read-only, told by the relocations themselves (gABI, "DT_TEXTREL").

The flag alone proves nothing: linkers set it for what they dropped later. And without it an object with such
relocations cannot be loaded at all, because the loader then leaves the segment as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice

import msgspec

from archscan.elf.arrays import np
from archscan.elf.image import (
    DF_TEXTREL,
    DT_FLAGS,
    DT_RELR,
    DT_RELRSZ,
    DT_TEXTREL,
    PF_W,
    Image,
    loads,
    mapped,
    tag,
    words,
)
from archscan.elf.relocations import tables, types
from archscan.elf.subject import MOST_SITES, UNLINKED, Judged, Subject, places
from archscan.model import Reason

_PACKED = (0x6000000F, 0x60000011)  # DT_ANDROID_REL, DT_ANDROID_RELA (lld, `--pack-dyn-relocs=android`)
_END = (1 << 64) - 1
_MOST_SEGMENTS = 64  # a linker makes about ten
_RELR_BYTES = 8 << 20  # of a table of packed relocations; a browser's has 200 KB


class _Changed(msgspec.Struct):
    """How many relocations change what is read-only, and where the first ones do."""

    count: int = 0
    first: list[int] = []


def text_relocations(subject: Subject) -> Judged:
    """The number of relocations that change what is mapped read-only."""
    image = subject.image
    if subject.kind in UNLINKED:
        return 0, Reason("kind", f"does not apply to an object of kind {subject.kind}")
    flagged = tag(image, DT_TEXTREL) is not None or (tag(image, DT_FLAGS) or 0) & DF_TEXTREL
    fixed = _read_only(image)
    found = _changed(subject, fixed[:_MOST_SEGMENTS])
    if not found.count and (len(fixed) > _MOST_SEGMENTS or (tag(image, DT_RELRSZ) or 0) > _RELR_BYTES):
        return 0, Reason("too-many-relocations", "more packed relocations or segments than are looked at")
    if not found.count:
        return 0, _unconfirmed(image) if flagged else None
    sites, _ = places([*map(hex, found.first)])
    counts, more = {"relocations": found.count}, found.count > MOST_SITES
    if flagged:
        text = "relocations change what should stay read-only"
        return found.count, Reason("relocations", text, counts, sites, more)
    text = "relocations change what is read-only, and no flag tells the loader so: it cannot load the object"
    return found.count, Reason("unflagged-relocations", text, counts, sites, more)


def _unconfirmed(image: Image) -> Reason:
    if any(tag(image, name) is not None for name in _PACKED):
        return Reason("packed-relocations", "DT_TEXTREL is set, and relocations in Android's packed form are not read")
    return Reason("flag-only", "DT_TEXTREL is set, but no relocation changes a read-only segment")


def _read_only(image: Image) -> list[tuple[int, int]]:
    """Where segments are mapped that nobody may write, sorted and without overlap."""
    fixed: list[tuple[int, int]] = []
    parts = ((one.address, min(one.address + one.memory_size, _END)) for one in loads(image) if not one.flags & PF_W)
    for low, high in sorted(parts):
        if fixed and low < fixed[-1][1]:
            fixed[-1] = (fixed[-1][0], max(high, fixed[-1][1]))
        elif low < high:
            fixed.append((low, high))
    return fixed


def _changed(subject: Subject, fixed: list[tuple[int, int]]) -> _Changed:
    image = subject.image
    starts, ends = (np.array([one[side] for one in fixed], np.uint64) for side in (0, 1))
    found = _Changed()
    for data, fields in tables(image) if fixed else ():
        rows = np.frombuffer(data, f"{image.order}u{image.bits // 8}", len(data) * 8 // image.bits // fields * fields)
        addresses, infos = rows[::fields].astype(np.uint64), rows[1::fields]
        number = np.searchsorted(starts, addresses, "right") - 1
        inside = (number >= 0) & (addresses < ends[number])
        kinds = types(image, subject.machine, infos[inside].tolist())
        for address, kind in zip(addresses[inside].tolist(), kinds, strict=True):
            if kind not in subject.machine.none:
                _add(found, address, 1)
    _packed(image, fixed, found)
    return found


def _add(found: _Changed, address: int, count: int) -> None:
    found.count += count
    if len(found.first) < MOST_SITES:
        found.first.append(address)


def _packed(image: Image, fixed: list[tuple[int, int]], found: _Changed) -> None:
    """Adds those of DT_RELR: an address, or a word whose bits say which of the next words change (gABI, "DT_RELR")."""
    start, size = tag(image, DT_RELR), tag(image, DT_RELRSZ)
    word, at = image.bits // 8, 0
    ends = [high for _, high in fixed]
    table = mapped(image, start, min(size, _RELR_BYTES)) if fixed and start is not None and size else b""
    for entry in words(image, table, "Q" if word == 8 else "I"):
        bits, base = (entry >> 1, at) if entry & 1 else (1, entry)
        at = at + (image.bits - 1) * word if entry & 1 else entry + word
        # A hostile table has millions of entries: of one only the segments are looked at that its bits reach, and only
        # as many bits as can lie in a segment.
        for low, high in islice(fixed, bisect_right(ends, base), None):
            if low >= base + bits.bit_length() * word:
                break
            first = max(-(-(low - base) // word), 0)
            last = min(-(-(high - base) // word), image.bits)  # bits from here on are of words behind the segment
            changed = bits >> first & ((1 << last - first) - 1) if first < last else 0
            if changed:
                _add(found, base + (first + (changed & -changed).bit_length() - 1) * word, changed.bit_count())
