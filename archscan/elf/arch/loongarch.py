"""LoongArch: GOT entries of data carry plain R_LARCH_64."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="loongarch",
    number=258,
    jump_slot=frozenset({5}),
    irelative=frozenset({12}),
    executable_stack=False,
    page=16384,
)
