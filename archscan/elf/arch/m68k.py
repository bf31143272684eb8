"""Motorola 68000."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="m68k",
    number=4,
    jump_slot=frozenset({21}),
    glob_dat=frozenset({20}),
)
