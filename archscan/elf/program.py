"""The code of an object as functions of instructions that are read once, and what is passed at their calls."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from weakref import proxy

import msgspec

from archscan.elf.arch.lifting import Kind, Lift, Operation, as_they_are
from archscan.elf.arrays import NONE, Offsets, distinct, holds, np
from archscan.elf.calls import Callers, Calls, callers_of
from archscan.elf.code import Code, address_of, offsets_of
from archscan.elf.filling import LENDING, LENGTHS, RETURNING_FIRST, RETURNING_TWICE, may_fill
from archscan.elf.functions import Functions, is_exported, name_bytes, owners, whole_of
from archscan.elf.image import Image
from archscan.elf.jump_tables import cases
from archscan.elf.mapping import FAR
from archscan.elf.values import Budget, Call, Run, at_calls, at_stores, run_through
from archscan.elf.values.blocks import Row
from archscan.elf.values.calls import RESULT, Effect, Effects
from archscan.elf.values.decided import Decisions, decisions, left_out
from archscan.elf.values.domain import Memory, Pointer, Value
from archscan.model import escape

_LONGEST = 1 << 16  # bytes of a function that are decoded
_LONGEST_NAME = 1024  # bytes of a function's name that are kept
_MOST_BYTES = 4 << 20  # of an object
_MOST_STEPS = 4_000_000  # instructions that are gone through for an object; openssl's command takes 1.1 million
_MANGLED = ("_Z", "_R")  # how names of C++ and Rust begin
_LEAVING = (Kind.CALL, Kind.JUMP, Kind.BRANCH, Kind.RETURN)


class Program(msgspec.Struct, weakref=True):
    """The code of an object, and how much more of it may be decoded. ``calls``: of imported functions, sorted."""

    image: Image
    text: Code
    view: Functions
    lift: Lift
    engine: object
    callers: Callable[[], Callers]
    calls: Calls
    slots: Mapping[int, str]
    taken: Callable[[], Offsets]  # addresses that code and data keep or pass on, sorted
    named_places: Callable[[], tuple[Offsets, Offsets]]  # where code names an address, sorted by that; and the address
    named: Callable[[Code, int, int], Offsets] | None
    branches: Callable[[Code, int], Offsets] | None
    begins_with: Callable[[int], int | None]  # what stands at an address that may be written, once it is loaded
    reads: Mapping[str, Container[int]] = {}  # arguments of imported functions that only read where these point
    own_names: Container[str] = ()  # of functions that the object itself exports
    shared: Callable[[int], str | None] = lambda _: None  # the variable at an address in which others may store, too
    left: int = _MOST_BYTES
    budget: Budget = msgspec.field(default_factory=lambda: Budget(_MOST_STEPS))
    cases: dict[int, frozenset[int]] = {}  # where tables lead, by functions
    decoded: dict[int, tuple[Row, ...]] = {}  # what lies between the beginnings and ends of functions, by their numbers
    homes: dict[int, int] = {}  # the functions of which they are a part
    known: dict[int, tuple[Row, ...]] = {}  # the instructions of functions with their parts
    addresses: dict[int, frozenset[int]] = {}  # of these
    variables: dict[Memory, Value] = {}  # what they may hold
    # What callers pass, by function, argument, depth, and field of what that points to.
    given: dict[tuple[int, int, int, tuple[int | None, int, bool] | None], Value] = {}
    whole: dict[int, tuple[dict[int, Call], tuple[Call, ...]]] = {}  # calls and stores of functions
    complete: dict[int, bool] = {}  # whether all of them could be gone through
    jumps: dict[int, Offsets] = {}  # where functions jump out of themselves
    symbols: dict[int, str | None] = {}  # the imported functions to which calls go
    returned: dict[tuple[int, int, int], Value] = {}  # by function, call, and depth
    open: set[Pointer] = set()  # pointers of which it is looked at where they point
    runs: dict[int, Run] = {}  # functions that were gone through
    decided: dict[int, Decisions] = {}  # where they branch on what they are passed


def calls_of(
    program: Program, number: int, wanted: frozenset[int], through: frozenset[int] = frozenset()
) -> dict[int, Call]:
    """What a function passes at some of its calls; nothing for what is no function, or more than may be decoded."""
    return at_calls(_run(program, number), wanted, through) if number >= 0 else {}


def results_of(program: Program, number: int) -> dict[int, Call]:
    """What a function returns, and where."""
    return calls_of(program, number, returns_of(program, number))


def every_call(program: Program, number: int) -> dict[int, Call]:
    """What a function passes at all its calls, and at jumps and returns by which it may be left."""
    return _whole(program, number)[0]


def every_store(program: Program, number: int) -> tuple[Call, ...]:
    """What a function stores, and where."""
    return _whole(program, number)[1]


def is_whole(program: Program, number: int) -> bool:
    """Whether all of a function could be gone through."""
    if number not in program.complete:
        program.complete[number] = _is_whole(program, number)
    return program.complete[number]


def _is_whole(program: Program, number: int) -> bool:
    rows, (calls, stores) = instructions_of(program, number), _whole(program, number)
    leaving = {at for at, _, does in rows if does.kind in _LEAVING}
    return (
        bool(calls) and calls.keys() == leaving and len(stores) == sum(does.kind == Kind.STORE for _, _, does in rows)
    )


def run_of(program: Program, number: int) -> Run:
    """A function, gone through once: its blocks, and what is known where each begins."""
    return _run(program, number)


def _whole(program: Program, number: int) -> tuple[dict[int, Call], tuple[Call, ...]]:
    """What a function passes at each of its calls, and what it stores."""
    if number < 0:
        return {}, ()
    if number not in program.whole:
        run = _run(program, number)
        calls = frozenset(at for at, _, does in instructions_of(program, number) if does.kind in _LEAVING)
        found = {at: _as_passed(program, call) for at, call in at_calls(run, calls).items()}
        program.whole[number] = found, at_stores(run)
    return program.whole[number]


def _as_passed(program: Program, call: Call) -> Call:
    """The same without what is left over in registers in which those of other objects get nothing."""
    lift = program.lift
    if not lift.stack_first or imported(program, call.address) is None:
        return call
    return msgspec.structs.replace(call, arguments=call.arguments[: lift.most_stacked])


def _run(program: Program, number: int) -> Run:
    """A function, gone through once."""
    if number not in program.runs:
        itself = proxy(program)  # what goes round in circles is never freed in a disposable process
        effects = Effects(partial(_effect, itself), partial(_returns_first, itself), partial(_length, itself))
        rows, led_to = instructions_of(program, number), _cases(program, number)
        calls = [at for at, _, does in rows if does.kind == Kind.CALL]
        _name(program, calls)
        twice = any(imported(program, at) in RETURNING_TWICE for at in calls)
        program.runs[number] = run_through(() if twice else rows, program.lift, led_to, program.budget, effects)
    return program.runs[number]


def left_out_by(program: Program, callee: int, passed: Sequence[Value]) -> frozenset[int]:
    """The addresses of instructions of a function that are not gone through where it is passed some values."""
    run = _run(program, callee)
    if callee not in program.decided:
        program.decided[callee] = decisions(run)
    return left_out(run, program.decided[callee], passed) if program.decided[callee] else frozenset()


def called_of(program: Program, number: int) -> list[Call]:
    """The calls of a function, and its jumps to others."""
    calls = every_call(program, number)
    return [
        calls[at]
        for at, _, does in instructions_of(program, number)
        if at in calls and (does.kind == Kind.CALL or leaves(program, number, does))
    ]


def returns_of(program: Program, number: int) -> frozenset[int]:
    """Where a function returns."""
    return frozenset(at for at, _, does in instructions_of(program, number) if does.kind == Kind.RETURN)


def callee_of(program: Program, number: int, call: int) -> int:
    """The number of the object's own function that a call leads to, or -1; a stub, or one linked in, is another's."""
    if number >= 0 and imported(program, call) is not None:
        return -1
    targets = (does.target for at, _, does in instructions_of(program, number) if at == call) if number >= 0 else ()
    target = next((one for one in targets if one is not None), None)
    return number_at(program, target) if target is not None else -1


def leaves(program: Program, number: int, does: Operation) -> bool:
    """Whether a jump leaves a function for another one, or may."""
    if does.kind == Kind.BRANCH:
        return does.target is not None and does.target not in _addresses(program, number)
    return does.kind == Kind.JUMP and (does.target is None or does.target not in _addresses(program, number))


def _addresses(program: Program, number: int) -> frozenset[int]:
    if number not in program.addresses:
        program.addresses[number] = frozenset(at for at, _, _ in instructions_of(program, number))
    return program.addresses[number]


def instructions_of(program: Program, number: int) -> tuple[Row, ...]:
    """The instructions of a function, and its parts that lie apart; none if it is too long, or enough was decoded."""
    if number not in program.known:
        own = _own_instructions(program, number)
        parts = [_own_instructions(program, part) for part in _parts(program, number)] if own else []
        program.known[number] = own + tuple(row for part in parts for row in part) if all(parts) else ()
    return program.known[number]


def _own_instructions(program: Program, number: int) -> tuple[Row, ...]:
    if number not in program.decoded:
        size = int(program.view.ends[number] - program.view.starts[number])
        program.left -= size
        fits = size <= _LONGEST and program.left >= 0
        program.decoded[number] = _rows(program, number) if fits else ()
    return program.decoded[number]


def _parts(program: Program, number: int) -> list[int]:
    """The functions that are parts of another one: what compilers think is seldom run lies apart (`f.cold`)."""
    places = np.concatenate([_calls_inside(program, number), _jumps_of(program, number)])
    others = [one for one in distinct(owners(program.view, places)).tolist() if one not in (-1, number)]
    return [one for one in others if home_of(program, one) == number]


def _jumps_of(program: Program, number: int) -> Offsets:
    """Where jumps lead out of a function that name the place, unless that is another library's function."""
    if number not in program.jumps:
        program.jumps[number] = _jumps_out(program, number)
    return program.jumps[number]


def _jumps_out(program: Program, number: int) -> Offsets:
    rows = _own_instructions(program, number)
    low, high = (rows[0][0], rows[-1][1]) if rows else (0, 0)
    jumps = [
        (at, does.target)
        for at, _, does in rows
        if does.kind in (Kind.JUMP, Kind.BRANCH) and does.target is not None and not low <= does.target < high
    ]
    led_to = [target for at, target in jumps if 0 <= target < FAR and imported(program, at) is None]
    return offsets_of(program.text, np.array(led_to, np.int64))


def home_of(program: Program, number: int) -> int:
    """The function of which one is a part that lies apart: one leads into the middle of the other; or itself."""
    if number < 0:
        return number
    if number not in program.homes:
        homes = _led_into(program, number) or _leading_into(program, number)
        homes = homes or whole_of(program.view, number, _LONGEST_NAME)
        program.homes[number] = homes[0] if len(homes) == 1 and _is_part(program, number, homes[0]) else number
    return program.homes[number]


def _led_into(program: Program, number: int) -> list[int]:
    """The other functions into the middle of which one jumps."""
    led_to = _jumps_of(program, number)
    inside = owners(program.view, led_to)
    others = (inside >= 0) & (inside != number)
    return list(distinct(inside[others][program.view.starts[inside[others]] != led_to[others]]).tolist())


def _leading_into(program: Program, number: int) -> list[int]:
    """The other functions that jump into the middle of one, which nothing enters: a part that does not lead back."""
    places = NONE if _is_entered(program, number) else _calls_inside(program, number)
    others = distinct(owners(program.view, places)).tolist()
    return [one for one in others if one not in (-1, number) and number in _led_into(program, one)]


def _calls_inside(program: Program, number: int) -> Offsets:
    """Where calls and jumps seem to lead into the middle of a function."""
    start, end = int(program.view.starts[number]), int(program.view.ends[number])
    begin = address_of(program.text, start)
    return callers_of(program.callers(), begin + 1, begin + end - start)


def _is_part(program: Program, number: int, home: int) -> bool:
    """Whether one of two functions that lead into each other is the part: what nothing enters, or the smaller."""
    entered = [_is_entered(program, one) for one in (number, home)]
    sizes = program.view.ends[[number, home]] - program.view.starts[[number, home]]
    return entered == [False, True] or (entered[0] == entered[1] and not entered[0] and bool(sizes[0] < sizes[1]))


def _is_entered(program: Program, number: int) -> bool:
    """Whether a function is exported, or something names where it begins; that may be a jump to a part, too."""
    begin = address_of(program.text, int(program.view.starts[number]))
    places = callers_of(program.callers(), begin)
    calls = [int(owners(program.view, np.array([place]))[0]) for place in places.tolist()]
    return is_exported(program.view, number) or any(one != number for one in calls) or holds(program.taken(), begin)


def homes(program: Program, offsets: Offsets) -> Offsets:
    """The number of the function that each offset belongs to; -1 for none."""
    numbers = owners(program.view, offsets)
    found = {number: home_of(program, number) for number in distinct(numbers).tolist()}
    return np.array([found[number] for number in numbers.tolist()], np.int64)


def _rows(program: Program, number: int) -> tuple[Row, ...]:
    """The instructions of a function, as what they do."""
    start, end = int(program.view.starts[number]), int(program.view.ends[number])
    read, lines = _reader(program.lift), program.lift.lines or as_they_are
    return tuple(
        (address, address + size, does)
        for address, size, mnemonic, operands in lines(program.engine, program.text, start, end)
        for does in read(mnemonic, operands)
    )


@lru_cache(4)
def _reader(lift: Lift):  # type: ignore[no-untyped-def]
    """Compilers write few different instructions: each is read once."""
    return lru_cache(1 << 15)(lift.read)


def _cases(program: Program, number: int) -> frozenset[int]:
    """Where jumps by tables lead in a function."""
    if number not in program.cases:
        program.cases[number] = cases(program.image, instructions_of(program, number), program.lift)
    return program.cases[number]


def number_at(program: Program, address: int) -> int:
    """The number of the function that begins at an address, or -1."""
    if not 0 <= address < FAR:
        return -1
    offset = offsets_of(program.text, np.array([address], np.int64))
    number = int(owners(program.view, offset)[0]) if offset[0] >= 0 else -1
    return number if number >= 0 and int(program.view.starts[number]) == int(offset[0]) else -1


def _effect(program: Program, address: int, does: Operation, argument: int) -> Effect:
    """What a call does with what an argument points to.

    The register for the place of a result is left over from something else where nothing is returned there: it counts
    for functions of languages that mangle names, which often do that.
    """
    if argument == RESULT:
        returns = (imported(program, address) or "").startswith(_MANGLED)
        return Effect.MAY_FILL if returns else Effect.LENDS
    if program.lift.stack_first and argument >= program.lift.most_stacked and imported(program, address) is not None:
        return Effect.READS  # those of other objects know no arguments in registers
    if _of_others(program, address) in LENDING:
        return Effect.LENDS
    if only_reads(program, address, argument):
        return Effect.READS
    if imported(program, address) is not None:
        return Effect.FILLS
    return Effect.MAY_FILL if does.target is not None else Effect.FILLS


def only_reads(program: Program, address: int, argument: int) -> bool:
    """Whether the imported function that is called does no more than read what an argument points to."""
    symbol = imported(program, address)
    if symbol is not None and argument in program.reads.get(symbol, ()):
        return True
    known = _of_others(program, address)
    return known is not None and not may_fill(known, argument)


def _of_others(program: Program, address: int) -> str | None:
    """The same if that is no function of the object's own, which may do anything."""
    symbol = imported(program, address)
    return None if symbol in program.own_names else symbol


def _returns_first(program: Program, address: int) -> bool:
    return _of_others(program, address) in RETURNING_FIRST


def _length(program: Program, address: int) -> int | None:
    return LENGTHS.get(_of_others(program, address) or "")


def imported(program: Program, address: int) -> str | None:
    """The imported function to which the call at an address goes."""
    if address not in program.symbols:
        _name(program, [address])
    return program.symbols[address]


def _name(program: Program, addresses: Sequence[int]) -> None:
    """Finds the imported functions to which calls go; for many it takes no longer than for one."""
    known = program.calls
    offsets = offsets_of(program.text, np.array(addresses, np.int64))
    numbers = np.searchsorted(known.offsets, offsets)
    found = np.append(known.offsets, -2)[numbers] == offsets
    slots = np.append(known.slots, 0)[numbers]
    for address, is_call, slot in zip(addresses, found.tolist(), slots.tolist(), strict=True):
        program.symbols[address] = program.slots.get(slot) if is_call else None


def label_of(program: Program, number: int) -> str | None:
    """The name of a function, or `sub_` and where it begins."""
    if number < 0:
        return None
    start = int(program.view.starts[number])
    known = name_bytes(program.view, start, _LONGEST_NAME)
    return (escape(known) if known else "") or f"sub_{address_of(program.text, start):x}"


def by_function(program: Program, offsets: Offsets) -> Iterator[tuple[int, Offsets]]:
    """The offsets of each function, by its number; -1 for those in none."""
    numbers = homes(program, offsets)
    for number in distinct(numbers).tolist():
        yield number, offsets[numbers == number]
