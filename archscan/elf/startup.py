"""Which code of a static program is its own, and which its C library's.

The linker keeps the order of what it is given: start files, the program's objects and archives, then the C library,
whose first member is the one with `__libc_start_main`, because `_start` asks for it (glibc, csu/). `_start` is found by
the entry point, `__libc_start_main` as what it calls, and the beginning of that member as the first function that
`__libc_start_main` calls there.

The code itself may be in another order: what runs early or seldom comes first, and a linker can be told to sort
sections by their names. The tables for unwinding stay in the order of the objects, so they are asked. Where the
program's own code was built without them (busybox), it is all that they leave out.
"""

from __future__ import annotations

import re

import msgspec

from archscan.elf.arrays import Mask, Offsets, np
from archscan.elf.code import address_of, offsets_of
from archscan.elf.functions import owners
from archscan.elf.image import Image
from archscan.elf.inspection import Inspection, instructions

_CALL = re.compile(r"(?:addr32 )?(?:call|bl|jmp|b|brasl|jal) .*?#?(0x[0-9a-f]+)$")
_START_CODE = 0x100  # bytes behind the entry point that still belong to the start files
_DESCRIBED = 0.8  # of the code, by the tables for unwinding, where the program's own is there too; 0.6 in busybox


class Own(msgspec.Struct, frozen=True, eq=False):
    """For each function whether it is the program's own, and whether these are known to be all that is."""

    functions: Mask
    whole: bool


def own_functions(image: Image, found: Inspection) -> Own | None:
    """Which functions of a static program are its own; None where that cannot be told.

    Where nothing at all loads the guard, those in the tables for unwinding: a C library that has no canaries has no
    tables either (musl), and a program without one (valgrind's tools) is all its own.
    """
    own = _own_functions(image, found)
    if own is None and found.idioms.unwound and not found.guarded.any():
        return Own(found.view.described >= 0, whole=False)
    return own


def _own_functions(image: Image, found: Inspection) -> Own | None:
    start = _function(found, image.entry)
    first = next(iter(_targets(found, start)), None) if start is not None else None
    library = _function(found, first) if first is not None else None
    if start is None or library is None:
        return None
    # What `_start` calls is a start file's with musl, which calls the library in its turn; neither is in the tables.
    if found.idioms.unwound and found.view.described[start] < 0:
        return None
    if 0 <= found.view.starts[library] - found.view.starts[start] <= _START_CODE:
        return None
    targets = (_function(found, target) for target in _targets(found, library))
    members = np.array([library, *(number for number in targets if number is not None)])
    described, main = found.view.described, main_offset(image, found)
    if described[library] < 0:
        return _by_place(found, start, members, main)
    if _is_undescribed(found, main):
        return Own(described < 0, whole=False)
    begin, starts = found.view.starts[start], found.view.starts[members]
    # What the start files define themselves is called by the library, too.
    later = (described[members] >= 0) & ((starts < begin) | (starts > begin + _START_CODE))
    end = described[members[later]].min(initial=described[library])
    return Own((described >= 0) & (described < end), whole=main is not None)


def _is_undescribed(found: Inspection, main: int | None) -> bool:
    """Whether the program's own code is not in the tables for unwinding, in which that of the C library is."""
    view = found.view
    if main is not None:
        number = int(owners(view, np.array([main], np.int64))[0])
        return number < 0 or bool(view.described[number] < 0)
    known = int((view.ends - view.starts)[view.described >= 0].sum())
    return known < _DESCRIBED * sum(part.size for part in found.text.parts)


def _by_place(found: Inspection, start: int, members: Offsets, main: int | None) -> Own | None:
    """The same by where functions lie, where nothing was sorted: then the library has none before the start code."""
    starts = found.view.starts
    begin, places = int(starts[start]), starts[members]
    text = next(part for part in reversed(found.text.parts) if part.offset <= begin)
    end = int(places[places > begin + _START_CODE].min(initial=found.text.raw.size))
    if bool(((places >= text.offset) & (places < begin)).any()) or (main is not None and main >= end):
        return None
    return Own((starts >= begin) & (starts < end), whole=False)


def main_offset(image: Image, found: Inspection) -> int | None:
    """The offset of `main`, as the start code passes it on; None where that cannot be told."""
    start, text = _function(found, image.entry), found.idioms.text
    if start is None or text is None or text.main is None:
        return None
    distance = None
    for at, mnemonic, operands in instructions(found, start, _START_CODE):
        if distance is not None:
            return _offset(found, at + distance)
        given = text.main.match(f"{mnemonic} {operands}")
        if given and given["value"]:
            return _offset(found, int(given["value"], 16))
        distance = int(given["distance"].replace(" ", ""), 16) if given else None
    return None


def _offset(found: Inspection, address: int) -> int | None:
    offset = int(offsets_of(found.text, np.array([address], np.int64))[0])
    return offset if offset >= 0 else None


def _function(found: Inspection, address: int) -> int | None:
    """The number of the function that begins at an address or holds it."""
    offset = offsets_of(found.text, np.array([address], np.int64))
    number = int(owners(found.view, offset)[0]) if offset[0] >= 0 else -1
    return number if number >= 0 else None


def _targets(found: Inspection, number: int) -> list[int]:
    """The addresses outside a function that it calls or jumps to, in their order."""
    low = address_of(found.text, int(found.view.starts[number]))
    high = low + int(found.view.ends[number] - found.view.starts[number])
    targets = []
    for _, mnemonic, operands in instructions(found, number):
        call = _CALL.match(f"{mnemonic} {operands}")
        if call and not low <= int(call[1], 16) < high:
            targets.append(int(call[1], 16))
    return targets
