"""DEC Alpha."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="alpha",
    number=0x9026,
    jump_slot=frozenset({26}),
    glob_dat=frozenset({25}),
    page=8192,
)
