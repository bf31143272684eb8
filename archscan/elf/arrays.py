"""NumPy, and the few ways in which bytes of an object are looked at with it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["NONE", "Bytes", "Mask", "Offsets", "Pattern", "Words", "among", "distinct", "find", "np", "numbers"]

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]  # or of 16 bits
Mask = npt.NDArray[np.bool_]

Pattern = tuple[int | tuple[int, int] | None, ...]
"""Bytes: each a value, a value of some bits and the mask of these, or anything."""

NONE: Offsets = np.zeros(0, np.int64)
_STEP = 1 << 18  # bytes looked at together: what a processor's cache holds
_DENSE = 3  # bytes of a pattern that are compared everywhere; after that few places are left


def find(raw: Bytes, low: int, high: int, pattern: Pattern) -> Offsets:
    """Where in ``raw[low:high]`` the bytes of a pattern stand whole, as offsets into ``raw``."""
    wanted = [(place, *_masked(byte)) for place, byte in enumerate(pattern) if byte is not None]
    found = []
    last = high - len(pattern) + 1
    for start in range(low, last, _STEP):
        end = min(start + _STEP, last)
        place, value, mask = wanted[0]
        here = _equal(raw[start + place : end + place], value, mask)
        for place, value, mask in wanted[1:_DENSE]:
            here &= _equal(raw[start + place : end + place], value, mask)
        at = np.flatnonzero(here) + start
        for place, value, mask in wanted[_DENSE:]:
            at = at[_equal(raw[at + place], value, mask)]
        found.append(at)
    return np.concatenate(found) if found else NONE


def _masked(byte: int | tuple[int, int]) -> tuple[int, int]:
    return byte if isinstance(byte, tuple) else (byte, 0xFF)


def _equal(bytes_: Bytes, value: int, mask: int) -> Mask:
    same: Mask = bytes_ == value if mask == 0xFF else bytes_ & np.uint8(mask) == value
    return same


def among(*values: int) -> Mask:
    """For each byte whether it is one of the values, to be indexed by an array of bytes."""
    table = np.zeros(256, np.bool_)
    table[list(values)] = True
    return table


def distinct(some: Offsets) -> Offsets:
    """The same sorted, each once. NumPy's own `unique` hashes them, which takes fifty times as long for a million."""
    ordered = np.sort(some)
    if ordered.size < 2:
        return ordered
    first = np.empty(ordered.shape, np.bool_)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def holds(places: Offsets, one: int) -> bool:
    """Whether a place is among some that are sorted."""
    at = int(np.searchsorted(places, one))
    return at < places.size and int(places[at]) == one


def numbers(raw: Bytes, at: Offsets, size: int, order: str, *, signed: bool = False) -> Offsets:
    """The numbers of ``size`` bytes at each offset, all of which lie inside ``raw``; unsigned ones of 8 bytes wrap."""
    if not at.size:
        return np.zeros(at.shape, np.int64)
    kind = f"{order}{'i' if signed else 'u'}{size}"
    # All numbers that overlap, one at each byte, of which NumPy reads those that are asked for.
    every: Offsets = np.ndarray((raw.size - size + 1,), kind, raw, 0, (1,))
    found: Offsets = every[at].astype(np.int64)
    return found
