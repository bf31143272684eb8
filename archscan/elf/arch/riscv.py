"""RISC-V, 32 and 64 bits: RISC-V ELF psABI. GOT entries of data carry plain R_RISCV_64."""

from __future__ import annotations

import re

from archscan.elf.arch.idioms import Frames, Idioms, Text
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.wordwise import where, word_at
from archscan.elf.arrays import Mask, Offsets, Words, np
from archscan.elf.code import Code


def _canaries(code: Code) -> Offsets:
    """Storing the guard, and comparing with it, each with the register cleared at once (gcc, riscv.md, stack_protect).

    `ld X, 0(Y); sd X, N(sp); li X, 0` and `xor X, X, Y; li Y, 0`, in compressed instructions but for far places.
    """

    def stored(run: Words) -> Mask:
        load, store, clear = run[:-2], run[1:-1], run[2:]
        register = store >> 2 & 0x1F
        short = (load & 0xFC63 == 0x6000) & ((load >> 2 & 7) + 8 == register)
        return (store & 0xE003 == 0xE002) & (clear == 0x4001 | register << 7) & short

    def stored_from_afar(run: Words) -> Mask:  # Y is none of the eight registers of compressed instructions
        load, place, store, clear = run[:-3], run[1:-2], run[2:-1], run[3:]
        register = store >> 2 & 0x1F
        wide = (load & 0x707F == 0x3003) & (place & 0xFFF0 == 0) & (load >> 7 & 0x1F == register)
        return (store & 0xE003 == 0xE002) & (clear == 0x4001 | register << 7) & wide

    def compared(run: Words) -> Mask:
        exclusive, clear = run[:-1], run[1:]
        left, right = (exclusive >> 7 & 7) + 8, (exclusive >> 2 & 7) + 8
        cleared = (clear == 0x4001 | left << 7) | (clear == 0x4001 | right << 7)
        return (exclusive & 0xFC63 == 0x8C21) & cleared

    forms = (stored, stored_from_afar, compared)
    return np.sort(np.concatenate([where(code, 2, form) for form in forms]))


def _frames(code: Code) -> Frames:
    """`addi sp, sp, -N` in its three forms: of 4 bytes, `c.addi16sp` and `c.addi`."""
    wide = where(code, 2, lambda run: (run[:-1] == 0x0113) & (run[1:] & 0x800F == 0x8001))
    middle = where(code, 2, lambda run: run & 0xFF83 == 0x7101)
    small = where(code, 2, lambda run: run & 0xFF83 == 0x1101)
    bits = word_at(code, middle, 2)
    ninth = (bits >> 3 & 3) << 7 | (bits >> 5 & 1) << 6 | (bits >> 2 & 1) << 5 | (bits >> 6 & 1) << 4
    sizes = [0x1000 - (word_at(code, wide) >> 20), 0x200 - ninth, 32 - (word_at(code, small, 2) >> 2 & 0x1F)]
    grows = where(code, 2, lambda run: (run[:-1] == 0x0133) & (run[1:] & 0xFE0F == 0x4001))
    return Frames(np.concatenate([wide, middle, small]), np.concatenate(sizes), grows)


def _addresses(code: Code) -> Offsets:
    """`c.addi4spn`, `addi rd, sp, N`, `c.mv rd, sp`; and `addi rd, s0, -N`."""
    short = where(code, 2, lambda run: (run & 0xE003 == 0) & (run & 0x1FE0 != 0))
    wide = where(code, 2, lambda run: (run[:-1] & 0x707F == 0x13) & (run[:-1] >> 15 == 0) & (run[1:] & 0xF == 1))
    framed = where(code, 2, lambda run: (run[:-1] & 0xF07F == 0x13) & (run[1:] & 0x800F == 0x8004))
    moved = where(code, 2, lambda run: run & 0xF07F == 0x800A)
    return np.sort(np.concatenate([short, wide, framed, moved]))


_PLACE = r"(?P<at>-?(?:0x)?[0-9a-f]+)?\((?P<base>sp|s0)\)"
_TEXT = Text(
    mode=(15, 1 << 1 | 1 << 2),  # CS_ARCH_RISCV, CS_MODE_RISCV64 | CS_MODE_RISCVC
    stack="sp",
    allocates=re.compile(r"(?:c\.)?addi(?:16sp)? sp, (?:sp, )?-|(?:c\.)?add sp, (?:sp, )?t0"),
    grows=re.compile(r"sub sp, sp, |(?:c\.)?mv sp, (?P<to>[at]\d+)"),
    returns=re.compile(r"(?:c\.)?(?:ret|jr |j )"),
    frame=re.compile(r"(?:c\.)?addi(?:4spn)? s0, sp, "),
    frame_pointer="s0",
    address=(
        re.compile(r"(?:c\.)?addi(?:4spn)? (?P<to>[ast]\d+), (?P<base>sp|s0), (?P<at>-?(?:0x)?[0-9a-f]+)$"),
        re.compile(r"(?:c\.)?mv (?P<to>[ast]\d+), (?P<base>sp)$"),
    ),
    copy=re.compile(r"(?:c\.)?mv (?P<to>[ast]\d+), (?P<source>[ast]\d+)$"),
    part=re.compile(r"(?:c\.)?(?:mv|sext\.w|addiw|andi) [ast]\d+, (?P<source>[ast]\d+)(?:, .*)?$"),
    home=re.compile(rf"(?:c\.)?f?s[bhwd](?:sp)? (?P<source>f?[ast]\d+), {_PLACE.replace('s0', '[ast][0-9]+')}$"),
    reload=re.compile(rf"(?:c\.)?ld(?:sp)? (?P<to>[ast]\d+), {_PLACE}$"),
    # No instruction adds an index by itself; the address is computed before.
    indexed=re.compile(r"(?:c\.)?add \w+, (?:\w+, )?(?P<base>sp|s0)$"),
    written=re.compile(r"(?!(?:c\.)?(?:f?s[bhwd](?:sp)? |b|j))\S+ (?P<to>f?[ast]\d+)(?:,|$)"),
    loaded=re.compile(r"(?:c\.)?ld (?P<to>[at]\d+), "),
    call=re.compile(r"(?:c\.)?jalr?\b"),
    arguments=tuple(f"a{number}" for number in range(8)),
    kept=frozenset(f"s{number}" for number in range(12)),
    incoming=frozenset({*(f"a{number}" for number in range(8)), *(f"fa{number}" for number in range(8))}),
    aliases={},
)

MACHINE = Machine(
    name="riscv",
    number=243,
    jump_slot=frozenset({5}),
    irelative=frozenset({58}),
    executable_stack=False,
    idioms=Idioms(canaries=_canaries, unwound=False, frames=_frames, addresses=_addresses, text=_TEXT),
)
