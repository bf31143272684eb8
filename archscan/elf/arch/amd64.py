"""x86-64, also with 32-bit pointers (x32): psABI x86-64, CET."""

from __future__ import annotations

import re

from archscan.elf.arch.idioms import Flow, Frames, Idioms, Pairs, Probes, Text
from archscan.elf.arch.immediates import Instructions
from archscan.elf.arch.lifting import Lift
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.x86 import (
    ADDRESS_SIZE,
    ON_FRAME,
    ON_STACK,
    branches,
    bytes_at,
    direct_calls,
    frames,
    joined,
    probes,
    sha1,
)
from archscan.elf.arch.x86_lifting import reader
from archscan.elf.arrays import NONE, Bytes, Mask, Offsets, among, np, numbers
from archscan.elf.code import Code, matches, once, within
from archscan.elf.mapping import addresses

_REX = (0x48,)
_READS = among(0x03, 0x2B, 0x33, 0x3B, 0x8B)  # add sub xor cmp mov, from memory
_OF_GCC = among(0x2B, 0x33)  # sub xor


def _canaries(code: Code) -> Offsets:
    """`mov %fs:0x28,%reg` and what compares with it: tcbhead_t.stack_guard (glibc, sysdeps/x86_64/nptl/tls.h).

    The kernel has it at `%gs:0x28`; with 32-bit pointers it is `%fs:0x18`. Where gcc saves bytes, 0x28 may stand in a
    register.
    """
    raw = code.raw
    if code.bits == 32:
        found = matches(code, (0x64, None, None, 0x25, 0x18, 0, 0, 0))
        return found[_READS[raw[found + 1]]]
    found = matches(code, ((0x64, 0xFE), (0x48, 0xFA), None, None, None))
    found = found[_READS[raw[found + 2]]]
    direct = (raw[found + 3] & 0xC7 == 0x04) & bytes_at(code, found + 4, (0x25, 0x28, 0, 0, 0))
    return found[direct | _through_register(code, found)]


def _through_register(code: Code, reads: Offsets) -> Mask:
    """Whether a read goes to `%fs:(%reg)`, and `mov $0x28,%reg` stands before it."""
    raw = code.raw
    mode, register = raw[reads + 3] & 0xC7, raw[reads + 3] & 7
    plain = (mode < 8) & (mode & 6 != 4)
    plain |= ((mode == 4) & (raw[reads + 4] == 0x24)) | ((mode == 0x45) & (raw[reads + 4] == 0))
    found = np.zeros(reads.shape, np.bool_)
    for number in np.unique(register[plain]).tolist():
        some = plain & (register == number)
        before = raw[np.maximum(reads[some][:, None] + np.arange(-_WINDOW, 0), 0)]
        found[some] = _anywhere(before, (0xB8 | number, 0x28, 0, 0, 0))
    return found


def _of_gcc(code: Code, offsets: Offsets) -> Mask:
    """`sub` (before GCC 11 `xor`) with the guard; clang compares."""
    return _OF_GCC[code.raw[offsets + (1 if code.bits == 32 else 2)]]


def _frames(code: Code) -> Frames:
    return frames(code, _REX, (0x48, 0xFB))


def _addresses(code: Code) -> Offsets:
    """`lea disp(%rsp),%reg`, `mov %rsp,%reg`, and `lea -disp(%rbp),%reg`, which may also be arithmetic."""
    raw = code.raw
    lea = matches(code, ((0x48, 0xFB), 0x8D, (0x04, 0x06), None))
    mode = raw[lea + 2] & 0xC7
    on_stack = (ON_STACK[mode] & (raw[lea + 3] == 0x24)) | ON_FRAME[mode]
    return joined(lea[on_stack], matches(code, ((0x48, 0xFE), 0x89, (0xE0, 0xF8))))


def _probes(code: Code, taken: Frames) -> Probes:
    return probes(code, taken, _REX)


def _endbr64(code: Code, offsets: Offsets) -> Mask:
    return bytes_at(code, offsets, (0xF3, 0x0F, 0x1E, 0xFA))


def _wrong_type(code: Code) -> Offsets:
    """`ud1 2(%eax),%eax`."""
    return matches(code, (0x67, 0x0F, 0xB9, 0x40, 0x02))


@once
def _stubs(code: Code) -> Pairs:
    """`jmp *slot(%rip)`, alone or behind `endbr64` and `bnd`: the entries of .plt, .plt.got and .plt.sec."""
    raw = code.raw
    found = matches(code, (0xFF, 0x25, None, None, None, None))
    address = addresses(code.mapping, found)
    slot = address + 6 + numbers(raw, found + 2, 4, "<", signed=True)
    bound = raw[found - 1] == 0xF2
    marked = bytes_at(code, found - 4 - bound, (0xF3, 0x0F, 0x1E, 0xFA))
    entries = [address, (address - bound)[bound], (address - bound - 4)[marked]]
    return np.concatenate(entries), np.concatenate([slot, slot[bound], slot[marked]])


@once
def _slot_calls(code: Code) -> Pairs:
    """`call *slot(%rip)`, and `jmp *slot(%rip)` where it is no stub of the PLT."""
    found = matches(code, (0xFF, (0x05, 0xCF), None, None, None, None))
    jumps = code.raw[found + 1] == 0x25
    found = found[((code.raw[found + 1] == 0x15) | jumps) & ~(jumps & _in_stub(code, found))]
    return found, addresses(code.mapping, found) + 6 + numbers(code.raw, found + 2, 4, "<", signed=True)


@once
def _slot_loads(code: Code) -> Pairs:
    """`mov slot(%rip),%r64`, and what else looks like it."""
    found = matches(code, (0x8B, (0x05, 0xC7), None, None, None, None))
    return found, addresses(code.mapping, found) + 6 + numbers(code.raw, found + 2, 4, "<", signed=True)


@once
def _taken(code: Code) -> Pairs:
    """`lea N(%rip),%r`, and `mov $N,%r32` where addresses are no longer than that."""
    relative = matches(code, (0x8D, (0x05, 0xC7), None, None, None, None))
    near = addresses(code.mapping, relative) + 6 + numbers(code.raw, relative + 2, 4, "<", signed=True)
    constant = matches(code, ((0xB8, 0xF8), None, None, None, None))
    far = numbers(code.raw, constant + 1, 4, "<")
    return np.concatenate([relative, constant]), np.concatenate([near, far])


def _named(code: Code, low: int, high: int) -> Offsets:
    """Distances from %rip that lead to an address, with a constant of up to four bytes behind; most are none.

    And the address itself, as clang has it in programs that are not moved. Any four bytes of the code may be one, so
    all are looked at, a fourth of them together.
    """
    found, first_address = [NONE], max(low, 0)
    itself = first_address <= high < 1 << 31
    for part in code.parts:
        for first in range(part.offset, part.offset + min(4, part.size - 3)):
            held = np.frombuffer(code.raw, "<u4", (part.offset + part.size - first) // 4, first)
            # How far behind the lowest they lead, in 32 bits, which is right for all that is as near as a distance.
            behind = held + np.arange(0, 4 * held.size, 4, dtype=np.uint32)
            behind += np.uint32((first - part.offset + part.address + 8 - low) % (1 << 32))
            named = behind <= high - low + 4
            if itself:
                named |= held - np.uint32(first_address) <= high - first_address
            found.append(np.flatnonzero(named) * 4 + first)
    places = np.concatenate(found)
    distances = numbers(code.raw, places, 4, "<", signed=True)
    to = addresses(code.mapping, places) + 4 + distances
    return within(code, places[((to <= high) & (to >= low - 4)) | ((first_address <= distances) & (distances <= high))])


def _in_stub(code: Code, jumps: Offsets) -> Mask:
    """Whether a jump stands as in .plt (a `push` behind it), in .plt.got or .plt.sec (a filler up to 8 or 16 bytes).

    A function may end in what looks like an entry of .plt.got, but nobody calls that.
    """
    lazy = bytes_at(code, jumps + 6, (0x68,))
    short = bytes_at(code, jumps + 6, (0x66, 0x90)) & (jumps % 8 == 0)
    if short.any():
        likely = addresses(code.mapping, jumps[short])
        called = direct_calls(code)[1]
        # The stubs lie close together, and most calls lead elsewhere.
        near = called[(called >= likely.min()) & (called <= likely.max())]
        short[short] = np.isin(likely, near)
    start = jumps - 4 - (code.raw[jumps - 1] == 0xF2)
    return lazy | short | (bytes_at(code, start, (0xF3, 0x0F, 0x1E, 0xFA)) & (start % 16 == 0))


# `mov $imm,%r32` to the registers of the first arguments; `or $-1,%r64` for a size that is not known.
_CONSTANTS = ((0xBF,), (0xBE,), (0xBA,), (0xB9,), (0x41, 0xB8), (0x41, 0xB9))
_ALL_ONES = ((0xCF,), (0xCE,), (0xCA,), (0xC9,), (0xC8,), (0xC9,))
_WINDOW = 40  # bytes before a call in which its arguments are most often put together


def _constant_argument(code: Code, offsets: Offsets, argument: int) -> Mask:
    """Whether the bytes of such an instruction stand before; they may be part of another one."""
    if argument >= len(_CONSTANTS):
        return np.zeros(offsets.shape, np.bool_)
    constant = (*_CONSTANTS[argument], None, None, 0, 0)
    ones = (0x48 if argument < 4 else 0x49, 0x83, *_ALL_ONES[argument], 0xFF)
    before = code.raw[np.maximum(offsets[:, None] + np.arange(-_WINDOW, 0), 0)]
    return _anywhere(before, constant) | _anywhere(before, ones)


def _anywhere(rows: Bytes, pattern: tuple[int | None, ...]) -> Mask:
    """For each row of bytes whether the pattern stands in it."""
    width = rows.shape[1] - len(pattern) + 1
    here = np.ones((rows.shape[0], width), np.bool_)
    for place, value in enumerate(pattern):
        if value is not None:
            here &= rows[:, place : place + width] == value
    found: Mask = np.any(here, axis=1)
    return found


def _aliases() -> dict[str, str]:
    """`eax`, `ax`, `al` are parts of `rax`, and so on."""
    found: dict[str, str] = {}
    for letter in "abcd":
        found |= {f"e{letter}x": f"r{letter}x", f"{letter}x": f"r{letter}x", f"{letter}l": f"r{letter}x"}
    for name in ("si", "di", "bp", "sp"):
        found |= {f"e{name}": f"r{name}", name: f"r{name}", f"{name}l": f"r{name}"}
    for number in range(8, 16):
        found |= {f"r{number}{suffix}": f"r{number}" for suffix in "dwb"}
    return found


ALIASES = _aliases()

_FLOW = Flow(
    constant=re.compile(
        r"mov \w+, -?(?:0x)?[0-9a-f]+$|xor (\w+), \1$|or \w+, (?:-1|0xf+)$|lea \w+, \[rip|mov\w* \w+, \w+ ptr \[rip"
    ),
    load=re.compile(r"mov\w* \w+, \w+ ptr \[(?P<base>r\w+)"),
    derived=re.compile(r"(?:add|imul|and|or|shl|shr|sar|cmov\w+|(?:lea|mov\w*) \w+,) (?P<from>.*)$"),
    leaves=re.compile(r"jmp|ret|ud2|hlt"),
    result="rax",
    program_counter="rip",
)

_TEXT = Text(
    mode=(3, 1 << 3),  # CS_ARCH_X86, CS_MODE_64
    stack="rsp",
    allocates=re.compile(r"sub rsp, |add rsp, -|push (?P<scratch>r[acd]x)$"),
    grows=re.compile(r"sub rsp, r|mov rsp, (?P<to>r(?!bp)\w+)|lea rsp, \[r(?!sp|bp)"),
    moves=re.compile(
        r"sub rsp, (?P<more>(?:0x)?[0-9a-f]+)$|add rsp, (?P<less>(?:0x)?[0-9a-f]+)$"
        r"|(?P<pushed>push )|(?P<popped>pop )|(?P<goes_on>(?:notrack )?(?:j|call))"
    ),
    switch=re.compile(
        r".*; (?:notrack jmp|(?:notrack )?jmp .word ptr \[r\w+\*)"
        r"|.*\b(?:add (r\w+), r\w+|mov (r\w+), .word ptr \[r\w+\*[^;]*); (?:[^;]*; ){0,2}jmp (?:\1|\2)$"
    ),
    returns=re.compile(r"(?:bnd |notrack |repz )*(?:ret|jmp)"),
    frame=re.compile(r"mov rbp, rsp$"),
    frame_pointer="rbp",
    address=(
        re.compile(r"lea (?P<to>r\w+), \[(?P<base>rsp|rbp)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]$"),
        re.compile(r"mov (?P<to>r\w+), (?P<base>rsp)$"),
    ),
    copy=re.compile(r"mov (?P<to>r\w+), (?P<source>r\w+)$"),
    part=re.compile(r"mov(?:zx|sxd?)? \w+, (?P<source>\w+)$"),
    reload=re.compile(r"mov (?P<to>r\w+), qword ptr \[(?P<base>rsp|rbp)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]$"),
    home=re.compile(r"v?mov\w* \w+ ptr \[(?P<base>r\w+)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\], (?P<source>\w+)$"),
    indexed=re.compile(r"(?!nop|lea).*\[(?P<base>r\w+) \+ r\w+(?:\*[1248])?(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]"),
    written=re.compile(r"(?!cmp|test|push|bt |ucomis|comis|j)\S+ (?P<to>[a-z]\w+)(?:,|$)"),
    reads=re.compile(r"v?mov\w* (?P<to>\w+), \w+ ptr \[(?P<base>rsp|rbp) \+ (?P<at>(?:0x)?[0-9a-f]+)\]$"),
    exchanged=re.compile(r"xchg (r\w+), (r\w+)$"),
    call=re.compile(r"(?:bnd |notrack )*call"),
    blocks=re.compile(r"rep\w* (?:movs|stos)"),
    moved=("rdi", "rsi", "rcx"),
    main=re.compile(r"mov [er]di, (?P<value>0x[0-9a-f]+)$|lea rdi, \[rip (?P<distance>[+-] 0x[0-9a-f]+)\]$"),
    flow=_FLOW,
    mistaken=4000,
    arguments=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
    kept=frozenset({"rbx", "rbp", "r12", "r13", "r14", "r15"}),
    incoming=frozenset({"rdi", "rsi", "rdx", "rcx", "r8", "r9", *(f"xmm{number}" for number in range(8))}),
    aliases=ALIASES,
    saved_from=2,  # behind the return address
    scaled=re.compile(r"lea (?P<to>r\w+), \[r\w+ \+ r\w+\*[248](?: [+-] (?:0x)?[0-9a-f]+)?\]$"),
    leaps=re.compile(r"(?:bnd |notrack )*jmp (?P<to>r\w+)$"),
    scratch=frozenset({"r10", "r11"}),
    # Compilers write `mov %rsp,%reg`, take no new stack from elsewhere, and write no prefix before a return.
    rounds=re.compile(r"and rsp, "),
    unwritten=re.compile(r"lea r\w+, \[rsp\]$|mov rsp, qword ptr \[r(?!sp|bp)|repz ret"),
)

_LIFT = Lift(
    read=reader(ALIASES),
    stack="rsp",
    frame="rbp",
    stacked=8,
    arguments=_TEXT.arguments,
    result="rax",
    kept=_TEXT.kept,
)

MACHINE = Machine(
    name="x86_64",
    number=62,
    jump_slot=frozenset({7}),
    absolute={1: 8, 10: 4, 11: 4},
    glob_dat=frozenset({6}),
    sha1=Instructions(sha1, 16),
    irelative=frozenset({37}),
    property_and=0xC0000002,  # GNU_PROPERTY_X86_FEATURE_1_AND
    marks={"ibt_marked": 1, "shstk_marked": 2},
    features=frozenset({"stack_clash", "ibt_marked", "ibt_compiled", "shstk_marked"}),
    lift=_LIFT,
    idioms=Idioms(
        canaries=_canaries,
        of_gcc=_of_gcc,
        frames=_frames,
        addresses=_addresses,
        probes=_probes,
        entry_marks={"ibt_compiled": _endbr64},
        wrong_type=_wrong_type,
        text=_TEXT,
        saves="pushes",
        stubs=_stubs,
        direct_calls=direct_calls,
        prefix=ADDRESS_SIZE,
        slot_calls=_slot_calls,
        slot_loads=_slot_loads,
        taken=_taken,
        branches=branches,
        named=_named,
        constant_argument=_constant_argument,
    ),
)
