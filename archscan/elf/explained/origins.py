"""Where an argument of a call comes from: the instructions that define it, backwards over all ways to the call.

Through registers, slots of the stack, what functions of the object return, and callers of a function that only the
object itself calls. Every instruction on the way is a step; where nothing is followed any further, the step says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from archscan.elf.arch.lifting import COUNTER, LOW, Kind, Operation
from archscan.elf.arrays import holds, np
from archscan.elf.calls import callers_of
from archscan.elf.code import address_of, offsets_of
from archscan.elf.explained.replay import Done, Replay, replay, rows_of, stack_at
from archscan.elf.functions import is_exported
from archscan.elf.program import (
    Program,
    by_function,
    callee_of,
    homes,
    imported,
    instructions_of,
    label_of,
)
from archscan.elf.values.domain import Filled, Number, Stack, Value

_MOST_STEPS = 60  # of one argument; what a reader follows is a tenth of that
_MOST_LOOKS = 20_000  # instructions that are looked at
_MOST_CALLERS = 8
_DEEP = 3  # functions behind one another
_NEAR = 1024  # bytes of the stack that a call may fill in from where it is pointed to
_UNKNOWN: Value = frozenset()
_NO_FURTHER = "; not followed further"


class Slot(msgspec.Struct, frozen=True):
    """A place of a function's stack, counted from the stack pointer as the caller left it."""

    at: int
    width: int


Wanted = str | Slot
"""A register, or a place of the stack."""


class Step(msgspec.Struct, frozen=True):
    """One instruction of the path: it stands in a function, and defines ``into``; ``value`` is that, as far as known.

    ``said`` says what the instruction alone does not tell; ``ends``: nothing behind it is followed; ``enters``: the
    function begins there. ``of``: the function to whose argument the way leads, and ``exact`` whether nothing is
    computed on it, so that the value means there what it means here.
    """

    address: int
    function: int
    into: str
    of: str
    value: Value = _UNKNOWN
    said: str = ""
    ends: bool = False
    enters: bool = False
    exact: bool = True


class _At(msgspec.Struct, frozen=True):
    """What is looked for before an instruction (``upto``, by its place in a block), and what it becomes."""

    function: int
    block: int
    upto: int | None
    wanted: Wanted
    into: str
    of: str
    value: Value
    deep: int
    exact: bool = True
    call: int = -1  # by which the function looked at before was called, to be noted first
    said: str = ""


class _Way(msgspec.Struct):
    program: Program
    selecting: Callable[[str], int | None]
    replays: dict[int, Replay | None] = {}
    work: list[_At] = []
    seen: set[tuple[int, int, int | None, Wanted]] = set()
    steps: dict[tuple[int, str, str], Step] = {}
    left: int = _MOST_LOOKS
    cut: bool = False


class Path(msgspec.Struct, frozen=True):
    """The steps from what defines a value down to the call; ``cut``: there are more."""

    steps: tuple[Step, ...]
    cut: bool


def origins(
    program: Program, number: int, call: int, argument: int, symbol: str,
    selecting: Callable[[str], int | None] = lambda _: None,
) -> Path | None:  # fmt: skip
    """How an argument of the call at an address in a function got its value; None where that cannot be gone through.

    ``symbol`` is what is called. ``selecting`` says by which argument another library's function, that returned the
    value or filled it in, was told what to make: there the path goes on. -1: its name says that.
    """
    way = _Way(program, selecting)
    if not _pass(
        way, number, call, argument, _At(number, 0, None, "", f"argument {argument} of {symbol}", symbol, _UNKNOWN, 0)
    ):
        return None
    while way.work and way.left > 0 and len(way.steps) < _MOST_STEPS:
        _look(way, way.work.pop())
    return Path(tuple(reversed(way.steps.values())), bool(way.work))


def _replay(way: _Way, number: int) -> Replay | None:
    if number not in way.replays:
        way.replays[number] = replay(way.program, number) if number >= 0 else None
    return way.replays[number]


def _pass(way: _Way, number: int, call: int, argument: int, at: _At) -> bool:
    """Has an argument of a call looked for, as ``at`` says; False where the code around it cannot be gone through."""
    again, lift = _replay(way, number), way.program.lift
    start = again.block_of.get(call) if again else None
    if again is None or start is None:
        return False
    rows = rows_of(again, start)
    place = next((n for n, row in enumerate(rows) if row.address == call), None)
    if place is None:
        return False
    if argument < len(lift.arguments):
        wanted: Wanted = lift.arguments[argument]
        value = rows[place].arguments[argument] if rows[place].arguments else _UNKNOWN
    else:
        top = stack_at(again, call)
        if top is None:
            return False
        wanted, value = Slot(top + lift.word * (argument - len(lift.arguments)), lift.word), _UNKNOWN
    _want(way, msgspec.structs.replace(at, function=number, block=start, upto=place, wanted=wanted, value=value))
    return True


def _want(way: _Way, at: _At) -> None:
    key = at.function, at.block, at.upto, at.wanted
    if key not in way.seen:
        way.seen.add(key)
        way.work.append(at)


def _step(
    way: _Way, at: _At, address: int, said: str = "", value: Value = _UNKNOWN, *, ends: bool = False,
    enters: bool = False,
) -> None:  # fmt: skip
    key = address, at.into, said
    one = Step(address, at.function, at.into, at.of, value, said, ends, enters, at.exact)
    way.steps.setdefault(key, one)


def _look(way: _Way, at: _At) -> None:
    """Goes backwards through one block, and has what leads to it looked at where nothing there defines the value."""
    again = _replay(way, at.function)
    if again is None:
        return
    if at.call >= 0:
        _step(way, at, at.call, at.said)
        at = msgspec.structs.replace(at, call=-1, said="")
    rows = rows_of(again, at.block)
    for place in range(len(rows) if at.upto is None else at.upto, 0, -1):
        way.left -= 1
        if _defines(way, at, rows[place - 1], place - 1):
            return
    if at.block == again.entry:
        _enter(way, at, again)
    for start in again.before.get(at.block, ()):
        _want(way, msgspec.structs.replace(at, block=start, upto=None))


def _defines(way: _Way, at: _At, row: Done, place: int) -> bool:
    """Whether an instruction is all that defines what is looked for; has that looked for of which it is made."""
    if isinstance(at.wanted, Slot):
        return _stores(way, at, row, place, at.wanted)
    if row.does.kind == Kind.CALL:
        return _clobbers(way, at, row, place, at.wanted)
    if at.wanted in row.does.also:
        _step(way, at, row.address, "changes it in a way that is not followed further", ends=True)
        return True
    if row.does.kind not in (Kind.SET, Kind.SELECT) or (row.does.to or "").removesuffix(LOW) != at.wanted:
        return False
    _made(way, at, row, place)
    return row.does.to == at.wanted


def _made(way: _Way, at: _At, row: Done, place: int) -> None:
    """Notes an instruction that writes a register, and what it makes that of."""
    does = row.does
    sources = _registers(does)
    if does.place is not None and does.reads:
        slots = [one for one in row.place if isinstance(one, Stack)]
        if slots:
            _step(way, at, row.address, value=row.result)
            for one in slots:
                _from(way, at, place, Slot(one.at, does.width or 8), f"the stack at {_signed(one.at)}", row.result)
            return
        constant = bool(row.place) and all(isinstance(one, Number) for one in row.place)
        said = "" if constant else "read from memory; what was stored there is not followed further"
        _step(way, at, row.address, said, row.result, ends=True)
        return
    unknown = does.number is None and not sources and not does.choice and does.place is None
    _step(way, at, row.address, "not followed further" if unknown else "", row.result, ends=not sources)
    moves = does.operator is None and not does.number and not does.added and does.place is None
    for name in sources:
        _from(way, msgspec.structs.replace(at, exact=at.exact and moves), place, name, name, _UNKNOWN)


def _registers(does: Operation) -> list[str]:
    """The registers of which an instruction makes what it writes."""
    found = [does.register, does.other, does.operand if isinstance(does.operand, str) else None]
    if does.place is not None and not does.reads:
        found += [does.place.base, does.place.index]
    return [name.removesuffix(LOW) for name in dict.fromkeys(found) if name and name != COUNTER]


def _from(way: _Way, at: _At, place: int, wanted: Wanted, into: str, value: Value) -> None:
    _want(way, msgspec.structs.replace(at, upto=place, wanted=wanted, into=into, value=value))


def _signed(number: int) -> str:
    return f"{'-' if number < 0 else '+'}{abs(number):#x}"


def _stores(way: _Way, at: _At, row: Done, place: int, slot: Slot) -> bool:
    """Whether an instruction is the store that defines a slot; a call may have filled it in as well."""
    does = row.does
    if does.kind == Kind.CALL:
        return _fills(way, at, row)
    width = does.width or 8
    there = [one.at for one in row.place if isinstance(one, Stack) and _meets(one.at, width, slot)]
    if does.kind != Kind.STORE or not there:
        return False
    sources = [name for name in (does.register, does.operand if isinstance(does.operand, str) else None) if name]
    _step(way, at, row.address, value=row.result, ends=not sources)
    for name in sources:
        _from(way, at, place, name.removesuffix(LOW), name.removesuffix(LOW), _UNKNOWN)
    return len(row.place) == 1 and there[0] <= slot.at and there[0] + width >= slot.at + slot.width


def _meets(at: int, width: int, slot: Slot) -> bool:
    return at < slot.at + slot.width and slot.at < at + width


def _fills(way: _Way, at: _At, row: Done) -> bool:
    """Whether a call is what a slot was filled in by, as the values say; goes on with what that call was told."""
    filled = [one for one in at.value if isinstance(one, Filled) and one.call == row.address]
    if not filled:
        return False
    symbol = imported(way.program, row.address)
    name = symbol or label_of(way.program, callee_of(way.program, at.function, row.address)) or "a function"
    which = filled[0].argument
    _goes_on(way, at, row, f"filled in by {name}, by way of its argument {which}", symbol)
    return all(isinstance(one, Filled) for one in at.value)


def _clobbers(way: _Way, at: _At, row: Done, place: int, register: str) -> bool:
    """Whether a call leaves something else in a register; goes on in what returned it."""
    lift = way.program.lift
    if register in lift.preserved:
        return False
    if register != lift.result:
        _step(way, at, row.address, "the call may change the register; not followed further", ends=True)
        return True
    symbol = imported(way.program, row.address)
    callee = callee_of(way.program, at.function, row.address)
    if symbol is None and callee < 0:
        _indirect(way, at, row, place)
        return True
    name = symbol or label_of(way.program, callee)
    if symbol is not None or at.deep >= _DEEP:
        _goes_on(way, at, row, f"result of {name}", symbol)
        return True
    again = _replay(way, callee)
    blocks = again.run.blocks if again else {}
    returns = [start for start, one in blocks.items() if one.rows and one.rows[-1][2].kind == Kind.RETURN]
    said = f"result of {name}"
    _step(way, at, row.address, said if returns else said + _NO_FURTHER, ends=not returns)
    for start in returns:
        _want(way, _At(callee, start, None, lift.result, said, at.of, _UNKNOWN, at.deep + 1, at.exact))
    return True


def _indirect(way: _Way, at: _At, row: Done, place: int) -> None:
    """Notes a call of which no instruction says where it leads, and has that looked for."""
    does = row.does
    names = [does.register] if does.place is None else [does.place.base, does.place.index]
    sources = [name for name in names if name and name != COUNTER]
    where = f"that {does.register} points to" if does.place is None else "whose address is read from memory"
    said = f"result of the function {where}"
    _step(way, at, row.address, said if sources else said + _NO_FURTHER, row.place, ends=not sources)
    for name in sources:
        _from(way, msgspec.structs.replace(at, exact=False), place, name, name, _UNKNOWN)


def _goes_on(way: _Way, at: _At, row: Done, said: str, symbol: str | None) -> None:
    """Notes a call, and has the argument looked for by which it was told what to make."""
    argument = way.selecting(symbol) if symbol else None
    said += _NO_FURTHER if argument is None else ", whose name says what it is" if argument < 0 else ""
    _step(way, at, row.address, said, ends=argument is None or argument < 0)
    if argument is not None and argument >= 0 and at.deep < _DEEP:
        into = f"argument {argument} of {symbol}"
        further = msgspec.structs.replace(at, into=into, of=symbol or "", exact=True, deep=at.deep + 1)
        _pass(way, at.function, row.address, argument, further)


def _enter(way: _Way, at: _At, again: Replay) -> None:
    """Goes on in the callers of a function, with what they pass as the parameter that is looked for."""
    program, lift = way.program, way.program.lift
    if isinstance(at.wanted, Slot):
        above = at.wanted.at - lift.stacked
        number = len(lift.arguments) + above // lift.word if above >= 0 else None
    else:
        number = lift.arguments.index(at.wanted) if at.wanted in lift.arguments else None
    label = label_of(program, at.function) or "the function"
    if number is None:
        _step(way, at, again.entry, "nothing was put there on this way", ends=True, enters=True)
        return
    said = f"argument {number} of {label}"
    if is_exported(program.view, at.function):
        _step(way, at, again.entry, f"{said}, which others may call by its name{_NO_FURTHER}", ends=True, enters=True)
        return
    calls = list(_callers(way, at.function))
    begin = address_of(program.text, int(program.view.starts[at.function]))
    if holds(program.taken(), begin):
        said += ", whose address is taken, so others may call it, too"
    if not calls or len(calls) > _MOST_CALLERS or at.deep >= _DEEP:
        why = f"{len(calls)} calls of it were seen" if at.deep < _DEEP else "too many functions behind one another"
        _step(way, at, again.entry, f"{said} ({why}){_NO_FURTHER}", ends=True, enters=True)
        return
    _step(way, at, again.entry, said, enters=True)
    for caller, call in calls:
        into = f"argument {number} of {label}"
        further = msgspec.structs.replace(
            at, function=caller, into=into, deep=at.deep + 1, call=call, said=f"calls {label}"
        )
        if not _pass(way, caller, call, number, further):
            _step(way, further, call, f"calls {label}, and could not be gone through{_NO_FURTHER}", ends=True)


def _callers(way: _Way, number: int) -> Iterator[tuple[int, int]]:
    """Who calls a function, or jumps there at its end: the number of each function that does, and where."""
    program = way.program
    begin = address_of(program.text, int(program.view.starts[number]))
    places = callers_of(program.callers(), begin)
    if program.branches is not None:
        places = np.union1d(places, program.branches(program.text, begin))
    for caller, offsets in by_function(program, places):
        if caller < 0:
            continue
        real = {at for at, _, _ in instructions_of(program, caller)}
        yield from ((caller, at) for at in (address_of(program.text, one) for one in offsets.tolist()) if at in real)


def function_at(program: Program, address: int) -> int:
    """The number of the function around an address, or that of which it is a part; -1 for none."""
    offset = offsets_of(program.text, np.array([address], np.int64))
    return int(homes(program, offset)[0]) if offset[0] >= 0 else -1
