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
    parts = [segment for segment in image.segments if segment.type in (PT_NOTE, PT_GNU_PROPERTY)]
    ranges = sorted({(part.offset, part.file_size) for part in parts})[:_PARTS]
    outside = [
        (part.offset, part.size)
        for part in image.sections
        if part.type == SHT_NOTE
        and not any(low <= part.offset and part.offset + part.size <= low + size for low, size in ranges)
    ]
    left = _BYTES
    for offset, size in (*ranges, *outside[:_PARTS]):
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
    (Linux Extensions to gABI, ".note.gnu.property").
    """
    for name, kind, description in notes(image):
        if name == b"GNU" and kind == NT_GNU_PROPERTY_TYPE_0:
            at = 0
            while at + 8 <= len(description):
                property_type, size = struct.unpack_from(image.order + "II", description, at)
                if property_type == machine.property_and and size == 4 and at + 12 <= len(description):
                    return int(struct.unpack_from(image.order + "I", description, at + 8)[0])
                alignment = image.bits // 8
                at += 8 + (size + alignment - 1 & -alignment)
    return 0
