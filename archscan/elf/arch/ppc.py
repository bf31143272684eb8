"""32-bit PowerPC."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="ppc",
    number=20,
    jump_slot=frozenset({21}),
    glob_dat=frozenset({20}),
    irelative=frozenset({248}),
)
