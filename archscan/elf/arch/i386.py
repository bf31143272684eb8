"""IA-32: System V ABI, Intel386 supplement."""

from __future__ import annotations

import re
from functools import lru_cache

from archscan.elf.arch.i386_lines import lines
from archscan.elf.arch.idioms import Frames, Idioms, Pairs, Probes, Text
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
from archscan.elf.arch.x86_lifting import narrow_reader
from archscan.elf.arrays import NONE, Mask, Offsets, Pattern, among, np, numbers
from archscan.elf.code import Code, matches, once, within
from archscan.elf.mapping import addresses

_READS = among(0x03, 0x2B, 0x33, 0x3B, 0x8B)  # add sub xor cmp mov, from memory

_FOLLOWS = among(0xE8, 0xFF, 0x68, 0x6A, *range(0x50, 0x58))  # call, call or push of memory, push


def _canaries(code: Code) -> Offsets:
    """`mov %gs:0x14,%reg` and what compares with it: tcbhead_t.stack_guard (glibc, sysdeps/i386/nptl/tls.h)."""
    short = matches(code, (0x65, 0xA1, 0x14, 0, 0, 0))
    long = matches(code, (0x65, None, (0x05, 0xC7), 0x14, 0, 0, 0))
    return joined(short, long[_READS[code.raw[long + 1]]])


def _frames(code: Code) -> Frames:
    return frames(code, ())


def _addresses(code: Code) -> Offsets:
    """`lea disp(%esp),%reg`, `mov %esp,%reg`, and `lea -disp(%ebp),%reg`, which may also be arithmetic.

    And `push %esp` as an argument: before a call, or before another argument.
    """
    raw = code.raw
    lea = matches(code, (0x8D, (0x04, 0x06), None))
    mode = raw[lea + 1] & 0xC7
    on_stack = (ON_STACK[mode] & (raw[lea + 2] == 0x24)) | ON_FRAME[mode]
    pushed = matches(code, (0x54, None))
    pushed = pushed[_FOLLOWS[raw[pushed + 1]]]
    return joined(lea[on_stack], matches(code, (0x89, (0xE0, 0xF8))), pushed)


def _probes(code: Code, taken: Frames) -> Probes:
    return probes(code, taken, ())


def _endbr32(code: Code, offsets: Offsets) -> Mask:
    return bytes_at(code, offsets, (0xF3, 0x0F, 0x1E, 0xFB))


@lru_cache(4)
def _got(code: Code) -> int | None:
    """Where the register points from which code counts what it names: to the GOT, as the dynamic section says.

    Or as most functions do that add a distance to the address behind a call.
    """
    if code.got is not None:
        return code.got
    added = matches(code, (0x81, (0xC0, 0xF8), None, None, None, None))
    added = added[code.raw[np.maximum(added - 5, 0)] == 0xE8]
    values, counts = np.unique(
        addresses(code.mapping, added) + numbers(code.raw, added + 2, 4, "<", signed=True), return_counts=True
    )
    return int(values[np.argmax(counts)]) if values.size else None


def _counted(code: Code, pattern: Pattern, before: int) -> Pairs:
    """Instructions with a distance from the GOT behind some bytes, without those that have no register alone."""
    got, found = _got(code), matches(code, (*pattern, None, None, None, None))
    if got is None:
        return NONE, NONE
    found = found[code.raw[found + before - 1] & 7 != 4]
    return found, got + numbers(code.raw, found + before, 4, "<", signed=True)


def _absolute(code: Code, pattern: Pattern, before: int) -> Pairs:
    """The same with an address."""
    found = matches(code, (*pattern, None, None, None, None))
    return found, numbers(code.raw, found + before, 4, "<")


def _together(*pairs: Pairs) -> Pairs:
    return np.concatenate([offsets for offsets, _ in pairs]), np.concatenate([to for _, to in pairs])


@once
def _stubs(code: Code) -> Pairs:
    """`jmp *N(%ebx)` and `jmp *slot`, alone or behind `endbr32`: the entries of .plt, .plt.got and .plt.sec."""
    found, slots = _together(_counted(code, (0xFF, 0xA3), 2), _absolute(code, (0xFF, 0x25), 2))
    marked = bytes_at(code, found - 4, (0xF3, 0x0F, 0x1E, 0xFB))
    entries = np.concatenate([found, (found - 4)[marked]])
    return addresses(code.mapping, entries), np.concatenate([slots, slots[marked]])


@once
def _slot_calls(code: Code) -> Pairs:
    """`call *N(%reg)` and `jmp *N(%reg)`, where that is no stub of the PLT; `call *slot`."""
    jumps, slots = _counted(code, (0xFF, (0xA0, 0xF8)), 2)
    other = code.raw[jumps + 1] != 0xA3
    return _together(
        _counted(code, (0xFF, (0x90, 0xF8)), 2), (jumps[other], slots[other]), _absolute(code, (0xFF, 0x15), 2)
    )


@once
def _slot_loads(code: Code) -> Pairs:
    """`mov N(%reg),%reg` and `push N(%reg)`; `mov slot,%reg`."""
    return _together(
        _counted(code, (0x8B, (0x80, 0xC0)), 2),
        _counted(code, (0xFF, (0xB0, 0xF8)), 2),
        _absolute(code, (0x8B, (0x05, 0xC7)), 2),
        _absolute(code, (0xA1,), 1),
    )


@once
def _taken(code: Code) -> Pairs:
    """`lea N(%reg),%reg`; `push $N`, `mov $N,%reg` and `movl $N,…(%esp)` where programs are not moved."""
    return _together(
        _counted(code, (0x8D, (0x80, 0xC0)), 2),
        _absolute(code, (0x68,), 1),
        _absolute(code, ((0xB8, 0xF8),), 1),
        _absolute(code, (0xC7, 0x04, 0x24), 3),
        _absolute(code, (0xC7, 0x44, 0x24, None), 4),
    )


def _named(code: Code, low: int, high: int) -> Offsets:
    """Distances from the GOT, and addresses, that are an address between two; most of what looks like these is none."""
    got, found = _got(code), [NONE]
    for first, last in code.runs:
        for start in range(first, last - 4, _STEP):
            places = np.arange(start, min(start + _STEP, last - 4), dtype=np.int64)
            value = numbers(code.raw, places, 4, "<", signed=True)
            named = (low <= value) & (value <= high)
            if got is not None:
                named |= (low - got <= value) & (value <= high - got)
            found.append(places[named])
    return within(code, np.concatenate(found))


_STEP = 1 << 20  # bytes of code that are looked at together

_PLACE = r"\[(?P<base>esp|ebp)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]"
_TEXT = Text(
    mode=(3, 1 << 2),  # CS_ARCH_X86, CS_MODE_32
    stack="esp",
    allocates=re.compile(r"sub esp, |add esp, -"),
    grows=re.compile(r"sub esp, e|mov esp, (?P<to>e(?!bp)\w+)|lea esp, \[e(?!sp|bp)"),
    moves=re.compile(
        r"sub esp, (?P<more>(?:0x)?[0-9a-f]+)$|add esp, (?P<less>(?:0x)?[0-9a-f]+)$"
        r"|(?P<pushed>push )|(?P<popped>pop )|(?P<goes_on>(?:notrack )?(?:j|call))"
    ),
    switch=re.compile(
        r".*; (?:notrack jmp|(?:notrack )?jmp .word ptr \[e\w+\*)"
        r"|.*\b(?:add (e\w+), e\w+|mov (e\w+), .word ptr \[e\w+\*[^;]*); (?:[^;]*; ){0,2}jmp (?:\1|\2)$"
    ),
    returns=re.compile(r"(?:bnd |notrack |repz )*(?:ret|jmp)"),
    frame=re.compile(r"mov ebp, esp$"),
    frame_pointer="ebp",
    address=(re.compile(rf"lea (?P<to>e\w+), {_PLACE}$"), re.compile(r"mov (?P<to>e\w+), (?P<base>esp)$")),
    copy=re.compile(r"mov (?P<to>e\w+), (?P<source>e\w+)$"),
    part=re.compile(r"mov(?:zx|sx)? \w+, (?P<source>\w+)$"),
    home=re.compile(rf"v?mov\w* \w+ ptr {_PLACE}, (?P<source>\w+)$"),
    reload=re.compile(rf"mov (?P<to>e\w+), dword ptr {_PLACE}$"),
    reads=re.compile(r"v?mov\w* (?P<to>\w+), \w+ ptr \[(?P<base>esp|ebp) \+ (?P<at>(?:0x)?[0-9a-f]+)\]$"),
    indexed=re.compile(r"(?!nop|lea).*\[(?P<base>e\w+) \+ e\w+(?:\*[1248])?(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]"),
    written=re.compile(r"(?!cmp|test|push|bt |ucomis|comis|j)\S+ (?P<to>[a-z]\w+)(?:,|$)"),
    call=re.compile(r"(?:bnd |notrack )*call"),
    blocks=re.compile(r"rep\w* (?:movs|stos)"),
    moved=("edi", "esi", "ecx"),
    arguments=("eax", "edx", "ecx"),  # of functions that only their own unit calls
    kept=frozenset({"ebx", "ebp", "esi", "edi"}),
    incoming=frozenset({"eax", "edx", "ecx", "xmm0", "xmm1", "xmm2"}),
    aliases={f"{letter}{part}": f"e{letter}x" for letter in "abcd" for part in "xl"},
    saved_from=2,  # behind the return address
    scaled=re.compile(r"lea (?P<to>e\w+), \[e\w+ \+ e\w+\*[248](?: [+-] (?:0x)?[0-9a-f]+)?\]$"),
    leaps=re.compile(r"(?:bnd |notrack )*jmp (?P<to>e\w+)$"),
    pops_result=re.compile(r"(?:bnd )?ret 4$"),
    pushed=re.compile(r"push (?P<source>e\w+)$"),
)

# `ax` and `al` are parts of `eax`, and so on.
_ALIASES = {
    part: f"e{name}"
    for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")
    for part in (f"e{name}", name, *([f"{name[0]}l"] if name[1] == "x" else ()))
}

_LIFT = Lift(
    read=narrow_reader(_ALIASES),
    stack="esp",
    frame="ebp",
    stacked=4,
    stack_first=True,
    most_stacked=12,
    arguments=_TEXT.arguments,
    result="eax",
    kept=_TEXT.kept,
    word=4,
    lines=lines,
)

MACHINE = Machine(
    name="i386",
    number=3,
    jump_slot=frozenset({7}),
    absolute={1: 4},
    glob_dat=frozenset({6}),
    sha1=Instructions(sha1, 16),
    irelative=frozenset({42}),
    implicit_addends=True,
    property_and=0xC0000002,  # GNU_PROPERTY_X86_FEATURE_1_AND
    marks={"ibt_marked": 1, "shstk_marked": 2},
    lift=_LIFT,
    features=frozenset({"stack_clash", "ibt_marked", "ibt_compiled", "shstk_marked"}),
    idioms=Idioms(
        canaries=_canaries,
        frames=_frames,
        addresses=_addresses,
        probes=_probes,
        entry_marks={"ibt_compiled": _endbr32},
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
    ),
)
