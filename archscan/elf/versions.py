"""Symbol versions: the records that say which versions an object expects of which file, and which it defines.

The records are chains of offsets that a hostile file can bend; they only lead forward, and as many are read as there
can be version numbers (LSB, "Symbol Versioning").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from archscan.elf.image import DT_VERDEF, DT_VERNEED, Image, file_offset, tag, text_at

_NUMBERS = 0x8000  # a version number has 15 bits
_BASE = 1  # VER_FLG_BASE: the file itself, not a version


def needed_versions(image: Image, strings: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Version number → its name and the file it is expected in. ``strings``: the table of the dynamic symbols."""
    found: dict[int, tuple[bytes, bytes]] = {}
    budget = _NUMBERS
    for at, (_, _, file, first, _) in _chain(image, tag(image, DT_VERNEED), "HHIII"):
        library = text_at(strings, file)
        for _, (_, _, number, name, _) in _records(image, at + first, "IHHII"):
            found.setdefault(number & _NUMBERS - 1, (text_at(strings, name), library))
            budget -= 1
            if not budget:
                return found
    return found


def defined_versions(image: Image, strings: bytes) -> dict[int, bytes]:
    """Version number → its name, for the versions that the object defines."""
    found: dict[int, bytes] = {}
    for at, (_, flags, number, _, _, first, _) in _chain(image, tag(image, DT_VERDEF), "HHHHIII"):
        if not flags & _BASE and at + first + 4 <= len(image.data):
            (name,) = struct.unpack_from(image.order + "I", image.data, at + first)
            found.setdefault(number & _NUMBERS - 1, text_at(strings, name))
    return found


def _chain(image: Image, address: int | None, code: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    offset = None if address is None else file_offset(image, address)
    return iter(()) if offset is None else _records(image, offset, code)


def _records(image: Image, at: int, code: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Offset and fields of each record of a chain; the last field is the distance to the next, 0 at the end."""
    record = struct.Struct(image.order + code)
    for _ in range(_NUMBERS):
        if at + record.size > len(image.data):
            return
        fields = record.unpack_from(image.data, at)
        yield at, fields
        if not fields[-1]:
            return
        at += fields[-1]
