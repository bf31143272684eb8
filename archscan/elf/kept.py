"""What variables of an object hold, and who stores there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from archscan.elf.arrays import np
from archscan.elf.filling import CLEARING
from archscan.elf.program import Program, called_of, every_store, homes, imported, is_whole, label_of, only_reads
from archscan.elf.values import Call
from archscan.elf.values.domain import Atom, Computed, Field, Kept, Memory, Number, Parameter, Unknown, Value

_MOST_STORING, _FEW = 16, 8  # functions that name a variable, and one whose address is taken
_MOST_VARIABLES = 64  # of an object; each is searched for in all of its code
_NEAR, _FAR = 64, 4096  # bytes before a variable from where an address that is taken reaches it, or may
_WIDEST = 16  # bytes that are stored at once
_NOTHING: Value = frozenset()
Follow = Callable[[Program, int, Value, int], Value]


def kept(program: Program, variable: Memory, depth: int, followed: Follow) -> Value:
    """What a variable may hold: what it holds from the beginning, and what functions store there.

    Itself where that is not known: it is constant, or no variable of this object alone, or nobody is seen to store
    there. Where it may be a part of something whose address is taken, it is nothing in particular that is stored, and
    who passes the address on may do so. ``followed`` goes on from what a function stores. Of one in which other objects
    may store something nobody knows what it holds.
    """
    at = variable.address
    if name := program.shared(at):
        return frozenset({Kept(at, name, shared=True)})
    if variable not in program.variables:
        program.variables[variable] = frozenset({variable})  # also while it is looked at
        beginning = program.begins_with(at) if depth and len(program.variables) <= _MOST_VARIABLES else None
        far, near, end = np.searchsorted(program.taken(), [at - _FAR, at - _NEAR, at + 1]).tolist()
        if beginning is not None and program.named is not None:
            most = _MOST_STORING if near == end else _FEW
            stored = _stored(program, variable, depth, followed, most, alone=far == end)
            if far < end:
                before = program.taken()[near if near < end else end - 1 : end].tolist()
                given = _given(program, variable, before[-1:], near=near < end)
                stored |= given or _given(program, variable, before, near=near < end)
                stored = frozenset(
                    one for one in stored if not isinstance(one, Unknown)
                )  # who has it, may store anything
                stored = stored if any(isinstance(one, Kept) for one in stored) else _NOTHING
            if stored or far == end:
                above = program.lift.word - variable.width if program.lift.big_endian else 0
                low = (beginning >> 8 * above) % (1 << 8 * variable.width)
                program.variables[variable] = frozenset({Number(low)}) | stored
    return program.variables[variable]


def _stored(program: Program, variable: Memory, depth: int, followed: Follow, most: int, *, alone: bool) -> Value:
    """What functions store in a variable; also who did, where that is nothing in particular, or it is not ``alone``."""
    assert program.named is not None
    at = variable.address
    naming = program.named(program.text, at - _WIDEST + 4, at)
    numbers = np.unique(homes(program, naming)).tolist()
    if -1 in numbers:
        return frozenset({Unknown("variable")})
    found, every = _NOTHING, len(numbers) <= most
    for number in numbers[:most]:
        if not is_whole(program, number):
            return frozenset({Unknown("variable")})
        by: Value = frozenset({Kept(at, label_of(program, number) or "")})
        for store in every_store(program, number):
            if Number(at) in store.to and store.width == variable.width:
                value = followed(program, number, store.stored, depth - 1)
                found |= by if any(isinstance(one, Unknown | Computed | Parameter | Field) for one in value) else value
                found |= _NOTHING if alone else by
            elif any(_reaches(one, store.width, variable) for one in store.to):
                found |= by
    if every:
        return found
    # What others store nobody has looked at; so it is who stores there that is told, if that is no number.
    return frozenset(one for one in found if isinstance(one, Kept)) or frozenset({Unknown("variable")})


def _given(program: Program, variable: Memory, taken: Sequence[int], *, near: bool) -> Value:
    """The functions that store in a variable, or pass its address on, by way of one that is ``taken`` before it.

    Compilers count several variables from one address. The last, if it is ``near``, may be of what the variable is in.
    """
    assert program.named is not None
    numbers = np.unique(homes(program, program.named(program.text, taken[0], taken[-1]))).tolist()
    addresses = frozenset({Number(variable.address), Number(taken[-1] if near else variable.address)})
    found: set[Kept] = set()
    for number in numbers if len(numbers) <= _FEW else ():
        by = Kept(variable.address, label_of(program, number) or "")
        if any(_reaches(one, store.width, variable) for store in every_store(program, number) for one in store.to):
            found.add(by)
        if any(_is_filled(program, call, addresses) for call in called_of(program, number)):
            found.add(msgspec.structs.replace(by, given=True))
    return frozenset(found)


def _is_filled(program: Program, call: Call, addresses: Value) -> bool:
    """Whether a call may store something at one of some addresses that it is given."""
    given = [place for place, value in enumerate(call.arguments[: len(program.lift.arguments)]) if value & addresses]
    may = any(not only_reads(program, call.address, place) for place in given)
    return may and imported(program, call.address) not in CLEARING


def _reaches(to: Atom, width: int, variable: Memory) -> bool:
    """Whether a store of some bytes to an address changes a variable."""
    end = variable.address + variable.width
    return isinstance(to, Number) and to.value < end and variable.address < to.value + (width or _WIDEST)
