"""The code of an object with what the linker has made and the loader fills: the slots of other objects' symbols."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cache, partial

import msgspec

from archscan.elf.arch import machine
from archscan.elf.arch.idioms import Idioms, Pairs
from archscan.elf.arch.lifting import Lift
from archscan.elf.arrays import NONE, Offsets, distinct, np
from archscan.elf.calls import by_place, callers, calls, joined, slot_symbols
from archscan.elf.code import Code, code, offsets_of
from archscan.elf.functions import Functions, functions, owners, starts_of, with_starts
from archscan.elf.image import DT_PLTGOT, SYMBOL_FIELDS, Image, section, symbol_struct, tag, text_at
from archscan.elf.inspection import decoder
from archscan.elf.linked_in import NOTHING, LinkedIn, into, without_inner
from archscan.elf.own_tables import own_slots
from archscan.elf.pointers import relocated as kept_addresses
from archscan.elf.program import Program
from archscan.elf.stand_ins import stand_ins
from archscan.elf.symbols import dynamic_symbols
from archscan.elf.texts import is_constant
from archscan.elf.variables import beginning, public_data, shared

START_FILES = (
    b"deregister_tm_clones",
    b"register_tm_clones",
    b"__do_global_dtors_aux",
    b"frame_dummy",
    b"call_weak_fn",
)
"""The functions of the start files that have names nobody else takes."""


class Slot(msgspec.Struct, frozen=True):
    """A place that the loader fills: with the address of which symbol, by which relocation; ``own``: that is known."""

    symbol: str
    kind: int
    own: int | None


class Prepared(msgspec.Struct, frozen=True):
    """A program with the places that the loader fills, those that the linker made, and those of what is wanted.

    ``inner``: the slots of what is linked in, through which its own code calls, too. ``stand_ins``: addresses that
    stand for what is wanted and other objects have, with its name.
    """

    program: Program
    relocated: Mapping[int, Slot]
    linked: set[int]
    through: set[int]
    inner: set[int]
    stand_ins: Mapping[int, str]


def prepared(image: Image, wanted: Mapping[str, Container[int]], linked_in: LinkedIn = NOTHING) -> Prepared | None:
    """The code of an object as it is looked at for calls of functions with the ``wanted`` names.

    With the name goes which arguments, as far as known, point to what the function only reads. What is ``linked_in`` is
    looked at as if it were another object: direct calls of its functions go through slots that have their addresses.
    None on processors whose code is not read.
    """
    known = machine(image.machine)
    idioms, lift = known.idioms, known.lift
    if idioms is None or idioms.text is None or idioms.direct_calls is None or lift is None:
        return None
    if not _fits(image, lift, idioms.flags):
        return None
    relocated = _slots(image)
    linked = _linked(image, relocated, known.jump_slot | known.glob_dat)
    # Where data are copied to, the data stand, and not their address.
    copies = {slot: one.symbol for slot, one in relocated.items() if one.own == slot}
    kept = relocated.keys() - copies.keys()
    slots = {slot: relocated[slot].symbol for slot in kept if slot in linked or is_constant(image, slot)}
    brought = own_slots(image, linked_in)
    slots |= {**brought, **linked_in.functions, **linked_in.data}
    through = {slot for slot in kept if relocated[slot].symbol in wanted}
    through |= {
        address for address, name in {**brought, **linked_in.functions, **linked_in.data}.items() if name in wanted
    }
    text, engine = code(image), decoder(idioms.text)
    direct_calls = idioms.direct_calls(text)
    idioms = msgspec.structs.replace(idioms, direct_calls=lambda _: direct_calls)  # code is searched for them once
    view = functions(image, text)
    names = frozenset(linked_in.functions.values())
    inner = {slot for slot, one in relocated.items() if one.symbol in names} | brought.keys()
    by_slot = without_inner(text, calls(text, idioms), inner, linked_in)
    every = by_place(joined(by_slot, into(text, direct_calls, idioms.prefix, linked_in)))
    # Few objects have calls whose arguments come from elsewhere.
    own = cache(partial(callers, text, lambda _: direct_calls))
    direct = every.offsets[np.isin(every.slots, np.array(sorted(through), np.int64))]
    if idioms.coarse or (owners(view, direct) < 0).any():
        view = _with_called(view, text, idioms.entered(text)[1] if idioms.entered else own().targets, idioms)
    named_places = cache(partial(_named_places, text, idioms))
    taken = cache(lambda: _taken(image, text, view, idioms, named_places(), linked))
    public = cache(partial(public_data, image))
    begins_with = lambda at: None if at in relocated else beginning(image, public(), at)  # noqa: E731
    own_names = {one.symbol for one in relocated.values() if one.own is not None}
    program = Program(
        image, text, view, lift, engine, own, every, slots, taken, named_places, idioms.named, idioms.branches,
        begins_with, wanted, own_names, cache(lambda at: shared(image, public(), at)),
    )  # fmt: skip
    return Prepared(program, relocated, linked | brought.keys(), through, inner, stand_ins(image, copies, wanted))


def _fits(image: Image, lift: Lift, flags: int) -> bool:
    """Whether the lift is for the object's ABI, too."""
    same = image.bits == 8 * lift.word and (image.order == ">") == lift.big_endian
    return same and image.flags & flags == flags


def _with_called(view: Functions, text: Code, called: Offsets, idioms: Idioms) -> Functions:
    """The same with functions that no table names: they begin where something calls them, unless that is a stub."""
    stubs = idioms.stubs(text)[0] if idioms.stubs else NONE
    led_to = offsets_of(text, np.setdiff1d(called, stubs))
    return with_starts(view, text, led_to[led_to >= 0], inside=idioms.coarse)


def _slots(image: Image) -> dict[int, Slot]:
    """The places that the loader fills with addresses of symbols."""
    table = dynamic_symbols(image)
    row, (value, _, place) = symbol_struct(image), SYMBOL_FIELDS[image.bits]
    symbols: dict[int, tuple[str, int | None]] = {}
    found = {}
    for slot, (number, kind) in slot_symbols(image).items():
        if number not in symbols:
            whole = (number + 1) * row.size <= len(table.rows)
            fields = row.unpack_from(table.rows, number * row.size) if whole else (0,) * 6
            text = text_at(table.strings, fields[0]).decode("ascii", "replace") if whole else ""
            symbols[number] = text, fields[value] if fields[place] else None
        found[slot] = Slot(symbols[number][0], kind, symbols[number][1])
    return found


def _linked(image: Image, relocated: Mapping[int, Slot], kinds: frozenset[int]) -> set[int]:
    """The slots that the linker has made: by their relocations, or because they lie in the GOT.

    On some processors those of data have no relocation of their own.
    """
    got = section(image, ".got")
    inside = range(got.address, got.address + got.size) if got else range(0)
    return {slot for slot, one in relocated.items() if one.kind in kinds or slot in inside}


def _named_places(text: Code, idioms: Idioms) -> Pairs:
    """Where code names an address, sorted, and the addresses."""
    offsets, computed = idioms.taken(text) if idioms.taken else (NONE, NONE)
    order = np.argsort(offsets, kind="stable")
    return offsets[order], computed[order]


def _taken(image: Image, text: Code, view: Functions, idioms: Idioms, named: Pairs, linked: set[int]) -> Offsets:
    """The addresses that code and data keep or pass on; of functions among them nobody knows all callers.

    Without those of the start files, which are in no table, or have names that nobody else takes, and of what the
    linker has made.
    """
    offsets, computed = named
    numbers, started = owners(view, offsets), [owners(view, starts_of(view, label)) for label in START_FILES]
    code = offsets_of(text, computed & ~idioms.code_mark) >= 0
    real = (numbers >= 0) & (code | ~np.isin(numbers, np.concatenate(started)))
    made = [*linked, *(one for one in (tag(image, DT_PLTGOT),) if one is not None)]
    real &= ~np.isin(computed, np.array(made, np.int64))
    addresses = np.concatenate([computed[real], kept_addresses(image)])
    return distinct(np.concatenate([addresses, addresses & ~idioms.code_mark]) if idioms.code_mark else addresses)
