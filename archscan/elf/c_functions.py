"""Which functions of an object of another language are C's.

Another compiler's functions are told from gcc's by how the tables for unwinding describe the registers that a function
saves. gcc tells of each as it is saved; LLVM, which most other compilers write code with, tells of all of them behind
the prologue (on 64-bit Arm both tell of a pair at once, gcc of the further one first). A function that saves fewer than
two registers tells little; it may be C's where it lies beside one that is: the tables are in the order of the units, as
in `startup`, and a function that is not C's ends what may be one unit in C, there and in the code.

C that clang compiled cannot be told from another language that LLVM wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from archscan.elf.arch.idioms import Saves
from archscan.elf.arrays import Mask, Offsets, np
from archscan.elf.functions import name_bytes
from archscan.elf.image import Image
from archscan.elf.inspection import Inspection
from archscan.elf.unwind import Told, description, told

_MOST_FUNCTIONS = 1 << 17
_MOST_BYTES = 512  # of one description
_MOST_READ = 8 << 20  # bytes of all descriptions; 100,000 functions have about 4 MB
_MOST_NAME = 1024  # bytes of a name
_MOST_TOLD = 64  # instructions of one description, of which a prologue has about 20
_NEAR = 16  # bytes behind the place where a register is saved in which the same prologue makes room
_TRIED = 256  # functions that load the guard, to see what compiler wrote them

_ADVANCES = {0x40, 0x02, 0x03, 0x04}  # DW_CFA_advance_loc…
_OFFSET, _REMEMBER = 0x80, 0x0A
_DEF_CFA, _DEF_CFA_REGISTER, _DEF_CFA_OFFSET = 0x0C, 0x0D, 0x0E


_SAID = {True: 1, False: -1, None: 0}
# What symbols of Rust are called (RFC 2603; before that as in C++, with a hash behind).
_MANGLED = re.compile(rb"_R[A-Za-z]|_ZN\S+17h[0-9a-f]{16}E")


class Parts(msgspec.Struct, frozen=True, eq=False):
    """For each function whether it is C's, and whether it is or may be: beside such, and nobody else's between."""

    surely: Mask
    maybe: Mask


class _Step(msgspec.Struct):
    """What a description says of one place in the function."""

    near: bool  # to the place before
    saved: list[int] = []  # distances of registers from the CFA, in bytes
    depth: int | None = None  # what it makes of the CFA's distance from the stack pointer
    framed: bool = False  # the CFA counts from another register from here on
    kept: bool = False  # this is come back to behind a return in the middle, which LLVM for x86 writes otherwise


def c_functions(image: Image, found: Inspection) -> Parts | None:
    """Which functions are gcc's; None where nothing tells, or where C is in part clang's."""
    how, described = found.idioms.saves, found.view.described
    order = np.argsort(described, kind="stable")
    order = order[described[order] >= 0]
    if not how or not order.size or order.size > _MOST_FUNCTIONS:
        return None

    left = _MOST_READ

    def is_gccs(number: int) -> bool | None:
        nonlocal left
        said = description(image, int(described[number]), _MOST_BYTES) if left > 0 else b""
        left -= len(said)
        return by_gcc(told(said), how, image.bits // 8)

    guarded = order[found.guarded[order]]
    tried = [is_gccs(number) for number in guarded[:: guarded.size // _TRIED + 1].tolist()]
    if tried.count(False) > tried.count(True):
        return None
    says = np.array([_SAID[is_gccs(number)] for number in order.tolist()])
    if left <= 0:
        return None
    says[[place for place in np.flatnonzero(says == 0).tolist() if _is_rusts(found, int(order[place]))]] = -1
    says[found.guarded[order]] = 1
    return _parts(order, says, described.size)


def _is_rusts(found: Inspection, number: int) -> bool:
    """Whether a symbol table names the function as Rust's compiler does."""
    label = name_bytes(found.view, int(found.view.starts[number]), _MOST_NAME)
    return label is not None and _MANGLED.match(label) is not None


def _parts(order: Offsets, says: Offsets, count: int) -> Parts:
    """``says`` of the functions in ``order``: 1 for C's, -1 for another's, 0 for what tells nothing."""
    # One unit has its functions side by side in the tables as in the code, and nobody else's between.
    others = np.zeros(count, np.int64)
    others[order] = says < 0
    _, unit = np.unique(np.cumsum(says < 0) * (count + 1) + np.cumsum(others)[order], return_inverse=True)
    beside = np.zeros(order.size, np.bool_)
    beside[unit[says > 0]] = True
    surely, maybe = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    surely[order], maybe[order] = says > 0, beside[unit] & (says >= 0)
    return Parts(surely, maybe)


def by_gcc(description: Iterable[Told], how: Saves, word: int) -> bool | None:
    """Whether gcc wrote a function, by its description; None where that does not tell. ``word``: bytes of a register.

    Source: what gcc (dwarf2cfi.cc) and LLVM (X86FrameLowering.cpp, AArch64FrameLowering.cpp) write.
    """
    steps = _steps(islice(description, _MOST_TOLD), word)
    return _by_pairs(steps) if how == "pairs" else _by_pushes(steps, word)


def _by_pairs(steps: Iterable[_Step]) -> bool | None:
    for step in steps:
        if len(step.saved) > 1:
            return step.saved[0] > step.saved[1]
    return None


def _by_pushes(steps: Iterable[_Step], word: int) -> bool | None:
    depth, framed, alone = word, False, 0
    for step in steps:
        # Room that is made right behind is the prologue's; arguments are pushed later, a word at a time.
        if alone and not framed and step.near and step.depth is not None and step.depth > depth + word:
            return True
        depth, framed = depth if step.depth is None else step.depth, framed or step.framed
        if len(step.saved) > 1:
            return framed and step.saved[0] < step.saved[1]  # where the CFA stays, gcc tells of several at once, too
        if step.saved and not framed and step.saved[0] < depth:
            return False
        if step.kept:
            return True
        alone += len(step.saved)
        # LLVM tells of the frame pointer apart from the others, too.
        if alone >= (3 if framed else 2):
            return True
    return None


def _steps(instructions: Iterable[Told], word: int) -> Iterator[_Step]:
    """One for each place in the function, up to where the stack is given back."""
    step, depth = _Step(near=False), word
    for found in instructions:
        if found.operation == _REMEMBER:
            step.kept = True
            break
        if found.operation in _ADVANCES:
            yield step
            step = _Step(near=found.operation == 0x40 and found.operands[0] <= _NEAR)
        elif found.operation == _OFFSET:
            step.saved.append(found.operands[1] * word)
        elif found.operation in (_DEF_CFA, _DEF_CFA_OFFSET):
            step.depth = found.operands[-1]
            if step.depth < depth:
                return
            depth, step.framed = step.depth, found.operation == _DEF_CFA
        elif found.operation == _DEF_CFA_REGISTER:
            step.framed = True
    yield step
