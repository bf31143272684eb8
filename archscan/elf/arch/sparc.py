"""SPARC, 32 bits; the procedure linkage table itself is written by the loader."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="sparc",
    number=2,
    jump_slot=frozenset({21}),
    glob_dat=frozenset({20}),
    irelative=frozenset({249}),
    page=8192,
)
