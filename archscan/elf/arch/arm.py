"""32-bit Arm, soft and hard float: ELF for the Arm Architecture."""

from __future__ import annotations

import re
from functools import partial

from archscan.elf.arch.arm_lifting import read
from archscan.elf.arch.arm_lines import lines
from archscan.elf.arch.idioms import Frames, Idioms, Pairs, Text
from archscan.elf.arch.immediates import Instructions, around, made, upper_halves
from archscan.elf.arch.lifting import Lift
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.wordwise import where, word_at
from archscan.elf.arrays import NONE, Mask, Offsets, Words, np
from archscan.elf.code import Code
from archscan.elf.mapping import addresses, offsets

_BEHIND = 12  # bytes before the room for a frame in which a function without saved registers begins
_SMALL_HALF = 0x40  # `movs` of one low register to another, as `lsls #0`, is less; so is half of a distance in a table
_LONGEST_CHAIN = 64  # bytes that each look like the beginning of a long instruction, one after another
_HARD_FLOAT = 0x400  # EF_ARM_ABI_FLOAT_HARD: armhf, whose compilers write Thumb code


def _canaries(code: Code) -> Offsets:
    """The comparison with the guard, `eors X, Y; mov.w Y, #0`, in Thumb and in Arm code (gcc, arm.md).

    And storing it, where a function never returns: `ldr X, [Y]; str X, [Z, #N]; mov.w X, #0`.
    """

    def thumb(run: Words) -> Mask:
        exclusive, clear, register = run[:-2], run[1:-1], run[2:]
        cleared = register >> 8
        known = (cleared == exclusive & 7) | (cleared == exclusive >> 3 & 7)
        return (exclusive & 0xFFC0 == 0x4040) & (clear == 0xF04F) & (register & 0xF0FF == 0) & known

    def stored(run: Words, *, wide: bool, far: bool) -> Mask:
        # ``wide``: the load has four bytes; ``far``: the store has.
        length = 2 if wide else 1
        end = length + (2 if far else 1)
        last = max(run.size - end - 1, 0)
        load, store, clear, cleared = (run[at : at + last] for at in (0, length, end, end + 1))
        register, known = load & 7, load & 0xFFC0 == 0x6800
        if wide:
            place = run[1 : 1 + last]
            register, known = place >> 12, (load & 0xFFF0 == 0xF8D0) & (place & 0xFFF == 0)
        if far:
            known &= (store & 0xFFF0 == 0xF8C0) & (run[length + 1 : length + 1 + last] >> 12 == register)
        else:
            kept = (store & 0xFF00 == 0x9000 | register << 8) | (store & 0xF807 == 0x6000 | register)
            known &= (register < 8) & kept
        return known & (clear == 0xF04F) & (cleared == register << 8)

    def arm(run: Words) -> Mask:
        exclusive, clear = run[:-1], run[1:]
        cleared = clear >> 12 & 0xF
        known = (cleared == exclusive & 0xF) | (cleared == exclusive >> 16 & 0xF)
        return (exclusive & 0xFFF00FF0 == 0xE0300000) & (clear & 0xFFFF0FFF == 0xE3A00000) & known

    ways = [(wide, far) for wide in (False, True) for far in (False, True)]
    set_ = [where(code, 2, partial(stored, wide=wide, far=far)) for wide, far in ways]
    return np.sort(np.concatenate([where(code, 2, thumb), *set_, where(code, 4, arm)]))


def _frames(code: Code) -> Frames:
    """`sub sp, #N` of 2, `sub.w` and `subw sp, sp, #N` of 4 bytes in Thumb code, `sub sp, sp, #N` in Arm code."""
    short = _whole(code, where(code, 2, lambda run: run & 0xFF80 == 0xB080))
    short = short[~_in_table(code, short)]
    wide = where(code, 2, lambda run: (run[:-1] & 0xFBFF == 0xF1AD) & (run[1:] & 0x8F00 == 0x0D00))
    direct = where(code, 2, lambda run: (run[:-1] & 0xFBFF == 0xF2AD) & (run[1:] & 0x8F00 == 0x0D00))
    first, second = word_at(code, wide, 2), word_at(code, wide + 2, 2)
    arm = where(code, 4, lambda run: run & 0xFFFFF000 == 0xE24DD000)
    operand = word_at(code, arm)
    twice = (operand >> 8 & 0xF) * 2
    low = operand & 0xFF
    rotated = (low >> twice | low << (32 - twice)) & 0xFFFFFFFF
    sizes = [
        (word_at(code, short, 2) & 0x7F) * 4,
        _expanded(_immediate(first, second)),
        rotated,
        _immediate(word_at(code, direct, 2), word_at(code, direct + 2, 2)),
    ]
    offsets, size = np.concatenate([short, wide, arm, direct]), np.concatenate(sizes)
    grows = where(code, 2, lambda run: (run[:-1] == 0xEBAD) & (run[1:] & 0x8FF0 == 0x0D00))
    known = size < 1 << 24
    return Frames(offsets[known], size[known], grows, _begins(code, offsets[known]))


def _begins(code: Code, frames: Offsets) -> Offsets:
    """Where functions begin: they save the return address, or make room right behind the end of another.

    What makes room further behind is the rest of a prologue, or alloca.
    """
    # push {…, lr}; followed by 0 or -1 it is half of a number, in a table of distances.
    short = _whole(code, where(code, 2, lambda run: (run[:-1] & 0xFF00 == 0xB500) & (run[1:] + 1 & 0xFFFF > 1)))
    short = short[~_in_table(code, short)]
    wide = where(code, 2, lambda run: (run[:-1] == 0xE92D) & (run[1:] & 0x4000 != 0))  # push.w {…, lr}
    single = where(code, 2, lambda run: (run[:-1] == 0xF84D) & (run[1:] & 0xFF00 == 0xED00))  # str.w lr, [sp, #-N]!
    arm = where(code, 4, lambda run: run & 0xFFFF4000 == 0xE92D4000)
    alone = np.zeros(frames.shape, np.bool_)
    open_ = np.ones(frames.shape, np.bool_)
    for distance in range(2, _BEHIND + 2, 2):
        word = word_at(code, frames - distance, 2)
        # bx lr, pop {…, pc}, nop; the end of ldm sp!, {…, pc}. Behind a short jump lies more of the same function.
        ends = np.isin(word, (0x4770, 0xBF00)) | (word & 0xFF00 == 0xBD00)
        ends |= (word_at(code, frames - distance - 2, 2) == 0xE8BD) & (word & 0x8000 != 0)
        saves = (word & 0xFF00 == 0xB500) | (word_at(code, frames - distance - 2, 2) == 0xE92D)
        # b.n, behind which lies what is reached from within; and mov rX, sp, before room for an array in a block.
        inside = (word & 0xF800 == 0xE000) | (word & 0xFF78 == 0x4668)
        alone |= open_ & ends
        open_ &= ~ends & ~saves & ~inside
    return np.sort(np.concatenate([short, wide, single, arm, frames[alone]]))


def _in_table(code: Code, offsets: Offsets) -> Mask:
    """Whether halfwords are the lower halves of numbers in a table of distances, as stands behind a function's code.

    The upper half of each is small then, as few instructions are: a move between low registers that sets the flags.
    """
    small = [word_at(code, offsets + distance, 2) < _SMALL_HALF for distance in (-6, -2, 2, 6)]
    return (offsets % 4 == 0) & small[2] & (small[3] | (small[0] & small[1]))


def _whole(code: Code, offsets: Offsets) -> Offsets:
    """Those halfwords that are no second half of an instruction.

    Before such a half stands an odd number of halves that begin a long instruction: the first of them is preceded by
    one that does not, so it is the first of its own.
    """
    odd, going = np.zeros(offsets.shape, np.bool_), np.ones(offsets.shape, np.bool_)
    for distance in range(2, _LONGEST_CHAIN, 2):
        going &= word_at(code, offsets - distance, 2) >= 0xE800
        if not going.any():
            break
        odd ^= going
    return offsets[~odd]


def _immediate(first: Offsets, second: Offsets) -> Offsets:
    """The twelve bits of an operand that two halves of an instruction hold."""
    return (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF


def _expanded(operand: Offsets) -> Offsets:
    """The number that a modified immediate of Thumb means (ThumbExpandImm); repeated bytes are no frame."""
    rotation = operand >> 7 & 0x1F
    value = 0x80 | operand & 0x7F
    rotated = np.where(rotation >= 8, (value << (32 - rotation)) & 0xFFFFFFFF, 0)
    return np.where(operand >> 8 == 0, operand & 0xFF, rotated)


def _addresses(code: Code) -> Offsets:
    """`add rX, sp, #N` of 2 bytes, `add.w` and `addw` of 4, `mov rX, sp`."""
    short = where(code, 2, lambda run: run & 0xF800 == 0xA800)
    wide = where(code, 2, lambda run: np.isin(run[:-1] & 0xFBFF, (0xF10D, 0xF20D)) & (run[1:] & 0x8F00 < 0x0D00))
    moved = where(code, 2, lambda run: (run & 0xFF78 == 0x4668) & (run & 0x87 != 0x85))
    arm = where(code, 4, lambda run: (run & 0xFFFF0000 == 0xE28D0000) & (run & 0xF000 < 0xD000))
    return np.sort(np.concatenate([short, wide, moved, arm]))


def _stubs(code: Code) -> Pairs:
    """`add ip, pc, #N; add ip, ip, #N; ldr pc, [ip, #N]!` in Arm code, perhaps with `bx pc` before for Thumb code."""

    def stub(run: Words) -> Mask:
        first, second, third = run[:-2], run[1:-1], run[2:]
        return (first & 0xFFFFFF00 == 0xE28FC600) & (second & 0xFFFFFF00 == 0xE28CCA00) & (third >> 12 == 0xE5BCF)

    found = where(code, 4, stub)
    upper, middle, lower = (word_at(code, found + distance) for distance in (0, 4, 8))
    address = addresses(code.mapping, found)
    slot = address + 8 + ((upper & 0xFF) << 20) + ((middle & 0xFF) << 12) + (lower & 0xFFF)
    switched = word_at(code, found - 4, 2) == 0x4778
    return np.concatenate([address, (address - 4)[switched]]), np.concatenate([slot, slot[switched]])


def _direct_calls(code: Code) -> Pairs:
    """`bl` and `blx`, `b.w` and `b` in Thumb code, `bl` and `b` in Arm code."""
    long = where(code, 2, lambda run: (run[:-1] & 0xF800 == 0xF000) & (run[1:] & 0x8000 != 0))
    first, second = word_at(code, long, 2), word_at(code, long + 2, 2)
    kind = second & 0xD000
    known = (kind == 0xD000) | (kind == 0x9000) | ((kind == 0xC000) & (second & 1 == 0))
    long, first, second, kind = long[known], first[known], second[known], kind[known]
    sign = first >> 10 & 1
    one, two = (second >> 13 & 1 ^ sign) ^ 1, (second >> 11 & 1 ^ sign) ^ 1
    distance = one << 23 | two << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
    at = addresses(code.mapping, long) + 4
    to = np.where(kind == 0xC000, at & ~3, at) + distance - (sign << 24)
    short = _whole(code, where(code, 2, lambda run: run & 0xF800 == 0xE000))
    short = short[word_at(code, short - 2, 2) != 0x4778]  # what stands behind `bx pc` leads nowhere
    near = word_at(code, short, 2) & 0x7FF
    short_to = addresses(code.mapping, short) + 4 + 2 * ((near ^ 0x400) - 0x400)
    arm = where(code, 4, lambda run: np.isin(run >> 24, (0xEA, 0xEB)))
    far = word_at(code, arm) & 0xFFFFFF
    arm_to = addresses(code.mapping, arm) + 8 + 4 * ((far ^ 0x800000) - 0x800000)
    return np.concatenate([long, short, arm]), np.concatenate([to, short_to, arm_to])


def _entered(code: Code) -> Pairs:
    """`bl` and `blx` in Thumb code to what saves the return address first: what looks like a call may be none."""
    found, to = _direct_calls(code)
    links = (word_at(code, found, 2) & 0xF800 == 0xF000) & (word_at(code, found + 2, 2) & 0xC000 == 0xC000)
    begin = offsets(code.mapping, to)
    first, second = word_at(code, begin, 2), word_at(code, begin + 2, 2)
    saves = (first & 0xFF00 == 0xB500) | ((first == 0xE92D) & (second & 0x4000 != 0))
    saves |= (first == 0xF84D) & (second & 0xFF00 == 0xED00)
    known = links & saves & np.isin(found, _whole(code, found[links])) & (to % 2 == 0)
    return found[known], to[known]


def _branches(code: Code, address: int) -> Offsets:
    """Conditional branches to an address, of two and of four bytes."""
    short = _whole(code, where(code, 2, lambda run: (run & 0xF000 == 0xD000) & (run & 0xE00 != 0xE00)))
    near = word_at(code, short, 2) & 0xFF
    to = addresses(code.mapping, short) + 4 + 2 * ((near ^ 0x80) - 0x80)
    long = _whole(code, where(code, 2, lambda run: (run[:-1] & 0xF800 == 0xF000) & (run[1:] & 0xD000 == 0x8000)))
    first, second = word_at(code, long, 2), word_at(code, long + 2, 2)
    distance = (second >> 11 & 1) << 19 | (second >> 13 & 1) << 18 | (first & 0x3F) << 12 | (second & 0x7FF) << 1
    far = addresses(code.mapping, long) + 4 + distance - ((first >> 10 & 1) << 20)
    return np.concatenate([short[to == address], long[far == address]])


def _literals(code: Code) -> tuple[Offsets, Offsets, Offsets]:
    """`ldr rX, [pc, #N]`: where it stands, the register, and the number that it loads."""
    short = _whole(code, where(code, 2, lambda run: run & 0xF800 == 0x4800))
    word = word_at(code, short, 2)
    long = _whole(code, where(code, 2, lambda run: run[:-1] == 0xF8DF))
    wide = word_at(code, long + 2, 2)
    at = np.concatenate([short, long])
    distance = np.concatenate([(word & 0xFF) * 4, wide & 0xFFF])
    place = ((addresses(code.mapping, at) + 4) & ~3) + distance
    return at, np.concatenate([word >> 8 & 7, wide >> 12]), word_at(code, offsets(code.mapping, place))


def _computed(code: Code) -> Pairs:
    """`add rX, pc` shortly behind what loads the distance into rX, and the address that gives; and `movw`, `movt`."""
    added = _whole(code, where(code, 2, lambda run: run & 0xFF78 == 0x4478))
    word = word_at(code, added, 2)
    target, (loads, registers, values) = word & 7 | word >> 4 & 8, _literals(code)
    found, to = [NONE], [NONE]
    for register in range(15):
        own, mine = loads[registers == register], added[target == register]
        order = np.argsort(own)
        own, value = own[order], values[registers == register][order]
        if not own.size or not mine.size:
            continue
        last = np.maximum(np.searchsorted(own, mine) - 1, 0)
        near = (own[last] < mine) & (mine - own[last] < _APART)
        found.append(mine[near])
        to.append((value[last[near]] + addresses(code.mapping, mine[near]) + 4) & 0xFFFFFFFF)
    return np.concatenate(found), np.concatenate(to)


def _taken(code: Code) -> Pairs:
    """Addresses that are computed, and numbers that may be some where programs are not moved."""
    found, to = _computed(code)
    loads, _, values = _literals(code)
    moved = _whole(code, where(code, 2, lambda run: run[:-1] & 0xFBF0 == 0xF2C0))  # movt
    upper = _moved(word_at(code, moved, 2), word_at(code, moved + 2, 2)) << 16
    lower = _moved(word_at(code, moved - 4, 2), word_at(code, moved - 2, 2))
    paired = word_at(code, moved - 4, 2) & 0xFBF0 == 0xF240  # movw right before
    return np.concatenate([found, loads, moved[paired]]), np.concatenate([to, values, (upper | lower)[paired]])


def _moved(first: Offsets, second: Offsets) -> Offsets:
    """The sixteen bits in `movw` and `movt`."""
    return (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF


def _slot_loads(code: Code) -> Pairs:
    """Where the address of a slot of the GOT is computed, or its distance from where that begins is loaded."""
    found, to = _computed(code)
    if code.got is None:
        return found, to
    loads, _, values = _literals(code)
    return np.concatenate([found, loads]), np.concatenate([to, (values + code.got) & 0xFFFFFFFF])


_APART = 256  # bytes between the two instructions that make an address
_PLACE = r"\[(?P<base>sp|r7)(?:, #(?P<at>-?(?:0x)?[0-9a-f]+))?\]"
_TEXT = Text(
    mode=(0, 1 << 4),  # CS_ARCH_ARM, CS_MODE_THUMB
    stack="sp",
    allocates=re.compile(r"sub\S* sp, |push(?: \{(?P<scratch>r[0-3], .*)\})?"),
    grows=re.compile(r"sub\S* sp, (?:sp, )?r|mov sp, (?P<to>r(?!7)\d+)"),
    word=4,
    returns=re.compile(r"(?:pop|ldm).*pc\}|bx |b(?:\.w)? |ldr\S* pc|mov pc"),
    frame=re.compile(r"add r7, sp, #|mov r7, sp$"),
    frame_pointer="r7",
    frame_is_low=True,
    address=(
        re.compile(r"add(?:w|\.w)? (?P<to>r\d+|ip|sl|fp|sb), (?P<base>sp), #(?P<at>(?:0x)?[0-9a-f]+)$"),
        re.compile(r"mov (?P<to>r\d+|ip|sl|fp|sb), (?P<base>sp)$"),
        re.compile(r"add(?:s|w|\.w)? (?P<to>r\d+), (?P<base>r7), #(?P<at>(?:0x)?[0-9a-f]+)$"),
    ),
    copy=re.compile(r"mov (?P<to>r\d+|ip|sl|fp|sb), (?P<source>r\d+|ip|sl|fp|sb)$"),
    part=re.compile(r"(?:mov|[su]xt[bh])(?:s|\.w)? (?:r\d+|ip|sl|fp|sb), (?P<source>r\d+)$"),
    home=re.compile(rf"v?str\w*(?:\.w)? (?P<source>[rds]\d+), (?:(?P<second>r\d+), )?{_PLACE}$"),
    several=re.compile(r"stm(?:\.w)? (?P<base>sp|r\d+|ip), \{(?P<sources>[^}]+)\}$"),
    reload=re.compile(rf"ldr(?:\.w)? (?P<to>r\d+), {_PLACE}$"),
    indexed=re.compile(r".*\[(?P<base>sp|r\d+), r\d+"),
    written=re.compile(r"(?!cmp|cmn|tst|teq|v?str|stm|push|b|cb|it|pld)\S+ (?P<to>[rds]\d+|ip|sl|fp|sb)(?:,|$)"),
    call=re.compile(r"blx? "),
    arguments=("r0", "r1", "r2", "r3"),
    kept=frozenset({"r4", "r5", "r6", "r7", "r8", "sb", "sl", "fp"}),
    incoming=frozenset({"r0", "r1", "r2", "r3", *(f"s{number}" for number in range(16)), *(f"d{n}" for n in range(8))}),
    aliases={},
)


def _immediates(code: Code, wanted: Offsets) -> Pairs:
    """`movw` and `movt` of one register, in Thumb-2 and in instructions of four bytes."""
    upper = upper_halves(wanted)

    def thumb(word: Offsets) -> Offsets:
        return (word & 0xF) << 12 | (word & 0x400) << 1 | word >> 20 & 0x700 | word >> 16 & 0xFF

    def begins(run: Words) -> Mask:
        found = np.zeros(run.shape, np.bool_)
        at = np.flatnonzero(run[:-1] & 0xFBF0 == 0xF2C0)
        found[at] = upper[thumb(run[at].astype(np.int64) | run[at + 1].astype(np.int64) << 16)]
        return found

    def completes(one: Offsets, other: Offsets) -> tuple[Mask, Offsets]:
        beside = (other & 0x8000FBF0 == 0xF240) & ((one ^ other) & 0x0F000000 == 0)
        return beside, thumb(one) << 16 | thumb(other)

    def wide(word: Offsets) -> Offsets:
        return (word >> 4 & 0xF000) | word & 0xFFF

    def begins_wide(run: Words) -> Mask:
        found = np.zeros(run.shape, np.bool_)
        at = np.flatnonzero(run & 0xFF00000 == 0x3400000)
        found[at] = upper[wide(run[at].astype(np.int64))]
        return found

    def completes_wide(one: Offsets, other: Offsets) -> tuple[Mask, Offsets]:
        beside = (other & 0xFF00000 == 0x3000000) & ((one ^ other) & 0xF000 == 0)
        return beside, wide(one) << 16 | wide(other)

    found = [
        made(code, 2, wanted, begins, completes, around()),
        made(code, 4, wanted, begins_wide, completes_wide, around()),
    ]
    return np.concatenate([offsets for offsets, _ in found]), np.concatenate([values for _, values in found])


def _masked(value: int, run: Words) -> Mask:
    return run & 0xFFB00F50 == value


def _sha1(code: Code) -> dict[str, Offsets]:
    """`sha1c`, `sha1p`, `sha1m` and `sha1su0` in instructions of four bytes; how Thumb writes them is not known."""
    known = {"sha1c": 0xF2000C40, "sha1p": 0xF2100C40, "sha1m": 0xF2200C40, "sha1su0": 0xF2300C40}
    return {name: where(code, 4, partial(_masked, value)) for name, value in known.items()}


_LIFT = Lift(
    read=read,
    stack="sp",
    frame="r7",
    arguments=_TEXT.arguments,
    result="r0",
    kept=_TEXT.kept | {f"s{number}" for number in range(16, 32)},
    word=4,
    lines=lines,
)

MACHINE = Machine(
    name="arm",
    number=40,
    jump_slot=frozenset({22}),
    absolute={2: 4},
    glob_dat=frozenset({21}),
    irelative=frozenset({160}),
    implicit_addends=True,
    immediates=_immediates,
    sha1=Instructions(_sha1, 4),
    features=frozenset({"stack_clash"}),
    idioms=Idioms(
        canaries=_canaries,
        unwound=False,
        frames=_frames,
        addresses=_addresses,
        text=_TEXT,
        flags=_HARD_FLOAT,
        code_mark=1,
        stubs=_stubs,
        direct_calls=_direct_calls,
        entered=_entered,
        coarse=True,
        slot_loads=_slot_loads,
        taken=_taken,
        branches=_branches,
    ),
    lift=_LIFT,
)
