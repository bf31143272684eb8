"""Where imported functions are called, and with what, as far as the code around tells (`call_sites`).

On amd64. Functions without a call that is asked for are not decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

import msgspec

from archscan.elf.arch import machine
from archscan.elf.arch.idioms import Idioms
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.calls import Calls, by_place, callers, calls, first, slot_symbols
from archscan.elf.code import Code, address_of, code, offsets_of
from archscan.elf.following import followed
from archscan.elf.functions import Functions, functions, owners, starts_of, with_starts
from archscan.elf.image import Image, text_at
from archscan.elf.inspection import decoder
from archscan.elf.mapping import FAR
from archscan.elf.pointers import pointers
from archscan.elf.program import Program, called_of, calls_of, homes, imported, is_exported, label_of
from archscan.elf.strings import texts
from archscan.elf.symbols import dynamic_symbols
from archscan.elf.texts import is_constant
from archscan.elf.values import Call
from archscan.elf.values.domain import UNKNOWN, Along, Value
from archscan.elf.variables import beginning, public_data

_SYMBOL = 24  # bytes of Elf64_Sym
_DEEP = 3  # callers of callers
_START_FILES = (b"deregister_tm_clones", b"register_tm_clones", b"__do_global_dtors_aux", b"frame_dummy")
_MOST_SITES = 10_000  # of one object; openssl's command has about 350 of imported functions of the catalogue
_MOST_ENTRIES = 64  # of a table
_MOST_TAKEN = 1_000  # addresses that are kept or passed on; an emulator's table of digests has about 50


class Site(msgspec.Struct, frozen=True):
    """A call of an imported function; ``function`` is the one around it, ``exported`` whether others may call that.

    ``passed`` is what is known of the calls in it, by address. Nobody goes through a function before that is asked.
    """

    address: int
    symbol: str
    number: int  # of the function, in our own list
    function: str | None
    exported: bool
    passed: Callable[[], Mapping[int, Call]]
    missing: Callable[[], str]  # why the call is not among these
    through: int | None = None  # the slot, where its content was in a register

    @property
    def call(self) -> Call | None:
        """What is known of the call, if the code around it could be looked at."""
        return self.passed().get(self.address)

    @property
    def arguments(self) -> tuple[Value, ...] | None:
        """The arguments, as far as they are known; None with a ``reason`` where the code was not looked at."""
        call = self.call
        return call.arguments if call else None

    @property
    def reason(self) -> str | None:
        """Why the code around the call was not looked at."""
        return None if self.call else self.missing()


class Taken(msgspec.Struct, frozen=True):
    """Where the address of an imported function is taken: in the code of a function, or in a table (None)."""

    address: int
    symbol: str
    function: str | None


class Sites(msgspec.Struct, frozen=True):
    """The calls that were asked for, by address, and what the other calls in these functions go to.

    ``taken``: where else their addresses are. ``left_out``: how many calls and addresses there are beyond those that
    are kept. ``called`` names the imported function that the call at an address goes to, if it does. ``slots`` says
    which symbol's address stands at an address once the object is loaded, and nobody changes that; ``own`` what that is
    where the object has the symbol itself. ``followed`` is a value with what callers within the object pass instead of
    parameters, and what own functions return. ``entries`` are the addresses that entries of a table may have, up to
    where something else begins. ``leads_to`` is where an indirect call leads. ``passed_on`` is what a function passes
    to others of the object. ``texts`` are those of strings of C++ and Qt on the stack, in place of where they stand.
    """

    sites: tuple[Site, ...]
    taken: tuple[Taken, ...]
    left_out: int
    called: Callable[[int], str | None]
    slots: Mapping[int, str]
    own: Mapping[int, int]
    followed: Callable[[Site, Value], Value]
    entries: Callable[[Along], Sequence[int]]
    leads_to: Callable[[int], Value]
    texts: Callable[[Site, Value], Value]
    passed_on: Callable[[int], Iterable[Value]]


_NO_SITES = Sites((), (), 0, lambda _: None, {}, {}, lambda _, value: value, lambda _: (), lambda _: UNKNOWN,
                  lambda _, value: value, lambda _: ())  # fmt: skip


def call_sites(image: Image, wanted: Mapping[str, Container[int]]) -> Sites:
    """The calls of imported functions with the ``wanted`` names; none on processors whose code is not read.

    With the name goes which arguments, as far as known, point to what the function only reads.
    """
    known = machine(image.machine)
    idioms, lift = known.idioms, known.lift
    if idioms is None or idioms.text is None or idioms.direct_calls is None or lift is None or image.bits != 64:
        return _NO_SITES
    names, relocated = set(wanted), _slots(image)
    linked = known.jump_slot | known.glob_dat
    slots = {slot: one.symbol for slot, one in relocated.items() if one.kind in linked or is_constant(image, slot)}
    through = {slot for slot, one in relocated.items() if one.symbol in names}
    if not through:
        return _NO_SITES
    text, engine = code(image), decoder(idioms.text)
    direct_calls = idioms.direct_calls(text)
    idioms = msgspec.structs.replace(idioms, direct_calls=lambda _: direct_calls)  # code is searched for them once
    view, every = functions(image, text), by_place(calls(text, idioms))
    # Few objects have calls whose arguments come from elsewhere.
    own = cache(partial(callers, text, lambda _: direct_calls))
    direct = every.offsets[np.isin(every.slots, np.array(sorted(through), np.int64))]
    if (owners(view, direct) < 0).any():
        view = _with_called(view, text, own().targets, idioms)
    taken = cache(partial(_taken, image, text, view, idioms))
    public = cache(partial(public_data, image))
    begins_with = lambda at: None if at in relocated else beginning(image, public(), at)  # noqa: E731
    own_names = {one.symbol for one in relocated.values() if one.own is not None}
    program = Program(
        image, text, view, lift, engine, own, every, slots, taken, idioms.named, idioms.branches, begins_with, wanted,
        own_names,
    )  # fmt: skip
    tables = {slot for slot in through if relocated[slot].kind not in linked}
    loads = _loads(program, idioms, through - tables)
    sites, kept = _in_functions(program, direct[:_MOST_SITES], first(loads, _MOST_SITES))
    kept = [Taken(slot, relocated[slot].symbol, None) for slot in sorted(tables)] + kept
    left_out = sum(max(found - most, 0) for found, most in (
        (direct.size, _MOST_SITES), (loads.offsets.size, _MOST_SITES), (len(kept), _MOST_TAKEN),
    ))  # fmt: skip
    by_register = {site.address: site.symbol for site in sites if site.through is not None}
    return Sites(
        tuple(sorted(sites, key=lambda one: one.address)),
        tuple(kept[:_MOST_TAKEN]),
        left_out,
        lambda address: by_register.get(address) or imported(program, address),
        slots,
        {slot: one.own for slot, one in relocated.items() if one.own is not None and one.kind in linked},
        lambda site, value: followed(program, site.number, value, _DEEP, site.call),
        partial(_entries, program),
        partial(_leads_to, program),
        lambda site, value: texts(program, site.number, value, site.call),
        cache(partial(_passed_on, program)),
    )


def _with_called(view: Functions, text: Code, called: Offsets, idioms: Idioms) -> Functions:
    """The same with functions that no table names: they begin where something calls them, unless that is a stub."""
    stubs = idioms.stubs(text)[0] if idioms.stubs else NONE
    led_to = offsets_of(text, np.setdiff1d(called, stubs))
    return with_starts(view, text, led_to[led_to >= 0])


def _leads_to(program: Program, address: int) -> Value:
    """Where the indirect call at an address leads, as far as that is known."""
    offset = offsets_of(program.text, np.array([address], np.int64))
    number = int(homes(program, offset)[0]) if offset[0] >= 0 else -1
    call = calls_of(program, number, frozenset({address})).get(address)
    return followed(program, number, call.leads_to, _DEEP, call) if call else UNKNOWN


def _passed_on(program: Program, number: int) -> tuple[Value, ...]:
    """What a function passes to others of the object, or to those of which nobody knows whose they are."""
    calls = called_of(program, number)
    return tuple(value for call in calls if imported(program, call.address) is None for value in call.arguments)


def _entries(program: Program, table: Along) -> Sequence[int]:
    """The addresses of entries of a table, from where it begins up to the next place that the object names."""
    start = table.start + max(0, -(-(table.table - table.start) // table.stride)) * table.stride
    if table.end:
        return range(start, min(table.end, start + (_MOST_ENTRIES + 1) * table.stride), table.stride)
    marks = program.taken()
    following = int(np.searchsorted(marks, start + table.stride))
    end = int(marks[following]) if following < marks.size else FAR
    return range(start, min(end, start + _MOST_ENTRIES * table.stride), table.stride)


def _in_functions(program: Program, direct: Offsets, loads: Calls) -> tuple[list[Site], list[Taken]]:
    """The calls in each function, and where it takes addresses for something else."""
    calling, loading = homes(program, direct), homes(program, loads.offsets)
    sites: list[Site] = []
    taken: list[Taken] = []
    for number in np.unique(np.concatenate([calling, loading])).tolist():
        slots = loads.slots[loading == number].tolist()
        here = tuple(_sites(program, number, direct[calling == number], frozenset(slots)))
        called = {site.through for site in here}
        label = label_of(program, number)
        for offset, slot in zip(loads.offsets[loading == number].tolist(), slots, strict=True):
            if slot not in called:
                taken.append(Taken(address_of(program.text, offset), program.slots[slot], label))
        sites += here
    return sites, taken


class _Slot(msgspec.Struct, frozen=True):
    """A place that the loader fills: with the address of which symbol, by which relocation; ``own``: that is known."""

    symbol: str
    kind: int
    own: int | None


def _slots(image: Image) -> dict[int, _Slot]:
    """The places that the loader fills with addresses of symbols."""
    table = dynamic_symbols(image)
    row = struct.Struct(image.order + "IBBHQ").unpack_from
    symbols: dict[int, tuple[str, int | None]] = {}
    found = {}
    for slot, (number, kind) in slot_symbols(image).items():
        if number not in symbols:
            whole = number * _SYMBOL + _SYMBOL <= len(table.rows)
            name, _, _, section, value = row(table.rows, number * _SYMBOL) if whole else (0, 0, 0, 0, 0)
            text = text_at(table.strings, name).decode("ascii", "replace") if whole else ""
            symbols[number] = text, value if section else None
        found[slot] = _Slot(symbols[number][0], kind, symbols[number][1])
    return found


def _loads(program: Program, idioms: Idioms, slots: set[int]) -> Calls:
    """Where functions load one of the slots, sorted, and which; calls through a register follow, or other uses."""
    if not slots or idioms.slot_loads is None:
        return Calls(NONE, NONE)
    offsets, loaded = idioms.slot_loads(program.text)
    wanted = np.isin(loaded, np.array(sorted(slots), np.int64)) & (owners(program.view, offsets) >= 0)
    return by_place(Calls(offsets[wanted], loaded[wanted]))


def _taken(image: Image, text: Code, view: Functions, idioms: Idioms) -> Offsets:
    """The addresses that code and data keep or pass on; of functions among them nobody knows all callers.

    Without those of the start files, which are in no table, or have names that nobody else takes.
    """
    offsets, computed = idioms.taken(text) if idioms.taken else (NONE, NONE)
    numbers, started = owners(view, offsets), [owners(view, starts_of(view, label)) for label in _START_FILES]
    code = offsets_of(text, computed) >= 0
    real = (numbers >= 0) & (code | ~np.isin(numbers, np.concatenate(started)))
    return np.unique(np.concatenate([computed[real], pointers(image)]))


def _sites(program: Program, number: int, offsets: Offsets, loaded: frozenset[int]) -> Iterator[Site]:
    """The calls at some offsets, all in one function, or in none; and those through the slots that it loads."""
    direct = frozenset(address_of(program.text, offset) for offset in offsets.tolist())
    passed = cache(partial(calls_of, program, number, direct, loaded))
    label, exported = label_of(program, number), is_exported(program.view, number)
    by_register = {at: call.through for at, call in passed().items() if call.through is not None} if loaded else {}
    for address in sorted(direct | by_register.keys()):
        through = by_register.get(address)
        symbol = imported(program, address) if through is None else program.slots[through]
        missing = partial(_missing, program, number)
        yield Site(address, symbol or "", number, label, exported, passed, missing, through)


def _missing(program: Program, number: int) -> str:
    """Why a call in a function that was gone through was not seen."""
    looked = program.known.get(number) and program.budget.left > 0
    return "no-function" if number < 0 else "not-reached" if looked else "too-much-code"
