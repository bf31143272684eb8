"""The code around places of one object, with where the arguments of calls come from, as values that travel."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import cached_property

from archscan.crypto.catalogue import Catalogue, as_passed
from archscan.crypto.explained import arguments_of, selecting, told
from archscan.crypto.linked_in import linked_again
from archscan.crypto.sites import reading
from archscan.elf.explained.listing import Reader, Window, line_at, noted, offset_of, reader, window
from archscan.elf.explained.naming import naming
from archscan.elf.explained.origins import Path, Step, function_at, origins
from archscan.elf.explained.replay import Replay, replay
from archscan.elf.image import Image, contents, mapped
from archscan.elf.linked import prepared
from archscan.elf.program import Program, imported, label_of
from archscan.elf.texts import string_at
from archscan.elf.values.domain import Number
from archscan.model import ArgumentPath, AskedObject, AskedSite, Explained, Instruction, Passage, PathStep, escape

_BEFORE, _BEHIND = 12, 2  # instructions around a place; behind what is no call there may be as many as before
_MOST_PASSAGES = 64
_SHOWN = 32  # bytes of data
_LOWEST = 1 << 12  # address of a text; what is smaller is a number
_LONGEST = 400  # characters of what is said in one place


class Code:
    """The code of one object, read as far as it is asked for; ``libraries`` are those whose functions are called."""

    def __init__(self, image: Image, catalogue: Catalogue, libraries: Container[str | None] = ()) -> None:
        self.image = image
        self.catalogue = as_passed(catalogue, image)
        self.libraries = libraries

    @cached_property
    def reader(self) -> Reader:
        """The code as it is disassembled."""
        return reader(self.image)

    @cached_property
    def program(self) -> Program | None:
        """The code as values are followed in it; None for processors for which that is not done."""
        linked = linked_again(self.catalogue, self.image, self.libraries)
        wanted = {name: reading(self.catalogue, name) for name in self.catalogue.index}
        found = prepared(self.image, wanted, linked.code)
        return found.program if found else None


def explained_sites(code: Code, asked: AskedObject) -> Iterator[Explained]:
    """What the code shows at each of the places that are asked for."""
    for site in asked.sites:
        yield _explained(code, asked.path, site)


def _explained(code: Code, path: str, site: AskedSite) -> Explained:
    one = code.reader
    offset = offset_of(one, site.address)
    if offset < 0:
        return _explained_data(code, path, site)
    found = window(one, offset, _BEFORE, _BEHIND if site.symbol else _BEFORE)
    if not found.lines:
        text = "code for this processor is not disassembled"
        return Explained(path=path, address=site.address, problem=text)
    address, program = int(site.address.rpartition("+")[2], 16), code.program
    number = function_at(program, address) if program is not None else -1
    again = replay(program, number) if program is not None and number >= 0 else None
    target = imported(program, address) if program is not None else None
    ways = _ways(code, program, number, address, site) if program is not None else {}
    steps = [one for way in ways.values() if way for one in way.steps]
    lines = _lines(code, number, again, found, site, steps)
    return Explained(
        path=path,
        address=site.address,
        function=(label_of(program, number) if program is not None else None) or found.function,
        target=target and escape(target),
        instructions=tuple(lines),
        guessed=found.guessed,
        shift=_shift(code, address, offset),
        paths=tuple(_path(code, argument, way) for argument, way in ways.items()),
        passages=tuple(_passages(code.image, steps)),
    )


def _shift(code: Code, address: int, offset: int) -> str:
    """How far addresses are above offsets in the file, of an object without sections."""
    return "" if code.image.sections else hex(address - offset)


def _explained_data(code: Code, path: str, site: AskedSite) -> Explained:
    """What stands at a place that is no code, and the first instruction that names it."""
    section, _, number = site.address.rpartition("+")
    address, program = int(number, 16), code.program
    data = _bytes_at(code.image, section, address)
    known = not section and program is not None
    slot = program.slots.get(address) if program is not None and known else None
    if slot is not None:
        text = f"data stands there: the loader puts the address of {escape(slot)} there"
    else:
        text = f"data stands there: {data.hex(' ', 4)}" if data else "neither code nor data stands there"
    named = naming(program, address) if program is not None and known and data else None
    lines: tuple[Instruction, ...] = ()
    function = None
    if program is not None and named is not None:
        at = AskedSite(address=f"{named[1]:#x}")
        found = window(code.reader, offset_of(code.reader, at.address), _BEFORE // 2, _BEHIND)
        lines = tuple(_lines(code, named[0], replay(program, named[0]), found, at, ()))
        function = label_of(program, named[0])
    return Explained(path=path, address=site.address, function=function, target=slot and escape(slot),
                     instructions=lines, data=bool(data), problem=text)  # fmt: skip


def _bytes_at(image: Image, name: str, address: int) -> bytes:
    """The bytes at an address, or at a distance in a section of that name; none where the file has none."""
    if not name:
        return mapped(image, address, _SHOWN) if address < 1 << 62 else b""
    part = next((one for one in image.sections if escape(one.name) == name), None)
    return contents(image, part)[address : address + _SHOWN] if part is not None else b""


def _ways(code: Code, program: Program, number: int, address: int, site: AskedSite) -> dict[int, Path | None]:
    """The way to each argument that matters; None where that cannot be gone through."""
    symbol = site.symbol
    if symbol is None:
        return {}
    return {
        argument: origins(program, number, address, argument, symbol, lambda name: selecting(code.catalogue, name))
        for argument in arguments_of(code.catalogue, symbol, site.role, site.algorithm)
    }


def _path(code: Code, argument: int, way: Path | None) -> ArgumentPath:
    if way is None:
        return ArgumentPath(argument=argument, problem="the function around the call could not be gone through")
    return ArgumentPath(argument=argument, steps=tuple(_step(code, one) for one in way.steps), cut=way.cut)


def _step(code: Code, one: Step) -> PathStep:
    program = code.program
    assert program is not None
    line = None if one.enters else line_at(code.reader, one.address)
    value = told(code.catalogue, code.image, program.slots, one.of if one.exact else None, one.value)
    return PathStep(
        address=f"{one.address:#x}",
        function=label_of(program, one.function) or "",
        text=line.text if line else "",
        into=escape(one.into)[:_LONGEST],
        value=escape(value)[:_LONGEST],
        said=escape(one.said)[:_LONGEST],
        ends=one.ends,
    )


def _lines(
    code: Code, number: int, again: Replay | None, found: Window, site: AskedSite, steps: Sequence[Step]
) -> Iterator[Instruction]:
    """The instructions around a place, those marked that the argument comes from."""
    selects = {f"{one.address:#x}" for one in steps if not one.enters}
    section, plus, digits = site.address.rpartition("+")
    place = int(digits, 16)
    for line in found.lines:
        shown = noted(line, code.program, number, again) if code.program is not None else line
        address = f"{section}{plus}{line.address:#x}"
        yield Instruction(
            address=address,
            behind=f"{section}{plus}{line.behind:#x}",
            text=shown.text,
            note=escape(shown.note)[:_LONGEST],
            mark="here" if line.address <= place < line.behind else "argument" if address in selects else "",
        )


def _passages(image: Image, steps: Sequence[Step]) -> Iterator[Passage]:
    """The texts to which the instructions of a path point."""
    numbers = {atom.value: None for one in steps for atom in one.value if isinstance(atom, Number)}
    for address in list(numbers)[:_MOST_PASSAGES]:
        text = string_at(image, address) if address >= _LOWEST else None
        section = _section(image, address) if text else None
        if text and section:
            yield Passage(address=f"{address:#x}", text=text[:_LONGEST], section=section)


def _section(image: Image, address: int) -> str | None:
    """The name of the section in which an address lies."""
    inside = (one for one in image.sections if one.address and one.address <= address < one.address + one.size)
    return next((escape(one.name) for one in inside), None)
