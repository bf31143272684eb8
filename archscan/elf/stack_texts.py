"""Texts that a function puts together on its stack, or has put there by others."""

from __future__ import annotations

from archscan.elf.filling import CLEARING
from archscan.elf.image import Image
from archscan.elf.program import Program, imported
from archscan.elf.texts import number_at
from archscan.elf.values import Call
from archscan.elf.values.domain import Filled, Memory, Stack

_LONGEST_TEXT = 64  # bytes


def fillers(program: Program, place: Stack, call: Call) -> list[Filled]:
    """What was put where a call points to by who was given that before; the function may have changed it since."""
    told = [Filled(by, argument) for at, by, argument in call.told if at == place.at and argument >= 0]
    return [one for one in told if imported(program, one.call) not in CLEARING]


def text_on_stack(place: Stack, call: Call, image: Image) -> bytes | None:
    """The bytes up to a zero, where each slot has one known number, or a copy of one that nobody changes."""
    at, found = place.at, b""
    while len(found) < _LONGEST_TEXT and (held := call.slots.get(at)) is not None:
        width, value = held
        (one, *others) = value or (None,)
        number = number_at(image, one.address, one.width) if isinstance(one, Memory) else getattr(one, "value", None)
        if others or number is None:
            return None
        found += (number % (1 << 8 * width)).to_bytes(width, "little" if image.order == "<" else "big")
        if b"\0" in found:
            return found[: found.index(b"\0")]
        at += width
    return None
