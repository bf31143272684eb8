"""AArch64: ELF for the Arm 64-bit Architecture (BTI and PAC marks)."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="aarch64",
    number=183,
    jump_slot=frozenset({1026}),
    glob_dat=frozenset({1025}),
    irelative=frozenset({1032}),
    executable_stack=False,
    property_and=0xC0000000,  # GNU_PROPERTY_AARCH64_FEATURE_1_AND
    marks={"bti_marked": 1, "pac_marked": 2},
    features=frozenset({"stack_clash", "bti_marked", "bti_compiled", "pac_marked", "pac_compiled"}),
)
