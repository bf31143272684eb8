"""64-bit PowerPC, both byte orders: ELF V1 and V2 ABI."""

from __future__ import annotations

import re
from functools import partial

from archscan.elf.arch.idioms import Frames, Idioms, Pairs, Text
from archscan.elf.arch.immediates import behind, made, signed, upper_halves
from archscan.elf.arch.lifting import Lift
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.ppc64_lifting import begins, lines, read, table_of_contents
from archscan.elf.arch.wordwise import nearest, where, word_at
from archscan.elf.arrays import NONE, Mask, Offsets, Words, np
from archscan.elf.code import Code, once
from archscan.elf.mapping import addresses

_APART = 256  # bytes between the two instructions that make an address, or load what stands there
_TOC, _SAVES_TOC = 2, 0xF8410018  # the register; `std r2, 24(r1)`
_ROOM = 64 << 20


def _canaries(code: Code) -> Offsets:
    """`ld rX, -28688(r13)`: tcbhead_t.stack_guard (glibc, sysdeps/powerpc/nptl/tls.h)."""
    return where(code, 4, lambda run: run & 0xFC1FFFFF == 0xE80D8FF0)


def _frames(code: Code) -> Frames:
    """`stdu r1, -N(r1)`, and `stdux r1, r1, rX` behind what puts a constant into rX; `stdux rX, r1, rY` grows."""
    found = where(code, 4, lambda run: run & 0xFFFF8003 == 0xF8218001)
    indexed = where(code, 4, lambda run: run & 0xFC1F07FF == 0x7C01016A)
    same = word_at(code, indexed) >> 21 & 0x1F == 1
    large, grows = indexed[same], indexed[~same]
    register = word_at(code, large) >> 11 & 0x1F
    upper, lower = word_at(code, large - 8), word_at(code, large - 4)
    constant = (upper >> 16 == 0x3C00 | register << 5) & (lower >> 16 == 0x6000 | register << 5 | register)
    sizes = 0x100000000 - ((upper & 0xFFFF) << 16 | lower & 0xFFFF)
    kept = constant & (sizes < _ROOM)
    plain = 0x10000 - (word_at(code, found) & 0xFFFC)
    grows = np.concatenate([grows, large[~kept]])
    return Frames(np.concatenate([found, large[kept]]), np.concatenate([plain, sizes[kept]]), grows)


def _addresses(code: Code) -> Offsets:
    """`addi rX, r1, N` with N above the link area, to another register than the stack pointer."""

    def computed(run: Words) -> Mask:
        return (run & 0xFC1F8000 == 0x38010000) & (run & 0x03E00000 != 0x00200000)

    return where(code, 4, computed)


@once
def _stubs(code: Code) -> Pairs:
    """`ld r12, N(r2); mtctr r12; bctr`, what r2 is added to before that perhaps, and saving it: the linker's stubs."""

    def stub(run: Words) -> Mask:
        loads = np.isin(run[:-2] >> 16, (0xE982, 0xE98B, 0xE98C)) & (run[:-2] & 3 == 0)
        return loads & (run[1:-1] == 0x7D8903A6) & (run[2:] == 0x4E800420)

    toc, found = table_of_contents(code), where(code, 4, stub)
    if toc is None:
        return NONE, NONE
    word, before = word_at(code, found), word_at(code, found - 4)
    upper = np.isin(before >> 16, (0x3D62, 0x3D82))  # addis r11, r2, N; addis r12, r2, N
    far = word >> 16 != 0xE982
    slot = toc + _low(word & ~3) + np.where(far, _low(before) << 16, 0)
    known = ~far | upper
    found, slot = (found - 4 * far)[known], slot[known]
    saved = word_at(code, found - 4) == _SAVES_TOC
    entries = np.concatenate([found, (found - 4)[saved]])
    return addresses(code.mapping, entries), np.concatenate([slot, slot[saved]])


def _low(words: Offsets) -> Offsets:
    """The signed lower half."""
    return (words & 0xFFFF ^ 0x8000) - 0x8000


@once
def _direct_calls(code: Code) -> Pairs:
    """`bl` and `b`, leading to where the function begins."""
    found = where(code, 4, lambda run: (run >> 26 == 18) & (run & 2 == 0))
    distance = word_at(code, found) & 0x3FFFFFC
    to = addresses(code.mapping, found) + ((distance ^ 1 << 25) - (1 << 25))
    unique, number = np.unique(to, return_inverse=True)
    entered = np.array([begins(code, one) for one in unique.tolist()], np.int64)
    return found, entered[number] if found.size else NONE


def _branches(code: Code, address: int) -> Offsets:
    """Conditional branches to an address."""
    found = where(code, 4, lambda run: (run >> 26 == 16) & (run & 3 == 0))
    to = addresses(code.mapping, found) + _low(word_at(code, found) & 0xFFFC)
    return found[np.isin(to, (address, address + 8))]


@once
def _slot_loads(code: Code) -> Pairs:
    """`ld rX, N(rY)` from the TOC, or shortly behind `addis rY, r2, N`."""
    return _in_contents(code, where(code, 4, lambda run: (run >> 26 == 58) & (run & 3 == 0)), mask=0xFFFC)


@once
def _taken(code: Code) -> Pairs:
    """`addi rX, rY, N` from the TOC, or shortly behind `addis rY, r2, N`."""
    return _in_contents(code, where(code, 4, lambda run: run >> 26 == 14), mask=0xFFFF)


def _named(code: Code, low: int, high: int) -> Offsets:
    """Loads and stores, and `addi`, that reach an address between two from the TOC."""
    found = [NONE]
    for mask, opcodes in ((0xFFFC, (58, 62)), (0xFFFF, (14, *range(32, 48), *range(48, 56)))):
        offsets, to = _in_contents(code, where(code, 4, partial(_is_one_of, opcodes)), mask=mask)
        found.append(offsets[(low <= to) & (to <= high)])
    return np.concatenate(found)


def _is_one_of(opcodes: tuple[int, ...], run: Words) -> Mask:
    return np.isin(run >> 26, opcodes)


def _in_contents(code: Code, offsets: Offsets, *, mask: int) -> Pairs:
    """Instructions that add to the pointer to the TOC, or to a register that is set from it, and the address."""
    toc = table_of_contents(code)
    if toc is None:
        return NONE, NONE
    upper = where(code, 4, lambda run: (run >> 26 == 15) & (run >> 16 & 0x1F == _TOC))  # addis rX, r2, N
    high, words = word_at(code, upper), word_at(code, offsets)
    base, low = words >> 16 & 0x1F, _low(words & mask)
    found, to = [offsets[base == _TOC]], [toc + low[base == _TOC]]
    for register in range(3, 32):
        own, mine = upper[high >> 21 & 0x1F == register], base == register
        if not own.size or not mine.any():
            continue
        places = offsets[mine]
        last, near = nearest(own, places, _APART)
        found.append(places[near])
        pages = toc + (_low(high[high >> 21 & 0x1F == register]) << 16)
        to.append(pages[last[near]] + low[mine][near])
    return np.concatenate(found), np.concatenate(to)


_PLACE = r"(?P<at>-?(?:0x)?[0-9a-f]+)?\((?P<base>r1|r31)\)"
_TEXT = Text(
    mode=(4, 1 << 3),  # CS_ARCH_PPC, CS_MODE_64
    stack="r1",
    allocates=re.compile(r"stdux? r1, "),
    grows=re.compile(r"stdux r(?!1,)\d+, r1, |mr r1, (?P<to>r\d+)"),
    returns=re.compile(r"blr|b |bctr(?!l)"),
    reserved=32,
    passed=96,  # behind the 8 registers of arguments
    frame=re.compile(r"mr r31, r1$"),
    frame_pointer="r31",
    frame_is_low=True,
    address=(re.compile(r"addi (?P<to>r\d+), (?P<base>r1|r31), (?P<at>(?:0x)?[0-9a-f]+)$"),),
    copy=re.compile(r"mr (?P<to>r\d+), (?P<source>r\d+)$"),
    home=re.compile(r"st\w+ (?P<source>[rf]\d+), (?P<at>-?(?:0x)?[0-9a-f]+)?\((?P<base>r\d+)\)$"),
    reload=re.compile(rf"ld (?P<to>r\d+), {_PLACE}$"),
    # Vectors have no other form, so for them a register says nothing of a variable index.
    indexed=re.compile(r"(?:lbz|lh[az]|lw[az]|ld|lf[sd]|stb|sth|stw|std|stf[sd])u?x \w+, (?P<base>r\d+), r\d+$"),
    part=re.compile(r"(?:mr|exts[bhw]|clrldi|rlwinm) r\d+, (?P<source>r\d+)(?:, .*)?$"),
    written=re.compile(r"(?!cmp|st|b|mt)\S+ (?P<to>[rf]\d+)(?:,|$)"),
    call=re.compile(r"b(?:l|ctrl)\b"),
    arguments=tuple(f"r{number}" for number in range(3, 11)),
    kept=frozenset(f"r{number}" for number in range(14, 32)),
    incoming=frozenset({*(f"r{number}" for number in range(3, 11)), *(f"f{number}" for number in range(1, 14))}),
    aliases={},
    # Several fields of the condition register at once, among them those that calls change.
    unwritten=re.compile(r"mtcrf 0x[c-f]\w, "),
)


def _immediates(code: Code, wanted: Offsets) -> Pairs:
    """`lis` or `addis`, or `oris` as Go writes it, and `ori` or `addi` of what that gives."""
    upper = upper_halves(wanted)

    def begins(run: Words) -> Mask:
        found = np.zeros(run.shape, np.bool_)
        kind = run >> 26
        at = np.flatnonzero((kind == 15) | (kind == 25))
        found[at] = upper[run[at] & 0xFFFF]
        return found

    def completes(one: Offsets, other: Offsets) -> tuple[Mask, Offsets]:
        register, kind = np.where(one >> 26 == 15, one >> 21, one >> 16) & 31, other >> 26
        joined = (kind == 24) & (other >> 21 & 31 == register)
        added = (kind == 14) & (other >> 16 & 31 == register)
        low = other & 0xFFFF
        value = np.where(joined, (one & 0xFFFF) << 16 | low, ((one & 0xFFFF) << 16) + signed(low, 16))
        return joined | added, value & 0xFFFFFFFF

    return made(code, 4, wanted, begins, completes, behind())


_LIFT = Lift(
    read=read,
    stack="r1",
    frame="r31",
    arguments=_TEXT.arguments,
    result="r3",
    kept=_TEXT.kept | {f"f{number}" for number in range(14, 32)},
    stacked=96,
    passed=96,
    lines=lines,
)

MACHINE = Machine(
    name="ppc64",
    number=21,
    jump_slot=frozenset({21}),
    absolute={38: 8, 1: 4},
    glob_dat=frozenset({20}),
    irelative=frozenset({248}),
    page=65536,
    immediates=_immediates,
    executable_stack=False,
    features=frozenset({"stack_clash"}),
    # Their assembler takes what the older ABI wanted, and `_start` 128 bytes (glibc, sysdeps/powerpc/powerpc64).
    idioms=Idioms(
        canaries=_canaries,
        frames=_frames,
        addresses=_addresses,
        text=_TEXT,
        little=True,
        start_room=128 - 32,
        stubs=_stubs,
        direct_calls=_direct_calls,
        slot_loads=_slot_loads,
        taken=_taken,
        branches=_branches,
        named=_named,
    ),
    lift=_LIFT,
)
