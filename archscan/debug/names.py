"""The symbols that hold addresses, by the table that a linker wrote (`.symtab`).

Debug files keep it whole, and it names a function as its object would have named it before it was stripped. Entries of
`.debug_info` below the heads of units say the same again, and are not read.
"""

from __future__ import annotations

from collections.abc import Iterable

from archscan.elf.arrays import among, np
from archscan.elf.image import Image, text_at
from archscan.elf.symbols import SYMBOL_LAYOUT, static_symbols
from archscan.model import escape

_ARM = 40
_OBJECT, _FUNCTION, _RESOLVER = 1, 2, 10  # STT_OBJECT, STT_FUNC, STT_GNU_IFUNC
_KEPT = among(*(info for info in range(256) if info & 15 in (_OBJECT, _FUNCTION, _RESOLVER)))  # by st_info
_CODE = among(*(info for info in range(256) if info & 15 in (_FUNCTION, _RESOLVER)))
_ABSOLUTE = 0xFF00  # SHN_LORESERVE
_MOST_SYMBOLS = 1 << 22
_AROUND = 8  # symbols that begin before an address and are looked at: those around it may hold smaller ones
_LONGEST = 4096  # bytes of a name


def names(image: Image, wanted: Iterable[int]) -> dict[int, str]:
    """Address → the name of the function or variable that holds it, escaped; without those that nothing holds."""
    asked = np.array(sorted(one for one in set(wanted) if one < 1 << 63), np.int64)
    table = static_symbols(image)
    layout = np.dtype([(name, image.order + kind) for name, kind in SYMBOL_LAYOUT[image.bits]])
    count = min(len(table.rows) // layout.itemsize, _MOST_SYMBOLS)
    if not asked.size or not count:
        return {}
    rows = np.frombuffer(table.rows, layout, count)
    rows = rows[_KEPT[rows["info"]] & (rows["section"] > 0) & (rows["section"] < _ABSOLUTE)]
    starts = rows["value"].astype(np.int64)
    if image.machine == _ARM:
        starts = np.where(_CODE[rows["info"]], starts & ~1, starts)  # the lowest bit says that it is Thumb code
    # Of several names for one place the last counts here: one that is known outside of its unit, and has a size.
    order = np.lexsort((rows["info"] >> 4 != 0, rows["size"] > 0, starts))
    rows, starts = rows[order], starts[order]
    found = {}
    for address, behind in zip(asked.tolist(), np.searchsorted(starts, asked, "right").tolist(), strict=True):
        for number in range(behind - 1, max(behind - 1 - _AROUND, -1), -1):
            if _holds(int(starts[number]), int(rows["size"][number]), address):
                place = int(rows["name"][number])
                name = escape(text_at(table.strings[place : place + _LONGEST], 0))
                if name:
                    found[address] = name
                break
    return found


def _holds(start: int, size: int, address: int) -> bool:
    """Whether a symbol holds an address; one without size, as assembler has them, holds where it begins."""
    return start == address or address - start < size
