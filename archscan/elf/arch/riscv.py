"""RISC-V, 32 and 64 bits: RISC-V ELF psABI. GOT entries of data carry plain R_RISCV_64."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="riscv",
    number=243,
    jump_slot=frozenset({5}),
    irelative=frozenset({58}),
    executable_stack=False,
)
