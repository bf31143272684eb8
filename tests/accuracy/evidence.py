"""What readelf shows of an object that decides a verdict, and nothing of archscan.

``headers`` gives, for a column, the verdict that the shown lines lead to, and the lines in short.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import msgspec

from tests import oracle

_PAGE = 4096
_RELRO = re.compile(r"^  GNU_RELRO +0x[0-9a-f]+ (0x[0-9a-f]+) 0x[0-9a-f]+ 0x[0-9a-f]+ (0x[0-9a-f]+) ", re.MULTILINE)
_LOADED = re.compile(
    r"^  LOAD +0x[0-9a-f]+ (0x[0-9a-f]+) 0x[0-9a-f]+ 0x[0-9a-f]+ (0x[0-9a-f]+) ([RWE ]{3}) ", re.MULTILINE
)
_SLOT = re.compile(r"^([0-9a-f]{8,16}) +[0-9a-f]+ +(R_\w+)", re.MULTILINE)
_NOTE = re.compile(
    r"^  \[ *\d+\] \.note\.GNU-stack +PROGBITS +\w+ \w+ \w+ \w+ ([A-Zop ]*?) +\d+ +\d+ +\d+$", re.MULTILINE
)


class Evidence(msgspec.Struct, frozen=True):
    """What something that is not archscan shows: the verdict it leads to, in archscan's words, and what was seen."""

    verdict: str
    seen: str


@lru_cache(maxsize=4096)
def facts(path: Path) -> oracle.Facts:
    """What readelf says of a file."""
    return oracle.facts(path)


@lru_cache(maxsize=256)
def shown(path: Path, option: str) -> str:
    """What readelf prints with one option."""
    done = subprocess.run(["readelf", "--wide", option, path], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def headers(path: Path, column: str) -> Evidence | None:
    """What the headers, tables of symbols and relocations say of a column; None where they say nothing."""
    decide = _DECIDING.get(column)
    return decide(path) if decide else None


def _pie(path: Path) -> Evidence:
    found = facts(path)
    seen = f"Type {found.type}, {'an' if found.interpreter else 'no'} INTERP, FLAGS_1 {' '.join(sorted(found.flags_1))}"
    if found.type == "EXEC":
        return Evidence("no", seen)
    if found.type == "DYN" and "PIE" in found.flags_1:
        return Evidence("yes", seen)
    return Evidence("n/a", f"{seen}, SONAME {found.soname}")


def _slots(path: Path) -> list[tuple[int, str]]:
    return [(int(at, 16), kind) for at, kind in _SLOT.findall(shown(path, "--relocs"))]


def _lazy(path: Path) -> list[int]:
    return [at for at, kind in _slots(path) if kind.endswith(("JUMP_SLOT", "JUMP_SLO", "IRELATIVE", "IRELATIV"))]


def _relro(path: Path) -> Evidence | None:
    found = facts(path)
    if found.type not in ("EXEC", "DYN"):
        return Evidence("n/a", f"Type {found.type}")
    header = _RELRO.search(shown(path, "--segments"))
    if header is None:
        if found.tags:
            return Evidence("none", f"no GNU_RELRO, {len(_slots(path))} relocations")
        return Evidence(
            "none" if _slots(path) else "n/a", f"no GNU_RELRO, no dynamic section, {len(_slots(path))} slots"
        )
    low = int(header[1], 16)
    high = (low + int(header[2], 16)) // _PAGE * _PAGE
    outside = [at for at in _lazy(path) if not low <= at < high]
    seen = f"GNU_RELRO {low:#x}-{high:#x}; {len(outside)} of {len(_lazy(path))} JUMP_SLOT and IRELATIVE outside"
    return Evidence("partial" if outside else "full", seen)


def _bind_now(path: Path) -> Evidence | None:
    found = facts(path)
    if "MIPS" in found.machine:
        return None  # binds lazily through its GOT, without relocations (MIPS psABI supplement, "Global Offset Table")
    if found.type not in ("EXEC", "DYN"):
        return Evidence("n/a", f"Type {found.type}")
    lazy = sum(kind.endswith(("JUMP_SLOT", "JUMP_SLO")) for _, kind in _slots(path))
    seen = f"NOW {'set' if found.bound_now else 'not set'}, {lazy} JUMP_SLOT, {len(found.needed)} NEEDED"
    if found.bound_now and found.tags:
        return Evidence("yes" if lazy or found.needed else "n/a", seen)
    return Evidence("no" if lazy else "n/a", seen)


def _nx(path: Path) -> Evidence | None:
    found = facts(path)
    if found.type == "REL":
        note = _NOTE.search(shown(path, "--sections"))
        if note:
            return Evidence(
                "no" if "X" in note[1] else "yes", f".note.GNU-stack with flags {note[1].strip() or '(none)'}"
            )
        code = re.search(r"PROGBITS .* AX ", shown(path, "--sections"))
        return Evidence("no", "no .note.GNU-stack") if code else Evidence("n/a", "nothing executable")
    if found.stack is not None:
        return Evidence("no" if "E" in found.stack else "yes", f"GNU_STACK {found.stack}")
    return None


def _marks(path: Path) -> Evidence:
    found = facts(path)
    if "X86-64" not in found.machine:
        return Evidence("n/a", f"Machine {found.machine}: IBT and SHSTK are of x86")
    return Evidence("yes" if {"IBT", "SHSTK"} <= found.features else "no", f"x86 feature: {sorted(found.features)}")


def _textrel(path: Path) -> Evidence:
    found = facts(path)
    fixed = [
        (int(low, 16), int(low, 16) + int(size, 16))
        for low, size, flags in _LOADED.findall(shown(path, "--segments"))
        if "W" not in flags
    ]
    count = sum(low <= at < high for at, _ in _slots(path) for low, high in fixed) if found.textrel else 0
    return Evidence("yes" if count else "no", f"TEXTREL {found.textrel}, {count} relocations in read-only segments")


def _search_path(path: Path) -> Evidence:
    found = facts(path)
    seen = f"RPATH {found.rpath}, RUNPATH {found.runpath}"
    return Evidence("none" if found.rpath is None and found.runpath is None else "set", seen)


def _static(path: Path) -> Evidence:
    found = facts(path)
    dynamic = found.interpreter or found.needed or found.soname
    program = found.type == "EXEC" or "PIE" in found.flags_1
    return Evidence("yes" if program and not dynamic else "no", f"Type {found.type}, NEEDED {len(found.needed)}")


def _stripped(path: Path) -> Evidence:
    return Evidence("yes" if facts(path).stripped else "no", "no .symtab" if facts(path).stripped else "a .symtab")


_DECIDING: dict[str, Callable[[Path], Evidence | None]] = {
    "pie": _pie,
    "relro": _relro,
    "bind_now": _bind_now,
    "nx": _nx,
    "ibt_shstk": _marks,
    "textrel": _textrel,
    "search_path": _search_path,
    "static": _static,
    "stripped": _stripped,
}
