"""AArch64: ELF for the Arm 64-bit Architecture (BTI and PAC marks)."""

from __future__ import annotations

import re
from functools import partial

from archscan.elf.arch.arm64_lifting import read
from archscan.elf.arch.idioms import Flow, Frames, Idioms, Pairs, Probes, Text
from archscan.elf.arch.immediates import Instructions, around, made, upper_halves
from archscan.elf.arch.lifting import Lift
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.wordwise import where, word_at
from archscan.elf.arrays import NONE, Mask, Offsets, Words, np
from archscan.elf.code import Code, once
from archscan.elf.mapping import addresses

_GUARD = 1 << 16  # bytes: gcc for Debian and Ubuntu is configured for a guard of 64 KiB
_ROOM = 64 << 20
_APART = 256  # bytes between the two instructions that make an address, or load what stands there
_PADS = (0xD503245F, 0xD50324DF, 0xD503233F, 0xD503237F)  # bti c, bti jc, paciasp, pacibsp
_SIGNATURES = (0xD503233F, 0xD503237F)


def _canaries(code: Code) -> Offsets:
    """The comparison with the guard: `subs Xd, Xd, Xm; mov Xm, #0`, one pattern of gcc (aarch64.md).

    And storing it, where a function never returns: `ldr Xt, [Xn]; str Xt, [...]; mov Xt, #0`.
    """

    def compared(run: Words) -> Mask:
        subtract, clear = run[:-1], run[1:]
        same = subtract & 0x1F == subtract >> 5 & 0x1F
        return (subtract & 0xFFE0FC00 == 0xEB000000) & same & (clear == 0xD2800000 | subtract >> 16 & 0x1F)

    def stored(run: Words) -> Mask:
        load, store, clear = run[:-2], run[1:-1], run[2:]
        kept = (store & 0xFFC00000 == 0xF9000000) | (store & 0xFFE00C00 == 0xF8000000)
        register = clear & 0x1F
        same = (load & 0x1F == register) & (store & 0x1F == register)
        from_pointer = (load & 0xFFFFFC00 == 0xF9400000) & (load & 0x3E0 != 0x3E0)
        return kept & from_pointer & same & (clear & 0xFFFFFFE0 == 0xD2800000)

    return np.sort(np.concatenate([where(code, 4, compared), where(code, 4, stored)]))


def _frames(code: Code) -> Frames:
    """`sub sp, sp, #N`, `sub sp, sp, Xm` behind what puts a constant into Xm, and saving registers on the way down.

    That is `stp Xt, Xt2, [sp, #-N]!`, and `str Xt, [sp, #-N]!` where there is no frame pointer.
    """
    plain = where(code, 4, lambda run: run & 0xFF8003FF == 0xD10003FF)
    word = word_at(code, plain)
    paired = where(code, 4, lambda run: run & 0xFFE003E0 == 0xA9A003E0)
    single = where(code, 4, lambda run: run & 0xFFF00FE0 == 0xF8100FE0)
    below = (64 - (word_at(code, paired) >> 15 & 0x3F)) * 8
    alone = 256 - (word_at(code, single) >> 12 & 0xFF)
    large = where(code, 4, lambda run: run & 0xFFE0FFFF == 0xCB2063FF)
    offsets = np.concatenate([plain, paired, single, large])
    sizes = np.concatenate([(word >> 10 & 0xFFF) << (word >> 22 & 1) * 12, below, alone, _constants(code, large)])
    return Frames(offsets[sizes < _ROOM], sizes[sizes < _ROOM], offsets[sizes == 0])


def _constants(code: Code, at: Offsets) -> Offsets:
    """What `mov` and `movk` right before put into the register that is subtracted; 0 where something else does."""
    register = word_at(code, at) >> 16 & 0x1F
    last, before = word_at(code, at - 4), word_at(code, at - 8)
    moved = last & 0xFF80001F == 0xD2800000 | register
    kept = (last & 0xFFE0001F == 0xF2A00000 | register) & (before & 0xFFE0001F == 0xD2800000 | register)
    one = (last >> 5 & 0xFFFF) << (last >> 21 & 3) * 16
    two = (last >> 5 & 0xFFFF) << 16 | before >> 5 & 0xFFFF
    return np.where(moved, one, np.where(kept, two, 0))


def _addresses(code: Code) -> Offsets:
    """`add Xd, sp, #N` or `add Xd, x29, #N`, and `sub Xd, x29, #N`; `mov Xd, sp` is the first with 0."""

    def computed(run: Words) -> Mask:
        base = run >> 5 & 0x1F
        return (run & 0xBF000000 == 0x91000000) & ((base == 31) | (base == 29)) & (run & 0x1F < 29)

    return where(code, 4, computed)


def _probes(code: Code, taken: Frames) -> Probes:
    """`str xzr, [sp, #N]` right behind an allocation; and allocations of the guard's size or more without it."""

    def touched(run: Words) -> Mask:
        allocates = (run[:-1] & 0xFF8003FF == 0xD10003FF) | (run[:-1] & 0xFFE0FFFF == 0xCB2063FF)
        return allocates & (run[1:] & 0xFFC003FF == 0xF90003FF)

    probed = where(code, 4, touched)
    large = taken.offsets[taken.sizes >= _GUARD]
    return Probes(probed + 4, np.sort(large[~np.isin(large, probed)]))


def _pads(code: Code, offsets: Offsets) -> Mask:
    return np.isin(word_at(code, offsets), _PADS)


def _signing_pads(code: Code, offsets: Offsets) -> Mask:
    return np.isin(word_at(code, offsets), _SIGNATURES)


def _saves(code: Code) -> Offsets:
    """`stp x29, x30, [sp, #N]` with and without `!`, and `str x30, [sp, #-N]!`."""

    def saved(run: Words) -> Mask:
        pair = (run & 0xFEC07FFF == 0xA8807BFD) | (run & 0xFFC07FFF == 0xA9007BFD)
        return (pair & (run & 0x00400000 == 0)) | (run & 0xFFE00FFF == 0xF8000FFE)

    return where(code, 4, saved)


def _signatures(code: Code) -> Offsets:
    return where(code, 4, lambda run: np.isin(run, _SIGNATURES))


def _wrong_type(code: Code) -> Offsets:
    """`brk #0x5502`."""
    return where(code, 4, lambda run: run == 0xD42AA040)


@once
def _stubs(code: Code) -> Pairs:
    """`adrp x16, page; ldr x17, [x16, #N]`, alone or behind `bti c`: the entries of .plt."""

    def stub(run: Words) -> Mask:
        return (run[:-1] & 0x9F00001F == 0x90000010) & (run[1:] & 0xFFC003FF == 0xF9400211)

    found = where(code, 4, stub)
    address = addresses(code.mapping, found)
    page, load = word_at(code, found), word_at(code, found + 4)
    slot = _pages(page, address) + (load >> 10 & 0xFFF) * 8
    marked = word_at(code, found - 4) == 0xD503245F
    return np.concatenate([address, (address - 4)[marked]]), np.concatenate([slot, slot[marked]])


def _pages(words: Offsets, at: Offsets) -> Offsets:
    """The pages whose addresses `adrp` at some addresses computes."""
    pages = (words >> 5 & 0x7FFFF) << 2 | words >> 29 & 3
    return (at & ~0xFFF) + (((pages ^ 1 << 20) - (1 << 20)) << 12)


@once
def _slot_loads(code: Code) -> Pairs:
    """`ldr Xt, [Xn, #N]` shortly behind `adrp Xn, page`."""
    return _behind_page(code, where(code, 4, lambda run: run & 0xFFC00000 == 0xF9400000), 8)


@once
def _taken(code: Code) -> Pairs:
    """`add Xd, Xn, #N` shortly behind `adrp Xn, page`, and `adr`."""
    near = where(code, 4, lambda run: run & 0x9F000000 == 0x10000000)
    words = word_at(code, near)
    distance = (words >> 5 & 0x7FFFF) << 2 | words >> 29 & 3
    to = addresses(code.mapping, near) + ((distance ^ 1 << 20) - (1 << 20))
    found, far = _behind_page(code, where(code, 4, lambda run: run & 0xFFC00000 == 0x91000000), 1)
    return np.concatenate([near, found]), np.concatenate([to, far])


def _branches(code: Code, address: int) -> Offsets:
    """`b.cond`, `cbz` and `cbnz`, `tbz` and `tbnz` to an address."""
    found = [NONE]
    for mask, value, bits, low in ((0xFF000010, 0x54000000, 19, 5), (0x7E000000, 0x34000000, 19, 5),
                                   (0x7E000000, 0x36000000, 14, 5)):  # fmt: skip
        offsets = where(code, 4, partial(_masked, mask, value))
        distance = word_at(code, offsets) >> low & (1 << bits) - 1
        to = addresses(code.mapping, offsets) + ((distance ^ 1 << bits - 1) - (1 << bits - 1)) * 4
        found.append(offsets[to == address])
    return np.concatenate(found)


def _masked(mask: int, value: int, run: Words) -> Mask:
    return run & mask == value


def _named(code: Code, low: int, high: int) -> Offsets:
    """Loads and stores, and `add`, that reach an address from where `adrp` went."""
    found = [NONE]
    general = [(0xFF000000, size << 30 | 0x39000000, 1 << size) for size in range(4)]
    vectors = [(0xFF800000, size << 30 | 0x3D000000, 1 << size) for size in range(4)] + [(0xFF800000, 0x3D800000, 16)]
    for mask, pattern, scale in (*general, *vectors):
        offsets, to = _behind_page(code, where(code, 4, partial(_masked, mask, pattern)), scale)
        found.append(offsets[(low <= to) & (to <= high)])
    offsets, to = _taken(code)
    return np.concatenate([*found, offsets[(low <= to) & (to <= high)]])


def _behind_page(code: Code, offsets: Offsets, scale: int) -> Pairs:
    """Instructions that add to a register (bits 5 to 9) which `adrp` set shortly before, and the address that gives."""
    paged = where(code, 4, lambda run: run & 0x9F000000 == 0x90000000)
    adrp, words = word_at(code, paged), word_at(code, offsets)
    pages, found, to = _pages(adrp, addresses(code.mapping, paged)), [NONE], [NONE]
    for register in range(31):
        own, mine = paged[adrp & 0x1F == register], offsets[words >> 5 & 0x1F == register]
        if not own.size or not mine.size:
            continue
        last = np.maximum(np.searchsorted(own, mine) - 1, 0)
        near = (own[last] < mine) & (mine - own[last] < _APART)
        found.append(mine[near])
        distance = (word_at(code, mine[near]) >> 10 & 0xFFF) * scale
        to.append(pages[adrp & 0x1F == register][last[near]] + distance)
    return np.concatenate(found), np.concatenate(to)


@once
def _direct_calls(code: Code) -> Pairs:
    """`bl` and `b`."""
    found = where(code, 4, lambda run: run & 0x7C000000 == 0x14000000)
    words = word_at(code, found) & 0x3FFFFFF
    return found, addresses(code.mapping, found) + ((words ^ 1 << 25) - (1 << 25)) * 4


def _constant_argument(code: Code, offsets: Offsets, argument: int) -> Mask:
    """Whether one of the six instructions before is `mov Xn, #N` or `mov Wn, #N`: movz, movn, orr."""
    found = np.zeros(offsets.shape, np.bool_)
    for back in range(4, 28, 4):
        word = word_at(code, offsets - back)
        moved = (word & 0x7F80001F == 0x52800000 | argument) | (word & 0x7F80001F == 0x12800000 | argument)
        found |= moved | (word & 0x7F8003FF == 0x320003E0 | argument)
    return found


_FLOW = Flow(
    constant=re.compile(r"mov[zkn]? [xw]\d+, #|adrp? |ldr [xw]\d+, #"),
    load=re.compile(r"ld(?:u?r\w*|p) [xw]\d+, (?:[xw]\d+, )?\[(?P<base>\w+)"),
    derived=re.compile(r"(?:add|and|orr|lsl|lsr|asr|mul|madd|csel|mov|sxtw|uxtw) \w+, (?P<from>.*)$"),
    leaves=re.compile(r"b #|br |ret|brk|udf"),
    result="x0",
)

_TEXT = Text(
    mode=(1, 0),  # CS_ARCH_ARM64
    stack="sp",
    allocates=re.compile(r"sub sp, |st[pr] .*\]!$"),
    grows=re.compile(r"sub sp, sp, x|mov sp, (?P<to>x(?!29)\d+)"),
    returns=re.compile(r"ret|br? |bra"),
    frame=re.compile(r"mov x29, sp$|add x29, sp, #"),
    frame_pointer="x29",
    frame_is_low=True,
    mistaken=2000,
    address=(
        re.compile(r"add (?P<to>x\d+), (?P<base>sp|x29), #(?P<at>(?:0x)?[0-9a-f]+)$"),
        re.compile(r"mov (?P<to>x\d+), (?P<base>sp)$"),
        re.compile(r"sub (?P<to>x\d+), (?P<base>x29), #(?P<below>(?:0x)?[0-9a-f]+)$"),
    ),
    copy=re.compile(r"mov (?P<to>x\d+), (?P<source>x\d+)$"),
    part=re.compile(r"(?:mov|uxt[bh]|sxt[bhw]|and) [wx]\d+, (?P<source>[wx]\d+)(?:, #.*)?$"),
    home=re.compile(
        r"st(?:r\w?|ur\w?|p) (?P<source>[xwdsqv]\d+), (?:(?P<second>[xwdsqv]\d+), )?"
        r"\[(?P<base>sp|x\d+)(?:, #(?P<at>-?(?:0x)?[0-9a-f]+))?\]$"
    ),
    reload=re.compile(r"ldr (?P<to>x\d+), \[(?P<base>sp|x29)(?:, #(?P<at>-?(?:0x)?[0-9a-f]+))?\]$"),
    indexed=re.compile(r".*\[(?P<base>sp|x\d+), [xw]\d+"),
    written=re.compile(r"(?!cmp|cmn|tst|st|b\.|cb|tb|b |ret|prfm)\S+ (?P<to>[xwdsqv]\d+)(?:[,.]|$)"),
    reads=re.compile(r"ldr\w* (?P<to>[wxqds]\d+), \[(?P<base>sp|x29), #(?P<at>(?:0x)?[0-9a-f]+)\]$"),
    far=512,
    copied=24,
    loaded=re.compile(r"ld(?:p (q\d+|x\d+), (q\d+|x\d+)|u?r (q\d+)), \["),
    flow=_FLOW,
    call=re.compile(r"blr?(?:a\w+)? "),
    arguments=tuple(f"x{number}" for number in range(8)),
    result="x8",
    kept=frozenset(f"x{number}" for number in range(19, 30)),
    incoming=frozenset({*(f"x{number}" for number in range(8)), *(f"v{number}" for number in range(8))}),
    aliases={f"w{number}": f"x{number}" for number in range(31)}
    | {f"{letter}{number}": f"v{number}" for letter in "sdq" for number in range(32)},
    # Compilers' tables of jumps hold distances in words, so they shift by no more than 2.
    scaled=re.compile(r"add (?P<to>x\d+), x\d+, [xw]\d+, (?:lsl|uxt[wx]) #[3-9]$"),
    leaps=re.compile(r"br (?P<to>x\d+)$"),
    scratch=frozenset(f"x{number}" for number in range(9, 18)),
)

_LIFT = Lift(
    read=read,
    stack="sp",
    frame="x29",
    arguments=_TEXT.arguments,
    result="x0",
    kept=_TEXT.kept | {"xzr", *(f"d{number}" for number in range(8, 16))},
    pointers=("x8",),
    apart=True,
    scaled_tables=True,
    zero="xzr",
)


def _immediates(code: Code, wanted: Offsets) -> Pairs:
    """`movz` or `movn` and `movk` of one register: of the lower or the upper half of 64 bits."""
    upper = upper_halves(wanted)

    def begins(run: Words) -> Mask:
        found = np.zeros(run.shape, np.bool_)
        at = np.flatnonzero(run & 0x1FA00000 == 0x12A00000)
        found[at] = upper[run[at] >> 5 & 0xFFFF]
        return found

    def completes(one: Offsets, other: Offsets) -> tuple[Mask, Offsets]:
        beside = (other & 0x1F80001F == 0x12800000 | one & 0x1F) & ((one ^ other) >> 21 & 3 == 1)
        high, low = (np.where(word & 0x60000000, word >> 5, ~(word >> 5)) & 0xFFFF for word in (one, other))
        return beside, high << 16 | low

    return made(code, 4, wanted, begins, completes, around())


def _sha1(code: Code) -> dict[str, Offsets]:
    """`sha1c`, `sha1p`, `sha1m` and `sha1su0` (Arm ARM, C7.2)."""
    known = {"sha1c": 0x5E000000, "sha1p": 0x5E001000, "sha1m": 0x5E002000, "sha1su0": 0x5E003000}
    return {name: where(code, 4, partial(_masked, 0xFFE0FC00, value)) for name, value in known.items()}


MACHINE = Machine(
    name="aarch64",
    number=183,
    none=frozenset({0, 256}),  # 256 in what early linkers wrote (ELF for the Arm 64-bit Architecture, 5.7.3)
    jump_slot=frozenset({1026}),
    absolute={257: 8, 258: 4},
    glob_dat=frozenset({1025}),
    irelative=frozenset({1032}),
    executable_stack=False,
    property_and=0xC0000000,  # GNU_PROPERTY_AARCH64_FEATURE_1_AND
    marks={"bti_marked": 1, "pac_marked": 2},
    features=frozenset({"stack_clash", "bti_marked", "bti_compiled", "pac_marked", "pac_compiled"}),
    lift=_LIFT,
    immediates=_immediates,
    sha1=Instructions(_sha1, 1),
    idioms=Idioms(
        canaries=_canaries,
        guard="__stack_chk_guard",
        order="<",
        frames=_frames,
        addresses=_addresses,
        probes=_probes,
        entry_marks={"bti_compiled": _pads},
        signing_marks=_signing_pads,
        signed_frames=_saves,
        signatures=_signatures,
        wrong_type=_wrong_type,
        text=_TEXT,
        saves="pairs",
        stubs=_stubs,
        direct_calls=_direct_calls,
        slot_loads=_slot_loads,
        taken=_taken,
        branches=_branches,
        named=_named,
        constant_argument=_constant_argument,
    ),
)
