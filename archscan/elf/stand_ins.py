"""What stands in a program for what its libraries have: copies of their data, and stubs that count as their functions.

Code that is compiled for a program names the data and functions of libraries as if they were the program's own. So the
linker makes room into which the loader copies the data (R_*_COPY), and the library uses that, too; and where code that
is not moved keeps the address of a function, the address of its stub is the function's everywhere (gABI, "Symbol
Values"; System V ABI for x86-64, 5.2). The symbol has that address: in an object that defines it, or in none.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from archscan.elf.calls import slot_symbols
from archscan.elf.image import PT_INTERP, SYMBOL_FIELDS, Image, symbol_struct, text_at
from archscan.elf.mapping import FAR
from archscan.elf.symbols import SymbolTable, dynamic_symbols, imports_of, undefined
from archscan.model import Import

_OBJECT, _FUNCTION = 1, 2  # STT_OBJECT, STT_FUNC
_MOST_SYMBOLS = 1 << 16  # of a program that are looked at; few programs export more than a hundred


def copied(image: Image, wanted: Container[str]) -> tuple[Import, ...]:
    """The data with the ``wanted`` names of which the loader puts copies into a program, as imports, sorted by name."""
    if not _is_program(image):
        return ()
    table = dynamic_symbols(image)
    likely = {number: value for number, value, name in _objects(image, table) if name in wanted}
    if not likely:
        return ()
    filled = {slot: number for slot, (number, _) in slot_symbols(image).items()}
    return imports_of(image, table, [number for number, value in likely.items() if filled.get(value) == number])


def stubs(image: Image) -> dict[int, str]:
    """The stubs of a program whose addresses are those of functions of libraries, with their names."""
    if not _is_program(image):
        return {}
    table, row = dynamic_symbols(image), symbol_struct(image)
    value_at, info_at, _ = SYMBOL_FIELDS[image.bits]
    found = {}
    for number in undefined(image, table.rows):
        fields = row.unpack_from(table.rows, number * row.size)
        if 0 < fields[value_at] < FAR and fields[info_at] & 15 == _FUNCTION:
            found[fields[value_at]] = text_at(table.strings, fields[0]).decode("ascii", "replace")
    return found


def stand_ins(image: Image, copies: Mapping[int, str], wanted: Container[str]) -> dict[int, str]:
    """The addresses that stand for something with a ``wanted`` name, with that; ``copies`` are those of data."""
    return {address: name for address, name in {**stubs(image), **copies}.items() if name in wanted}


def _is_program(image: Image) -> bool:
    """Whether the object is a program with libraries: only that has what stands for others' things."""
    return any(part.type == PT_INTERP for part in image.segments)


def _objects(image: Image, table: SymbolTable) -> Iterator[tuple[int, int, str]]:
    """The data that a program defines: number of the symbol, address, name."""
    row = symbol_struct(image)
    value_at, info_at, section_at = SYMBOL_FIELDS[image.bits]
    for number in range(min(len(table.rows) // row.size, _MOST_SYMBOLS)):
        fields = row.unpack_from(table.rows, number * row.size)
        if fields[section_at] and fields[info_at] & 15 == _OBJECT:
            yield number, fields[value_at], text_at(table.strings, fields[0]).decode("ascii", "replace")
