"""How compilers write, for one processor, what the checks look for in machine code; one value a file in this folder.

Patterns are looked for in whole objects at once and may hit by chance what is data or the middle of an instruction;
what a verdict names as an example is decoded from the start of its function on (``Text``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from archscan.elf.arrays import NONE, Mask, Offsets, np
from archscan.elf.code import Code

Saves = Literal["", "pushes", "pairs"]


class Frames(msgspec.Struct, frozen=True, eq=False):
    """Instructions that make room on the stack: where they stand, and how many bytes each takes."""

    offsets: Offsets
    sizes: Offsets
    grows: Offsets = NONE  # where the room is what a register says: alloca, arrays of variable length
    begins: Offsets | None = None  # where functions begin by the look of it; None where it is where they make room


class Probes(msgspec.Struct, frozen=True, eq=False):
    """What `-fstack-clash-protection` writes, and what it never leaves: room beyond the guard page without a touch."""

    probes: Offsets
    unprobed: Offsets


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The disassembler's text of where values come from: see `Text`.

    ``constant`` leaves a number that stands in the code; ``load`` names the ``base`` of what is read; ``derived`` has
    the operands in ``from``; ``leaves`` does not go on to the next instruction. ``result`` is where a call returns.
    Differences are not ``derived``: gcc turns `strcat` behind `strcat` into a copy to where the first ended, and at any
    level computes what is left there of a constant size.
    """

    constant: re.Pattern[str]
    load: re.Pattern[str]
    derived: re.Pattern[str]
    leaves: re.Pattern[str]
    result: str
    program_counter: str = ""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """The disassembler's text of what a function does with the addresses of its own stack (Intel syntax on x86).

    Each pattern is matched against "mnemonic operands". ``address`` names the register that receives the address, the
    ``base`` and the distance ``at``, or how far ``below``; ``copy`` names both registers; ``home`` names the register
    that is stored (and a ``second`` beside it; none for a number), base and distance of its place, the base being the
    stack or a register that may hold such an address; ``indexed`` matches an access by a variable index from a base.
    ``blocks`` matches copying memory in one instruction, to a ``base`` and ``at`` or along the registers ``moved``.
    """

    mode: tuple[int, int]  # CS_ARCH_…, CS_MODE_… of Capstone
    stack: str
    allocates: re.Pattern[str]  # room is made on the stack
    grows: re.Pattern[str]  # room is made as a register says, perhaps one (``to``) that had the new address before
    word: int = 8  # bytes that each register takes which that pushes to make room: ``scratch``, where it does
    # Room is made and given back: ``more`` and ``less``, ``pushed``, ``popped``; ``goes_on`` is no end of a function.
    moves: re.Pattern[str] | None = None
    switch: re.Pattern[str] | None = None  # four instructions of which the last jumps by a table within the function
    returns: re.Pattern[str]  # a return, or a jump, which may lead to another function that returns
    reserved: int = 0  # bytes at the low end of a frame that belong to functions that are called
    passed: int = 0  # up to how far above the stack pointer structures begin that are passed by value
    frame: re.Pattern[str]  # the frame pointer is set
    frame_pointer: str
    frame_is_low: bool = False  # it points to the low end of the frame
    address: tuple[re.Pattern[str], ...]
    copy: re.Pattern[str]
    part: re.Pattern[str] | None = None  # a register receives what another (``source``) holds, or part of that
    home: re.Pattern[str]
    several: re.Pattern[str] | None = None  # stores a list of ``sources``, from where ``base`` points to
    zero: str | None = None  # the register that is always 0, where ``home`` matches storing that
    reload: re.Pattern[str]  # the reverse: a register from a base and distance
    indexed: re.Pattern[str]
    written: re.Pattern[str]  # an instruction whose first operand is the register that it changes
    call: re.Pattern[str]
    arguments: tuple[str, ...]  # registers of the first arguments, in their order
    result: str | None = None  # the register that says where a structure is returned, where that is none of them
    kept: frozenset[str]  # registers that a call leaves as they are
    incoming: frozenset[str]  # those and the registers of floating-point arguments
    aliases: dict[str, str]  # narrow name → the register of which it is a part
    loaded: re.Pattern[str] | None = None  # from memory, to copy a structure: vector registers, or a pair of others
    reads: re.Pattern[str] | None = None  # a register from above the stack or frame pointer: ``to``, ``base``, ``at``
    exchanged: re.Pattern[str] | None = None  # names two registers that change their places
    blocks: re.Pattern[str] | None = None
    far: int = 0  # how far from the stack pointer a place is no more reached in one step; 0: all are
    copied: int = 0  # bytes of the smallest structure of which the caller makes a copy and passes its address
    moved: tuple[str, ...] = ()
    # In `_start`, how the address of `main` becomes an argument: ``value``, or ``distance`` from the next instruction.
    main: re.Pattern[str] | None = None
    flow: Flow | None = None
    # One in so many functions without a canary is taken for exposed by mistake, counted beside those that have one;
    # 0 where that was not measured.
    mistaken: int = 0
    # What no compiler writes from C: see `by_hand`.
    scaled: re.Pattern[str] | None = None  # an address in ``to`` that is a multiple of an index behind another
    leaps: re.Pattern[str] | None = None  # a jump to the address in ``to``
    scratch: frozenset[str] = frozenset()  # registers in which no function of C gets anything, static chains aside
    unwritten: re.Pattern[str] | None = None
    rounds: re.Pattern[str] | None = None  # the stack pointer, down
    saved_from: int = 0  # where saved registers lie one behind another: how many words below the caller's they begin
    pops_result: re.Pattern[str] | None = None  # a return that takes the address of the result off the stack
    pushed: re.Pattern[str] | None = None  # names the register whose value becomes an argument on the stack


Pairs = tuple[Offsets, Offsets]
"""Offsets of instructions, and the address that each leads to or through."""


def nothing(code: Code) -> Offsets:  # noqa: ARG001  # the form of an idiom that a processor does not have
    """No place."""
    return NONE


def never(code: Code, offsets: Offsets, argument: int) -> Mask:  # noqa: ARG001  # as above
    """False for each."""
    return np.zeros(offsets.shape, np.bool_)


def nowhere(code: Code, offsets: Offsets) -> Mask:  # noqa: ARG001  # as above
    """False for each."""
    return np.zeros(offsets.shape, np.bool_)


class Idioms(msgspec.Struct, frozen=True, kw_only=True):
    """The patterns of one processor.

    ``canaries``: loads of the stack protector's guard, or comparisons with it. ``guard``: the variable that holds it,
    where it is one: what is linked dynamically imports it, and in an object that does not, the pattern stands by
    chance. ``frames``: see above. ``locals_``:
    addresses of the stack that are computed, and how far above the stack pointer. ``entry_marks``: a column such as
    ``ibt_compiled`` and whether the code at each offset begins with that mark. ``wrong_type``: what clang alone writes,
    where a function of the wrong type is about to be called (llvm.ubsantrap of clang's `CFICheckFail`). ``saves``: how
    registers are saved, of which gcc's tables for unwinding tell otherwise than LLVM's; none where that is not known.
    """

    canaries: Callable[[Code], Offsets]
    guard: str = ""
    # Of loads of the guard, which of them gcc alone writes; none where compilers do not differ.
    of_gcc: Callable[[Code, Offsets], Mask] = nowhere
    frames: Callable[[Code], Frames]
    addresses: Callable[[Code], Offsets]
    probes: Callable[[Code, Frames], Probes] | None = None
    entry_marks: dict[str, Callable[[Code, Offsets], Mask]] = {}
    # Of the marks those that sign the return address: written for that, too, where no landing pads were asked for.
    signing_marks: Callable[[Code, Offsets], Mask] = nowhere
    signed_frames: Callable[[Code], Offsets] = nothing  # where a return address is saved
    signatures: Callable[[Code], Offsets] = nothing  # where it is signed
    wrong_type: Callable[[Code], Offsets] = nothing
    text: Text | None = None
    stubs: Callable[[Code], Pairs] | None = None  # addresses where a stub of the PLT is entered, and of its slot
    direct_calls: Callable[[Code], Pairs] | None = None
    prefix: int | None = None  # the byte before such a call that the linker has made of one through a slot
    entered: Callable[[Code], Pairs] | None = None  # those that come back, where functions begin that no table names
    coarse: bool = False  # tables for unwinding put functions together that are unwound alike
    slot_calls: Callable[[Code], Pairs] | None = None
    slot_loads: Callable[[Code], Pairs] | None = None  # where what stands at an address is put into a register
    taken: Callable[[Code], Pairs] | None = None  # where an address itself is
    branches: Callable[[Code, int], Offsets] | None = None  # what else than direct calls may lead to an address
    named: Callable[[Code, int, int], Offsets] | None = None  # instructions that may name an address between two
    # Whether right before each call a constant is put into the register of an argument (counted from 0).
    constant_argument: Callable[[Code, Offsets, int], Mask] = never
    saves: Saves = ""
    start_room: int = 64  # bytes of stack beside what is reserved; the start files, which have no tables, take no more
    unwound: bool = True  # compilers write tables for unwinding all functions, without being asked
    flags: int = 0  # bits of e_flags without which ``text`` does not fit
    code_mark: int = 0  # bits of a function's address that say how it is coded, and are no part of the place
    order: str = ""  # of the bytes of an instruction, as struct has it, where it is the same whatever that of data is
    little: bool = False  # ``text`` fits the little-endian form only
