"""What surrounds a call: other calls in its function, those that get what it gave, texts, and who calls the function.

It is evidence of what a call is for, and decides nothing; so what is cut off, or is not seen, makes nothing wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from archscan.elf.arrays import np
from archscan.elf.calls import callers_of
from archscan.elf.code import address_of
from archscan.elf.functions import owners
from archscan.elf.image import PT_LOAD
from archscan.elf.program import Program, every_call, holds, home_of, imported, label_of
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
_MOST_NAMES, _MOST_TEXTS, _MOST_CALLERS = 48, 32, 8
_MOST_NAMED = 256  # addresses that are looked at for texts
_SHORTEST, _LONGEST = 3, 80  # characters of a text that is worth keeping
_LEAST_ADDRESS = 4096  # numbers below are no addresses
_LENT = Field | FieldAddress | Kept | Memory | Parameter  # what a caller, or anybody, may know as well


class Surroundings(msgspec.Struct, frozen=True):
    """A function's name, the imported functions that it calls, texts that it names, and the functions that call it.

    ``taken``: its address is kept or passed on, so others may call it.
    """

    name: str | None
    calls: tuple[str, ...]
    texts: tuple[str, ...]
    callers: tuple[int, ...]
    taken: bool


def surroundings(program: Program, number: int, *, passed: bool = True) -> Surroundings:
    """Those of a function, by its number; ``passed``: also the texts that it passes, which takes going through it."""
    if number < 0:
        return Surroundings(None, (), (), (), taken=False)
    ranges = [_range(program, number)] + [
        _range(program, part) for part, home in program.homes.items() if home == number and part != number
    ]
    names = [name for low, high in ranges for name in _calls(program, low, high)]
    addresses = [address for low, high in ranges for address in _named(program, low, high)]
    if passed:
        arguments = (value for call in every_call(program, number).values() for value in call.arguments)
        atoms = [one for value in arguments for one in value]
        addresses += sorted(one.value for one in atoms if isinstance(one, Number) and one.value >= _LEAST_ADDRESS)
        texts = sorted(one.text.decode("ascii", "replace") for one in atoms if isinstance(one, Text))
    else:
        texts = []
    texts += (words_at(program.image, address) for address in list(dict.fromkeys(addresses))[:_MOST_NAMED])
    kept = (text[:_LONGEST].strip() for text in texts if len(text) >= _SHORTEST)
    return Surroundings(
        label_of(program, number),
        tuple(dict.fromkeys(names))[:_MOST_NAMES],
        tuple(dict.fromkeys(kept))[:_MOST_TEXTS],
        _callers(program, number),
        holds(program.taken(), address_of(program.text, int(program.view.starts[number]))),
    )


def _range(program: Program, number: int) -> tuple[int, int]:
    return int(program.view.starts[number]), int(program.view.ends[number])


def _calls(program: Program, low: int, high: int) -> Iterator[str]:
    """The imported functions that are called between two offsets."""
    first, last = np.searchsorted(program.calls.offsets, [low, high]).tolist()
    for slot in program.calls.slots[first:last].tolist():
        if slot in program.slots:
            yield program.slots[slot]


def _named(program: Program, low: int, high: int) -> list[int]:
    """The addresses that are named between two offsets."""
    named = program.named_places()
    first, last = np.searchsorted(named[0], [low, high]).tolist()
    return list(named[1][first:last].tolist())


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
