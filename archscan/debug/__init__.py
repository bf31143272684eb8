"""The debug information of one ELF object → how each of its units was compiled (`read`, `finished`).

Only the head of each unit and the list of its files are read; lines only for addresses that somebody asks for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from archscan.debug.flags import language, of_gcc, settings
from archscan.debug.judged import confirmations
from archscan.debug.lines import line_table
from archscan.debug.names import names
from archscan.debug.places import DAMAGED, MOST_LINE_BYTES, Lines, numbers, owners, source_lines
from archscan.debug.sections import section_bytes
from archscan.debug.units import Alternate, Head, Name, Tables, heads, unreached
from archscan.debug.values import DamageError, text
from archscan.elf.arch import machine
from archscan.elf.image import ET_REL, Image, contents, section
from archscan.elf.notes import build_id
from archscan.errors import ElfError
from archscan.model import Asked, CompileUnit, DebugInfo, Limits, SourceLine, escape

__all__ = ["Found", "alternate_path", "alternate_strings", "build_id", "finished", "read", "tables_of"]

# What glibc's headers include when _FORTIFY_SOURCE is set and not otherwise (`#if __USE_FORTIFY_LEVEL > 0` in its
# headers; string3.h before 2.26). The folder tells `bits/unistd.h` from the plain one. A compiler lists a header only
# where the unit uses something of it, so none of these proves nothing.
_CHECKED = re.compile(
    rb"(?:^|/)bits/(?:stdio2(?:-decl)?|strings?_fortified|string3|unistd(?:-decl)?|poll2(?:-decl)?|socket2(?:-decl)?"
    rb"|wchar2(?:-decl)?|stdlib|select2|select-decl|fcntl2|mqueue2|setjmp2|syslog|syslog-decl|inet-fortified(?:-decl)?)\.h$"
)
_PLAIN = re.compile(rb"(?:^|/)(?:stdio|strings?|unistd|stdlib|wchar|poll|socket|fcntl|syslog|select)\.h$")
# Start files and parts of libc_nonshared.a, libc.a and libgcc, as glibc and GCC name them in their build trees.
_TOOLCHAIN_NAME = re.compile(r"^(?:\.\./)+(?:sysdeps|csu|libgcc)/|(?:^|/)libgcc/|^(?:csu|sysdeps)/")
_TOOLCHAIN_FOLDER = re.compile(r"(?:^|/)(?:e?glibc-\d|gcc-\d|libgcc(?:/|$))|^\./csu$")
_MOST_FILE_BYTES = 256 << 20  # of headers of line tables in which files are looked for
_LONGEST = 4096


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one object, before strings that dwz moved to another file are put in.

    ``alternate`` is the build id of that file, ``problem`` what kept some of it from being read.
    """

    path: str
    sha256: str
    build_id: str
    machine: int
    bits: int
    heads: tuple[tuple[Head, str | None], ...]  # each with what its files say of FORTIFY
    lines: tuple[SourceLine, ...]
    sited: Mapping[str, frozenset[int]]  # positions of the units that the verdict on a feature is about
    alternate: str | None
    problem: ElfError | None = None


def tables_of(image: Image, limits: Limits) -> Tables:
    """The sections of an object that heads of units point into. Raises ElfError."""
    names = ("info", "abbrev", "str", "line_str", "str_offsets", "addr", "line", "ranges", "rnglists")
    sections, left = {}, limits.member_bytes
    for name in names:
        sections[name] = section_bytes(image, f".debug_{name}", left)
        left -= len(sections[name])
    return Tables(image.order, **sections)


def read(image: Image, path: str, asked: Asked, limits: Limits) -> Found | None:
    """What the debug information of an object says; None without any, or without a build id.

    Addresses in ``asked`` are as the database has them; those that are found become lines, or tell of their unit.
    Raises ElfError where nothing can be read.
    """
    identity = build_id(image)
    if identity is None or not (section(image, ".debug_info") or section(image, ".zdebug_info")):
        return None
    if image.type == ET_REL:
        raise ElfError("unsupported", "the debug information of a relocatable object, which is not linked yet")
    tables = tables_of(image, limits)
    found, problem = [], None
    files = _Files(tables)
    try:
        for head in heads(tables, limits.compile_units):
            found.append((head, files.fortify(head)))  # noqa: PERF401  # what came before damage is kept
    except ElfError as error:
        problem = error
        # Stands for the units that were not reached: of them nothing is known.
        found.append((unreached(len(found), image.order), None))
    words = numbers(asked.addresses)
    lines, whole = source_lines(tables, [head for head, _ in found], words, MOST_LINE_BYTES)
    if not whole and problem is None:
        text = f"more than {MOST_LINE_BYTES} bytes of line tables to go through; some addresses have no source line"
        problem = ElfError("limit", text)
    return Found(
        path=path,
        sha256=hashlib.sha256(image.data).hexdigest(),
        build_id=identity,
        machine=image.machine,
        bits=image.bits,
        heads=tuple(found),
        lines=tuple(_places(words, lines, names(image, words))),
        sited=_sited(tables, [head for head, _ in found], asked.sites),
        alternate=(_alternate_link(image) or (b"", None))[1] or None,
        problem=problem,
    )


class _Files:
    """The line tables of an object, as far as they name headers that tell of FORTIFY."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._left = _MOST_FILE_BYTES
        self._known: dict[int, str | None] = {}

    def fortify(self, head: Head) -> str | None:
        """``shown`` where a checked header is among the files, ``hidden`` where only plain ones are, else None.

        What could not be read may have named one, and is ``hidden`` as well.
        """
        if head.line is None:
            return "hidden"
        if head.line not in self._known:
            self._known[head.line] = self._said(head.line)
        return self._known[head.line]

    def _said(self, at: int) -> str | None:
        if self._left <= 0:
            return "hidden"
        try:
            table = line_table(self._tables, at)
        except DamageError:
            self._left -= DAMAGED
            return "hidden"
        self._left -= table.program - at
        plain = False
        for number in range(table.first, table.first + len(table.files)):
            _, name = table.files[number - table.first]
            if name.endswith(b".h"):
                path = table.path(number) or b""
                if _CHECKED.search(path):
                    return "shown"
                plain = plain or _PLAIN.search(path) is not None
        return "hidden" if plain else None


def _places(words: Mapping[int, str], lines: Lines, known: Mapping[int, str]) -> Iterator[SourceLine]:
    """What is known of each address: its line, and the function or variable that holds it."""
    for address in lines.keys() | known.keys():
        file, line = lines.get(address, (None, None))
        yield SourceLine(words[address], file, line, known.get(address))


def _sited(tables: Tables, found: list[Head], sites: Mapping[str, Iterable[str]]) -> dict[str, frozenset[int]]:
    """The positions of the units in whose code the places lie that the verdict on a feature names."""
    places = {feature: numbers(words).keys() for feature, words in sites.items()}
    # All features at once, for the lists of ranges are long.
    those = [(head.position, mine) for head, mine in owners(tables, found, set().union(*places.values()))]
    return {
        feature: frozenset(position for position, mine in those if not mine.isdisjoint(wanted))
        for feature, wanted in places.items()
    }


def _alternate_link(image: Image) -> tuple[bytes, str] | None:
    """The path and the build id of the file that dwz moved shared strings to (`.gnu_debugaltlink`)."""
    part = section(image, ".gnu_debugaltlink")
    if part is None:
        return None
    path, _, identity = contents(image, part).partition(b"\0")
    return path[:_LONGEST], identity[:64].hex()


def alternate_path(image: Image) -> bytes:
    """Where an object says that the strings are which dwz moved; empty if it has none."""
    link = _alternate_link(image)
    return link[0] if link else b""


def alternate_strings(image: Image, limits: Limits) -> tuple[str, bytes] | None:
    """The build id of a file and its strings, for those that dwz made others point to. Raises ElfError."""
    identity = build_id(image)
    return None if identity is None else (identity, section_bytes(image, ".debug_str", limits.member_bytes))


def finished(found: Found, alternates: Mapping[str, bytes]) -> DebugInfo:
    """The debug information of an object; ``alternates`` are strings that dwz moved, by the build id of their file."""
    strings = alternates.get(found.alternate or "", b"")
    unchecked = found.sited.get("fortify", frozenset())
    units = _origins([_unit(head, fortify, strings, unchecked) for head, fortify in found.heads])
    processor = machine(found.machine)
    return DebugInfo(
        path=found.path,
        sha256=found.sha256,
        build_id=found.build_id,
        machine=processor.name,
        bits=found.bits,
        units=tuple(units),
        confirmations=confirmations(units, processor.features, found.sited),
        lines=tuple(sorted(found.lines, key=lambda line: line.address)),
    )


def _unit(head: Head, fortify: str | None, strings: bytes, unchecked: frozenset[int]) -> CompileUnit:
    producer, name, folder = (_resolved(one, strings) for one in (head.producer, head.name, head.comp_dir))
    said = settings(producer)
    written_in = language(producer, head.language)
    if fortify == "hidden" and head.position in unchecked and of_gcc(producer):
        fortify = "none"  # it includes the plain header, and calls what GCC would have replaced
    toolchain = _TOOLCHAIN_NAME.search(name or "") or _TOOLCHAIN_FOLDER.search(folder or "")
    return CompileUnit(
        position=head.position,
        name=name,
        comp_dir=folder,
        producer=producer,
        language=written_in,
        origin="toolchain" if toolchain else "package",
        # The code of a unit that was optimised while linking lies in one of language `lto`. Of a damaged one nothing
        # is known, so it may have some.
        code=head.code or said.lto or head.sizes.version == 0,
        lto=said.lto,
        stack_protector=said.stack_protector,
        stack_clash=said.stack_clash,
        cf_protection=said.cf_protection,
        branch_protection=said.branch_protection,
        pic=said.pic,
        optimised=said.optimised,
        fortify=(said.fortify or fortify) if written_in in ("c", "c++") else None,
    )


def _resolved(name: Name, strings: bytes) -> str | None:
    if isinstance(name, Alternate):
        try:
            return escape(text(strings, name.offset))
        except DamageError:
            return None
    return name


def _origins(units: list[CompileUnit]) -> list[CompileUnit]:
    """The units; where all of them are the toolchain's, it is the toolchain's own package, and they are its work."""
    if any(unit.origin == "package" for unit in units):
        return units
    return [msgspec.structs.replace(unit, origin="package") for unit in units]
