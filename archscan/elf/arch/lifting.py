"""What an instruction does with values, the same words for every processor; read from the disassembler's text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache

import msgspec

from archscan.elf.code import Code, address_of

Line = tuple[int, int, str, str]
"""An instruction as the disassembler gives it: address, bytes, mnemonic, operands."""

LOW = "/b"  # behind the name of a register: its lowest byte, where that was written alone
FLAGS = "flags"  # where comparisons leave what they found, if there is one place for that
COUNTER = "pc"  # as a base: where the next instruction stands


class Kind(Enum):
    """What an instruction does to the way on, or to values."""

    SET = 1  # a register gets a value
    SELECT = 2  # a register gets one of two
    STORE = 3
    CALL = 4
    JUMP = 5
    BRANCH = 6
    RETURN = 7
    NOTHING = 8


class Operator(Enum):
    """Arithmetic by which compilers make one constant of another without a branch."""

    AND = 1
    OR = 2
    XOR = 3
    ADD = 4
    SUBTRACT = 5
    MULTIPLY = 6
    SHIFT = 7  # to the left
    OTHER = 8  # anything else that depends on nothing but the two


class Place(msgspec.Struct, frozen=True):
    """An address: a register or the counter, another one with a factor, and a distance."""

    base: str | None
    index: str | None
    at: int
    factor: int = 1


class Operation(msgspec.Struct, frozen=True):
    """What an instruction does, or a part of it.

    ``to`` is the register that is written. Its value is a ``number``, that of ``register`` plus the number, the result
    of an ``operator`` on the register and an ``operand``, the address of ``place`` or, where ``reads``, what stands
    there, one of a ``choice`` of numbers; none of these: nobody knows. ``also`` are registers that are written
    besides, by nobody knows what. A ``SELECT`` may as well bring what ``other`` holds, with ``added``. A ``STORE`` puts
    that value to ``place``; ``width`` are the bytes that it stores, or that are read, and 0 as many as there may be.
    What does ``NOTHING`` may compare ``register``, or what is read at ``place``, with the number; a ``BRANCH`` behind
    it leads to its target only where that is less than the number and ``taken``, and past it only where that is less
    than the number and ``passed``; None: no matter how much it is. ``unlike``: whether it leads to its target where
    that is not the number (True), or past it (False); ``unsigned``: it takes both for numbers without a sign, or not.
    Or what is compared is the register ``operand``, where either has a number. ``flags`` is where a comparison leaves
    what it found, and a branch reads it; others that leave something there have it in ``also``. ``target`` is where a
    call or jump leads, or ``place`` where its address is read, or ``register`` what holds it. Where something wider
    stands than is read, its ``big`` end is read, or the little one.
    """

    kind: Kind
    to: str | None = None
    number: int | None = None
    register: str | None = None
    operator: Operator | None = None
    operand: int | str | None = None  # a number or a register
    place: Place | None = None
    reads: bool = False
    width: int = 8
    choice: tuple[int, ...] = ()
    other: str | None = None
    added: int = 0
    also: tuple[str, ...] = ()
    target: int | None = None
    taken: int | None = None
    passed: int | None = None
    unlike: bool | None = None
    unsigned: bool | None = None
    flags: str = FLAGS
    big: bool = False


class Lift(msgspec.Struct, frozen=True, kw_only=True):
    """How instructions of one processor are read, and its calling convention.

    ``read`` takes mnemonic and operands, and says what they do, one after another, whatever came before. ``zero`` is
    the register that is always 0, where there is one; ``frame`` the one that may point to the frame; ``stacked`` how
    far above the stack pointer a function finds the arguments that are in no register, ``passed`` how far above it the
    caller puts them; where they are the first ones (``stack_first``), the registers are those of functions that only
    their own unit calls. The place of a structure that is returned is the first argument, or is passed ``apart`` from
    them. ``word`` are the bytes of a pointer. ``lines`` gives the instructions between two offsets with
    addresses in place of distances from where they stand, and without data among them; None: as they are disassembled.
    """

    read: Callable[[str, str], tuple[Operation, ...]]
    stack: str
    frame: str
    arguments: tuple[str, ...]
    result: str
    kept: frozenset[str]
    pointers: tuple[str, ...] = ()  # registers that are no arguments, by which a call may be given an address
    zero: str | None = None
    scaled_tables: bool = False  # tables of jumps hold distances in instructions, from a place in the function
    stacked: int = 0
    passed: int = 0
    stack_first: bool = False
    apart: bool = False
    most_stacked: int = 12  # arguments that are looked for on the stack
    word: int = 8
    big_endian: bool = False
    lines: Callable[[object, Code, int, int], Iterable[Line]] | None = None

    @property
    def preserved(self) -> tuple[str, ...]:
        """The registers that hold after a call what they held before."""
        return _preserved(self)


@cache
def _preserved(lift: Lift) -> tuple[str, ...]:
    return (lift.stack, *sorted(lift.kept))


NOTHING = Operation(Kind.NOTHING)

# What a branch tells by whether what was compared is less than a number: `taken`, `passed`, `unlike`.
_BOUNDS: dict[str, tuple[int | None, int | None, bool | None]] = {
    "<": (0, None, None), "<=": (1, None, None), ">": (None, 1, None), ">=": (None, 0, None),
    "=": (1, None, False), "!=": (None, 1, True),
}  # fmt: skip


def on(relation: str | None, branch: Operation) -> Operation:
    """A branch that leads to its target where what was compared is less (`<`), no more (`<=`) … than the number.

    The same where that is anything else, such as None.
    """
    if relation not in _BOUNDS:
        return branch
    taken, passed, unlike = _BOUNDS[relation]
    return msgspec.structs.replace(branch, taken=taken, passed=passed, unlike=unlike)


def mirrored(branch: Operation) -> Operation:
    """A branch behind a comparison of the number with something, as one behind that of this with the number."""
    if branch.unlike is not None:
        return branch
    taken, passed = (None if bound is None else 1 - bound for bound in (branch.passed, branch.taken))
    return msgspec.structs.replace(branch, taken=taken, passed=passed)


def flagged(done: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The same as what also leaves something else where a comparison leaves what it found."""
    *before, last = done
    return (*before, msgspec.structs.replace(last, also=(*last.also, FLAGS)))


def as_they_are(engine: object, text: Code, start: int, end: int) -> Iterable[Line]:
    """The instructions between two offsets as they are disassembled."""
    data = text.raw[start:end].tobytes()
    found: Iterable[Line] = engine.disasm_lite(data, address_of(text, start))  # type: ignore[attr-defined]
    return found
