"""RISC-V, 32 and 64 bits: RISC-V ELF psABI. GOT entries of data carry plain R_RISCV_64."""

from __future__ import annotations

import re
from functools import partial

from archscan.elf.arch.idioms import Frames, Idioms, Pairs, Text
from archscan.elf.arch.immediates import behind, made, signed, upper_halves
from archscan.elf.arch.lifting import Lift
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.riscv_lifting import global_pointer, lines, read
from archscan.elf.arch.wordwise import nearest, where, word_at
from archscan.elf.arrays import NONE, Mask, Offsets, Words, np
from archscan.elf.code import Code, once
from archscan.elf.mapping import addresses

_BEHIND = 12  # bytes before the room for an array in a block in which the stack pointer is saved
_APART = 256  # bytes between the two instructions that make an address, or load what stands there
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


@once
def _stubs(code: Code) -> Pairs:
    """`auipc t3, page; ld t3, N(t3)`: the entries of .plt."""

    def stub(run: Words) -> Mask:
        return (run[:-1] & 0xFFF == 0xE17) & (run[1:] & 0xFFFFF == 0xE3E03)

    found = where(code, 4, stub)
    address = addresses(code.mapping, found)
    return address, address + _high(word_at(code, found)) + _low(word_at(code, found + 4))


def _high(words: Offsets) -> Offsets:
    """What `auipc` adds to where it stands."""
    return ((words & 0xFFFFF000) ^ 1 << 31) - (1 << 31)


def _low(words: Offsets) -> Offsets:
    """The distance in a load or an addition."""
    return (words >> 20 ^ 0x800) - 0x800


def _stored_low(words: Offsets) -> Offsets:
    """The distance in a store."""
    return ((words >> 25 << 5 | words >> 7 & 0x1F) ^ 0x800) - 0x800


@once
def _direct_calls(code: Code) -> Pairs:
    """`jal` and `j`, also in two bytes, and `jalr` and `jr` right behind `auipc` to the same register."""
    near = where(code, 2, lambda run: np.isin(run & 0xFFF, (0x6F, 0xEF, 0x2EF)))
    word = word_at(code, near)
    distance = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
    to = addresses(code.mapping, near) + ((distance ^ 1 << 20) - (1 << 20))
    short = where(code, 2, lambda run: run & 0xE003 == 0xA001)
    short_to = addresses(code.mapping, short) + _short_distance(word_at(code, short, 2))

    def pair(run: Words) -> Mask:
        same = run[:-3] >> 7 & 0x1F == run[2:-1] >> 15 | (run[3:] & 0xF) << 1
        return (run[:-3] & 0x7F == 0x17) & (run[2:-1] & 0x707F == 0x67) & same

    far = where(code, 2, pair)
    page = addresses(code.mapping, far) + _high(word_at(code, far))
    far_to = page + _low(word_at(code, far + 4)) & ~1
    return np.concatenate([near, short, far + 4]), np.concatenate([to, short_to, far_to])


@once
def _entered(code: Code) -> Pairs:
    """`jal` and `jalr` that keep where they come from."""
    found, to = _direct_calls(code)
    first = word_at(code, found)
    kept = (first & 0xFFF == 0xEF) | (first & 0xFFF == 0xE7)
    return found[kept], to[kept]


def _short_distance(word: Offsets) -> Offsets:
    """How far `c.j` leads."""
    bits = ((12, 11), (11, 4), (10, 9), (9, 8), (8, 10), (7, 6), (6, 7), (5, 3), (4, 2), (3, 1), (2, 5))
    distance = np.zeros(word.shape, np.int64)
    for at, means in bits:
        distance |= (word >> at & 1) << means
    return (distance ^ 1 << 11) - (1 << 11)


@once
def _slot_loads(code: Code) -> Pairs:
    """`ld rX, N(rY)` shortly behind `auipc rY, page`."""
    return _behind_page(code, _with(code, 0x707F, 0x3003), stores=False)


@once
def _taken(code: Code) -> Pairs:
    """`addi rX, rY, N` shortly behind `auipc rY, page`."""
    return _behind_page(code, _with(code, 0x707F, 0x13), stores=False)


def _with(code: Code, mask: int, value: int) -> Offsets:
    """Where the lower half of an instruction of four bytes is like that."""
    return where(code, 2, lambda run: run & mask == value)


def _named(code: Code, low: int, high: int) -> Offsets:
    """Loads and stores, and `addi`, that reach an address between two from where `auipc` went."""
    found = [NONE]
    for opcode in (0x03, 0x07, 0x13, 0x23, 0x27):
        offsets, to = _behind_page(code, _with(code, 0x7F, opcode), stores=opcode & 0x20 > 0)
        found.append(offsets[(low <= to) & (to <= high)])
    return np.concatenate(found)


def _branches(code: Code, address: int) -> Offsets:
    """Conditional branches to an address, of four and of two bytes."""
    wide = _with(code, 0x7F, 0x63)
    word = word_at(code, wide)
    distance = (word >> 31) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 0xF) << 1
    to = addresses(code.mapping, wide) + ((distance ^ 1 << 12) - (1 << 12))
    short = where(code, 2, lambda run: run & 0xC003 == 0xC001)
    word = word_at(code, short, 2)
    near = (word >> 12 & 1) << 8 | (word >> 10 & 3) << 3 | (word >> 5 & 3) << 6 | (word >> 3 & 3) << 1
    near |= (word >> 2 & 1) << 5
    near_to = addresses(code.mapping, short) + ((near ^ 1 << 8) - (1 << 8))
    return np.concatenate([wide[to == address], short[near_to == address]])


def _behind_page(code: Code, offsets: Offsets, *, stores: bool) -> Pairs:
    """Instructions that add to a register which `auipc` set shortly before, and the address that gives.

    Or to the register from which a program counts its variables.
    """
    paged = _with(code, 0x7F, 0x17)
    upper, words = word_at(code, paged), word_at(code, offsets)
    pages, distance = addresses(code.mapping, paged) + _high(upper), _stored_low(words) if stores else _low(words)
    found, to, variables = [NONE], [NONE], global_pointer(code)
    for register in range(1, 32):
        own, mine = paged[upper >> 7 & 0x1F == register], words >> 15 & 0x1F == register
        if register == _GLOBAL and variables is not None:
            found.append(offsets[mine])
            to.append(distance[mine] + variables)
        if not own.size or not mine.any():
            continue
        places = offsets[mine]
        last, near = nearest(own, places, _APART)
        found.append(places[near])
        to.append(pages[upper >> 7 & 0x1F == register][last[near]] + distance[mine][near])
    return np.concatenate(found), np.concatenate(to)


_GLOBAL = 3  # the register gp

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


_LIFT = Lift(
    read=read,
    stack="sp",
    frame="s0",
    arguments=_TEXT.arguments,
    result="a0",
    kept=_TEXT.kept | {"zero", *(f"fs{number}" for number in range(12))},
    zero="zero",
    lines=lines,
)

MACHINE = Machine(
    name="riscv",
    number=243,
    jump_slot=frozenset({5}),
    irelative=frozenset({58}),
    executable_stack=False,
    immediates=_immediates,
    lift=_LIFT,
    idioms=Idioms(
        canaries=_canaries,
        unwound=False,
        frames=_frames,
        addresses=_addresses,
        text=_TEXT,
        stubs=_stubs,
        direct_calls=_direct_calls,
        entered=_entered,
        slot_loads=_slot_loads,
        taken=_taken,
        branches=_branches,
        named=_named,
    ),
)
