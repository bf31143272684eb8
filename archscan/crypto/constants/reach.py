"""Who reaches a place: the functions that call it, that read a table, and whether anybody does."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from archscan.elf.arch import machine
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.calls import Callers, callers
from archscan.elf.code import address_of, code
from archscan.elf.functions import functions, name_bytes, owners
from archscan.elf.image import ET_REL
from archscan.elf.pointers import pointers
from archscan.elf.program import is_exported
from archscan.model import escape

if TYPE_CHECKING:
    from archscan.elf.image import Image

_MOST = 8  # callers that are named
_LONGEST_NAME = 1024


class Reach:
    """The functions of an object and what leads where, each found when it is asked for."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.text = code(image)
        self.view = functions(image, self.text)
        self._idioms = machine(image.machine).idioms

    @cached_property
    def _callers(self) -> Callers | None:
        direct = self._idioms.direct_calls if self._idioms and self.image.type != ET_REL else None
        return callers(self.text, direct) if direct else None

    @cached_property
    def _taken(self) -> tuple[Offsets, Offsets] | None:
        """Where code computes addresses, and which."""
        taken = self._idioms.taken if self._idioms and self.image.type != ET_REL else None
        return taken(self.text) if taken else None

    @cached_property
    def _kept(self) -> Offsets:
        """The addresses that data holds, sorted."""
        return np.sort(pointers(self.image))

    def label(self, number: int) -> str:
        """The name of a function, or `sub_` and its address."""
        start = int(self.view.starts[number])
        known = name_bytes(self.view, start, _LONGEST_NAME)
        return (escape(known) if known else "") or f"sub_{address_of(self.text, start):x}"

    def readers(self, low: int, high: int) -> list[int]:
        """The functions that take an address in a range, by their numbers."""
        offsets, computed = self._taken or (NONE, NONE)
        found = owners(self.view, offsets[(computed >= low) & (computed < high)])
        return [number for number in np.unique(found).tolist() if number >= 0]

    def evidence(self, numbers: list[int]) -> dict[str, object]:
        """What is known of who reaches functions, as keys of a use's ``context_evidence``: see docs/database.md.

        ``unused`` is only said where all ways to a function are known: it is not exported, nothing calls it, and
        nobody takes or keeps its address.
        """
        exported = any(is_exported(self.view, number) for number in numbers)
        found: dict[str, object] = {"exported": exported}
        if self._callers is None or not numbers:
            return found
        calling = [one for number in numbers for one in self._calling(number) if one not in numbers]
        found = {"called_by": [self.label(one) for one in sorted(set(calling) - {-1})[:_MOST]], "exported": exported}
        if not calling and not exported and self._taken and not any(map(self._is_taken, numbers)):
            found["unused"] = True
        return found

    def _range(self, number: int) -> tuple[int, int]:
        start = address_of(self.text, int(self.view.starts[number]))
        return start, start + int(self.view.ends[number] - self.view.starts[number])

    def _calling(self, number: int) -> list[int]:
        """The functions that call one or jump into it; -1 for code in none."""
        assert self._callers is not None
        low, high = np.searchsorted(self._callers.targets, self._range(number))
        found = np.unique(owners(self.view, self._callers.offsets[low:high])).tolist()
        return [one for one in found if one != number]

    def _is_taken(self, number: int) -> bool:
        """Whether code or data holds an address in a function, or the loader enters there."""
        low, high = self._range(number)
        _, computed = self._taken or (NONE, NONE)
        begin, end = np.searchsorted(self._kept, [low, high])
        named = (low, *self.image.tags.values(), self.image.entry)[1:]
        return (
            bool(((computed >= low) & (computed < high)).any())
            or end > begin
            or any(low <= one < high for one in named)
        )
