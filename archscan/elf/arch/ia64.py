"""Intel Itanium: functions are bound through descriptors (R_IA64_IPLTLSB)."""

from __future__ import annotations

from archscan.elf.arch.machine import Machine

MACHINE = Machine(
    name="ia64",
    number=50,
    jump_slot=frozenset({129}),
    executable_stack=False,
    page=16384,
)
