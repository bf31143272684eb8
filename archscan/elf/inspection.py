"""What the machine code of an object shows, measured once for all verdicts that need it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from archscan.elf.arch.idioms import Frames, Idioms, Text
from archscan.elf.arrays import Mask, Offsets, distinct, np
from archscan.elf.code import Code, address_of, code, entry, place, within
from archscan.elf.functions import Functions, functions, name, owners, with_starts
from archscan.elf.image import Image
from archscan.model import Site

DECODED = 4096  # bytes of a function that are decoded, unless said otherwise
_BLOCK, _LONGEST_INSTRUCTION = 512, 16  # bytes
_MOST_CODE = 512 << 20  # bytes; the largest object of Debian, a web engine, has about 200 MB

_START_FILES = 1024  # bytes of code of crt1.o, crti.o, crtbegin.o and what the linker adds; about 300 on amd64


class Inspection(msgspec.Struct, frozen=True, eq=False):
    """The code, its functions, and for each function whether it has a canary and how much stack it takes in bytes."""

    text: Code
    view: Functions
    idioms: Idioms
    canaries: Offsets  # all of them, also those in no function that is known
    guarded: Mask
    frames: Frames
    room: Offsets


def inspection(image: Image, idioms: Idioms, *, unwound: bool = False) -> Inspection | None:
    """The measurements, or None for an object with more code than is looked at; ``unwound``: see `functions`."""
    text = code(image)
    if idioms.order:
        text = msgspec.structs.replace(text, order=idioms.order, searched={})
    if sum(high - low for low, high in text.runs) > _MOST_CODE:
        return None
    view = functions(image, text, unwound=unwound)
    fits = image.flags & idioms.flags == idioms.flags and not (idioms.little and image.order == ">")
    idioms = idioms if fits else msgspec.structs.replace(idioms, text=None)
    frames = idioms.frames(text)
    canaries = idioms.canaries(text)
    return Inspection(text, view, idioms, canaries, holding(view, canaries), frames, _room(view, frames))


def by_prologues(found: Inspection, image: Image) -> Inspection:
    """The same where functions are known of little code: what makes room on the stack begins one, as far as the next.

    Or what saves the return address, where the processor's idioms tell; and the start code, which saves nothing.

    It begins behind what saves registers then, which shows no stack; and what needs no room is part of another.
    """
    text, frames = found.text, found.frames
    begins = np.concatenate([frames.offsets, frames.grows]) if frames.begins is None else frames.begins
    begins = np.append(begins, entry(text, image))
    view = with_starts(found.view, text, distinct(within(text, begins)))
    return msgspec.structs.replace(found, view=view, guarded=holding(view, found.canaries), room=_room(view, frames))


def only(found: Inspection, wanted: Mask) -> Inspection:
    """The same of some functions alone."""
    view = found.view
    columns = {name: getattr(view, name)[wanted] for name in ("starts", "ends", "described")}
    view = msgspec.structs.replace(view, **columns)
    return msgspec.structs.replace(found, view=view, guarded=found.guarded[wanted], room=found.room[wanted])


def _room(view: Functions, frames: Frames) -> Offsets:
    """The most that each function takes of the stack at once, in bytes."""
    room = np.zeros(view.starts.shape, np.int64)
    owner = owners(view, frames.offsets)
    np.maximum.at(room, owner[owner >= 0], frames.sizes[owner >= 0])
    return room


def has_functions(found: Inspection) -> bool:
    """Whether there is more code than that of the start files, or some that makes more room on the stack."""
    return sum(part.size for part in found.text.parts) > _START_FILES or _much_room(found).size > 0


def _much_room(found: Inspection) -> Offsets:
    """The places where more room is made on the stack than the start files make."""
    least = found.idioms.start_room + (found.idioms.text.reserved if found.idioms.text else 0)
    return np.concatenate([found.frames.offsets[found.frames.sizes > least], found.frames.grows])


def is_covered(found: Inspection) -> bool:
    """Whether functions are known for most of the code, or most places where much room is made on the stack are in one.

    On some processors compilers write no tables for unwinding C, so that those of a stripped file list little.
    """
    places = _much_room(found)
    inside = int((owners(found.view, places) >= 0).sum())
    known = int((found.view.ends - found.view.starts).sum())
    most = inside * 2 >= places.size or known * 2 >= sum(part.size for part in found.text.parts)
    return most and found.view.starts.size > 0


def holding(view: Functions, offsets: Offsets) -> Mask:
    """For each function whether one of the offsets lies in it."""
    found = np.zeros(view.starts.shape, np.bool_)
    owner = owners(view, offsets)
    found[owner[owner >= 0]] = True
    return found


def site(found: Inspection, offset: int) -> Site:
    """A place in the code with the name of the function around it, where a symbol table has one."""
    number = int(owners(found.view, np.array([offset], np.int64))[0])
    label = name(found.view, int(found.view.starts[number])) if number >= 0 else None
    return Site(address=place(found.text, offset), name=label)


def instructions(found: Inspection, number: int, longest: int = DECODED) -> Iterator[tuple[int, str, str]]:
    """Address, mnemonic and operands of the instructions of a function, from its first ``longest`` bytes."""
    text = found.idioms.text
    if text is None:
        return
    start = int(found.view.starts[number])
    end = min(int(found.view.ends[number]), start + longest)
    # Capstone decodes all that it is given before it gives the first; most who ask want a few.
    while start < end:
        block, begin = min(start + _BLOCK, end), address_of(found.text, start)
        data = found.text.raw[start : min(block + _LONGEST_INSTRUCTION, end)].tobytes()
        for at, size, mnemonic, operands in decoder(text).disasm_lite(data, begin):
            if at - begin >= _BLOCK:
                break
            yield at, mnemonic, operands
            block = start + at - begin + size
        start = block


@cache
def _capstone(architecture: int, mode: int) -> Any:
    import capstone

    found = capstone.Cs(architecture, mode)
    found.skipdata = True
    return found


def decoder(text: Text) -> Any:
    """Capstone for a processor; made once in a process."""
    return _capstone(*text.mode)
