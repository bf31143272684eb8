"""Values of DWARF 2 to 5 by their form (DWARF 5, section 7.5.6), with the GNU forms that GCC and dwz write."""

from __future__ import annotations

import msgspec

_LONGEST = 4096  # of a text; a path is no longer (PATH_MAX), and flags beyond this are not looked at

STRING, STRP, LINE_STRP = 0x08, 0x0E, 0x1F
IMPLICIT_CONST, ADDR = 0x21, 0x01
ALTERNATE = (0x1D, 0x1F21)  # strp_sup, GNU_strp_alt: a string of the file that dwz moved shared ones to
STRX = (0x1A, 0x25, 0x26, 0x27, 0x28, 0x1F02)
ADDRX = (0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01)
RNGLISTX, SEC_OFFSET = 0x23, 0x17
_INDIRECT, _SDATA, _REF_ADDR = 0x16, 0x0D, 0x10
_FIXED = {
    0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x0C: 1, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8, 0x1E: 16, 0x19: 0, 0x20: 8,
    0x1C: 4, 0x24: 8, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4,
}  # fmt: skip
_OFFSETS = frozenset({0x0E, 0x17, 0x1D, 0x1F, 0x1F20, 0x1F21})
_ULEBS = frozenset({0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02})
_BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}
_LEB_BLOCKS = (0x09, 0x18)


class Sizes(msgspec.Struct, frozen=True):
    """What the size of a value depends on: bytes of an offset and of an address, and the version."""

    order: str
    offset: int
    address: int
    version: int


class DamageError(Exception):
    """The bytes cannot be what they should be."""


def number(data: bytes, at: int, size: int, order: str) -> int:
    """The unsigned number of ``size`` bytes at ``at``. Raises DamageError past the end."""
    piece = data[at : at + size]
    if len(piece) < size:
        raise DamageError("ends early")
    return int.from_bytes(piece, "little" if order == "<" else "big")


def uleb(data: bytes, at: int) -> tuple[int, int]:
    """A LEB128 number without sign, and where it ends. Raises DamageError past the end, or beyond 70 bits."""
    result = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise DamageError("a number without end")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def sleb(data: bytes, at: int) -> tuple[int, int]:
    """A LEB128 number with sign, and where it ends. Raises DamageError like ``uleb``."""
    result, end = uleb(data, at)
    bits = 7 * (end - at)
    return (result - (1 << bits) if data[end - 1] & 0x40 else result), end


def text(table: bytes, offset: int) -> bytes:
    """The NUL-terminated string at ``offset``, at most 4,096 bytes of it. Raises DamageError outside the table."""
    if not 0 <= offset < len(table):
        raise DamageError("a string outside its table")
    return table[offset : offset + _LONGEST].partition(b"\0")[0]


def value(data: bytes, at: int, form: int, sizes: Sizes) -> tuple[int | bytes, int, int]:
    """The value of a form at ``at``, where it ends, and its form, which an indirect one says itself.

    A number, an offset or an index is an int; an inline string and a block are bytes. Raises DamageError.
    """
    if form == _INDIRECT:
        form, at = uleb(data, at)
        if form in (_INDIRECT, IMPLICIT_CONST):
            raise DamageError("a form that names none")
    size = _FIXED.get(form)
    if size is None and form in _OFFSETS:
        size = sizes.offset
    if size is None and form == ADDR:
        size = sizes.address
    if size is None and form == _REF_ADDR:
        size = sizes.address if sizes.version == 2 else sizes.offset
    if size is not None:
        return number(data, at, size, sizes.order), at + size, form
    if form in _ULEBS:
        return *uleb(data, at), form
    return *_long(data, at, form, sizes), form


def _long(data: bytes, at: int, form: int, sizes: Sizes) -> tuple[int | bytes, int]:
    if form == STRING:
        end = data.find(b"\0", at)
        if end < 0:
            raise DamageError("a string without end")
        return data[at : min(end, at + _LONGEST)], end + 1
    if form == _SDATA:
        return sleb(data, at)
    if form in _BLOCKS:
        length, at = number(data, at, _BLOCKS[form], sizes.order), at + _BLOCKS[form]
    elif form in _LEB_BLOCKS:
        length, at = uleb(data, at)
    else:
        raise DamageError(f"form {form:#x} is not known")
    if at + length > len(data):
        raise DamageError("a block that ends past the end")
    return data[at : at + min(length, _LONGEST)], at + length


def start(data: bytes, at: int, order: str) -> tuple[int, int, int]:
    """The size of offsets in a unit at ``at``, where its content begins, and where it ends. Raises DamageError."""
    length, offset, begin = number(data, at, 4, order), 4, at + 4
    if length == 0xFFFF_FFFF:
        length, offset, begin = number(data, begin, 8, order), 8, begin + 8
    if begin + length > len(data):
        raise DamageError("a unit that ends past the end of its section")
    return offset, begin, begin + length
