"""SuperH (sh4)."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="sh",
    number=42,
    jump_slot=frozenset({164}),
    glob_dat=frozenset({163}),
)
