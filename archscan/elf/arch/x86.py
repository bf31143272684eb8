"""What x86-64 and IA-32 have in common: prologues, probes of the stack, landing pads."""

from __future__ import annotations

from archscan.elf.arch.idioms import Frames, Pairs, Probes
from archscan.elf.arrays import NONE, Mask, Offsets, among, np, numbers
from archscan.elf.code import Code, matches, offsets_of, once, within
from archscan.elf.mapping import addresses

# ModRM, without the register, of a place at a distance from the stack pointer, by a SIB byte, and the frame pointer.
ON_STACK, ON_FRAME = among(0x44, 0x84), among(0x45, 0x85)

GUARD_PAGE = 4096  # gcc, param stack-clash-protection-guard-size
_SHORT = 130  # bytes that a short jump reaches
_LOCK = 0xF0  # `lock orq $0,(%rsp)` is a memory barrier
_ROOM = 16 << 20  # more is no frame: a constant in data that looks like one


def bytes_at(code: Code, offsets: Offsets, values: tuple[int, ...]) -> Mask:
    """Whether the bytes stand at each offset."""
    result = offsets + len(values) <= code.raw.size
    for place, value in enumerate(values):
        result &= code.raw[np.minimum(offsets + place, code.raw.size - 1)] == value
    return result


def joined(*parts: Offsets) -> Offsets:
    """All offsets, sorted."""
    return np.sort(np.concatenate(parts))


def frames(code: Code, rex: tuple[int, ...], any_rex: tuple[int, int] | None = None) -> Frames:
    """`sub $N,%rsp` with N of 32 and of 8 bits, and `add $-128,%rsp`; `sub %reg,%rsp`, `mov %reg,%rsp` but `%rbp`.

    ``rex`` is the prefix that makes it 64 bits, ``any_rex`` the same with any register.
    """
    raw, skip = code.raw, len(rex)
    # One search for all of them: 81 or 83, then ec (sub) or c4 (add).
    found = matches(code, (*rex, (0x81, 0xFD), (0xC4, 0xD7), None))
    operation, operand = raw[found + skip + 1], raw[found + skip + 2]
    short = raw[found + skip] == 0x83
    exact = short & (operation == 0xC4) & (operand == 0x80)
    long = ~short & (operation == 0xEC) & (found + skip + 6 <= raw.size)
    small = short & (operation == 0xEC) & (operand < 0x80)
    size = np.where(exact, 128, operand.astype(np.int64))
    size[long] = numbers(raw, found[long] + skip + 2, 4, "<")
    kept = (exact | long | small) & (size < _ROOM)
    prefix = () if any_rex is None else (any_rex,)
    grown = matches(code, (*prefix, (0x09, 0x5F), (0xC4, 0xC7)))  # 29 (sub) or 89 (mov)
    operation = raw[grown + skip]
    framed = (raw[grown + skip + 1] == 0xEC) & (raw[grown] != 0x4C)  # `mov %rbp,%rsp`, but not of %r13
    return Frames(found[kept], size[kept], grown[(operation == 0x29) | (operation == 0x89) & ~framed])


def probes(code: Code, taken: Frames, rex: tuple[int, ...]) -> Probes:
    """Touches of a page just allocated, and allocations of more than a page without one.

    gcc writes `or $0,(%rsp)`, and `or $0,disp(%rsp)` in loops for what has no constant size. clang writes
    `mov $0,(%rsp)`, a common instruction elsewhere; behind the allocation of a page it is a probe. In its loops for
    what has no constant size `xor $0,(%rsp)` stands before that.
    """
    skip = len(rex)
    large = taken.offsets[taken.sizes >= GUARD_PAGE]
    if not large.size:
        return Probes(NONE, NONE)  # what has no constant size is allocated in a loop, a page at a time
    once = matches(code, (*rex, 0x83, 0x0C, 0x24, 0x00))
    once = once[code.raw[once - 1] != _LOCK]
    loop = matches(code, (*rex, 0x83, 0x8C, 0x24, None, None, None, None, 0x00))
    behind = large + skip + 6
    zero = (*rex, 0xC7, 0x04, 0x24, 0x00, 0x00, 0x00, 0x00)
    loop_of_clang = (*rex, 0x83, 0x34, 0x24, 0x00)
    before = large - len(loop_of_clang)
    clang = bytes_at(code, behind, zero)
    looped = (before >= 0) & bytes_at(code, np.maximum(before, 0), loop_of_clang)
    behind_it = np.isin(behind, joined(once, loop)) | clang
    touched = (taken.sizes[taken.sizes >= GUARD_PAGE] == GUARD_PAGE) & (behind_it | looped)
    probed = joined(once, loop, behind[clang & touched], before[looped & touched])
    # clang leaves a frame of exactly a page alone: the next call touches what is below.
    bare = ~touched & ((taken.sizes[taken.sizes >= GUARD_PAGE] > GUARD_PAGE) | (not probed.size))
    return Probes(probed, large[bare])


def sha1(code: Code) -> dict[str, Offsets]:
    """`sha1rnds4` between registers, and `sha1nexte` (Intel SDM, SHA extensions)."""
    rounds = matches(code, (0x0F, 0x3A, 0xCC, (0xC0, 0xC0), (0, 0xFC)))
    return {"sha1rnds4": rounds, "sha1nexte": matches(code, (0x0F, 0x38, 0xC8))}


ADDRESS_SIZE = 0x67
"""The prefix by which linkers fill up `call *slot` that they make a direct call of (psABI, "Relocations")."""


@once
def direct_calls(code: Code) -> Pairs:
    """`call` and `jmp` with a distance of 32 bits."""
    found = matches(code, ((0xE8, 0xFE), None, None, None, None))
    distance = numbers(code.raw, found + 1, 4, "<", signed=True)
    return found, addresses(code.mapping, found) + 5 + distance


@once
def _far_branches(code: Code) -> Pairs:
    """`jcc` with a distance of 32 bits."""
    far = matches(code, (0x0F, (0x80, 0xF0), None, None, None, None))
    return far, addresses(code.mapping, far) + 6 + numbers(code.raw, far + 2, 4, "<", signed=True)


def branches(code: Code, address: int) -> Offsets:
    """`jcc` to an address, and short jumps; most of what looks like these is part of something else."""
    far, to = _far_branches(code)
    found = [far[to == address]]
    place = int(offsets_of(code, np.array([address], np.int64))[0])
    near = np.arange(max(place - _SHORT, 0), min(place + _SHORT, code.raw.size - 2), dtype=np.int64)
    first = code.raw[near]
    near = near[((first == 0xEB) | (first & 0xF0 == 0x70)) & (place >= 0)]
    found.append(near[near + 2 + code.raw[near + 1].astype(np.int8) == place])
    return within(code, np.concatenate(found))
