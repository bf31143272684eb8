"""One ELF object → its facts (`facts`). What differs between processors is in ``arch``."""

from __future__ import annotations

import hashlib
import struct
from typing import Literal

import msgspec

from archscan.elf import symbols
from archscan.elf.arch import machine
from archscan.elf.call_sites import call_sites
from archscan.elf.classify import kind
from archscan.elf.hardening import protections
from archscan.elf.image import (
    DT_NEEDED,
    DT_RPATH,
    DT_RUNPATH,
    DT_SONAME,
    PT_INTERP,
    SHT_SYMTAB,
    Image,
    contents,
    tag,
    text_at,
)
from archscan.elf.language import written
from archscan.elf.notes import build_id
from archscan.elf.reader import read
from archscan.elf.stand_ins import copied
from archscan.elf.subject import Subject
from archscan.errors import ElfError
from archscan.model import Elf, escape

__all__ = ["Exports", "Place", "call_sites", "copied", "facts", "facts_of", "read"]

Exports = Literal["", "libraries", "all"]
"""Of which objects exports are facts: of those with a SONAME, or of programs too."""


class Place(msgspec.Struct, frozen=True):
    """Where an object was found: its path and path key, the member that holds it, the package's architecture."""

    path: str
    path_key: str
    file_path: str
    architecture: str | None


def facts(data: bytes, place: Place, *, exports: Exports = "") -> Elf:
    """Everything that the headers of an ELF object tell; crypto uses are added by others.

    Raises ElfError where the object cannot be read.
    """
    return facts_of(read(data), place, exports=exports)


def facts_of(image: Image, place: Place, *, exports: Exports = "") -> Elf:
    """The same of an object whose headers were read."""
    try:
        return _facts(image, place, exports=exports)
    except (ValueError, IndexError, OverflowError, UnicodeError, struct.error) as error:
        raise ElfError("corrupt", f"the object contradicts itself: {error}") from error


def _facts(image: Image, place: Place, *, exports: Exports) -> Elf:
    table = symbols.symbols(image)
    needed = tuple(escape(text_at(table.strings, value)) for name, value in image.dynamic if name == DT_NEEDED)
    imports = symbols.imports(image, table)
    interpreter = _interpreter(image)
    what = kind(image, place.path, place.architecture)
    soname = _text(image, table, DT_SONAME)
    made = written(image, table, needed, imports, soname)
    found = machine(image.machine)
    judged = protections(
        Subject(image, found, place.path, what, made.language, needed, imports, interpreter, made.c_part)
    )
    return Elf(
        path=place.path,
        path_key=place.path_key,
        file_path=place.file_path,
        sha256=hashlib.sha256(image.data).hexdigest(),
        size=len(image.data),
        kind=what,
        machine=found.name,
        bits=image.bits,
        endian="little" if image.order == "<" else "big",
        language=made.language,
        build_id=build_id(image),
        soname=soname,
        interpreter=interpreter,
        stripped=not any(part.type == SHT_SYMTAB for part in image.sections),
        rpath=_text(image, table, DT_RPATH),
        runpath=_text(image, table, DT_RUNPATH),
        reasons=judged.reasons | {"language": made.reason},
        needed=needed,
        imports=imports,
        exports=symbols.exports(image, table) if exports == "all" or (exports and soname) else (),
        components=made.components,
        **judged.columns,  # type: ignore[arg-type]
    )


def _interpreter(image: Image) -> str | None:
    part = next((segment for segment in image.segments if segment.type == PT_INTERP), None)
    return None if part is None else escape(contents(image, part).partition(b"\0")[0])


def _text(image: Image, table: symbols.SymbolTable, wanted: int) -> str | None:
    """The string that a dynamic tag points to, or None without such a tag."""
    offset = tag(image, wanted)
    return None if offset is None else escape(text_at(table.strings, offset))
