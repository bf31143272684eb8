"""Structured damage: an ELF object in which fields that a parser believes in have extreme values.

Accidents (``test_damage``) seldom hit what leads a parser far away: offsets, sizes, counts, links, and entries of
tables that are found by them. Here each of those is chosen by what it is, in both classes and byte orders.
"""

from __future__ import annotations

import random
import struct

import msgspec

_SHDR = {64: ("IIQQQQIIQQ", 64), 32: ("IIIIIIIIII", 40)}
_PHDR = {64: ("IIQQQQQQ", 56), 32: ("IIIIIIII", 32)}
_HEADER = {64: (24, "QQQIHHHHHH"), 32: (24, "IIIIHHHHHH")}
# Section types whose content is a table that something walks: symbols, hashes, dynamic tags, notes, relocations,
# arrays of functions, groups, packed relocations, GNU hash, attributes, versions.
_TABLES = {2, 4, 5, 6, 7, 9, 11, 14, 15, 16, 17, 18, 19, 0x6FFFFFF5, 0x6FFFFFF6, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}
_WORDS = {"H": 2, "I": 4, "Q": 8}


class _Part(msgspec.Struct):
    """One field: its place, its letter for struct, and what it is part of."""

    at: int
    letter: str
    what: str


class _Object(msgspec.Struct):
    """Where the fields of an object are."""

    order: str
    size: int
    fields: list[_Part]
    tables: list[tuple[int, int, int]]  # type, offset, size


def _read(data: bytes) -> _Object:
    bits, order = 32 * data[4], "<" if data[5] == 1 else ">"
    found = _Object(order, len(data), [], [])
    start, letters = _HEADER[bits]
    values = _place(found, start, letters, data, "header")
    _, phoff, shoff, _, _, _, phnum, _, shnum, _ = values
    letters, step = _PHDR[bits]
    for number in range(phnum):
        _place(found, phoff + number * step, letters, data, "segment")
    letters, step = _SHDR[bits]
    for number in range(shnum):
        section = _place(found, shoff + number * step, letters, data, "section")
        if section[1] in _TABLES and section[5] > 0 and section[4] + section[5] <= len(data):
            found.tables.append((section[1], section[4], section[5]))
    return found


def _place(found: _Object, at: int, letters: str, data: bytes, what: str) -> tuple[int, ...]:
    if at + struct.calcsize(found.order + letters) > len(data):
        return (0,) * len(letters)
    values = struct.unpack_from(found.order + letters, data, at)
    for letter in letters:
        found.fields.append(_Part(at, letter, what))
        at += _WORDS[letter]
    return values


def _extreme(chance: random.Random, letter: str, size: int, old: int) -> int:
    """A value that leads to nothing, just beyond the end, around zero by overflow, or to another place."""
    most = (1 << 8 * _WORDS[letter]) - 1
    chosen = chance.choice(
        (0, 1, 2, most, most - 1, most >> 1, (most >> 1) + 1, most - size & most, size, size - 1, size + 1, size - 8,
         old + 1, old - 1, old * 2, old ^ 1 << chance.randrange(8 * _WORDS[letter]), 1 << chance.randrange(64),
         chance.randrange(size), chance.randrange(size) & ~7, chance.randrange(64), chance.getrandbits(64),
         (1 << 32) - 1, 1 << 31, 0x10000, 0xFFF0, 0x40000000)
    )  # fmt: skip
    return chosen & most


def misled(data: bytes, chance: random.Random) -> bytes:
    """``data``, an ELF object, after one to six such changes; of a class that is none, ``data`` itself."""
    if data[:4] != b"\x7fELF" or data[4] not in (1, 2):
        return data
    found = _read(data)
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        part = _chosen(found, chance)
        letters = found.order + part.letter
        (old,) = struct.unpack_from(letters, broken, part.at)
        struct.pack_into(letters, broken, part.at, _extreme(chance, part.letter, len(data), old))
    return bytes(broken)


def _chosen(found: _Object, chance: random.Random) -> _Part:
    if found.tables and chance.random() < 0.6:
        _, offset, size = chance.choice(found.tables)
        letter = chance.choice("HIIQQ")
        width = _WORDS[letter]
        if size >= width:
            end = size if chance.random() < 0.5 else min(size, 64)
            return _Part(offset + chance.randrange(max(1, (end - width) // 2 + 1)) * 2, letter, "table")
    what = chance.choice(("header", "segment", "segment", "section", "section"))
    return chance.choice([part for part in found.fields if part.what == what] or found.fields)
