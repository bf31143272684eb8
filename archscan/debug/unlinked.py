"""The debug information of an object that is not linked yet (a kernel module, a .o): what its relocations would write.

Each section of code gets an address of its own, as a linker would give it; sections of debug information begin at 0, so
that what points into them is the distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from archscan.debug.units import Tables
from archscan.elf.arch import machine
from archscan.elf.arrays import Bytes, Offsets, np
from archscan.elf.image import SHF_ALLOC, SHF_EXECINSTR, SHT_REL, SHT_RELA, Image, Section, contents
from archscan.elf.symbols import SYMBOL_LAYOUT, static_symbols

_FIRST = 1 << 16  # what still has the address 0 belongs to no section
_GAP = 16
_MOST = 1 << 31  # bytes of code


def addressed(image: Image, wanted: Iterable[str]) -> tuple[Mapping[int, int], dict[int, str]]:
    """The address of each section of code by its number, and those of places that are written ``section+0x…``.

    Sections of one name cannot be told apart there, and are left out.
    """
    starts, named, at = dict[int, int](), dict[str, list[Section]](), _FIRST
    bases: dict[str, int] = {}
    for number, part in enumerate(image.sections):
        if part.flags & SHF_ALLOC and part.flags & SHF_EXECINSTR and at + part.size < _MOST:
            starts[number] = bases[part.name] = at
            named.setdefault(part.name, []).append(part)
            at += part.size + -part.size % _GAP + _GAP
    found = {}
    for word in wanted:
        section, _, distance = word.rpartition("+")
        parts = named.get(section, [])
        if len(parts) == 1 and distance.startswith("0x") and int(distance, 16) < parts[0].size:
            found[bases[section] + int(distance, 16)] = word
    return starts, found


def relocated(image: Image, tables: Tables, starts: Mapping[int, int]) -> Tables | None:
    """The tables as a linker would write them; None on processors whose relocations are not known, or add up."""
    sizes = machine(image.machine).absolute
    if not sizes:
        return None
    symbols = _symbols(image, starts)
    changed = {}
    for name in ("info", "str_offsets", "addr", "line", "ranges", "rnglists"):
        data = bytearray(getattr(tables, name))
        for part in image.sections:
            if part.name in (f".rela.debug_{name}", f".rel.debug_{name}") and part.type in (SHT_RELA, SHT_REL):
                _write(image, np.frombuffer(data, np.uint8), part, symbols, sizes)
        changed[name] = bytes(data)
    return msgspec.structs.replace(tables, **changed)


def _symbols(image: Image, starts: Mapping[int, int]) -> Offsets:
    """The value of each symbol of `.symtab` where its section lies now."""
    table = static_symbols(image)
    layout = np.dtype([(name, image.order + kind) for name, kind in SYMBOL_LAYOUT[image.bits]])
    rows = np.frombuffer(table.rows, layout, len(table.rows) // layout.itemsize)
    bases = np.zeros(1 << 16, np.uint64)
    for number, start in starts.items():
        if number < bases.size:
            bases[number] = start
    values: Offsets = rows["value"].astype(np.uint64) + bases[rows["section"]]
    return values


def _write(image: Image, data: Bytes, part: Section, symbols: Offsets, sizes: Mapping[int, int]) -> None:
    """Let the relocations of one section write whole addresses into its bytes; others are left out."""
    word, fields = image.bits // 8, 3 if part.type == SHT_RELA else 2
    raw = contents(image, part)
    count = len(raw) // (word * fields)
    rows = np.frombuffer(raw, f"{image.order}u{word}", count * fields).reshape(-1, fields).astype(np.uint64)
    shift, mask = (32, 0xFFFF_FFFF) if image.bits == 64 else (8, 0xFF)
    numbers, kinds = rows[:, 1] >> np.uint64(shift), rows[:, 1] & np.uint64(mask)
    for kind, size in sizes.items():
        mine = (kinds == kind) & (numbers < symbols.size) & (rows[:, 0] <= max(data.size - size, 0))
        if data.size < size or not mine.any():
            continue
        places = rows[mine, 0].astype(np.int64)[:, None] + np.arange(size)
        kept = data[places].reshape(-1).view(f"{image.order}u{size}").astype(np.uint64)
        values = symbols[numbers[mine].astype(np.int64)] + (rows[mine, 2] if fields == 3 else kept)
        data[places] = values.astype(f"{image.order}u{size}").view(np.uint8).reshape(-1, size)
