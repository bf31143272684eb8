"""The texts of strings of C++ and Qt that a function makes on its stack, and passes by their place (`texts`).

A `std::string` of libstdc++ begins with a pointer to its characters, which may stand in the string itself
(bits/basic_string.h). A `QString` of Qt 5 is a pointer to a header, behind which its characters stand, two bytes each
(qarraydata.h, qstring.h); a literal has that among the constants of the object.
"""

from __future__ import annotations

import struct

from archscan.elf.arch.lifting import Kind, Operation
from archscan.elf.following import followed
from archscan.elf.image import Image, mapped
from archscan.elf.program import Program, called_of, callee_of, every_call, every_store, imported, run_of
from archscan.elf.stack_texts import text_on_stack
from archscan.elf.texts import is_constant
from archscan.elf.values import Call
from archscan.elf.values.domain import UNKNOWN, Atom, Filled, Number, Result, Stack, Text, Unknown, Value

_STRING = "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE"
_CREATE = f"{_STRING}9_M_createERmm"
_CONSTRUCTORS = frozenset(
    f"{_STRING}{name}"
    for name in ("C1EPKcRKS3_", "C2EPKcRKS3_", "C1IS3_EEPKcRKS3_", "C2IS3_EEPKcRKS3_",
                 "12_M_constructIPKcEEvT_S8_St20forward_iterator_tag")
)  # fmt: skip
# Functions that make a string → the argument with the characters.
_MADE_OF = {
    **dict.fromkeys(_CONSTRUCTORS, 1),
    **{f"_ZN7QString{name}EPKci": 0 for name in ("16fromAscii_helper", "17fromLatin1_helper", "15fromUtf8_helper")},
    **{f"_ZN7QString{name}EPKci": 1 for name in ("8fromUtf8", "10fromLatin1", "9fromAscii", "13fromLocal8Bit")},
    **dict.fromkeys(("_ZN7QStringC1EPKc", "_ZN7QStringC2EPKc"), 1),
}  # fmt: skip
# What a constructor of `std::string` calls that stands in the object itself.
_IN_CONSTRUCTORS = {
    _CREATE,
    f"{_STRING}13_S_copy_charsEPcPKcS7_",
    "memcpy",
    "strlen",
    "_ZSt19__throw_logic_errorPKc",
    "__stack_chk_fail",
}
_LEAVING = ("abort", "exit", "__cxa_throw", "__cxa_rethrow", "__stack_chk_fail", "_Unwind_Resume")
_HEADER = 24  # bytes of a QStringData: references, length, room, and how far behind its beginning the characters are
_LONGEST = 256  # characters
_DEEP = 1  # callers that may pass the characters
_NOTHING: Value = frozenset()


def texts(program: Program, number: int, value: Value, call: Call | None) -> Value:
    """The texts of the strings that stand where a value points on the stack of a function; anything else as it is."""
    found: set[Atom] = set()
    for one in value:
        found |= _text(program, number, one.at, call) if isinstance(one, Stack) and call else {one}
    return frozenset(found)


def _text(program: Program, number: int, place: int, call: Call) -> Value:
    """The text of the string at a place of the stack, or who made it."""
    held = call.slots.get(place)
    if held is None:
        return frozenset({Unknown("stack")})
    fillers = [one for one in held[1] if isinstance(one, Filled)]
    last = _last(program, number, place, call.address, fillers) if fillers else None
    # Where a call has made the string and the function stores nothing behind it, a pointer is that to its room.
    is_stored = not fillers or (last is not None and not last.isdisjoint(_stores(program, number, place)))
    found: set[Atom] = set()
    for one in held[1]:
        if isinstance(one, Filled) and last is not None and one.call not in last:
            continue
        if isinstance(one, Filled | Result):
            found |= _made_of(program, number, one)
        elif isinstance(one, Stack):
            found |= _characters(program, one, call) if is_stored else _NOTHING
        elif isinstance(one, Number):
            found.add(_literal(program.image, one.value) or Unknown("no-string"))
        else:
            found.add(one)
    return frozenset(found or {Unknown("stack")})


def _characters(program: Program, place: Stack, call: Call) -> Value:
    """The characters of a string that a function has stored itself, at the end of it, if they are known."""
    text = text_on_stack(place, call, program.image)
    return frozenset({Unknown("stack-address") if text is None else Text(text)})


def _stores(program: Program, number: int, place: int) -> set[int]:
    """Where a function stores something at a place of its stack."""
    return {one.address for one in every_store(program, number) if Stack(place) in one.to}


def _last(program: Program, number: int, place: int, call: int, fillers: list[Filled]) -> set[int] | None:
    """The calls and stores that a place of the stack may have its content from at a call, by their addresses.

    A constructor of a string leaves nothing of what stood there, and neither does a store; other calls may leave all.
    None where the call is in no block that is gone through.
    """
    run = run_of(program, number)
    over = _stores(program, number, place) | {one.call for one in fillers if _constructs(program, number, one)}
    told = over | {one.call for one in fillers}
    before: dict[int, list[int]] = {}
    for start in run.states:
        for one in run.blocks[start].followed_by:
            before.setdefault(one, []).append(start)
    block = next((one for one in run.states if any(at == call for at, _, _ in run.blocks[one].rows)), None)
    if block is None:
        return None
    found: set[int] = set()
    waiting, seen = [(block, True)], set[tuple[int, bool]]()
    while waiting:
        start, is_first = waiting.pop()
        if (start, is_first) in seen:
            continue
        seen.add((start, is_first))
        for at, _, does in reversed(run.blocks[start].rows):
            if is_first and at >= call:
                continue
            found |= {at} & told
            if at in over or _is_left(program, at, does):
                break
        else:
            waiting += [(one, False) for one in before.get(start, ())]
    return found


def _is_left(program: Program, address: int, does: Operation) -> bool:
    """Whether a call leaves the function for good, as what throws an exception of the standard library."""
    symbol = imported(program, address) if does.kind == Kind.CALL else None
    return symbol is not None and (symbol in _LEAVING or (symbol.startswith("_ZSt") and "__throw_" in symbol))


def _constructs(program: Program, number: int, maker: Filled) -> bool:
    """Whether a call makes a `std::string` of characters where its first argument points."""
    symbol = imported(program, maker.call)
    known = _is_constructor(program, number, maker.call) if symbol is None else symbol in _CONSTRUCTORS
    return known and (maker.argument, maker.at) == (0, 0)


def _made_of(program: Program, number: int, maker: Filled | Result) -> Value:
    """The characters of which a call made a string; the same where it is none that makes one of characters."""
    symbol = imported(program, maker.call)
    argument = _MADE_OF.get(
        symbol or "", 1 if symbol is None and _is_constructor(program, number, maker.call) else None
    )
    made = every_call(program, number).get(maker.call)
    if argument is None or made is None:
        return frozenset({maker})
    if isinstance(maker, Filled) and maker.argument and (symbol is None or symbol in _CONSTRUCTORS):
        return _NOTHING  # the place of the allocator, which has no members
    return followed(
        program, number, made.arguments[argument] if argument < len(made.arguments) else UNKNOWN, _DEEP, made
    )


def _is_constructor(program: Program, number: int, call: int) -> bool:
    """Whether a call goes to a constructor of `std::string` from characters, by what that calls."""
    callee = callee_of(program, number, call)
    called = {imported(program, one.address) for one in called_of(program, callee)} if callee >= 0 else set()
    return _CREATE in called and called <= _IN_CONSTRUCTORS


def _literal(image: Image, address: int) -> Text | None:
    """The text of a `QStringLiteral`: its header says that nobody counts references, and how long it is."""
    header = mapped(image, address, _HEADER) if 0 <= address < 1 << 62 else b""
    if len(header) < _HEADER:
        return None
    references, length, distance = struct.unpack(image.order + "ii8xq", header)
    if references != -1 or distance != _HEADER or not 0 <= length <= _LONGEST:
        return None
    raw = mapped(image, address + distance, 2 * length)
    text = raw.decode("utf-16-le" if image.order == "<" else "utf-16-be", "replace")
    return Text(text.encode()) if text.isascii() and len(text) == length and is_constant(image, address) else None
