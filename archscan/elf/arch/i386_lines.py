"""The instructions of IA-32 with what calls do that tell where the code itself stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.elf.arch.lifting import Line, as_they_are
from archscan.elf.arrays import np
from archscan.elf.code import Code, offsets_of

# `mov (%esp),%reg; ret`, by which register.
_THUNKS = {b"\x8b\x04\x24\xc3": "eax", b"\x8b\x1c\x24\xc3": "ebx", b"\x8b\x0c\x24\xc3": "ecx",
           b"\x8b\x14\x24\xc3": "edx", b"\x8b\x34\x24\xc3": "esi", b"\x8b\x3c\x24\xc3": "edi",
           b"\x8b\x2c\x24\xc3": "ebp"}  # fmt: skip
_TARGET = re.compile(r"0x[0-9a-f]+$")
_PLACE = re.compile(r"(?<!:)\[(?P<base>[a-z][\w*]*(?: \+ [a-z][\w*]*)?)(?P<at> [+-] (?:0x)?[0-9a-f]+)?\]")
_PASSES = re.compile(r"push |mov dword ptr \[esp\], ")
_LEAVES = re.compile(r"(?:bnd |notrack )*(?:j|call|ret)")


def lines(engine: object, text: Code, start: int, end: int) -> Iterator[Line]:
    """The instructions between two offsets.

    A call of a function that returns the address behind the call is what puts that into a register; a call of the next
    instruction is what pushes it. Behind a call that was passed where its result goes, the address of that is gone from
    the stack: gcc makes the room for it once more. What is counted from the GOT, by a register that was set so, has its
    address, up to where the register is something else.
    """
    counted = _Counted()
    passed = called = False  # whether something was passed since the last call; whether that call is right before
    for address, size, mnemonic, operands in as_they_are(engine, text, start, end):
        line = f"{mnemonic} {operands}"
        placed = counted.place(address, mnemonic, operands)
        calls = mnemonic == "call" and _TARGET.match(operands) is not None
        register = _thunk(text, int(operands, 16)) if calls else None
        if register:
            yield address, size, "lea", f"{register}, [rip]"
            counted.begin(register, address + size)
        elif calls and int(operands, 16) == address + size:
            yield address, size, "push", hex(address + size)
        elif called and line == "sub esp, 4":
            yield address, size, "nop", ""
        else:
            yield address, size, mnemonic, placed
        if register:
            continue
        called = passed and mnemonic == "call"
        passed = not _LEAVES.match(line) and (passed or _PASSES.match(line) is not None)


class _Counted:
    """The registers that point to the GOT, and where, while the instructions are gone through in their order."""

    def __init__(self) -> None:
        self.begun: dict[str, int] = {}  # the address behind a call, to which the distance is added
        self.known: dict[str, int] = {}

    def begin(self, register: str, behind: int) -> None:
        """Takes in that a register has the address behind a call."""
        self.begun[register] = behind
        self.known.pop(register, None)

    def place(self, address: int, mnemonic: str, operands: str) -> str:
        """The operands of the next instruction, with addresses in place of distances from such a register."""
        to, _, rest = operands.partition(", ")
        if mnemonic == "add" and self.begun.get(to) == address and _TARGET.match(rest):
            self.known[to] = (address + int(rest, 16)) & 0xFFFFFFFF
            return operands
        found = _PLACE.search(operands) if self.known else None
        placed = operands
        if found:
            parts = found["base"].split(" + ")
            own = next((one for one in parts if one in self.known), None)
            if own:
                parts.remove(own)
                at = self.known[own] + int((found["at"] or "0").replace(" ", ""), 16)
                placed = f"{operands[: found.start()]}[{' + '.join([*parts, hex(at)])}]{operands[found.end() :]}"
        if mnemonic not in ("push", "pop", "cmp", "test"):  # what is popped is for an end of the function
            self.known.pop(to, None)
            if mnemonic == "xchg":
                self.known.pop(rest, None)
        return placed


def _thunk(text: Code, address: int) -> str | None:
    """The register in which a function returns the address behind the call; None for any other one."""
    offset = int(offsets_of(text, np.array([address & 0xFFFFFFFF], np.int64))[0])
    return _THUNKS.get(text.raw[offset : offset + 4].tobytes()) if offset >= 0 else None
