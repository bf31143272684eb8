"""Values beyond one function: what callers pass, what own functions return or fill in, what is kept in variables.

Within the object, and as far as a few steps; every function is decoded once.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from archscan.elf.arrays import NONE, Offsets, holds, np
from archscan.elf.calls import callers_of
from archscan.elf.code import address_of
from archscan.elf.counted import counted
from archscan.elf.functions import is_exported
from archscan.elf.image import PT_INTERP
from archscan.elf.kept import kept
from archscan.elf.passed_on import changed, distances, leaves_text, meets, passed_on, stored_at
from archscan.elf.program import (
    Program,
    by_function,
    called_of,
    callee_of,
    calls_of,
    every_call,
    every_store,
    homes,
    instructions_of,
    is_whole,
    label_of,
    leaves,
    left_out_by,
    only_reads,
    results_of,
    returns_of,
    run_of,
)
from archscan.elf.stack_texts import fillers, text_on_stack
from archscan.elf.structures import NEVER_STORED, as_passed, at_place, moved
from archscan.elf.texts import number_at
from archscan.elf.values import Call
from archscan.elf.values.arithmetic import computed
from archscan.elf.values.domain import (
    MANY,
    MOST,
    UNKNOWN,
    Along,
    Atom,
    Computed,
    Element,
    Field,
    FieldAddress,
    Filled,
    Memory,
    Number,
    Parameter,
    Pointer,
    Result,
    Stack,
    Text,
    Unknown,
    Value,
)
from archscan.elf.values.unlike import Wanted, as_read, unlike

_MOST_CALLERS = 64
_NEAR = 64  # bytes before a variable from where an address that is taken reaches it
_FOLLOWED = Computed | Parameter | Result | Memory | Field | FieldAddress | Filled | Stack
_DECIDED = Number | Memory | Element | Along | Text
_HALF, _NEGATIVE = 1 << 32, (1 << 64) - (1 << 31)  # numbers between do not stand in half of 64 bits
_NOTHING: Value = frozenset()


def followed(
    program: Program, number: int, value: Value, depth: int, call: Call | None = None, *, passed: bool = False
) -> Value:
    """The same with what callers within the object pass, instead of parameters of a function that is not exported.

    With what own functions returned or filled in instead of that they did, with what is stored in a variable instead
    of itself, and with what stands in a structure of which a caller is known. And, where it is passed by a ``call``,
    with what was put where it points to on the stack; where it is ``passed`` as an argument, without the numbers that
    comparisons say it is not.
    """
    if len(value) < 2 and not any(isinstance(one, _FOLLOWED | Along | Element) for one in value):
        return value
    found = {
        one: _on_stack(program, number, one, depth, call)
        if isinstance(one, Stack) and call
        else _of_one(program, number, one, depth)
        for one in value
    }
    left = _compared_with(program, number, value, found, call) if call and passed else found
    every = _NOTHING.union(*left.values())
    return _bounded(every) if every else NEVER_STORED


def _compared_with(
    program: Program, number: int, value: Value, found: Mapping[Atom, Value], call: Call
) -> Mapping[Atom, Value]:
    """What the values of an argument were found to be, without the numbers that comparisons say it is not."""
    if sum(map(len, found.values())) < 2 and not any(isinstance(one, Element) for one in value):
        return found
    numbers = frozenset(one.value for some in found.values() for one in some if isinstance(one, Number))
    several = any(isinstance(one, Element) for some in found.values() for one in some)
    asked = frozenset(as_read(one) for one in value if any(isinstance(some, Number | Element) for some in found[one]))
    if not asked:
        return found
    told = unlike(run_of(program, number), call, value, Wanted(asked, None if several else numbers))
    left = {one: _without(some, told.get(as_read(one), frozenset())) for one, some in found.items()}
    return left if any(left.values()) else found


def _without(value: Value, numbers: frozenset[int]) -> Value:
    """A value that is none of some numbers."""
    if not numbers:
        return value
    return frozenset(
        msgspec.structs.replace(one, unlike=tuple(sorted({*one.unlike, *numbers}))) if isinstance(one, Element) else one
        for one in value
        if not isinstance(one, Number) or one.value not in numbers
    )


def _on_stack(program: Program, number: int, place: Stack, depth: int, call: Call) -> Value:
    """The text that a function has put together, or what others have put where a call points them to."""
    text = text_on_stack(place, call, program.image)
    if text is not None:
        return frozenset({Text(text)})
    held = call.slots.get(place.at)
    filled = [one for one in held[1] if isinstance(one, Filled)] if held else []
    filled = filled or fillers(program, place, call)
    found = _NOTHING.union(*(_of_one(program, number, one, depth) for one in filled))
    return frozenset(one for one in found if isinstance(one, Filled)) or frozenset({place})


def _of_one(program: Program, number: int, one: Atom, depth: int) -> Value:
    if isinstance(one, Parameter):
        return _given(program, number, one, depth)
    if isinstance(one, Result):
        return _returned(program, number, one, depth)
    if isinstance(one, Memory):
        return kept(program, one, depth, followed)
    if isinstance(one, Filled):
        return _filled(program, number, one, depth)
    if isinstance(one, FieldAddress):
        return moved(one, _of_one(program, number, one.of, depth))
    if isinstance(one, Computed):
        return computed(one, _of_one(program, number, one.of, depth))
    if isinstance(one, Along | Element):
        return counted(one, lambda other: _of_one(program, number, other, depth))
    return _in_structure(program, number, one, depth) if isinstance(one, Field) else frozenset({one})


def _bounded(value: Value) -> Value:
    return value if len(value) <= MOST else MANY


def _given(program: Program, number: int, parameter: Parameter, depth: int) -> Value:
    """What a parameter may be: of a function that others may call, also itself with the function's name."""
    if parameter.of:
        return frozenset({parameter})
    if is_exported(program.view, number):
        return frozenset({_named(program, number, parameter.number)})
    return _passed(program, number, parameter.number, depth)


def _named(program: Program, number: int, argument: int, *, taken: bool = False) -> Parameter:
    """A parameter with its function's name; that of `main` the start code passes, though some linkers export it."""
    label = label_of(program, number) or ""
    started = label == "main" and any(part.type == PT_INTERP for part in program.image.segments)
    return Parameter(argument, label, taken or started)


def _returned(program: Program, number: int, result: Result, depth: int) -> Value:
    """What a function of the object returned from a call; what one of another object did stays as it is."""
    key = number, result.call, depth
    if key not in program.returned:
        program.returned[key] = frozenset({Unknown("recursive")})  # while it is looked at
        program.returned[key] = _result_of(program, number, result, depth)
    return program.returned[key]


def _result_of(program: Program, number: int, result: Result, depth: int) -> Value:
    callee = callee_of(program, number, result.call)
    if callee < 0 or not depth:
        return frozenset({result})
    returns, results, found = returns_of(program, callee), results_of(program, callee), _NOTHING
    out = _left_out(program, number, callee, result.call)
    for at in returns - out:
        found |= results[at].result if at in results else UNKNOWN
    ends = {at for at, _, does in instructions_of(program, callee) if leaves(program, callee, does)}
    found |= {Result(at) for at in ends - out}
    return _in_caller(program, number, callee, result.call, found, depth - 1) if found else frozenset({result})


def _left_out(program: Program, number: int, callee: int, at: int) -> frozenset[int]:
    """The instructions of a function that are not gone through when it is called at an address of another one."""
    call = calls_of(program, number, frozenset({at})).get(at)
    return left_out_by(program, callee, call.arguments) if call else frozenset()


def _filled(program: Program, number: int, filled: Filled, depth: int) -> Value:
    """What a function of the object put where an argument pointed; nothing where it only reads what is there."""
    callee = callee_of(program, number, filled.call)
    if callee < 0 or not depth or not is_whole(program, callee):
        return frozenset({filled})
    if _keeps(program, callee, filled.argument, returned=_is_used(program, number, filled.call)):
        return frozenset({filled})  # who stores by way of the pointer was not looked for
    found, out = _NOTHING, _left_out(program, number, callee, filled.call)
    for store in every_store(program, callee):
        if store.address in out:
            continue
        stored = stored_at(store, filled.argument, filled.at)
        if stored is None:
            return frozenset({filled})
        found |= stored
    for call in called_of(program, callee):
        for place, value in enumerate(() if call.address in out else call.arguments):
            ways = distances(value, filled.argument)
            if ways and not only_reads(program, call.address, place):
                if None in ways:
                    return frozenset({filled})
                found |= {Filled(call.address, place, filled.at - far) for far in ways if far is not None}
    return _halved(program, _in_caller(program, number, callee, filled.call, found, depth - 1))


def _halved(program: Program, value: Value) -> Value:
    """The same without numbers of several fields that are stored at once: nobody knows which of them is read."""
    wide = []
    for one in value:
        of = one.value if isinstance(one, Number) else None
        if isinstance(one, Memory) and one.address not in program.slots:
            of = number_at(program.image, one.address, one.width)
        if of is not None and _HALF <= of < _NEGATIVE:
            wide.append(one)
    return value.difference(wide) | {Unknown("field")} if wide else value


def _is_used(program: Program, number: int, call: int) -> bool:
    """Whether a function goes by what a call returned, as an address."""
    calls, stores = every_call(program, number).values(), every_store(program, number)
    values = [*(store.to for store in stores), *(one for made in calls for one in made.arguments)]
    values += [made.result for made in results_of(program, number).values()]
    return any(Result(call) in {getattr(one, "of", one) for one in value} for value in values)


def _keeps(program: Program, callee: int, argument: int, *, returned: bool) -> bool:
    """Whether a function stores one of its parameters where others may find it, or returns it to who uses that."""
    calls = every_call(program, callee)
    passed = [one.at for call in calls.values() for value in call.arguments for one in value if isinstance(one, Stack)]
    for store in every_store(program, callee):
        if distances(store.stored, argument):
            places = [one.at for one in store.to if isinstance(one, Stack)]
            if len(places) < len(store.to) or any(at - _NEAR < one <= at for at in places for one in passed):
                return True
    returns = returns_of(program, callee) if returned else ()
    return any(distances(calls[at].result, argument) for at in returns if at in calls)


def _in_caller(program: Program, number: int, callee: int, at: int, value: Value, depth: int) -> Value:
    """What a function returned or filled in, its parameters being what the call at an address passed."""
    call = calls_of(program, number, frozenset({at})).get(at)
    found = _NOTHING
    for one in value:
        passed = as_passed(call, one)
        if passed is None:
            found |= followed(program, callee, frozenset({one}), depth)
            continue
        came = _text_lost(followed(program, number, passed, depth, call, passed=isinstance(one, Parameter)))
        place = one
        while isinstance(place, Computed | FieldAddress):
            place = place.of
        if isinstance(place, Field) and any(isinstance(some, _DECIDED) for some in came):
            came |= followed(program, callee, changed(program, callee, call, place), depth)
        found |= came
    return _bounded(found)


def _text_lost(value: Value) -> Value:
    """The same where a text on the stack may have been changed since it was passed."""
    return frozenset(Unknown("stack-address") if isinstance(one, Text) else one for one in value)


def _in_structure(program: Program, number: int, place: Field, depth: int) -> Value:
    """What stands where something points, as far as who passed, returned or filled that in is known."""
    if isinstance(place.of, Parameter):
        if place.of.of or is_exported(program.view, number):
            of = place.of if place.of.of else _named(program, number, place.of.number)
            return frozenset({msgspec.structs.replace(place, of=of)})
        return _passed(program, number, place.of.number, depth, place)
    if place.of in program.open:
        return frozenset({msgspec.structs.replace(place, at=None)})  # a pointer that is moved on from where it was
    program.open.add(place.of)
    try:
        return _behind(program, number, place, depth)
    finally:
        program.open.discard(place.of)


def _kept_address(program: Program, place: Pointer) -> Value:
    """The address in the object that stands in a place of it which nobody changes; nothing for any other place."""
    if not isinstance(place, Memory) or place.address in program.slots or place.width != program.lift.word:
        return frozenset()
    number = number_at(program.image, place.address, place.width)
    return frozenset({Number(number)} if number else ())


def _behind(program: Program, number: int, place: Field, depth: int) -> Value:
    """What stands where a pointer points that is no parameter."""
    pointers = _of_one(program, number, place.of, depth)
    pointers = _kept_address(program, place.of) if pointers == {place.of} else pointers
    if not pointers:
        return frozenset({place})
    return _NOTHING.union(*(_of_one(program, number, one, 0) for one in at_place(pointers, place, None)))


def _passed(program: Program, number: int, argument: int, depth: int, place: Field | None = None) -> Value:
    """What all callers of a function pass as one of its arguments, or what stands in a ``place`` there."""
    key = number, argument, depth, (place.at, place.width, place.again) if place else None
    if key not in program.given:
        program.given[key] = frozenset({Unknown("recursive")})  # while it is looked at
        found = _from_callers(program, number, argument, depth, place)
        if place is not None and depth and any(isinstance(one, _DECIDED) for one in found):
            # What the function passes on may have been changed by whom it was passed to, before it was read.
            put = passed_on(program, number, argument, place)
            found = _bounded(found | (followed(program, number, put, depth - 1) if put else _NOTHING))
        if any(isinstance(one, Text) for one in found) and not leaves_text(program, number, argument, depth):
            found = _text_lost(found)
        program.given[key] = found
    return program.given[key]


def _from_callers(program: Program, number: int, argument: int, depth: int, place: Field | None) -> Value:
    begin = address_of(program.text, int(program.view.starts[number]))
    sites, others = callers_of(program.callers(), begin), _branching(program, number, begin)
    taken, count = holds(program.taken(), begin), sites.size + others.size
    parameter = msgspec.structs.replace(_named(program, number, argument, taken=taken), uncalled=not taken)
    nobody = frozenset({parameter if place is None else msgspec.structs.replace(place, of=parameter)})
    if count and not taken and (not depth or count > _MOST_CALLERS):
        return frozenset({Unknown("too-many-callers" if depth else "too-deep")})
    found: Value = nobody if taken else _NOTHING
    if not depth or not 0 < count <= _MOST_CALLERS:
        return nobody
    for caller, offsets in by_function(program, np.union1d(sites, others)):
        wanted = frozenset(address_of(program.text, offset) for offset in offsets.tolist())
        # Bytes that look like a call may be none, but between functions nobody can tell.
        real = wanted & {at for at, _, _ in instructions_of(program, caller)} if caller >= 0 else wanted
        calls = calls_of(program, caller, real)
        if len(calls) < len(real) or (caller >= 0 and not program.known.get(caller)):
            return found | {Unknown("caller-not-read")}
        for call in calls.values():
            value = call.arguments[argument] if argument < len(call.arguments) else UNKNOWN
            value = value if place is None else at_place(value, place, call)
            came = followed(program, caller, value, depth - 1, call, passed=place is None)
            if (
                place is not None
                and any(isinstance(one, _DECIDED) for one in came)
                and meets(program, number, call, argument, place)
            ):
                came |= {Unknown("field")}
            found |= came
        if len(found) > MOST:
            return MANY
    return found or nobody


def _branching(program: Program, number: int, begin: int) -> Offsets:
    """What else leads to a function from outside of it."""
    found = program.branches(program.text, begin) if program.branches else NONE
    outside: Offsets = found[homes(program, found) != number]
    return outside
