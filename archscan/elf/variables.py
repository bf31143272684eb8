"""Variables of an object: those that it alone knows, and what they hold from the beginning."""

from __future__ import annotations

from archscan.elf.arrays import Offsets, np
from archscan.elf.image import PF_W, SYMBOL_FIELDS, Image, loads, symbol_struct, text_at
from archscan.elf.pointers import pointer_at
from archscan.elf.symbols import SYMBOL_LAYOUT, dynamic_symbols
from archscan.elf.texts import is_constant

_OBJECT, _COMMON = 1, 5  # STT_OBJECT, STT_COMMON
_SIZE = {32: 2, 64: 5}  # the field of a symbol that says how many bytes it has


def public_data(image: Image) -> tuple[Offsets, Offsets]:
    """Where the variables begin and end that other objects may know by name."""
    table = dynamic_symbols(image)
    layout = np.dtype([(name, image.order + kind) for name, kind in SYMBOL_LAYOUT[image.bits]])
    rows = np.frombuffer(table.rows, layout, len(table.rows) // layout.itemsize)
    rows = rows[np.isin(rows["info"] & 15, (_OBJECT, _COMMON)) & (rows["section"] > 0)]
    begins: Offsets = rows["value"].astype(np.int64)
    return begins, begins + np.maximum(rows["size"].astype(np.int64), 1)


def shared(image: Image, public: tuple[Offsets, Offsets], address: int) -> str | None:
    """The name of the variable at an address that others know by it, and may change; or of another library's.

    The linker has placed those in the program that uses them. None for anything else.
    """
    begins, ends = public
    if is_constant(image, address) or not ((begins <= address) & (address < ends)).any():
        return None
    table, row = dynamic_symbols(image), symbol_struct(image)
    value, info, place = SYMBOL_FIELDS[image.bits]
    for fields in row.iter_unpack(table.rows[: len(table.rows) // row.size * row.size]):
        known = fields[place] and fields[info] & 15 in (_OBJECT, _COMMON)
        if known and fields[value] <= address < fields[value] + max(fields[_SIZE[image.bits]], 1):
            return text_at(table.strings, fields[0]).decode("ascii", "replace") or None
    return None


def beginning(image: Image, public: tuple[Offsets, Offsets], address: int) -> int | None:
    """What a variable holds once the object is loaded; None for what is none, never changes, or others know."""
    begins, ends = public
    if is_constant(image, address) or ((begins <= address) & (address < ends)).any():
        return None
    for part in loads(image):
        if part.flags & PF_W and part.address <= address < part.address + part.memory_size:
            inside = address < part.address + part.file_size
            return pointer_at(image, address) if inside else 0
    return None
