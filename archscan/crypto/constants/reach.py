"""Who reaches a place: the functions that call it, that read a table, and whether anybody does."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from archscan.elf.arch import machine
from archscan.elf.arrays import NONE, Offsets, distinct, np
from archscan.elf.code import address_of, code, offsets_of, within
from archscan.elf.functions import functions, is_exported, name_bytes, owners, with_starts
from archscan.elf.image import ET_REL
from archscan.elf.language.go_functions import go_functions, name_at
from archscan.elf.pointers import pointers
from archscan.elf.texts import words_at
from archscan.model import escape

if TYPE_CHECKING:
    from archscan.elf.arch.idioms import Pairs
    from archscan.elf.image import Image

_MOST = 8  # callers that are named
_HIGH = 3  # callers of callers: what transforms a block is called by what takes data, and that by who wants the digest
_MOST_ABOVE = 24  # of these that are looked at
_MOST_TEXTS = 12  # of a caller
_MOST_NAMED = 256  # addresses that are looked at for texts
_SHORTEST, _LONGEST = 3, 80  # characters of a text
_LONGEST_NAME = 1024


class Reach:
    """The functions of an object and what leads where, each found when it is asked for."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.text = code(image)
        self._idioms = machine(image.machine).idioms
        self._go = go_functions(image)
        known = offsets_of(self.text, self._go.addresses) if self._go else NONE
        known = known[known >= 0]
        self.view = with_starts(functions(image, self.text), self.text, distinct(np.append(known, self._begun())))

    def _begun(self) -> Offsets:
        """Where functions begin by the look of it, on processors where stripped files list none."""
        idioms = self._idioms
        if idioms is None or idioms.unwound or self._go:
            return NONE
        frames = idioms.frames(msgspec.structs.replace(self.text, order=idioms.order or self.text.order, searched={}))
        begins = np.append(frames.offsets, frames.grows) if frames.begins is None else frames.begins
        return within(self.text, begins)

    @cached_property
    def _calls(self) -> Pairs | None:
        """Where code calls or jumps to an address that it names, and to which; few are asked for, so not sorted."""
        direct = self._idioms.direct_calls if self._idioms and self.image.type != ET_REL else None
        return direct(self.text) if direct else None

    @cached_property
    def _taken(self) -> Pairs | None:
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
        address = address_of(self.text, start)
        known = name_bytes(self.view, start, _LONGEST_NAME) or (name_at(self._go, address) if self._go else None)
        return (escape(known) if known else "") or f"sub_{address:x}"

    def readers(self, low: int, high: int) -> list[int]:
        """The functions that take addresses in a range, by their numbers: the one that does it most often first."""
        offsets, computed = self._taken or (NONE, NONE)
        found = owners(self.view, offsets[(computed >= low) & (computed < high)])
        numbers, counts = np.unique(found[found >= 0], return_counts=True)
        return [int(number) for number in numbers[np.argsort(-counts, kind="stable")]]

    def evidence(self, numbers: list[int]) -> dict[str, object]:
        """What is known of who reaches functions, as keys of a use's ``context_evidence``: see docs/database.md.

        ``unused`` is only said where all ways to a function are known: it is not exported, nothing calls it, and
        nobody takes or keeps its address.
        """
        exported = any(is_exported(self.view, number) for number in numbers)
        found: dict[str, object] = {"exported": exported}
        if self._calls is None or not numbers:
            return found
        calling = {one for number in numbers for one in self._calling(number)} - {-1, *numbers}
        found = {"called_by": [self.label(one) for one in sorted(calling)[:_MOST]], "exported": exported}
        above = [one for one in map(self._said, self._above(calling, set(numbers))) if len(one) > 1]
        if above:
            found["callers"] = above[:_MOST]
        # Go calls functions through values of its own, which lie where no relocation says so.
        knows_all = self._taken is not None and self._go is None
        if not calling and not exported and knows_all and not any(map(self._is_reached, numbers)):
            found["unused"] = True
        return found

    def _above(self, calling: set[int], known: set[int]) -> list[int]:
        """The functions that call, those that call these, and so on; the nearest first."""
        found: list[int] = []
        level = sorted(calling)
        for _ in range(_HIGH):
            found += level
            if len(found) >= _MOST_ABOVE:
                break
            known |= set(level)
            level = sorted({one for number in level for one in self._calling(number)} - known - {-1})
        return found[:_MOST_ABOVE]

    def _said(self, number: int) -> dict[str, object]:
        """A caller as `context_evidence` has it: its name, and texts that it names."""
        texts = (words_at(self.image, address) for address in self._named(number))
        kept = dict.fromkeys(escape(text[:_LONGEST]) for text in texts if len(text) >= _SHORTEST)
        said = {"name": self.label(number), "texts": list(kept)[:_MOST_TEXTS]}
        return {key: value for key, value in said.items() if value}

    def _named(self, number: int) -> list[int]:
        """The addresses that a function names, as many as are looked at."""
        offsets, computed = self._taken or (NONE, NONE)
        inside = (offsets >= self.view.starts[number]) & (offsets < self.view.ends[number])
        return list(dict.fromkeys(computed[inside].tolist()))[:_MOST_NAMED]

    def _range(self, number: int) -> tuple[int, int]:
        start = address_of(self.text, int(self.view.starts[number]))
        return start, start + int(self.view.ends[number] - self.view.starts[number])

    def _calling(self, number: int) -> list[int]:
        """The functions that call one or jump to where it begins; -1 for code in none."""
        offsets, targets = self._calls or (NONE, NONE)
        numbers: list[int] = distinct(owners(self.view, offsets[targets == self._range(number)[0]])).tolist()
        return numbers

    def _is_reached(self, number: int) -> bool:
        """Whether anything but calls may lead into a function: jumps, an address that is kept, the loader."""
        low, high = self._range(number)
        offsets, targets = self._calls or (NONE, NONE)
        from_outside = owners(self.view, offsets[(targets >= low) & (targets < high)]) != number
        _, computed = self._taken or (NONE, NONE)
        first, last = np.searchsorted(self._kept, [low, high])
        named = (self.image.entry, *self.image.tags.values())
        branches = self._idioms.branches if self._idioms else None
        return bool(
            from_outside.any()
            or ((computed >= low) & (computed < high)).any()
            or last > first
            or any(low <= one < high for one in named)
            or branches is None
            or (owners(self.view, branches(self.text, low)) != number).any()
        )
