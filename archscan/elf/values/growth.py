"""How often what a register, a slot or a field holds has become more."""

from __future__ import annotations

from collections import Counter

from archscan.elf.values.domain import Pointer

Name = str | int | tuple[Pointer, int]
"""Of a register, a slot, or a field."""


class Growth:
    """How often a block was gone through because what a register or a slot holds there had become more."""

    __slots__ = ("at", "now", "times")

    def __init__(self, at: int) -> None:
        self.at = at
        self.times: Counter[Name] = Counter()
        self.now: set[Name] = set()

    def count(self) -> None:
        """Takes in that the block is gone through again; several ways may have brought something in between."""
        self.times.update(self.now)
        self.now.clear()
