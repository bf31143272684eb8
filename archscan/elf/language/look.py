"""What the language is read from: the object's headers and names, and where in the file its strings lie."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from archscan.elf.image import ET_REL, PF_W, SHT_NOBITS, Image, Section, loads, symbol_struct, text_at
from archscan.elf.symbols import static_symbols
from archscan.model import Component, Reason, Site, escape

SITES = 16
COMPONENTS = 10_000  # of one object; Kubernetes has about 300 modules, a browser about 500 crates
_FILE = b"\4"  # st_info of a local symbol that names a source file (gABI, STT_FILE)
_NAMES, _LENGTH = 4096, 1024  # symbols of source files that are looked at, and bytes of each


class Language(StrEnum):
    """A source language. ``C`` includes what cannot be told from it."""

    ADA = "ada"
    ASSEMBLER = "assembler"
    C = "c"
    CXX = "c++"
    D = "d"
    FORTRAN = "fortran"
    GO = "go"
    HASKELL = "haskell"
    OCAML = "ocaml"
    PASCAL = "pascal"
    RUST = "rust"
    UNKNOWN = "unknown"


class Look(msgspec.Struct, frozen=True):
    """An object with its names: ``imported`` as they are stored, ``strings`` the table of its symbols' names.

    Of a dynamic object that is the table which the loader uses, of others that of the linker.
    """

    image: Image
    soname: str
    needed: tuple[str, ...]
    imported: frozenset[str]
    strings: bytes
    sections: dict[str, Section]

    @property
    def is_static(self) -> bool:
        """Whether it is linked and needs no library, so that run-time libraries may lie inside."""
        return not self.needed and self.image.type != ET_REL


class Found(msgspec.Struct, frozen=True):
    """A language, and by what it was told: the reason's code and sentence, and the names that were seen, escaped."""

    language: Language
    code: str
    text: str
    names: tuple[str, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """The language of an object, whether other languages' objects hold C too, why, and what was compiled in."""

    language: Language
    c_part: bool
    reason: Reason
    components: tuple[Component, ...] = ()


def part(look: Look, *names: str) -> bytes:
    """The bytes of the first section that has one of the names and bytes; empty without one."""
    for name in names:
        found = look.sections.get(name)
        if found is not None and found.type != SHT_NOBITS and found.size:
            return look.image.data[found.offset : found.offset + found.size]
    return b""


def spans(image: Image, *, writable: bool) -> list[tuple[int, int]]:
    """Starts and ends of the file's parts that are mapped writable, or not; sorted, and no byte comes twice."""
    mapped = sorted(
        (one.offset, one.offset + one.file_size) for one in loads(image) if bool(one.flags & PF_W) == writable
    )
    joined: list[tuple[int, int]] = []
    for start, end in mapped:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif end > start:
            joined.append((start, end))
    return joined


def constants(look: Look) -> list[tuple[int, int]]:
    """Where string constants lie: in `.rodata`, without sections in all that is mapped and not writable."""
    found = look.sections.get(".rodata")
    if found is not None and found.type != SHT_NOBITS and found.size:
        return [(found.offset, found.offset + found.size)]
    return spans(look.image, writable=False)


def holds(image: Image, places: list[tuple[int, int]], wanted: bytes) -> bool:
    """Whether bytes stand at one of the places."""
    return any(image.data.find(wanted, start, end) >= 0 for start, end in places)


def source_files(image: Image) -> Iterator[str]:
    """The escaped names of source files in the linker's symbol table, as far as stripping left them; at most 4096."""
    table = static_symbols(image)
    code = symbol_struct(image)
    rows = table.rows[: len(table.rows) // code.size * code.size]
    kinds = rows[4 if image.bits == 64 else 12 :: code.size]
    number = -1
    for _ in range(_NAMES):
        number = kinds.find(_FILE, number + 1)
        if number < 0:
            return
        start = code.unpack_from(rows, number * code.size)[0]
        yield escape(text_at(table.strings[start : start + _LENGTH], 0))


def sites(names: tuple[str, ...]) -> tuple[Site, ...]:
    """The first of escaped names as sites."""
    return tuple(Site(name=name) for name in names[:SITES])
