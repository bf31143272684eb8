"""RISC-V, 32 and 64 bits: RISC-V ELF psABI. GOT entries of data carry plain R_RISCV_64."""

from __future__ import annotations

import re
from functools import partial

from archscan.elf.arch.idioms import Frames, Idioms, Pairs, Text
from archscan.elf.arch.immediates import behind, made, signed, upper_halves
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.wordwise import where, word_at
from archscan.elf.arrays import Mask, Offsets, Words, np
from archscan.elf.code import Code

_BEHIND = 12  # bytes before the room for an array in a block in which the stack pointer is saved
_ON_STACK, _SHORT, _WIDE = range(3)  # c.sdsp; c.sd; sd of four bytes


def _canaries(code: Code) -> Offsets:
    """Storing the guard, and comparing with it, each with the register cleared at once (gcc, riscv.md, stack_protect).

    `ld X, 0(Y); sd X, N(Z); li X, 0` and `xor X, X, Y; li Y, 0`, in compressed instructions but for far places.
    """

    def stored(run: Words, *, far: bool, form: int) -> Mask:
        # ``far``: Y is none of the eight registers of compressed instructions; so may be X, or where it is stored.
        length = 2 if far else 1
        end = length + (2 if form == _WIDE else 1)
        last = max(run.size - end, 0)
        load, store, clear = run[:last], run[length : length + last], run[end : end + last]
        register = (load >> 7 & 0x1F) if far else (load >> 2 & 7) + 8
        known = load & 0xFC63 == 0x6000
        if far:
            known = (load & 0x707F == 0x3003) & (run[1 : 1 + last] & 0xFFF0 == 0)
        if form == _ON_STACK:
            known &= (store & 0xE003 == 0xE002) & (store >> 2 & 0x1F == register)
        elif form == _SHORT:
            known &= (store & 0xE003 == 0xE000) & ((store >> 2 & 7) + 8 == register)
        else:
            known &= (store & 0x707F == 0x3023) & (run[length + 1 : length + 1 + last] >> 4 & 0x1F == register)
        return known & (clear == 0x4001 | register << 7)

    def compared(run: Words) -> Mask:
        exclusive, clear = run[:-1], run[1:]
        left, right = (exclusive >> 7 & 7) + 8, (exclusive >> 2 & 7) + 8
        cleared = (clear == 0x4001 | left << 7) | (clear == 0x4001 | right << 7)
        return (exclusive & 0xFC63 == 0x8C21) & cleared

    ways = [(far, form) for far in (False, True) for form in (_ON_STACK, _SHORT, _WIDE)]
    set_ = [where(code, 2, partial(stored, far=far, form=form)) for far, form in ways]
    return np.sort(np.concatenate([*set_, where(code, 2, compared)]))


def _frames(code: Code) -> Frames:
    """`addi sp, sp, -N` in its three forms: of 4 bytes, `c.addi16sp` and `c.addi`."""
    wide = where(code, 2, lambda run: (run[:-1] == 0x0113) & (run[1:] & 0x800F == 0x8001))
    middle = where(code, 2, lambda run: run & 0xFF83 == 0x7101)
    small = where(code, 2, lambda run: run & 0xFF83 == 0x1101)
    bits = word_at(code, middle, 2)
    ninth = (bits >> 3 & 3) << 7 | (bits >> 5 & 1) << 6 | (bits >> 2 & 1) << 5 | (bits >> 6 & 1) << 4
    sizes = [0x1000 - (word_at(code, wide) >> 20), 0x200 - ninth, 32 - (word_at(code, small, 2) >> 2 & 0x1F)]
    grows = where(code, 2, lambda run: (run[:-1] == 0x0133) & (run[1:] & 0xFE0F == 0x4001))
    offsets = np.concatenate([wide, middle, small])
    return Frames(offsets, np.concatenate(sizes), grows, _begins(code, np.append(offsets, grows)))


def _begins(code: Code, makes_room: Offsets) -> Offsets:
    """Where functions begin: what makes room, but for arrays in a block.

    That stands behind `mv rX, sp`, or behind `add sp, sp, rX` where pages are probed one by one.
    """
    inside = np.zeros(makes_room.shape, np.bool_)
    for distance in range(2, _BEHIND + 2, 2):
        word = word_at(code, makes_room - distance, 2)
        inside |= (word & 0xF07F == 0x800A) | (word & 0xFF83 == 0x9102)
    return np.sort(makes_room[~inside])


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
    home=re.compile(rf"(?:c\.)?f?s[bhwd](?:sp)? (?P<source>f?[ast]\d+|zero), {_PLACE.replace('s0', '[ast][0-9]+')}$"),
    reload=re.compile(rf"(?:c\.)?ld(?:sp)? (?P<to>[ast]\d+), {_PLACE}$"),
    # No instruction adds an index by itself; the address is computed before.
    indexed=re.compile(r"(?:c\.)?add \w+, (?:\w+, )?(?P<base>sp|s0)$"),
    written=re.compile(r"(?!(?:c\.)?(?:f?s[bhwd](?:sp)? |b|j))\S+ (?P<to>f?[ast]\d+)(?:,|$)"),
    zero="zero",
    copied=24,
    loaded=re.compile(r"(?:c\.)?ld (?P<to>[at]\d+), "),
    call=re.compile(r"(?:c\.)?jalr?\b"),
    arguments=tuple(f"a{number}" for number in range(8)),
    kept=frozenset(f"s{number}" for number in range(12)),
    incoming=frozenset({*(f"a{number}" for number in range(8)), *(f"fa{number}" for number in range(8))}),
    aliases={},
)


def _immediates(code: Code, wanted: Offsets) -> Pairs:
    """`lui` and `addi` or `addiw`, also compressed, and with `slli` between them or behind both.

    What has its highest bit set, and shall not be negative in 64 bits, is shifted, and may be added to once more.
    """
    shifted = {}
    for one in wanted.tolist():
        low = (one & 0xFFF ^ 0x800) - 0x800
        upper = one - low
        zeros = (upper & -upper).bit_length() - 1
        shifted[upper >> zeros] = one
        for by in (1, 2, 3):
            shifted[one >> by] = one
            if zeros >= 12 + by:
                shifted[(upper >> by) + low] = one
    shifted = {number: one for number, one in shifted.items() if number >> 16} | {one: one for one in wanted.tolist()}
    known = np.array(sorted(shifted), np.int64)
    upper = upper_halves(known)

    def begins(run: Words) -> Mask:
        found = np.zeros(run.shape, np.bool_)
        at = np.flatnonzero(run[:-1] & 0x7F == 0x37)
        found[at] = upper[run[at + 1]]
        return found

    def completes(one: Offsets, other: Offsets) -> tuple[Mask, Offsets]:
        register, base = one >> 7 & 31, one & 0xFFFFF000
        wide = (other & 0x7077 == 0x13) & (other >> 15 & 31 == register)
        short = ((other & 0xE003 == 1) | (other & 0xE003 == 0x2001)) & (other >> 7 & 31 == register)
        low = np.where(wide, signed(other >> 20 & 0xFFF, 12), signed(other >> 7 & 0x20 | other >> 2 & 0x1F, 6))
        return wide | short, base + low & 0xFFFFFFFF

    offsets, values = made(code, 2, known, begins, completes, behind())
    return offsets, np.array([shifted[one] for one in values.tolist()], np.int64)


MACHINE = Machine(
    name="riscv",
    number=243,
    jump_slot=frozenset({5}),
    irelative=frozenset({58}),
    executable_stack=False,
    immediates=_immediates,
    idioms=Idioms(canaries=_canaries, unwound=False, frames=_frames, addresses=_addresses, text=_TEXT),
)
