"""x86-64, also with 32-bit pointers (x32): psABI x86-64, CET."""

from __future__ import annotations

import re

from archscan.elf.arch.idioms import Frames, Idioms, Probes, Text
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.x86 import bytes_at, frames, joined, probes
from archscan.elf.arrays import Mask, Offsets, np
from archscan.elf.code import Code, matches

_REX = (0x48,)
_READS = (0x03, 0x2B, 0x33, 0x3B, 0x8B)  # add sub xor cmp mov, from memory


def _canaries(code: Code) -> Offsets:
    """`mov %fs:0x28,%reg` and what compares with it: tcbhead_t.stack_guard (glibc, sysdeps/x86_64/nptl/tls.h).

    The kernel has it at `%gs:0x28`; with 32-bit pointers it is `%fs:0x18`.
    """
    raw = code.raw
    if code.bits == 32:
        found = matches(code, (0x64, None, None, 0x25, 0x18, 0, 0, 0))
        return found[np.isin(raw[found + 1], _READS)]
    found = matches(code, ((0x64, 0xFE), (0x48, 0xFB), None, (0x04, 0xC7), 0x25, 0x28, 0, 0, 0))
    return found[np.isin(raw[found + 2], _READS)]


def _frames(code: Code) -> Frames:
    return frames(code, _REX)


def _addresses(code: Code) -> Offsets:
    """`lea disp(%rsp),%reg`, `mov %rsp,%reg`, and `lea -disp(%rbp),%reg`, which may also be arithmetic."""
    raw = code.raw
    lea = matches(code, ((0x48, 0xFB), 0x8D, (0x04, 0x06), None))
    mode = raw[lea + 2] & 0xC7
    on_stack = (np.isin(mode, (0x44, 0x84)) & (raw[lea + 3] == 0x24)) | np.isin(mode, (0x45, 0x85))
    return joined(lea[on_stack], matches(code, ((0x48, 0xFE), 0x89, (0xE0, 0xF8))))


def _probes(code: Code, taken: Frames) -> Probes:
    return probes(code, taken, _REX)


def _endbr64(code: Code, offsets: Offsets) -> Mask:
    return bytes_at(code, offsets, (0xF3, 0x0F, 0x1E, 0xFA))


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


_TEXT = Text(
    mode=(3, 1 << 3),  # CS_ARCH_X86, CS_MODE_64
    stack="rsp",
    allocates=re.compile(r"(?:sub rsp, |add rsp, -)"),
    frame=re.compile(r"mov rbp, rsp$"),
    frame_pointer="rbp",
    address=(
        re.compile(r"lea (?P<to>r\w+), \[(?P<base>rsp|rbp)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]$"),
        re.compile(r"mov (?P<to>r\w+), (?P<base>rsp)$"),
    ),
    copy=re.compile(r"mov (?P<to>r\w+), (?P<source>r\w+)$"),
    reload=re.compile(r"mov (?P<to>r\w+), qword ptr \[(?P<base>rsp|rbp)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\]$"),
    home=re.compile(r"v?mov\w* \w+ ptr \[(?P<base>rsp|rbp)(?: (?P<at>[+-] (?:0x)?[0-9a-f]+))?\], (?P<source>\w+)$"),
    indexed=re.compile(r"(?!nop|lea).*\[(?P<base>r\w+) \+ r\w+"),
    written=re.compile(r"(?!cmp|test|push|bt |ucomis|comis|j)\S+ (?P<to>[a-z]\w+)(?:,|$)"),
    exchanged=re.compile(r"xchg (r\w+), (r\w+)$"),
    call=re.compile(r"call"),
    arguments=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
    kept=frozenset({"rbx", "rbp", "r12", "r13", "r14", "r15"}),
    incoming=frozenset({"rdi", "rsi", "rdx", "rcx", "r8", "r9", *(f"xmm{number}" for number in range(8))}),
    aliases=_aliases(),
)

MACHINE = Machine(
    name="x86_64",
    number=62,
    jump_slot=frozenset({7}),
    glob_dat=frozenset({6}),
    irelative=frozenset({37}),
    property_and=0xC0000002,  # GNU_PROPERTY_X86_FEATURE_1_AND
    marks={"ibt_marked": 1, "shstk_marked": 2},
    features=frozenset({"stack_clash", "ibt_marked", "ibt_compiled", "shstk_marked"}),
    idioms=Idioms(
        canaries=_canaries,
        frames=_frames,
        addresses=_addresses,
        probes=_probes,
        entry_marks={"ibt_compiled": _endbr64},
        text=_TEXT,
    ),
)
