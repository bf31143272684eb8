"""Between places in the file and addresses, for many at once. Where ranges overlap, the one that begins last counts."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from archscan.elf.arrays import Offsets, np

FAR = 1 << 62  # an address beyond is nonsense, and would not fit the arithmetic


class Mapping(msgspec.Struct, frozen=True, eq=False):
    """Ranges of the file and the addresses they are mapped at: rows of address, offset, size, sorted by address."""

    address: Offsets
    offset: Offsets
    size: Offsets


def mapping(ranges: Iterable[tuple[int, int, int]]) -> Mapping:
    """From ranges as address, offset, size."""
    rows = sorted(row for row in ranges if row[0] < FAR and row[2] > 0)
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Mapping(table[:, 0], table[:, 1], table[:, 2])


def offsets(known: Mapping, addresses: Offsets) -> Offsets:
    """The offset of the byte at each address; -1 where nothing is mapped."""
    return _translated(known.address, known.offset, known.size, addresses)


def addresses(known: Mapping, places: Offsets) -> Offsets:
    """The address of the byte at each offset; -1 where it is not mapped."""
    order = np.argsort(known.offset, kind="stable")
    return _translated(known.offset[order], known.address[order], known.size[order], places)


def _translated(base: Offsets, target: Offsets, size: Offsets, wanted: Offsets) -> Offsets:
    if not base.size:
        return np.full(wanted.shape, -1, np.int64)
    number = np.maximum(np.searchsorted(base, wanted, "right") - 1, 0)
    distance = wanted - base.take(number)
    # As numbers without a sign, those below 0 are larger than any size.
    inside = distance.view(np.uint64) < size.take(number).view(np.uint64)
    distance += target.take(number)
    return np.where(inside, distance, -1)
