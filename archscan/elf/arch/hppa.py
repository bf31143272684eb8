"""HP PA-RISC, 32 bits: functions are bound through descriptors (R_PARISC_IPLT)."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="hppa",
    number=15,
    jump_slot=frozenset({129}),
    glob_dat=frozenset({1}),
)
