"""Where functions of other objects are called: through the PLT, or straight through the GOT.

A call reaches an import by a slot of the GOT, which a relocation fills with the function's address. What jumps through
a slot is a stub of the PLT; what calls a stub, or calls through the slot itself (`-fno-plt`), calls the function.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

import msgspec

from archscan.elf.arch.idioms import Idioms, Pairs
from archscan.elf.arrays import NONE, Mask, Offsets, distinct, np
from archscan.elf.code import Code, beginning, offsets_of
from archscan.elf.image import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELASZ,
    DT_RELSZ,
    ET_REL,
    Image,
    mapped,
    symbol_struct,
    tag,
    text_at,
)
from archscan.elf.symbols import SymbolTable, dynamic_symbols, static_symbols, undefined
from archscan.elf.unlinked_calls import unlinked_calls

_STUB = 12  # bytes of a stub in which it loads its slot
_SEARCHED = 1 << 20  # bytes of code in which one call among many is found most often
_FIELDS = {DT_RELA: 3, DT_REL: 2}  # words of a relocation: place, symbol and type, addend
_NUMBER = {64: 32, 32: 8}  # bits of the type, below those of the symbol (gABI, "Relocation")


class Called(msgspec.Struct, frozen=True, eq=False):
    """An imported function: its slots, whether the PLT has one, and the calls in the first MiB of code, sorted."""

    slots: Offsets  # addresses
    in_plt: bool
    calls: Offsets  # offsets into the file


class Calls(msgspec.Struct, frozen=True, eq=False):
    """Calls of imported functions: where they stand in the file, and the address of the slot that each goes through."""

    offsets: Offsets
    slots: Offsets


class Callers(msgspec.Struct, frozen=True, eq=False):
    """Direct calls and jumps, sorted by the address that they lead to; what is data may seem to be one."""

    targets: Offsets
    offsets: Offsets


def callers(code: Code, direct: Callable[[Code], Pairs]) -> Callers:
    """Where code calls or jumps to an address that it names."""
    offsets, targets = direct(code)
    order = np.argsort(targets)  # whoever asks for those of one target sorts them: see `callers_of`
    return Callers(targets[order], offsets[order])


def callers_of(known: Callers, address: int, end: int = 0) -> Offsets:
    """The offsets of what leads to an address, or to one from there to before an end, sorted."""
    low, high = np.searchsorted(known.targets, [address, end or address + 1])
    return np.sort(known.offsets[low:high])


def called(
    image: Image, code: Code, idioms: Idioms, wanted: Iterable[str], jump_slot: frozenset[int]
) -> dict[str, Called] | None:
    """What is known of the imported functions with these names, by name.

    Only the PLT has slots of the types ``jump_slot``, and only for functions that are called. None where calls cannot
    be told: in 32-bit objects, and on processors whose PLT is not known, or where nobody looks for the sizes passed.
    """
    followed = idioms.text is not None and idioms.text.flow is not None
    if image.bits != 64 or not followed or idioms.stubs is None or idioms.direct_calls is None:
        return None
    if image.type == ET_REL:
        numbers = _numbers(image, static_symbols(image), {name.encode() for name in wanted})
        symbols = {name.decode(): number for name, number in numbers.items()}
        found = unlinked_calls(image, code, idioms, symbols)
        return {name: Called(NONE, in_plt=False, calls=sites) for name, sites in found.items()}
    places = _slots(image, wanted, jump_slot)
    known = calls(beginning(code, _SEARCHED), idioms) if places else Calls(NONE, NONE)
    return {
        name: Called(slots, in_plt, distinct(known.offsets[np.isin(known.slots, slots)]))
        for name, (slots, in_plt) in places.items()
    }


def first_calls(code: Code, idioms: Idioms, functions: dict[str, Called]) -> dict[str, int | None]:
    """Those of the functions that are called, each with the offset of a call, where one was found.

    The others only have their address taken.
    """
    found: dict[str, int | None] = {
        name: int(one.calls[0]) if one.calls.size else None
        for name, one in functions.items()
        if one.calls.size or one.in_plt
    }
    missing = {name: one for name, one in functions.items() if name not in found}
    return found | dict.fromkeys(_reached(code, idioms, missing), None)


def _reached(code: Code, idioms: Idioms, functions: dict[str, Called]) -> list[str]:
    """The functions whose slot a stub or a call goes through; the linker makes a stub only for what is called."""
    if not functions or idioms.stubs is None:
        return []
    through = [idioms.stubs(code)[1], idioms.slot_calls(code)[1] if idioms.slot_calls else NONE]
    known = np.concatenate(through)
    return [name for name, one in functions.items() if np.isin(one.slots, known).any()]


def calls(code: Code, idioms: Idioms) -> Calls:
    """The calls that go to a stub of the PLT, and those straight through a slot; none where these are not known."""
    if idioms.stubs is None or idioms.direct_calls is None:
        return Calls(NONE, NONE)
    entries, through = idioms.stubs(code)
    sites, targets = idioms.direct_calls(code)
    outside = ~in_stub(code, entries, sites)  # bytes of a stub may look like a call
    sites, targets = sites[outside], targets[outside]
    indirect, slots = idioms.slot_calls(code) if idioms.slot_calls else (NONE, NONE)
    if entries.size:
        order = np.argsort(entries, kind="stable")
        entries, through = entries[order], through[order]
        number = np.minimum(np.searchsorted(entries, targets), entries.size - 1)
        to_stub = entries[number] == targets
        indirect, slots = np.append(indirect, sites[to_stub]), np.append(slots, through[number[to_stub]])
    return Calls(indirect, slots)


def in_stub(code: Code, entries: Offsets, places: Offsets) -> Mask:
    """Whether each place lies in a stub of the PLT, which loads what it jumps to; ``entries`` are their addresses."""
    begins = np.sort(offsets_of(code, entries))
    if not begins.size:
        return np.zeros(places.shape, np.bool_)
    distance = places - begins[np.maximum(np.searchsorted(begins, places, "right") - 1, 0)]
    inside: Mask = (distance >= 0) & (distance < _STUB)
    return inside


def by_place(found: Calls) -> Calls:
    """The same sorted by offset, each once."""
    offsets, numbers = np.unique(found.offsets, return_index=True)
    return Calls(offsets, found.slots[numbers])


def joined(one: Calls, other: Calls) -> Calls:
    """Both together."""
    return Calls(np.append(one.offsets, other.offsets), np.append(one.slots, other.slots))


def first(found: Calls, most: int) -> Calls:
    """No more than the first of them."""
    return Calls(found.offsets[:most], found.slots[:most])


def slot_symbols(image: Image) -> dict[int, tuple[int, int]]:
    """By the address of each slot, the number of the symbol whose address it gets, and the type of the relocation.

    A slot may stand in a table of the program's as well as in the GOT.
    """
    rows = _relocations(image)
    return {slot: (symbol, kind) for slot, symbol, kind in rows[rows[:, 1] > 0].tolist()}


def _slots(image: Image, wanted: Iterable[str], jump_slot: frozenset[int]) -> dict[str, tuple[Offsets, bool]]:
    """The slots of imported functions by the function's name, and whether the PLT's relocations fill one of them."""
    numbers = _numbers(image, dynamic_symbols(image), {name.encode() for name in wanted})
    if not numbers:
        return {}
    rows = _relocations(image)
    rows = rows[rows[:, 1] > 0]  # what is relative names none
    found = {}
    for name, number in numbers.items():
        own = rows[rows[:, 1] == number]
        found[name.decode()] = own[:, 0], bool(set(own[:, 2].tolist()) & jump_slot)
    return found


def _numbers(image: Image, table: SymbolTable, wanted: set[bytes]) -> dict[bytes, int]:
    """The numbers of the undefined symbols with these names."""
    name_at = struct.Struct(image.order + "I").unpack_from
    found, size = {}, symbol_struct(image).size
    for number in undefined(image, table.rows):
        name = text_at(table.strings, name_at(table.rows, number * size)[0])
        if name in wanted:
            found[name] = number
    return found


def _relocations(image: Image) -> Offsets:
    """The relocations of the loader, as rows of place, symbol and type."""
    tables = [
        (tag(image, DT_RELA), tag(image, DT_RELASZ), DT_RELA),
        (tag(image, DT_REL), tag(image, DT_RELSZ), DT_REL),
        (tag(image, DT_JMPREL), tag(image, DT_PLTRELSZ), tag(image, DT_PLTREL)),
    ]
    word, found = image.bits // 8, [NONE.reshape(0, 3)]
    for address, size, kind in tables:
        fields = _FIELDS.get(kind or 0)
        if address is not None and size and fields:
            data = mapped(image, address, size)
            count = len(data) // (word * fields) * fields
            rows = np.frombuffer(data, f"{image.order}u{word}", count).reshape(-1, fields).astype(np.uint64)
            number = np.uint64(_NUMBER[image.bits])
            columns = rows[:, 0], rows[:, 1] >> number, rows[:, 1] & (np.uint64(1) << number) - np.uint64(1)
            found.append(np.column_stack([column.astype(np.int64) for column in columns]))
    return np.concatenate(found)
