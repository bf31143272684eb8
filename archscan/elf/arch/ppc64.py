"""64-bit PowerPC, both byte orders: ELF V1 and V2 ABI."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="ppc64",
    number=21,
    jump_slot=frozenset({21}),
    glob_dat=frozenset({20}),
    irelative=frozenset({248}),
    page=65536,
    executable_stack=False,
)
