"""x86-64, also with 32-bit pointers (x32): psABI x86-64, CET."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="x86_64",
    number=62,
    jump_slot=frozenset({7}),
    glob_dat=frozenset({6}),
    irelative=frozenset({37}),
    property_and=0xC0000002,  # GNU_PROPERTY_X86_FEATURE_1_AND
    marks={"ibt_marked": 1, "shstk_marked": 2},
    features=frozenset({"stack_clash", "ibt_marked", "ibt_compiled", "shstk_marked"}),
)
