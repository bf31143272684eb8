"""Ground truth: how each function of a real object was compiled, from its debug symbols, by means that are not ours.

``functions`` gives ``(low, high, unit, flags)`` of every function in the symbol table of an unstripped object or of a
.debug file, with the unit it was compiled in and that unit's flags. ``objects`` gives the stripped objects of packages
beside their debug files. Both read with pyelftools, readelf and dpkg-deb, so that verdicts can be held against them.
"""

from __future__ import annotations

import bisect
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec
from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile


class Unit(msgspec.Struct, frozen=True):
    """A compile unit: its name, folder, producer, the words of the producer that are flags, and where its code is."""

    name: str
    comp_dir: str
    producer: str
    flags: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]


class Function(msgspec.Struct, frozen=True):
    """A function of the symbol table: where it is, the unit it was compiled in, and that unit's flags."""

    low: int
    high: int
    name: str
    unit: str
    flags: tuple[str, ...]


class Pair(msgspec.Struct, frozen=True):
    """An object as it was shipped, and the file with its debug information."""

    path: str  # in the package
    stripped: Path
    debug: Path


def units(path: Path) -> list[Unit]:
    """The compile units of an object with debug information, in order."""
    with path.open("rb") as file:
        elf = ELFFile(file, lambda name: _beside(path, name))
        info = elf.get_dwarf_info()
        return [_unit(info, unit) for unit in info.iter_CUs() if unit.get_top_DIE().tag == "DW_TAG_compile_unit"]


def _beside(path: Path, name: str) -> IO[bytes]:
    return (path.parent / name).open("rb")


def _unit(info: DWARFInfo, unit: CompileUnit) -> Unit:
    top = unit.get_top_DIE()

    def text(name: str) -> str:
        found = top.attributes.get(name)
        return found.value.decode("utf-8", "surrogateescape") if found and isinstance(found.value, bytes) else ""

    producer = text("DW_AT_producer")
    flags = tuple(word for word in producer.split() if word.startswith("-"))
    return Unit(text("DW_AT_name"), text("DW_AT_comp_dir"), producer, flags, tuple(_ranges(info, unit)))


def _ranges(info: DWARFInfo, unit: CompileUnit) -> Iterator[tuple[int, int]]:
    attributes = unit.get_top_DIE().attributes
    low = attributes["DW_AT_low_pc"].value if "DW_AT_low_pc" in attributes else 0
    if "DW_AT_ranges" in attributes:
        lists, base = info.range_lists(), low
        assert lists is not None
        for entry in lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, unit):
            if isinstance(entry, BaseAddressEntry):
                base = entry.base_address
            elif entry.is_absolute:
                yield entry.begin_offset, entry.end_offset
            else:
                yield base + entry.begin_offset, base + entry.end_offset
    elif "DW_AT_high_pc" in attributes:
        high = attributes["DW_AT_high_pc"]
        yield low, high.value if high.form == "DW_FORM_addr" else low + high.value


def functions(path: Path) -> list[Function]:
    """The functions of an object with debug information and a symbol table; those of no unit are left out."""
    each = ((low, high, unit) for unit in units(path) for low, high in unit.ranges if low < high)
    rows = sorted(each, key=lambda row: row[:2])
    starts = [low for low, _, _ in rows]
    found = []
    for low, size, name in _symbols(path):
        at = bisect.bisect_right(starts, low) - 1
        if at >= 0 and low < rows[at][1]:
            unit = rows[at][2]
            found.append(Function(low, low + size, name, unit.name, unit.flags))
    return sorted(found, key=lambda one: (one.low, one.high, one.name))


def _symbols(path: Path) -> Iterator[tuple[int, int, str]]:
    text = subprocess.run(["readelf", "--wide", "--syms", path], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 8 and words[3] == "FUNC" and words[6] != "UND" and int(words[2], 0):
            yield int(words[1], 16), int(words[2], 0), words[7]


def objects(debs: Iterable[Path], folder: Path) -> list[Pair]:
    """The objects of packages, unpacked in ``folder``, with their debug files, found by build id among them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, deb in enumerate(sorted(debs)):
        subprocess.run(["dpkg-deb", "--extract", deb, folder / str(number)], check=True)
    by_id: dict[str, Path] = {}
    for path in folder.glob("*/usr/lib/debug/.build-id/*/*.debug"):
        by_id[path.parent.name + path.stem] = path
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts[1:]
        if path.is_symlink() or not path.is_file() or inside[:3] == ("usr", "lib", "debug"):
            continue
        identity = _build_id(path)
        if identity in by_id:
            found.append(Pair("/".join(inside), path, by_id[identity]))
    return found


def _build_id(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return ""
    done = subprocess.run(["readelf", "--notes", path], capture_output=True, text=True, check=False)
    return next((line.split()[-1] for line in done.stdout.splitlines() if "Build ID:" in line), "")
