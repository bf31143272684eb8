"""The texts of strings of C++ and Qt that a function makes on its stack, and passes by their place (`texts`).

A `std::string` of libstdc++ begins with a pointer to its characters, which may stand in the string itself
(bits/basic_string.h). A `QString` of Qt 5 is a pointer to a header, behind which its characters stand, two bytes each
(qarraydata.h, qstring.h); a literal has that among the constants of the object.
"""

from __future__ import annotations

import struct

from archscan.elf.following import followed
from archscan.elf.image import Image, mapped
from archscan.elf.program import Program, called_of, callee_of, every_call, imported
from archscan.elf.stack_texts import text_on_stack
from archscan.elf.texts import is_constant
from archscan.elf.values import Call
from archscan.elf.values.domain import UNKNOWN, Atom, Filled, Number, Result, Stack, Text, Unknown, Value

_STRING = "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE"
_CREATE = f"{_STRING}9_M_createERmm"
# Functions that make a string → the argument with the characters.
_MADE_OF = {
    **{f"{_STRING}{name}": 1 for name in ("C1EPKcRKS3_", "C2EPKcRKS3_", "C1IS3_EEPKcRKS3_", "C2IS3_EEPKcRKS3_",
                                          "12_M_constructIPKcEEvT_S8_St20forward_iterator_tag")},
    **{f"_ZN7QString{name}EPKci": 0 for name in ("16fromAscii_helper", "17fromLatin1_helper", "15fromUtf8_helper")},
    **{f"_ZN7QString{name}EPKci": 1 for name in ("8fromUtf8", "10fromLatin1", "9fromAscii", "13fromLocal8Bit")},
    **dict.fromkeys(("_ZN7QStringC1EPKc", "_ZN7QStringC2EPKc"), 1),
}  # fmt: skip
# What a constructor of `std::string` calls that stands in the object itself.
_IN_CONSTRUCTORS = {_CREATE, "memcpy", "strlen", "_ZSt19__throw_logic_errorPKc", "__stack_chk_fail"}
_HEADER = 24  # bytes of a QStringData: references, length, room, and how far behind its beginning the characters are
_LONGEST = 256  # characters
_DEEP = 1  # callers that may pass the characters


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
    makers = [one for one in held[1] if isinstance(one, Filled | Result)]
    found: set[Atom] = set()
    for one in held[1]:
        if isinstance(one, Filled | Result):
            found |= _made_of(program, number, one)
        elif isinstance(one, Stack):
            text = text_on_stack(one, call, program.image)
            if text is not None:
                found.add(Text(text))
            elif not makers:  # else it is the room for what a call has made
                found.add(Unknown("stack-address"))
        elif isinstance(one, Number):
            found.add(_literal(program.image, one.value) or Unknown("no-string"))
        else:
            found.add(one)
    return frozenset(found)


def _made_of(program: Program, number: int, maker: Filled | Result) -> Value:
    """The characters of which a call made a string; the same where it is none that makes one of characters."""
    symbol = imported(program, maker.call)
    argument = _MADE_OF.get(
        symbol or "", 1 if symbol is None and _is_constructor(program, number, maker.call) else None
    )
    made = every_call(program, number).get(maker.call)
    if argument is None or made is None:
        return frozenset({maker})
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
