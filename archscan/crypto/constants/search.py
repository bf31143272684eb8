"""Where constants stand in an object: by YARA-X, which looks for all at once, and in the halves that code joins.

Two searches: one for what is rare, and only where that finds something, one for everything.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.crypto.constants.known import MASK, RARE, RARE_SUBTRACTED, SUBTRACTED, TABLES, TOLD_APART, WORDS
from archscan.elf.arch import machine
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.code import Code, code

if TYPE_CHECKING:
    from archscan.elf.image import Image

_MOST = 10_000  # places of one constant that are kept


class Found(msgspec.Struct, frozen=True, eq=False):
    """Offsets of words, sorted, with their names, and those of tables by name."""

    offsets: Offsets
    names: tuple[str, ...]
    tables: dict[str, list[int]]


def found(image: Image) -> Found | None:
    """The constants of an object; None where nothing is rare enough to look further."""
    numbers = machine(image.machine).immediates
    text = code(image) if numbers else None
    joined = _joined(text, image) if text else (NONE, ())
    seen = _scan(_scanner(image.order, few=True), image.data)
    if not seen and not joined[0].size:
        return None
    every = _scan(_scanner(image.order, few=False, subtracted=numbers is None), image.data)
    tables = {name: every.pop(f"$t_{name}") for name in (*TABLES, *TOLD_APART) if f"$t_{name}" in every}
    rows = [(at, name) for pattern, places in every.items() for name in (_NAMES[pattern],) for at in places]
    rows += zip(joined[0].tolist(), joined[1], strict=True)
    rows.sort()
    return Found(np.array([at for at, _ in rows], np.int64), tuple(name for _, name in rows), tables)


def prepare() -> None:
    """Make the searches, before processes are forked: these are compiled, and a process that reads may not."""
    for order in ("<", ">"):
        for subtracted in (True, False):
            _scanner(order, few=True)
            _scanner(order, few=False, subtracted=subtracted)


def _joined(text: Code, image: Image) -> tuple[Offsets, tuple[str, ...]]:
    """Where code puts words together, and their names."""
    numbers = machine(image.machine).immediates
    if numbers is None:
        return NONE, ()
    offsets, values = numbers(text, _WANTED)
    return offsets[:_MOST], tuple(_BY_VALUE[value] for value in values[:_MOST].tolist())


_BY_VALUE = {word: name for name, word in (SUBTRACTED | WORDS).items()}
# Upper halves of small numbers and small negative ones are everywhere; three words of MD5 have such.
_WANTED: Offsets = np.array(sorted(word for word in _BY_VALUE if 0x20 < word >> 16 < 0xFFE0), np.int64)
_NAMES = {f"$w_{name.replace('-', 'n')}": name for name in _BY_VALUE.values()}


@cache
def _scanner(order: str, *, few: bool, subtracted: bool = True) -> Any:
    """What looks for the patterns in objects of a byte order.

    ``subtracted``: instructions hold whole numbers, and so may hold negated words of MD5 (gcc -O0 for x86, s390x).
    """
    import yara_x

    words = WORDS | SUBTRACTED
    every = (name for name in words if subtracted or not name.startswith("-T"))
    chosen = (*RARE, *RARE_SUBTRACTED) if few else tuple(every)
    patterns = {f"$w_{name.replace('-', 'n')}": struct.pack(f"{order}I", words[name] & MASK).hex() for name in chosen}
    for name, table in (TABLES if few else TABLES | TOLD_APART).items():
        octets = table.octets or struct.pack(f"{order}{len(table.words)}I", *table.words)
        patterns[f"$t_{name}"] = octets.hex()
    strings = "\n".join(f"{name} = {{ {pattern} }}" for name, pattern in patterns.items())
    scanner = yara_x.Scanner(yara_x.compile(f"rule constants {{ strings: {strings} condition: any of them }}"))
    scanner.max_matches_per_pattern(_MOST)
    return scanner


def _scan(scanner: Any, data: bytes) -> dict[str, list[int]]:
    """The offsets of each pattern that stands in the data."""
    return {
        pattern.identifier: [match.offset for match in pattern.matches]
        for rule in scanner.scan(data).matching_rules
        for pattern in rule.patterns
        if len(pattern.matches)
    }
