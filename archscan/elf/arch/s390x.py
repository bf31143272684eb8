"""IBM Z (s390x) and its 31-bit ancestor."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="s390",
    number=22,
    jump_slot=frozenset({11}),
    glob_dat=frozenset({10}),
    irelative=frozenset({61}),
)
