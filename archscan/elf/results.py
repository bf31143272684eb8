"""Calls that are given the place of their result, and take its address off the stack themselves (IA-32).

gcc calls its own functions for numbers of 128 bits so, and gives the caller no canary for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archscan.elf.arch.idioms import Text
from archscan.elf.arrays import np
from archscan.elf.code import offsets_of
from archscan.elf.functions import owners
from archscan.elf.inspection import Inspection, instructions

Line = tuple[int, str, str]

_TO = re.compile(r"0x[0-9a-f]+$")
_BETWEEN = 4  # instructions between the last argument and the call


def without_results(found: Inspection, text: Text, lines: Iterable[Line]) -> Iterator[Line]:
    """The instructions; where one pushes the address of a result for such a call, one that clears its register."""
    if text.pops_result is None or text.pushed is None:
        yield from lines
        return
    held: list[Line] = []
    for row in lines:
        line = f"{row[1]} {row[2]}"
        if text.pushed.match(line):
            yield from held
            held = [row]
        elif not held:
            yield row
        elif text.call.match(line) or len(held) > _BETWEEN:
            if text.call.match(line) and _pops_result(found, text, row[2]):
                at, _, register = held[0]
                held[0] = at, "xor", f"{register}, {register}"
            yield from (*held, row)
            held = []
        else:
            held.append(row)
    yield from held


def _pops_result(found: Inspection, text: Text, operand: str) -> bool:
    """Whether the function at an address returns so."""
    if text.pops_result is None or not _TO.match(operand):
        return False
    number = int(owners(found.view, offsets_of(found.text, np.array([int(operand, 16)], np.int64)))[0])
    return number >= 0 and any(
        text.pops_result.match(f"{mnemonic} {operands}") for _, mnemonic, operands in instructions(found, number)
    )
