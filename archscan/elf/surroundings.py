"""What surrounds a call: other calls in its function, those that get what it gave, texts, and who calls the function.

It is evidence of what a call is for, and decides nothing; so what is cut off, or is not seen, makes nothing wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from archscan.elf.arrays import holds, np
from archscan.elf.calls import callers_of
from archscan.elf.code import address_of
from archscan.elf.functions import is_exported, owners
from archscan.elf.image import ET_DYN, PT_LOAD
from archscan.elf.language.go_functions import go_functions
from archscan.elf.program import Program, every_call, home_of, imported, label_of
from archscan.elf.texts import is_constant, words_at
from archscan.elf.values import Call
from archscan.elf.values.domain import (
    Atom,
    Field,
    FieldAddress,
    Filled,
    Kept,
    Memory,
    Number,
    Parameter,
    Result,
    Stack,
    Text,
    Value,
)

_FAR = 3  # calls that pass something on to each other
_MOST_CALLS = 200  # of a function that are looked at for what they get
_MOST_NAMES, _MOST_TEXTS, _MOST_CALLERS = 48, 256, 8
_HIGH = 3  # callers of callers that are looked at for whether anything leads to them
_MOST_NAMED = 256  # addresses that are looked at for texts
_SHORTEST, _LONGEST = 3, 80  # characters of a text that is worth keeping
_LEAST_ADDRESS = 4096  # numbers below are no addresses
_LENT = Field | FieldAddress | Kept | Memory | Parameter  # what a caller, or anybody, may know as well


class Surroundings(msgspec.Struct, frozen=True):
    """A function's name, the imported functions that it calls, texts that it names, and the functions that call it.

    Each text comes with the addresses of the instructions that name or pass it. ``taken``: the function's address is
    kept or passed on, so others may call it. ``uncalled``: nothing leads to it, or only what nothing leads to; asked
    of a function that is gone through.
    """

    name: str | None
    calls: tuple[str, ...]
    texts: tuple[tuple[str, tuple[int, ...]], ...]
    callers: tuple[int, ...]
    taken: bool
    uncalled: bool = False


def surroundings(program: Program, number: int, *, passed: bool = True) -> Surroundings:
    """Those of a function, by its number; ``passed``: also the texts that it passes, which takes going through it."""
    if number < 0:
        return Surroundings(None, (), (), (), taken=False)
    ranges = _ranges(program, number)
    names = [name for low, high in ranges for name in _calls(program, low, high)]
    named = [one for low, high in ranges for one in _named(program, low, high)]
    texts: list[tuple[str, int]] = []
    if passed:
        calls = every_call(program, number).items()
        atoms = [(at, one) for at, call in calls for value in call.arguments for one in value]
        named += sorted((at, one.value) for at, one in atoms if isinstance(one, Number) and one.value >= _LEAST_ADDRESS)
        texts = sorted((one.text.decode("ascii", "replace"), at) for at, one in atoms if isinstance(one, Text))
    looked_at = set(list(dict.fromkeys(address for _, address in named))[:_MOST_NAMED])
    texts += ((words_at(program.image, address), at) for at, address in named if address in looked_at)
    kept: dict[str, dict[int, None]] = {}
    for text, at in texts:
        if len(text) >= _SHORTEST:
            kept.setdefault(text[:_LONGEST].strip(), {})[at] = None
    return Surroundings(
        label_of(program, number),
        tuple(dict.fromkeys(names))[:_MOST_NAMES],
        tuple((text, tuple(places)) for text, places in kept.items())[:_MOST_TEXTS],
        _callers(program, number),
        holds(program.taken(), address_of(program.text, int(program.view.starts[number]))),
        # Go calls functions through values of its own.
        passed and _is_uncalled(program, number, frozenset()) and go_functions(program.image) is None,
    )


def _ranges(program: Program, number: int) -> list[tuple[int, int]]:
    """Where a function and its parts lie, as offsets."""
    parts = [part for part, home in program.homes.items() if home == number and part != number]
    return [_range(program, one) for one in (number, *parts)]


def _is_uncalled(program: Program, number: int, above: frozenset[int]) -> bool:
    """Whether nothing is seen to lead to a function: no name, no kept address, no call but of such functions."""
    _, named = program.named_places()
    # Code that is not moved may have addresses as plain numbers.
    if not named.size or program.image.type != ET_DYN or program.branches is None or len(above) > _HIGH:
        return False  # whoever leads there may have gone unseen
    known = (program.image.entry, *program.image.tags.values())
    for low, high in _ranges(program, number):
        first, last = address_of(program.text, low), address_of(program.text, low) + high - low
        kept = np.searchsorted(program.taken(), [first, last])
        if kept[1] > kept[0] or bool(((named >= first) & (named < last)).any()):
            return False
        if is_exported(program.view, number) or any(first <= one < last for one in known):
            return False
    inside = {home_of(program, one) for one in _leading_to(program, number)} - {number, *above}
    return -1 not in inside and all(
        _is_uncalled(program, one, above | {number}) for one in sorted(inside)[:_MOST_CALLERS]
    )


def _leading_to(program: Program, number: int) -> list[int]:
    """The functions that call one or jump to its code, by their numbers; -1 for code in none."""
    callers = program.callers()
    found: list[int] = []
    for low, high in _ranges(program, number):
        begin = address_of(program.text, low)
        first, last = np.searchsorted(callers.targets, [begin, begin + high - low])
        found += owners(program.view, callers.offsets[first:last]).tolist()
        if program.branches is not None:
            found += owners(program.view, program.branches(program.text, begin)).tolist()
    return found


def _range(program: Program, number: int) -> tuple[int, int]:
    return int(program.view.starts[number]), int(program.view.ends[number])


def _calls(program: Program, low: int, high: int) -> Iterator[str]:
    """The imported functions that are called between two offsets."""
    first, last = np.searchsorted(program.calls.offsets, [low, high]).tolist()
    for slot in program.calls.slots[first:last].tolist():
        if slot in program.slots:
            yield program.slots[slot]


def _named(program: Program, low: int, high: int) -> list[tuple[int, int]]:
    """Where addresses are named between two offsets, as addresses, and which these are."""
    places, named = program.named_places()
    first, last = np.searchsorted(places, [low, high]).tolist()
    begin = address_of(program.text, low) - low
    return [(begin + at, one) for at, one in zip(places[first:last].tolist(), named[first:last].tolist(), strict=True)]


def _callers(program: Program, number: int) -> tuple[int, ...]:
    begin = address_of(program.text, int(program.view.starts[number]))
    inside = owners(program.view, callers_of(program.callers(), begin))
    found = [one for one in dict.fromkeys(inside.tolist()) if one >= 0]
    return tuple(one for one in dict.fromkeys(home_of(program, one) for one in found[:64]) if one != number)[
        :_MOST_CALLERS
    ]


def receivers(program: Program, number: int, address: int, is_known: Callable[[str], bool]) -> list[tuple[int, str]]:
    """The calls in the same function to which goes what a call returned, filled in or was given to work on.

    By how many steps, and the imported function's name. A step leads on from a function that ``is_known``; between two
    of these, things count that belong to the caller, too, which everything gets.
    """
    every = every_call(program, number)
    if address not in every or len(every) > _MOST_CALLS:
        return []
    found: dict[int, int] = {address: 0}
    frontier = [address]
    for step in range(1, _FAR + 1):
        own, lent = set[Atom](), set[Atom]()
        for at in frontier:
            worked_on = set(_things(program, every[at]))
            own |= {one for one in worked_on if not isinstance(one, _LENT)}
            lent |= {one for one in worked_on if isinstance(one, _LENT)}
        frontier_calls = set(frontier)
        frontier = []
        for at, call in every.items():
            symbol = imported(program, at)
            if at in found or symbol is None:
                continue
            things = set(_things(program, call))
            gave = any(isinstance(one, Result | Filled) and one.call in frontier_calls for one in things)
            if gave or things & own or (is_known(symbol) and things & lent):
                found[at] = step
                if is_known(symbol):
                    frontier.append(at)
    return sorted((step, imported(program, at) or "") for at, step in found.items() if at != address)


def _things(program: Program, call: Call) -> Iterator[Atom]:
    """What a call is given that two calls may share: pointers to what is not constant.

    Behind the last argument a register, or the stack, may hold what the function itself was passed there.
    """
    for value in _given(call):
        for one in value:
            if isinstance(one, Result | Filled | Stack | _LENT) or (
                isinstance(one, Number) and one.value >= _LEAST_ADDRESS and _may_change(program, one.value)
            ):
                yield one


def _given(call: Call) -> Sequence[Value]:
    """The arguments of a call up to the last that is not what the function around was passed in the same place."""
    end = len(call.arguments)
    while end > 1 and all(isinstance(one, Parameter) and one.number == end - 1 for one in call.arguments[end - 1]):
        end -= 1
    return call.arguments[:end]


def _may_change(program: Program, address: int) -> bool:
    """Whether an address is one of a variable."""
    inside = any(part.type == PT_LOAD and part.address <= address < part.address + part.memory_size
                 for part in program.image.segments)  # fmt: skip
    return inside and not is_constant(program.image, address)
