"""Searching code whose instructions are words of 2 or 4 bytes, for processors that have no others."""

from __future__ import annotations

from collections.abc import Callable

from archscan.elf.arrays import NONE, Mask, Offsets, Words, np
from archscan.elf.code import Code, within, words

Test = Callable[[Words], Mask]
"""Whether the pattern begins at each word; the mask is shorter than the words by what the pattern looks ahead."""


def where(code: Code, size: int, test: Test) -> Offsets:
    """The places where a pattern of words begins."""
    found = [first + size * np.flatnonzero(test(run)) for first, run in words(code, size)]
    return within(code, np.concatenate(found)) if found else NONE


def word_at(code: Code, offsets: Offsets, size: int = 4) -> Offsets:
    """The word at each offset; 0 where the file has no whole one."""
    from archscan.elf.arrays import numbers

    found = np.zeros(offsets.shape, np.int64)
    whole = (offsets >= 0) & (offsets <= code.raw.size - size)
    found[whole] = numbers(code.raw, offsets[whole], size, code.order)
    return found


def nearest(own: Offsets, places: Offsets, apart: int) -> tuple[Offsets, Mask]:
    """Which of the offsets ``own`` comes last before each place, and whether it is less than ``apart`` bytes before."""
    last = np.maximum(np.searchsorted(own, places) - 1, 0)
    return last, (own[last] < places) & (places - own[last] < apart)
