"""Calls that are given the place of a result, without which the caller would have no local variable (IA-32).

gcc calls its own functions for numbers of 128 bits so, which take that address off the stack themselves, and for a
quotient and a remainder of 64 bits at once (libgcc, `__divmoddi4`). It gives the caller no canary for that.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from archscan.elf.arch.idioms import Text
from archscan.elf.arrays import np
from archscan.elf.code import offsets_of
from archscan.elf.functions import owners
from archscan.elf.inspection import Inspection, instructions

Line = tuple[int, str, str]

_TO = re.compile(r"0x[0-9a-f]+$")
_BEFORE = 16  # instructions before a call among which its arguments are
_DIVISIONS = 3  # instructions at least, in `__divmoddi4` and `__udivmoddi4`
_DIVISION = 5  # words: two numbers, and where the remainder goes


def without_results(found: Inspection, text: Text, lines: Iterable[Line]) -> Iterator[Line]:
    """The instructions; where one pushes the address of a result for such a call, one that clears its register."""
    if text.pops_result is None or text.pushed is None:
        yield from lines
        return
    held: deque[Line] = deque()
    for row in lines:
        if text.call.match(f"{row[1]} {row[2]}"):
            _clear(found, text, row[2], held)
            yield from (*held, row)
            held.clear()
            continue
        held.append(row)
        if len(held) > _BEFORE:
            yield held.popleft()
    yield from held


def _clear(found: Inspection, text: Text, callee: str, held: deque[Line]) -> None:
    """Changes what pushes the address of a result for the function that is called."""
    pushes = [place for place, row in enumerate(held) if row[1] == "push"]
    for count, is_result in ((1, _pops_result), (_DIVISION, _divides)):
        if len(pushes) < count:
            continue
        at, *pushed = held[pushes[-count]]
        if text.pushed and text.pushed.match(" ".join(pushed)) and is_result(text, _body(found, callee)):
            held[pushes[-count]] = at, "xor", f"{pushed[1]}, {pushed[1]}"


def _body(found: Inspection, operand: str) -> list[str]:
    """The instructions of the function that a call names; none where it does not."""
    if not _TO.match(operand):
        return []
    number = int(owners(found.view, offsets_of(found.text, np.array([int(operand, 16)], np.int64)))[0])
    return [f"{mnemonic} {operands}" for _, mnemonic, operands in instructions(found, number)] if number >= 0 else []


def _pops_result(text: Text, body: list[str]) -> bool:
    """Whether a function takes an address off the stack as it returns."""
    return text.pops_result is not None and any(map(text.pops_result.match, body))


def _divides(text: Text, body: list[str]) -> bool:
    """Whether a function divides as libgcc does it: in several ways, one of them by shifting, and without a call."""
    divisions, shifts = (sum(line.startswith(word) for line in body) for word in ("div ", ("bsr ", "lzcnt ")))
    return divisions >= _DIVISIONS and shifts > 0 and not any(map(text.call.match, body))
