"""Instructions that compute SHA-1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.crypto.constants.tables import Shown
from archscan.elf.arch import machine
from archscan.elf.arrays import np
from archscan.elf.functions import owners
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.crypto.constants.reach import Reach
    from archscan.elf.image import Image


def instructions(image: Image, reach: Reach) -> Iterator[Shown]:
    """The functions that compute SHA-1 in hardware; code in none that is known counts as one."""
    known = machine(image.machine).sha1
    if known is None:
        return
    found = known.find(reach.text)
    places = {name: owners(reach.view, offsets) for name, offsets in found.items()}
    for number in np.unique(np.concatenate(list(places.values()))).tolist():
        counts = {name: int((owner == number).sum()) for name, owner in places.items()}
        if min(counts.values()) >= known.least:
            first = next(iter(found))
            start = int(found[first][places[first] == number][0])
            text = ", ".join(f"{count} {name}" for name, count in counts.items())
            functions = [number] if number >= 0 else []
            yield Shown("sha1", "hash", Confidence.CERTAIN, text, start, functions, "instruction")
