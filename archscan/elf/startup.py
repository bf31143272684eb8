"""Where a static program's own code ends and its C library begins.

The linker keeps the order of what it is given: start files, the program's objects and archives, then the C library,
whose first member is the one with `__libc_start_main`, because `_start` asks for it (glibc, csu/). `_start` is found by
the entry point, `__libc_start_main` as what it calls, and the beginning of that member as the lowest function that
`__libc_start_main` calls there. A linker that was told to sort sections (busybox) leaves no such order: then what
`__libc_start_main` calls also lies before `_start`, or `main` behind it.
"""

from __future__ import annotations

import re

from archscan.elf.arrays import np
from archscan.elf.code import address_of, offsets_of
from archscan.elf.functions import owners
from archscan.elf.image import Image
from archscan.elf.inspection import Inspection, instructions

_CALL = re.compile(r"(?:addr32 )?(?:call|bl|jmp|b|brasl|jal) .*?#?(0x[0-9a-f]+)$")
_START_CODE = 0x100  # bytes behind the entry point that still belong to the start files


def own_code_end(image: Image, found: Inspection) -> int | None:
    """The offset at which the C library begins: 0 where it is spread; None where the start code is not like glibc's."""
    start = _function(found, image.entry)
    main = next(iter(_targets(found, start)), None) if start is not None else None
    library = _function(found, main) if main is not None else None
    if start is None or library is None:
        return None
    first = int(found.view.starts[library])
    begin = int(found.view.starts[start])
    called = [_function(found, target) for target in _targets(found, library)]
    starts = [int(found.view.starts[number]) for number in called if number is not None]
    text = next(part for part in reversed(found.text.parts) if part.offset <= begin)
    if any(text.offset <= offset < begin for offset in starts):
        return 0
    end = min((offset for offset in starts if begin + _START_CODE < offset < first), default=first)
    main = main_offset(image, found)
    return 0 if main is not None and main >= end else end


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
