"""Where imported functions are called, and with what, as far as the code around tells (`call_sites`).

Functions without a call that is asked for are not decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

import msgspec

from archscan.elf.arch import machine
from archscan.elf.arch.lifting import Kind
from archscan.elf.arrays import NONE, Offsets, distinct, np
from archscan.elf.calls import Calls, by_place, first, in_stub, joined
from archscan.elf.code import address_of, offsets_of
from archscan.elf.following import followed
from archscan.elf.functions import is_exported, owners, starts_of
from archscan.elf.image import Image
from archscan.elf.linked import START_FILES, Prepared, prepared
from archscan.elf.linked_in import NOTHING, LinkedIn, named_addresses, outside_of, without_inner
from archscan.elf.mapping import FAR
from archscan.elf.own_tables import is_programs, own_tables
from archscan.elf.program import Program, called_of, calls_of, homes, imported, instructions_of, label_of
from archscan.elf.strings import texts
from archscan.elf.surroundings import Surroundings, receivers, surroundings
from archscan.elf.values import Call
from archscan.elf.values.domain import UNKNOWN, Along, Value

_DEEP = 3  # callers of callers
_MOST_SITES = 10_000  # of one object; openssl's command has about 350 of imported functions of the catalogue
_MOST_ENTRIES = 64  # of a table
_LEADING = (Kind.CALL, Kind.JUMP, Kind.BRANCH)
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
    most: int | None = None  # arguments that functions of other objects get

    @property
    def call(self) -> Call | None:
        """What is known of the call, if the code around it could be looked at."""
        return self.passed().get(self.address)

    @property
    def arguments(self) -> tuple[Value, ...] | None:
        """The arguments, as far as they are known; None with a ``reason`` where the code was not looked at."""
        call = self.call
        return call.arguments[: self.most] if call else None

    @property
    def reason(self) -> str | None:
        """Why the code around the call was not looked at."""
        return None if self.call else self.missing()


class Taken(msgspec.Struct, frozen=True):
    """Where the address of an imported function is taken: in the code of a function, or in a table (None, -1)."""

    address: int
    symbol: str
    function: str | None
    number: int  # of the function


class Sites(msgspec.Struct, frozen=True):
    """The calls that were asked for, by address, and what the other calls in these functions go to.

    ``taken``: where else their addresses are. ``left_out``: how many calls and addresses there are beyond those that
    are kept. ``called`` names the imported function that the call at an address goes to, if it does. ``slots`` says
    which symbol's address stands at an address once the object is loaded, and nobody changes that; ``own`` what that is
    where the object has the symbol itself, and ``named`` what stands at addresses of what is linked in, or what these
    stand for. ``followed`` is a value with what callers within the object pass instead of parameters, and what own
    functions return. ``entries`` are the addresses that entries of a table may have, up to where something else begins.
    ``leads_to`` is where an indirect call leads. ``passed_on`` is what a function passes to others of the object.
    ``texts`` are those of strings of C++ and Qt on the stack, in place of where they stand. ``around`` is what
    surrounds the calls of a function, which is its own or calls it; ``receivers`` are the calls to which goes what a
    call gave, by steps.
    """

    sites: tuple[Site, ...]
    taken: tuple[Taken, ...]
    left_out: int
    called: Callable[[int], str | None]
    slots: Mapping[int, str]
    own: Mapping[int, int]
    named: Mapping[int, str]
    followed: Callable[[Site, Value], Value]
    entries: Callable[[Along], Sequence[int]]
    leads_to: Callable[[int], Value]
    texts: Callable[[Site, Value], Value]
    passed_on: Callable[[int], Iterable[Value]]
    around: Callable[[int, bool], Surroundings]
    receivers: Callable[[Site, Callable[[str], bool]], Sequence[tuple[int, str]]]


_NO_SITES = Sites((), (), 0, lambda _: None, {}, {}, {}, lambda _, value: value, lambda _: (), lambda _: UNKNOWN,
                  lambda _, value: value, lambda _: (), lambda _, __: Surroundings(None, (), (), (), taken=False),
                  lambda _, __: ())  # fmt: skip


def call_sites(image: Image, wanted: Mapping[str, Container[int]], linked_in: LinkedIn = NOTHING) -> Sites:
    """The calls of imported functions with the ``wanted`` names; none on processors whose code is not read.

    With the name goes which arguments, as far as known, point to what the function only reads. Functions that are
    ``linked_in`` are called as imported ones are, except by code of theirs.
    """
    found = prepared(image, wanted, linked_in)
    if found is None or not (found.through or found.stand_ins):
        return _NO_SITES
    program, relocated, linked, through = found.program, found.relocated, found.linked, found.through
    direct = program.calls.offsets[np.isin(program.calls.slots, np.array(sorted(through), np.int64))]
    tables = _tables(found, linked_in)
    loads = without_inner(program.text, _loads(program, through & linked), found.inner, linked_in)
    own = through & linked_in.functions.keys() | through & linked_in.data.keys() | found.stand_ins.keys()
    loads = by_place(joined(loads, _named(program, own, linked_in)))
    names = {**program.slots, **found.stand_ins}
    sites, kept = _in_functions(program, direct[:_MOST_SITES], first(loads, _MOST_SITES), names)
    kept = [Taken(slot, symbol, None, -1) for slot, symbol in tables] + kept
    left_out = sum(max(found - most, 0) for found, most in (
        (direct.size, _MOST_SITES), (loads.offsets.size, _MOST_SITES), (len(kept), _MOST_TAKEN),
    ))  # fmt: skip
    by_register = {site.address: site.symbol for site in sites if site.through is not None}
    return Sites(
        tuple(sorted(sites, key=lambda one: one.address)),
        tuple(kept[:_MOST_TAKEN]),
        left_out,
        lambda address: by_register.get(address) or imported(program, address),
        program.slots,
        {slot: one.own for slot, one in relocated.items() if one.own is not None and slot in linked},
        {**linked_in.functions, **linked_in.data, **found.stand_ins},
        lambda site, value: followed(program, site.number, value, _DEEP, site.call, passed=True),
        partial(_entries, program),
        partial(_leads_to, program),
        lambda site, value: texts(program, site.number, value, site.call),
        cache(partial(_passed_on, program)),
        cache(lambda number, passed: surroundings(program, number, passed=passed)),
        lambda site, is_known: receivers(program, site.number, site.address, is_known),
    )


def _tables(found: Prepared, linked_in: LinkedIn) -> list[tuple[int, str]]:
    """The slots of tables that hold the address of a function that is asked for, and its name."""
    program, relocated = found.program, found.relocated
    slots = sorted(found.through & relocated.keys() - found.linked)
    named = [(slot, relocated[slot].symbol) for slot in slots]
    if linked_in.functions:
        # Those of a library that is linked in, and exported, count where the program has them.
        known = frozenset(linked_in.functions.values())
        mine = is_programs(program, np.array(slots, np.int64), linked_in).tolist()
        named = [one for one, is_mine in zip(named, mine, strict=True) if is_mine or one[1] not in known]
        own = {**linked_in.functions, **linked_in.data}
        named += [(slot, own[at]) for slot, at in own_tables(program, found.through & own.keys(), linked_in)]
    stand_ins = found.stand_ins
    named += [(slot, stand_ins[at]) for slot, at in own_tables(program, set(stand_ins), linked_in)]
    return sorted(named)


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


def _in_functions(
    program: Program, direct: Offsets, loads: Calls, names: Mapping[int, str]
) -> tuple[list[Site], list[Taken]]:
    """The calls in each function, and where it takes addresses, with these ``names``, for something else."""
    calling, loading = homes(program, direct), homes(program, loads.offsets)
    sites: list[Site] = []
    taken: list[Taken] = []
    for number in distinct(np.concatenate([calling, loading])).tolist():
        slots = loads.slots[loading == number].tolist()
        here = tuple(_sites(program, number, direct[calling == number], frozenset(slots)))
        called = {site.through for site in here}
        label = label_of(program, number)
        for offset, slot in zip(loads.offsets[loading == number].tolist(), slots, strict=True):
            if slot not in called:
                taken.append(Taken(address_of(program.text, offset), names[slot], label, number))
        sites += here
    return sites, taken


def _loads(program: Program, slots: set[int]) -> Calls:
    """Where functions load one of the slots, sorted, and which; calls through a register follow, or other uses."""
    idioms = machine(program.image.machine).idioms
    if not slots or idioms is None or idioms.slot_loads is None:
        return Calls(NONE, NONE)
    offsets, loaded = idioms.slot_loads(program.text)
    wanted = np.isin(loaded, np.array(sorted(slots), np.int64)) & (owners(program.view, offsets) >= 0)
    if idioms.stubs:
        wanted &= ~in_stub(program.text, idioms.stubs(program.text)[0], offsets)
    return by_place(Calls(offsets[wanted], loaded[wanted]))


def _named(program: Program, own: set[int], linked_in: LinkedIn) -> Calls:
    """Where code names one of the addresses of what is linked in, sorted, except code of that."""
    if not own or _is_coarse(program):
        return Calls(NONE, NONE)
    offsets, named = named_addresses(program.image, program.text, program.named_places())
    wanted = np.isin(named, np.array(sorted(own), np.int64)) & outside_of(program.text, offsets, linked_in)
    numbers, started = (
        owners(program.view, offsets),
        [owners(program.view, starts_of(program.view, label)) for label in START_FILES],
    )
    wanted &= (numbers >= 0) & ~np.isin(numbers, np.concatenate(started))
    return Calls(offsets[wanted], named[wanted])


def _sites(program: Program, number: int, offsets: Offsets, loaded: frozenset[int]) -> Iterator[Site]:
    """The calls at some offsets, all in one function, or in none; and those through the slots that it loads."""
    direct = frozenset(_real(program, number, [address_of(program.text, offset) for offset in offsets.tolist()]))
    passed = cache(partial(calls_of, program, number, direct, loaded))
    label, exported = label_of(program, number), is_exported(program.view, number)
    by_register = {at: call.through for at, call in passed().items() if call.through is not None} if loaded else {}
    missing = partial(_missing, program, number)
    # Functions of other objects get nothing in registers where the first arguments are on the stack.
    most = program.lift.most_stacked if program.lift.stack_first else None
    for address in sorted(direct | by_register.keys()):
        through = by_register.get(address)
        symbol = imported(program, address) if through is None else program.slots[through]
        yield Site(address, symbol or "", number, label, exported, passed, missing, through, most)


def _real(program: Program, number: int, addresses: list[int]) -> Iterator[int]:
    """The calls among some addresses. What only looks like one seldom leads to a stub, but often to some function."""
    text = program.text
    slots = program.calls.slots[np.searchsorted(program.calls.offsets, offsets_of(text, np.array(addresses, np.int64)))]
    is_own = offsets_of(text, slots) >= 0
    if (label_of(program, number) or "").encode() in START_FILES:
        number = -1  # they are Arm code beside Thumb code
    rows = instructions_of(program, number) if number >= 0 and is_own.any() else ()
    real = {at for at, _, does in rows if does.kind in _LEADING}
    unread = number >= 0 and not rows and not _is_coarse(program)
    for address, own in zip(addresses, is_own.tolist(), strict=True):
        if not own or unread or address in real:
            yield address


def _is_coarse(program: Program) -> bool:
    """Whether what looks like code is often none, as beside Thumb code."""
    idioms = machine(program.image.machine).idioms
    return idioms is None or idioms.coarse


def _missing(program: Program, number: int) -> str:
    """Why a call in a function that was gone through was not seen."""
    looked = program.known.get(number) and program.budget.left > 0
    return "no-function" if number < 0 else "not-reached" if looked else "too-much-code"
