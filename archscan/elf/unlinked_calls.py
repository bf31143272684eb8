"""Where a relocatable object calls functions of others: the relocation of the instruction names them."""

from __future__ import annotations

from collections.abc import Iterable

from archscan.elf.arch.idioms import Idioms
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.code import Code, Part
from archscan.elf.image import SHT_REL, SHT_RELA, Image, contents

_WORDS = {SHT_RELA: 3, SHT_REL: 2}
# How far behind the start of an instruction the bytes stand that the linker fills in: of `call`, of `call *slot`.
_DIRECT, _INDIRECT = (0, 1), (2,)


def unlinked_calls(image: Image, code: Code, idioms: Idioms, symbols: dict[str, int]) -> dict[str, Offsets]:
    """The offsets of the calls of each function, for those that are called; ``symbols`` has their numbers."""
    if not symbols or idioms.direct_calls is None:
        return {}
    direct = idioms.direct_calls(code)[0]
    indirect = idioms.slot_calls(code)[0] if idioms.slot_calls else NONE
    rows = np.concatenate([NONE.reshape(0, 2), *_relocations(image, code)])
    found = {}
    for name, number in symbols.items():
        places = rows[rows[:, 1] == number, 0]
        sites = [places[np.isin(places - back, direct)] - back for back in _DIRECT]
        sites += [places[np.isin(places - back, indirect)] - back for back in _INDIRECT]
        every = np.unique(np.concatenate(sites))
        if every.size:
            found[name] = every
    return found


def _relocations(image: Image, code: Code) -> Iterable[Offsets]:
    """For relocations of code, where in the file the place is and the number of the symbol."""
    of_table: dict[str, list[Part]] = {}  # a table is named after the section whose places it has
    for part in code.parts:
        for kind in ("rela", "rel"):
            of_table.setdefault(f".{kind}{part.section}", []).append(part)
    for table in image.sections:
        words = _WORDS.get(table.type)
        if words is None or image.bits != 64 or table.name not in of_table:
            continue
        data = contents(image, table)
        rows = np.frombuffer(data, f"{image.order}u8", len(data) // (8 * words) * words).reshape(-1, words)
        places, numbers = rows[:, 0].astype(np.int64), (rows[:, 1] >> np.uint64(32)).astype(np.int64)
        for part in of_table[table.name]:
            inside = (places >= 0) & (places < part.size)
            yield np.column_stack([places[inside] + part.offset, numbers[inside]])
