"""The ranges of functions by the tables for unwinding the stack, which stripping leaves in a file.

`.eh_frame` holds a common entry (CIE) for many functions and a frame description (FDE) for each; `.eh_frame_hdr` is a
sorted table of the FDEs (LSB, "Exception Frames"; DWARF 5, section 6.4). On 32-bit Arm it is `.ARM.exidx`, a sorted
table of starts (Exception Handling ABI for the Arm Architecture, section 6).

All of it may lie: what contradicts itself or points outside is left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import msgspec

from archscan.elf.arrays import NONE, Offsets, np, numbers
from archscan.elf.image import ET_REL, PT_GNU_EH_FRAME, SHT_NOBITS, Image, file_offset, loads, section, text_at
from archscan.elf.mapping import Mapping, addresses, mapping, offsets

_PT_ARM_EXIDX, _ARM = 0x70000001, 40
_MOST_ROWS = 1 << 21  # a web engine has about 600,000
_MOST_RECORDS = _MOST_ROWS + _MOST_ROWS // 8  # rows and what they refer to
_MOST_SEARCHED = 256 << 20  # bytes, for the first record where nothing says where it is
_CANTUNWIND = 1
_MOST_CIES = 1 << 12
_OMIT, _INDIRECT, _DATA_RELATIVE, _PC_RELATIVE = 0xFF, 0x80, 0x30, 0x10
_SIZES = {0x02: 2, 0x03: 4, 0x04: 8, 0x0A: 2, 0x0B: 4, 0x0C: 8}  # DW_EH_PE_udata2 … sdata8; 0 is an address
_MOST_BITS = 63  # of a LEB128 number, in steps of seven
_MOST_DESCRIBED = 1 << 16  # bytes of one FDE
# Operands of DW_CFA_…: bytes, LEB128 numbers, blocks of an expression.
_OPERANDS = {
    **dict.fromkeys((0x00, 0x0A, 0x0B, 0x2D), ""),  # nop, remember_state, restore_state, AARCH64_negate_ra_state
    0x02: "1",  # advance_loc1, 2, 4
    0x03: "2",
    0x04: "4",
    **dict.fromkeys((0x06, 0x07, 0x08, 0x0D, 0x0E, 0x13, 0x2E), "u"),
    **dict.fromkeys((0x05, 0x09, 0x0C, 0x11, 0x12, 0x14, 0x15, 0x2F), "uu"),
    0x0F: "b",  # def_cfa_expression; expression, val_expression
    0x10: "ub",
    0x16: "ub",
}
_FIRST_CIE = {  # by byte order
    "<": re.compile(rb"[\x10-\x40]\0\0\0\0\0\0\0[\x01\x03]z[PLRSB]*\0"),
    ">": re.compile(rb"\0\0\0[\x10-\x40]\0\0\0\0[\x01\x03]z[PLRSB]*\0"),
}


class Ranges(msgspec.Struct, frozen=True, eq=False):
    """Addresses where functions begin and end; the end is 0 where the table does not say it.

    ``places``: the offset of the FDE of each, or -1 where there is none.
    """

    starts: Offsets
    ends: Offsets
    source: str  # the section that says so
    places: Offsets


def ranges(image: Image) -> Ranges | None:
    """The functions that the unwind tables of a linked object list, or None without such tables."""
    if image.type == ET_REL:
        return None  # the places of its functions are relocations, and it has symbols
    if image.machine == _ARM:
        return _exidx(image)
    header = _header(image)
    rows = _table(image, header) if header else None
    if rows is not None:
        return _described(image, rows, ".eh_frame_hdr")
    start = _eh_frame(image, header)
    return None if start is None else _described(image, _walk(image, start), ".eh_frame")


def _header(image: Image) -> tuple[int, int, int] | None:
    """Offset, size and address of `.eh_frame_hdr`."""
    for part in image.segments:
        if part.type == PT_GNU_EH_FRAME and part.file_size >= 8:
            return part.offset, part.file_size, part.address
    return None


def _table(image: Image, header: tuple[int, int, int]) -> Offsets | None:
    """The offsets of all FDEs by the sorted table; None where there is none that could be read."""
    offset, size, address = header
    if size < 12 or image.data[offset] != 1 or image.data[offset + 2] != 3:  # version; a count in udata4
        return None
    width = _SIZES.get(image.data[offset + 3] & 0x0F)
    if image.data[offset + 3] & 0x70 != _DATA_RELATIVE or width is None:
        return None
    # The pointer to `.eh_frame` comes between; it has four bytes with every linker known.
    (count,) = struct.unpack_from(image.order + "I", image.data, offset + 8)
    count = min(count, (size - 12) // (2 * width), _MOST_ROWS)
    if not count:
        return None
    rows = np.frombuffer(image.data, f"{image.order}i{width}", 2 * count, offset + 12)[1::2].astype(np.int64)
    places = offsets(_data(image), rows + address)
    return places[places >= 0]


def _data(image: Image) -> Mapping:
    return mapping((part.address, part.offset, part.file_size) for part in loads(image))


def _eh_frame(image: Image, header: tuple[int, int, int] | None) -> int | None:
    """The offset of `.eh_frame`: by its section, by the header, or by the look of its first CIE."""
    part = section(image, ".eh_frame")
    if part and part.type != SHT_NOBITS:
        return part.offset
    if header and image.data[header[0] + 1] == _PC_RELATIVE | 0x0B:
        (distance,) = struct.unpack_from(image.order + "i", image.data, header[0] + 4)
        return file_offset(image, header[2] + 4 + distance)
    if image.sections:
        return None
    left, behind = _MOST_SEARCHED, 0
    for segment in sorted(loads(image), key=lambda segment: segment.offset):
        # Segments may overlap; no byte is searched twice.
        low, high = max(segment.offset, behind), segment.offset + segment.file_size
        found = _FIRST_CIE[image.order].search(image.data, low, min(high, low + left)) if low < high else None
        if found:
            return found.start()
        left, behind = left - max(high - low, 0), max(behind, high)
        if left <= 0:
            break
    return None


def _walk(image: Image, start: int) -> Offsets:
    """The offsets of all FDEs from the first record on, one after another."""
    word, at = struct.Struct(image.order + "II"), start
    found: list[int] = []
    for _ in range(_MOST_RECORDS):
        if at + 8 > len(image.data):
            break
        length, pointer = word.unpack_from(image.data, at)
        if length < 4 or length > len(image.data) - at:  # the end, a record of 64-bit DWARF, or nonsense
            break
        if pointer:
            found.append(at)
        at += 4 + length
    return np.array(found, np.int64)


def _described(image: Image, rows: Offsets, source: str) -> Ranges:
    """The ranges of FDEs at offsets. Each says how far back its CIE is, and that how its addresses are written."""
    raw = np.frombuffer(image.data, np.uint8)
    rows = rows[rows <= raw.size - 24]
    back = numbers(raw, rows + 4, 4, image.order)
    cies = rows + 4 - back
    known = (cies >= 0) & (back > 0)
    rows, cies = rows[known], cies[known]
    order = np.argsort(cies, kind="stable")
    rows, data = rows[order], _data(image)
    unique, first = np.unique(cies[order], return_index=True)
    limits = np.append(first, rows.size)[1:].tolist()
    starts, ends, places = [], [], []
    for cie, low, high in list(zip(unique.tolist(), first.tolist(), limits, strict=True))[:_MOST_CIES]:
        encoding = _encoding(image, cie)
        size = image.bits // 8 if encoding is not None and not encoding & 0x0F else _SIZES.get((encoding or 0) & 0x0F)
        if encoding is None or size is None or encoding & 0x60 or encoding & _INDIRECT:
            continue  # relative to text or data: no linker of Linux writes such
        here = rows[low:high] + 8
        begin = numbers(raw, here, size, image.order, signed=bool(encoding & _PC_RELATIVE or encoding & 0x08))
        if encoding & _PC_RELATIVE:
            begin = begin + addresses(data, here)
        length = numbers(raw, here + size, size, image.order)
        starts.append(begin)
        ends.append(begin + length)
        places.append(here - 8)
    begun, ended, described = (np.concatenate([NONE, *column]) for column in (starts, ends, places))
    return Ranges(begun, ended, source, described)


def description(image: Image, place: int, most: int = _MOST_DESCRIBED) -> bytes:
    """What the FDE at an offset says of unwinding its function: instructions DW_CFA_…, without those of the CIE.

    No more than ``most`` bytes of the FDE are looked at.
    """
    length, back = struct.unpack_from(image.order + "II", image.data, place)
    cie = place + 4 - back
    encoding = _encoding(image, cie) or 0
    at = 8 + 2 * (_SIZES.get(encoding & 0x0F) or image.bits // 8)
    data = image.data[place : place + 4 + min(length, most)]
    if text_at(image.data[cie : cie + 128], 9).startswith(b"z"):
        size, at = _leb128(data, at)
        at += size
    return bytes(data[at:])


def _encoding(image: Image, at: int) -> int | None:
    """How the FDEs of the CIE at an offset write addresses (DW_EH_PE_…); None where the CIE makes no sense."""
    data = image.data[at : at + 128]
    if len(data) < 12 or data[8] not in (1, 3) or data[4:8] != b"\0\0\0\0":
        return None
    augmentation = text_at(data, 9)
    if not augmentation.startswith(b"z"):
        return None if augmentation else 0
    at = 9 + len(augmentation) + 1
    at = _behind(data, _behind(data, at))  # alignment factors of code and data
    at = at + 1 if data[8] == 1 else _behind(data, at)  # the register of the return address
    at = _behind(data, at)  # the size of what the augmentation's letters say
    for letter in augmentation[1:]:
        if at >= len(data):
            return None
        if letter == ord("R"):
            return data[at]
        if letter == ord("P"):
            size = image.bits // 8 if not data[at] & 0x0F else _SIZES.get(data[at] & 0x0F, 0)
            at += 1 + size
        elif letter == ord("L"):
            at += 1
    return 0


def _behind(data: bytes, at: int) -> int:
    """The place behind a LEB128 number."""
    return _leb128(data, at)[1]


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and the place behind it; a longer one than of 64 bits ends there."""
    value = shift = 0
    while at < len(data) and data[at] & 0x80 and shift < _MOST_BITS:
        value, shift, at = value | (data[at] & 0x7F) << shift, shift + 7, at + 1
    return (value | data[at] << shift if at < len(data) else value), at + 1


class Told(msgspec.Struct, frozen=True):
    """An instruction of a description: its number (DWARF 5, 6.4.2), its operands, and the expression among them."""

    operation: int
    operands: tuple[int, ...]
    expression: bytes = b""


def told(instructions: bytes) -> Iterator[Told]:
    """The instructions of a description; ends early where there is one that is not known."""
    at = 0
    while at < len(instructions):
        number, at, expression = instructions[at], at + 1, b""
        high, operands = number & 0xC0, [number & 0x3F] if number & 0xC0 else []
        for operand in ("", "", "u", "")[high >> 6] if high else _OPERANDS.get(number, "?"):
            if operand == "?":
                return
            if operand == "u":
                value, at = _leb128(instructions, at)
                operands.append(value)
            elif operand == "b":
                size, at = _leb128(instructions, at)
                expression, at = instructions[at : at + size], at + size
            else:
                at += int(operand)
        yield Told(high or number, tuple(operands), expression)


def _exidx(image: Image) -> Ranges | None:
    part = next((part for part in image.segments if part.type == _PT_ARM_EXIDX and part.file_size >= 8), None)
    if part is None:
        return None
    count = min(part.file_size // 8, _MOST_ROWS)
    words = np.frombuffer(image.data, image.order + "u4", 2 * count, part.offset).astype(np.int64)
    distance = (words[::2] & 0x7FFFFFFF ^ 0x40000000) - 0x40000000  # prel31
    places = part.address + 8 * np.arange(count, dtype=np.int64)
    starts = (distance + places) & 0xFFFFFFFE
    # A row without a description stands for all code up to the next, of however many functions.
    ends = np.append(starts[1:], 0)
    known = words[1::2] != _CANTUNWIND
    return Ranges(starts[known], ends[known], ".ARM.exidx", np.full(int(known.sum()), -1, np.int64))
