"""What differs between processors, and nothing else. A new architecture is one file here and one line below."""

from __future__ import annotations

from archscan.elf.arch import (
    alpha,
    amd64,
    arm,
    arm64,
    hppa,
    i386,
    ia64,
    loongarch,
    m68k,
    mips,
    ppc,
    ppc64,
    riscv,
    s390x,
    sh,
    sparc,
    sparc64,
)
from archscan.elf.arch.machine import Machine

_MACHINES = {
    module.MACHINE.number: module.MACHINE
    for module in (alpha, amd64, arm, arm64, hppa, i386, ia64, loongarch, m68k, mips, ppc, ppc64, riscv, s390x, sh,
                   sparc, sparc64)
}  # fmt: skip

# Processors on which no Debian runs, but whose firmware and programs stand in packages (glibc, elf/elf.h).
_FOREIGN = {
    7: "i860", 18: "sparc32plus", 36: "v800", 45: "arc", 53: "coldfire", 75: "vax", 76: "cris", 83: "avr", 87: "v850",
    88: "m32r", 92: "openrisc", 93: "arc", 94: "xtensa", 105: "msp430", 106: "blackfin", 113: "nios2", 114: "crx",
    138: "score", 139: "lattice-mico32", 140: "ti-c6000", 164: "hexagon", 165: "8051", 173: "rx", 185: "avr32",
    186: "stm8", 187: "tile64", 188: "tilepro", 189: "microblaze", 190: "cuda", 191: "tilegx", 195: "arc", 204: "pru",
    224: "amdgpu", 244: "lanai", 247: "bpf", 251: "ve", 252: "csky",
}  # fmt: skip


def machine(number: int) -> Machine:
    """What is known about a processor; for one that is not Debian's, its name only."""
    known = _MACHINES.get(number)
    return known or Machine(name=_FOREIGN.get(number, f"em-{number}"), number=number)


def is_debian(number: int) -> bool:
    """Whether a Debian or Ubuntu port runs on the processor."""
    return number in _MACHINES
