"""SPARC V9, 64 bits; the procedure linkage table itself is written by the loader."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine, RelocationInfo

MACHINE = Machine(
    name="sparc64",
    number=43,
    jump_slot=frozenset({21}),
    glob_dat=frozenset({20}),
    irelative=frozenset({249}),
    relocation_info=RelocationInfo.BYTE,
    page=8192,
)
