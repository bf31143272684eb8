"""How compilers write, for one processor, what the checks look for in machine code; one value a file in this folder.

Patterns are looked for in whole objects at once and may hit by chance what is data or the middle of an instruction;
what a verdict names as an example is decoded from the start of its function on (``Text``).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from archscan.elf.arrays import NONE, Mask, Offsets
from archscan.elf.code import Code


class Frames(msgspec.Struct, frozen=True, eq=False):
    """Instructions that make room on the stack: where they stand, and how many bytes each takes."""

    offsets: Offsets
    sizes: Offsets


class Probes(msgspec.Struct, frozen=True, eq=False):
    """What `-fstack-clash-protection` writes, and what it never leaves: room beyond the guard page without a touch."""

    probes: Offsets
    unprobed: Offsets


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """The disassembler's text of what a function does with the addresses of its own stack (Intel syntax on x86).

    Each pattern is matched against "mnemonic operands". ``address`` names the register that receives the address, the
    ``base`` and the distance ``at``, or how far ``below``; ``copy`` names both registers; ``home`` names the register
    that is stored (and a ``second`` beside it), base and distance of its place, the base being the stack or a register
    that may hold such an address; ``indexed`` matches an access by a variable index from a base.
    """

    mode: tuple[int, int]  # CS_ARCH_…, CS_MODE_… of Capstone
    stack: str
    allocates: re.Pattern[str]  # room is made on the stack
    reserved: int = 0  # bytes at the low end of a frame that belong to functions that are called
    frame: re.Pattern[str]  # the frame pointer is set
    frame_pointer: str
    frame_is_low: bool = False  # it points to the low end of the frame
    address: tuple[re.Pattern[str], ...]
    copy: re.Pattern[str]
    home: re.Pattern[str]
    reload: re.Pattern[str]  # the reverse: a register from a base and distance
    indexed: re.Pattern[str]
    written: re.Pattern[str]  # an instruction whose first operand is the register that it changes
    call: re.Pattern[str]
    arguments: tuple[str, ...]  # registers of the first arguments, in their order
    kept: frozenset[str]  # registers that a call leaves as they are
    incoming: frozenset[str]  # those and the registers of floating-point arguments
    aliases: dict[str, str]  # narrow name → the register of which it is a part
    loaded: re.Pattern[str] | None = None  # from memory, to copy a structure: vector registers, or a pair of others
    leaves: re.Pattern[str] | None = None  # the next instruction is never the one behind it
    exchanged: re.Pattern[str] | None = None  # names two registers that change their places
    pushed: re.Pattern[str] | None = None  # names the register whose value becomes an argument on the stack


def nothing(code: Code) -> Offsets:  # noqa: ARG001  # the form of an idiom that a processor does not have
    """No place."""
    return NONE


class Idioms(msgspec.Struct, frozen=True, kw_only=True):
    """The patterns of one processor.

    ``canaries``: loads of the stack protector's guard, or comparisons with it. ``guard``: the variable that holds it,
    where it is one: what is linked dynamically imports it, and in an object that does not, the pattern stands by
    chance. ``frames``: see above. ``locals_``:
    addresses of the stack that are computed, and how far above the stack pointer. ``entry_marks``: a column such as
    ``ibt_compiled`` and whether the code at each offset begins with that mark.
    """

    canaries: Callable[[Code], Offsets]
    guard: str = ""
    frames: Callable[[Code], Frames]
    addresses: Callable[[Code], Offsets]
    probes: Callable[[Code, Frames], Probes] | None = None
    entry_marks: dict[str, Callable[[Code, Offsets], Mask]] = {}
    signed_frames: Callable[[Code], Offsets] = nothing  # where a return address is saved
    signatures: Callable[[Code], Offsets] = nothing  # where it is signed
    text: Text | None = None
    flags: int = 0  # bits of e_flags without which ``text`` does not fit
    little: bool = False  # ``text`` fits the little-endian form only
