"""Where functions of other objects are called: through the PLT, or straight through the GOT.

A call reaches an import by a slot of the GOT, which a relocation fills with the function's address. What jumps through
a slot is a stub of the PLT; what calls a stub, or calls through the slot itself (`-fno-plt`), calls the function.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

from archscan.elf.arch.idioms import Idioms
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.code import Code, beginning
from archscan.elf.image import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_RELA,
    DT_RELASZ,
    ET_REL,
    Image,
    mapped,
    tag,
    text_at,
)
from archscan.elf.symbols import SymbolTable, dynamic_symbols, static_symbols, undefined
from archscan.elf.unlinked_calls import unlinked_calls

_SEARCHED = 1 << 20  # bytes of code in which one call among many is found most often
_SYMBOL, _RELOCATION = 24, 24  # bytes of Elf64_Sym and Elf64_Rela


class Slots(msgspec.Struct, frozen=True, eq=False):
    """The addresses of the slots that hold an imported function, and whether the PLT's relocations fill one of them."""

    addresses: Offsets
    in_plt: bool


def calls(image: Image, code: Code, idioms: Idioms, wanted: Iterable[str]) -> dict[str, Offsets]:
    """The offsets of calls of imported functions, by name, as far as the first MiB of code has them.

    Empty where calls cannot be told: in 32-bit objects, and on processors whose PLT is not known.
    """
    return (
        _found(beginning(code, _SEARCHED), idioms, _slots(image, wanted, frozenset())) if _told(image, idioms) else {}
    )


def called(
    image: Image, code: Code, idioms: Idioms, wanted: Iterable[str], jump_slot: frozenset[int]
) -> dict[str, int | None] | None:
    """Those of the imported functions that are called, each with the offset of a call, where one was found.

    The others only have their address taken. Only the PLT has slots of the types ``jump_slot``, and only for functions
    that are called. None where calls cannot be told.
    """
    if not _told(image, idioms):
        return None
    if image.type == ET_REL:
        numbers = _numbers(image, static_symbols(image), {name.encode() for name in wanted})
        symbols = {name.decode(): number for name, number in numbers.items()}
        return {name: int(sites[0]) for name, sites in unlinked_calls(image, code, idioms, symbols).items()}
    places = _slots(image, wanted, jump_slot)
    near = _found(beginning(code, _SEARCHED), idioms, places)
    found: dict[str, int | None] = {name: int(sites[0]) for name, sites in near.items() if sites.size}
    found |= {name: None for name, slots in places.items() if slots.in_plt and name not in found}
    missing = {name: slots for name, slots in places.items() if name not in found}
    return found | dict.fromkeys(_reached(code, idioms, missing), None)


def _reached(code: Code, idioms: Idioms, places: dict[str, Slots]) -> list[str]:
    """The functions whose slot a stub or a call goes through; the linker makes a stub only for what is called."""
    if not places or idioms.stubs is None:
        return []
    through = [idioms.stubs(code)[1], idioms.slot_calls(code)[1] if idioms.slot_calls else NONE]
    known = np.concatenate(through)
    return [name for name, slots in places.items() if np.isin(slots.addresses, known).any()]


def _told(image: Image, idioms: Idioms) -> bool:
    return image.bits == 64 and idioms.stubs is not None and idioms.direct_calls is not None


def _found(code: Code, idioms: Idioms, places: dict[str, Slots]) -> dict[str, Offsets]:
    """The calls of each function in the parts of the code that are searched."""
    if not places or idioms.stubs is None or idioms.direct_calls is None:
        return {}
    entries, through = idioms.stubs(code)
    sites, targets = idioms.direct_calls(code)
    indirect, slots = idioms.slot_calls(code) if idioms.slot_calls else (NONE, NONE)
    return {
        name: np.unique(
            np.concatenate(
                [
                    sites[np.isin(targets, entries[np.isin(through, known.addresses)])],
                    indirect[np.isin(slots, known.addresses)],
                ]
            )
        )
        for name, known in places.items()
    }


def _slots(image: Image, wanted: Iterable[str], jump_slot: frozenset[int]) -> dict[str, Slots]:
    """The slots of imported functions, by the function's name."""
    numbers = _numbers(image, dynamic_symbols(image), {name.encode() for name in wanted})
    rows = np.concatenate([NONE.reshape(0, 3).astype(np.uint64), *_relocations(image)])
    symbols = (rows[:, 1] >> np.uint64(32)).astype(np.int64)
    found = {}
    for name, number in numbers.items():
        own = rows[symbols == number]
        types = set((own[:, 1] & np.uint64(0xFFFFFFFF)).tolist())
        found[name.decode()] = Slots(own[:, 0].astype(np.int64), bool(types & jump_slot))
    return found


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
