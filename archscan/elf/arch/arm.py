"""32-bit Arm, soft and hard float: ELF for the Arm Architecture."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="arm",
    number=40,
    jump_slot=frozenset({22}),
    glob_dat=frozenset({21}),
    irelative=frozenset({160}),
    implicit_addends=True,
    features=frozenset({"stack_clash"}),
)
