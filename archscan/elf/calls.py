"""Where functions of other objects are called: through the PLT, or straight through the GOT.

A call reaches an import by a slot of the GOT, which a relocation fills with the function's address. What jumps through
a slot is a stub of the PLT; what calls a stub, or calls through the slot itself (`-fno-plt`), calls the function.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from archscan.elf.arch.idioms import Idioms
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.code import Code, beginning
from archscan.elf.image import DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_RELA, DT_RELASZ, Image, mapped, tag, text_at
from archscan.elf.symbols import SymbolTable, dynamic_symbols, undefined

_SYMBOL, _RELOCATION = 24, 24  # bytes of Elf64_Sym and Elf64_Rela


def calls(
    image: Image, code: Code, idioms: Idioms, wanted: Iterable[str], *, within: int | None = None
) -> dict[str, Offsets] | None:
    """The offsets of the calls of imported functions, by name; none where only a function's address is taken.

    ``within``: so many bytes of the code are searched. None where calls cannot be told: in 32-bit objects, and on
    processors whose PLT is not known.
    """
    if image.bits != 64 or idioms.stubs is None or idioms.direct_calls is None:
        return None
    places = _slots(image, wanted)
    if not places:
        return {}
    if within is not None:
        code = beginning(code, within)
    entries, through = idioms.stubs(code)
    sites, targets = idioms.direct_calls(code)
    indirect, slots = idioms.slot_calls(code) if idioms.slot_calls else (NONE, NONE)
    return {
        name: np.unique(
            np.concatenate([sites[np.isin(targets, entries[np.isin(through, slot)])], indirect[np.isin(slots, slot)]])
        )
        for name, slot in places.items()
    }


def _slots(image: Image, wanted: Iterable[str]) -> dict[str, Offsets]:
    """The addresses of the slots of imported functions, by the function's name."""
    numbers = _numbers(image, dynamic_symbols(image), {name.encode() for name in wanted})
    rows = np.concatenate([NONE.reshape(0, 3).astype(np.uint64), *_relocations(image)])
    symbols = (rows[:, 1] >> np.uint64(32)).astype(np.int64)
    return {name.decode(): rows[symbols == number, 0].astype(np.int64) for name, number in numbers.items()}


def _numbers(image: Image, table: SymbolTable, wanted: set[bytes]) -> dict[bytes, int]:
    """The numbers of the undefined symbols with these names."""
    name_at = struct.Struct(image.order + "I").unpack_from
    found = {}
    for number in undefined(image, table.rows):
        name = text_at(table.strings, name_at(table.rows, number * _SYMBOL)[0])
        if name in wanted:
            found[name] = number
    return found


def _relocations(image: Image) -> Iterable[Offsets]:
    """The relocations with addends, as rows of place, symbol and type, addend."""
    tables = [(tag(image, DT_RELA), tag(image, DT_RELASZ))]
    if tag(image, DT_PLTREL) == DT_RELA:
        tables.append((tag(image, DT_JMPREL), tag(image, DT_PLTRELSZ)))
    for address, size in tables:
        if address is not None and size:
            data = mapped(image, address, size)
            yield np.frombuffer(data, f"{image.order}u8", len(data) // _RELOCATION * 3).reshape(-1, 3)
