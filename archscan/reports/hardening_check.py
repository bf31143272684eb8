"""archscan's verdicts in the lines of the program ``hardening-check``, for those who parse these.

The form is that of devscripts 2.25.15 (https://manpages.debian.org/hardening-check): the file's name, then a line for
each of eight checks. The verdicts are archscan's. A line fails where archscan says ``no``, and only there; what
does not apply or cannot be known gets words of that program which do not fail. The tables below are the whole mapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.model import ElfKind, Relro, Verdict
from archscan.reports.cells import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

    from archscan.model import Elf

_YES = "yes"
_SOME = "yes (some protected functions found)"
_NOT_FOUND = "no, not found!"
_NOT_FOUND_IGNORED = "no, not found! (ignored)"  # what that program prints of a check that was switched off
_NORMAL = "no, normal executable!"
_NORMAL_IGNORED = "no, normal executable! (ignored)"
_ARCHIVE = "no, object archive (ignored)"
_LIBRARY = "no, regular shared library (ignored)"
_UNPROTECTED = "no, only unprotected functions found!"
_NO_SYMBOLS = "unknown, no symbols found"
_NOTHING_TO_FORTIFY = "unknown, no protectable libc functions used"
_NO_PROBES = "unknown, no -fstack-clash-protection instructions found"
_NO_PROGRAM_FILE = "no, non-ELF (ignored)"
_RELOCATABLE = "not a known ELF type!? ()"  # without program headers, readelf tells it no type
_CORE = "not a known ELF type!? (CORE)"

FAILING = frozenset({_NOT_FOUND, _NORMAL, _UNPROTECTED, _RELOCATABLE, _CORE})
"""The verdicts that make the exit code 1."""


class Line(msgspec.Struct, frozen=True):
    """One line: its name, the column of ``Elf`` that decides, and the text for each value of it."""

    name: str
    column: str
    texts: Mapping[str, str]


LINES = (
    Line(
        "Position Independent Executable",
        "pie",
        {
            Verdict.YES: _YES,
            Verdict.PARTIAL: _YES,
            Verdict.NO: _NORMAL,
            Verdict.NOT_APPLICABLE: _LIBRARY,
            Verdict.UNKNOWN: _NO_SYMBOLS,
        },
    ),
    Line(
        "Stack protected",
        "stack_protector",
        {
            Verdict.YES: _YES,
            Verdict.PARTIAL: _YES,  # that program is content with one protected function
            Verdict.NO: _NOT_FOUND,
            Verdict.NOT_APPLICABLE: _NO_SYMBOLS,
            Verdict.UNKNOWN: _NO_SYMBOLS,
        },
    ),
    Line(
        "Fortify Source functions",
        "fortify",
        {
            Verdict.YES: _YES,
            Verdict.PARTIAL: _SOME,
            Verdict.NO: _UNPROTECTED,
            Verdict.NOT_APPLICABLE: _NOTHING_TO_FORTIFY,
            Verdict.UNKNOWN: _NOTHING_TO_FORTIFY,
        },
    ),
    Line(
        "Read-only relocations",
        "relro",
        {
            Relro.FULL: _YES,
            Relro.PARTIAL: _YES,
            Relro.NONE: _NOT_FOUND,
            Relro.NOT_APPLICABLE: _NOT_FOUND_IGNORED,
            Relro.UNKNOWN: _NOT_FOUND_IGNORED,
        },
    ),
    Line(
        "Immediate binding",
        "bind_now",
        {
            Verdict.YES: _YES,
            Verdict.PARTIAL: _NOT_FOUND,
            Verdict.NO: _NOT_FOUND,
            Verdict.NOT_APPLICABLE: _NOT_FOUND_IGNORED,
            Verdict.UNKNOWN: _NOT_FOUND_IGNORED,
        },
    ),
    Line(
        "Stack clash protection",
        "stack_clash",
        {
            Verdict.YES: _YES,
            Verdict.PARTIAL: _YES,
            Verdict.NO: _NO_PROBES,  # that program has no word for it that fails
            Verdict.NOT_APPLICABLE: _NO_PROBES,
            Verdict.UNKNOWN: _NO_PROBES,
        },
    ),
)


class Marks(msgspec.Struct, frozen=True):
    """A line about marks of the whole object, and the column that says whether its code would deserve them.

    One unmarked unit takes the mark off a program, and the C library's own start files are such in some releases. So a
    missing mark fails only where the code lacks the landing pads, too.
    """

    name: str
    marked: tuple[str, ...]
    compiled: str


MARKS = (
    Marks("Control flow integrity", ("ibt_marked", "shstk_marked"), "ibt_compiled"),
    Marks("Branch Protection", ("bti_marked", "pac_marked"), "bti_compiled"),
)

# Of what is no program and no library, that program prints the first line so, and goes on.
_KINDS = {
    ElfKind.RELOCATABLE: _RELOCATABLE,
    ElfKind.KERNEL_MODULE: _RELOCATABLE,
    ElfKind.CORE: _CORE,
    ElfKind.EXECUTABLE: _NORMAL_IGNORED,
    ElfKind.STATIC_EXECUTABLE: _NORMAL_IGNORED,
    ElfKind.FIRMWARE: _NORMAL_IGNORED,
}
_NO_PROGRAMS = (ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE, ElfKind.CORE)


def verdicts(one: Elf) -> dict[str, str]:
    """The text of each line by its name, in the order of that program."""
    found = {line.name: line.texts[getattr(one, line.column)] for line in LINES}
    found |= {marks.name: _marked(one, marks) for marks in MARKS}
    if one.pie == Verdict.NOT_APPLICABLE:
        found["Position Independent Executable"] = _KINDS.get(one.kind, _LIBRARY)
    if one.kind in _NO_PROGRAMS:
        found |= dict.fromkeys(("Read-only relocations", "Immediate binding"), _NO_PROGRAM_FILE)
    return found


def _marked(one: Elf, marks: Marks) -> str:
    if all(getattr(one, column) == Verdict.YES for column in marks.marked):
        return _YES
    return _NOT_FOUND if getattr(one, marks.compiled) == Verdict.NO else _NOT_FOUND_IGNORED


def of_file(objects: Sequence[Elf]) -> dict[str, str]:
    """The text of each line for a file: of its one object, or of all members of a static library together.

    That program looks at a library as at one object, and is content where one member is protected; nothing is printed
    of a file that holds none.
    """
    if not objects:
        return {}
    texts = [verdicts(one) for one in objects]
    if objects[0].path == objects[0].file_path:
        return texts[0]
    rank = (_YES, _SOME, _NOT_FOUND, _UNPROTECTED)  # those that say nothing come last
    found = {name: min((text[name] for text in texts), key=lambda said: _ranked(said, rank)) for name in texts[0]}
    return found | {"Position Independent Executable": _ARCHIVE}


def _ranked(text: str, rank: Sequence[str]) -> int:
    return rank.index(text) if text in rank else len(rank)


def fails(lines: Mapping[str, str]) -> bool:
    """Whether any line of a file is one that makes that program exit with 1."""
    return not FAILING.isdisjoint(lines.values())


def write(files: Iterable[tuple[str, Mapping[str, str]]], stream: TextIO) -> None:
    """Print the lines of each file below the name it was asked for by."""
    for path, lines in files:
        stream.write(f"{shown(path)}:\n")
        stream.writelines(f" {name}: {text}\n" for name, text in lines.items())
