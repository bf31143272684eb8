"""MIPS, 32 and 64 bits, both byte orders. Functions are bound through a GOT without relocations of its own."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine, RelocationInfo

MACHINE = Machine(
    name="mips",
    number=8,
    jump_slot=frozenset({127}),
    glob_dat=frozenset({51}),
    irelative=frozenset({128}),
    relocation_info=RelocationInfo.MIPS,
    implicit_addends=True,
    global_got=True,
)
