"""IA-32: System V ABI, Intel386 supplement."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="i386",
    number=3,
    jump_slot=frozenset({7}),
    glob_dat=frozenset({6}),
    irelative=frozenset({42}),
    implicit_addends=True,
    property_and=0xC0000002,  # GNU_PROPERTY_X86_FEATURE_1_AND
    marks={"ibt_marked": 1, "shstk_marked": 2},
    features=frozenset({"stack_clash", "ibt_marked", "ibt_compiled", "shstk_marked"}),
)
