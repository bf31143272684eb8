"""Numbers of 32 bits that code puts together from two instructions, for processors whose instructions hold no more.

Each processor says which instructions set an upper half and which complete it; what is common is the order in which
that is asked: of the upper halves only those of a number that is looked for, and of these the nearest completion.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from archscan.elf.arch.idioms import Pairs
from archscan.elf.arrays import NONE, Mask, Offsets, Words, np
from archscan.elf.code import Code, within, words

_NEAR = 512  # words between the two: where registers are plenty, gcc puts halves together long before they are needed
_MOST = 20_000  # upper halves of one object that are followed; a library of hash functions has some hundred
_TOGETHER = 1 << 18  # pairs that are looked at at once


class Instructions(msgspec.Struct, frozen=True):
    """Where code computes SHA-1 in hardware, by the names of the instructions, of which each must be there so often.

    Data and pieces of other instructions look like one of them now and then, but never like all.
    """

    find: Callable[[Code], dict[str, Offsets]]
    least: int


Immediates = Callable[[Code, Offsets], Pairs]
"""Where code makes one of some numbers (sorted), and which."""

Completes = Callable[[Offsets, Offsets], tuple[Mask, Offsets]]
"""Of words with upper halves and as many others: whether the second completes the first, and the number then."""


def around(reach: int = _NEAR) -> Offsets:
    """The distances in which a completion is looked for, the nearest first."""
    return np.array([distance for near in range(1, reach + 1) for distance in (near, -near)], np.int64)


def behind(reach: int = _NEAR) -> Offsets:
    """The same where it always follows."""
    return np.arange(1, reach + 1, dtype=np.int64)


def upper_halves(wanted: Offsets) -> Mask:
    """For each number of 16 bits whether it may be the upper half of one that is wanted.

    Or one more than that, where the lower half is added with its sign.
    """
    table = np.zeros(1 << 16, np.bool_)
    table[wanted >> 16] = table[((wanted >> 16) + 1) & 0xFFFF] = True
    return table


def made(
    code: Code, size: int, wanted: Offsets, begins: Callable[[Words], Mask], completes: Completes, steps: Offsets
) -> Pairs:
    """Where code in words of ``size`` bytes makes one of the numbers, and which: ``begins`` names upper halves.

    Words of two bytes are handed to ``completes`` with the next one above them.
    """
    offsets, numbers = [NONE], [NONE]
    for first, run in words(code, size):
        at = np.flatnonzero(begins(run))[:_MOST]
        for low in range(0, at.size, _TOGETHER // steps.size):
            some = at[low : low + _TOGETHER // steps.size]
            values = _completed(run, some, wanted, completes, steps)
            offsets.append(first + size * some[values >= 0])
            numbers.append(values[values >= 0])
    found, values = np.concatenate(offsets), np.concatenate(numbers)
    inside = np.isin(found, within(code, found))
    return found[inside], values[inside]


def _completed(run: Words, at: Offsets, wanted: Offsets, completes: Completes, steps: Offsets) -> Offsets:
    """The wanted number that the nearest completion makes of each upper half, or -1."""
    places = at[:, np.newaxis] + steps
    inside = (places >= 0) & (places < run.size)
    fits, made_ = completes(_word(run, at)[:, np.newaxis], _word(run, np.where(inside, places, 0)))
    rows, columns = np.nonzero(fits & inside)
    numbers = made_[rows, columns]
    known = np.isin(numbers, wanted)
    values = np.full(at.shape, -1, np.int64)
    # Of several the first in a row, which is the nearest, is written last.
    values[rows[known][::-1]] = numbers[known][::-1]
    return values


def _word(run: Words, at: Offsets) -> Offsets:
    """The words at some places; of halfwords two as one."""
    low = run[at].astype(np.int64)
    if run.itemsize == 4:
        return low
    following = np.minimum(at + 1, run.size - 1)
    return low | run[following].astype(np.int64) << 16


def signed(value: Offsets, bits: int) -> Offsets:
    """The numbers of so many bits with their sign."""
    return (value ^ 1 << bits - 1) - (1 << bits - 1)
