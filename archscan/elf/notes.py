"""Notes of an ELF object: the build id, and the marks that the linker leaves (gABI, "Note Section")."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from archscan.elf.arch.machine import Machine
from archscan.elf.image import PT_GNU_PROPERTY, PT_NOTE, SHT_NOTE, Image

# Headers can point 65,000 times at the same megabytes; what compilers and linkers write is smaller by far.
_PARTS, _BYTES = 64, 1 << 20
NT_GNU_BUILD_ID = 3
NT_GNU_PROPERTY_TYPE_0 = 5


def notes(image: Image) -> Iterator[tuple[bytes, int, bytes]]:
    """Each note once: its owner's name, its type, its description. Segments first, then sections outside them."""
    ranges = _segments(image, PT_NOTE, PT_GNU_PROPERTY)
    outside = [
        (part.offset, part.size)
        for part in image.sections
        if part.type == SHT_NOTE
        and not any(low <= part.offset and part.offset + part.size <= low + size for low, size in ranges)
    ]
    yield from _within(image, [*ranges, *outside[:_PARTS]])


def _segments(image: Image, *kinds: int) -> list[tuple[int, int]]:
    """Offsets and sizes of segments of the kinds."""
    return sorted({(part.offset, part.file_size) for part in image.segments if part.type in kinds})[:_PARTS]


def _within(image: Image, ranges: list[tuple[int, int]]) -> Iterator[tuple[bytes, int, bytes]]:
    left = _BYTES
    for offset, size in ranges:
        data = image.data[offset : offset + min(size, left)]
        left -= len(data)
        yield from _parsed(image, data)


def _parsed(image: Image, data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    header = struct.Struct(image.order + "III")
    at = 0
    while at + header.size <= len(data):
        name_size, size, kind = header.unpack_from(data, at)
        start = at + header.size + (name_size + 3 & ~3)
        name = data[at + header.size : at + header.size + name_size].rstrip(b"\0")
        if start + size > len(data):
            return
        yield name, kind, data[start : start + size]
        # Notes are padded to 4 bytes; only those of properties to the size of an address (x86 psABI, 64 bits).
        alignment = 8 if image.bits == 64 and kind == NT_GNU_PROPERTY_TYPE_0 and name == b"GNU" else 4
        at = start + (size + alignment - 1 & -alignment)


def build_id(image: Image) -> str | None:
    """The build id in hex, or None."""
    for name, kind, description in notes(image):
        if name == b"GNU" and kind == NT_GNU_BUILD_ID and description:
            return description[:64].hex()
    return None


def feature_bits(image: Image, machine: Machine) -> int:
    """The bits of the processor's "every input has it" property; 0 without the note.

    A property is a type, a size and data padded to the size of an address, *after* the note's header
    (Linux Extensions to gABI, ".note.gnu.property"). Where there is a segment for them, loaders and the kernel read no
    other note, and never one that no segment maps (glibc, sysdeps/x86/dl-prop.h).
    """
    mapped = _segments(image, PT_GNU_PROPERTY) or _segments(image, PT_NOTE)
    for name, kind, description in _within(image, mapped) if image.segments else notes(image):
        if name == b"GNU" and kind == NT_GNU_PROPERTY_TYPE_0:
            at = 0
            while at + 8 <= len(description):
                property_type, size = struct.unpack_from(image.order + "II", description, at)
                if property_type == machine.property_and and size == 4 and at + 12 <= len(description):
                    return int(struct.unpack_from(image.order + "I", description, at + 8)[0])
                alignment = image.bits // 8
                at += 8 + (size + alignment - 1 & -alignment)
    return 0
