"""The head of each unit of `.debug_info`: its first entry, and nothing below it (DWARF 5, sections 3.1 and 7.5).

A large program has tens of thousands of units. pyelftools takes 0.7 ms for the head of a small one, most of it for
abbreviations that the head does not use (docs/decisions/0009-heads-of-units.md); it is the second opinion in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from archscan.debug.values import (
    ADDRX,
    ALTERNATE,
    IMPLICIT_CONST,
    LINE_STRP,
    STRING,
    STRP,
    STRX,
    DamageError,
    Sizes,
    number,
    sleb,
    start,
    text,
    uleb,
    value,
)
from archscan.errors import ElfError
from archscan.model import escape

_COMPILE_UNIT, _SKELETON_UNIT = 0x11, 0x4A  # DW_TAG_…
_UT_TYPE, _UT_SKELETON, _UT_SPLIT_COMPILE, _UT_SPLIT_TYPE = 2, 4, 5, 6
_NAME, _STMT_LIST, _LOW_PC, _HIGH_PC, _LANGUAGE, _COMP_DIR, _PRODUCER = 0x03, 0x10, 0x11, 0x12, 0x13, 0x1B, 0x25
_RANGES, _STR_OFFSETS_BASE, _ADDR_BASE, _RNGLISTS_BASE, _DWO_NAME, _GNU_DWO_NAME = 0x55, 0x72, 0x73, 0x74, 0x76, 0x2130
_GNU_RANGES_BASE, _GNU_ADDR_BASE = 0x2132, 0x2133
_WANTED = frozenset({
    _NAME, _STMT_LIST, _LOW_PC, _HIGH_PC, _LANGUAGE, _COMP_DIR, _PRODUCER, _RANGES, _STR_OFFSETS_BASE, _ADDR_BASE,
    _RNGLISTS_BASE, _DWO_NAME, _GNU_DWO_NAME, _GNU_ADDR_BASE,
})  # fmt: skip
_MOST_ABBREVIATION_BYTES = 256 << 20  # looked through in one object; a large program has 50 MiB
_MOST_TEXT = 256 << 20  # characters of names and producers in one object; a large program has 25 MiB
_LONGEST_HEAD = 16 << 10  # bytes of a first entry, with strings inside
_MOST_ATTRIBUTES = 1000  # of one entry

Abbreviation = tuple[int, tuple[tuple[int, int, int], ...]]  # tag, (attribute, form, implicit value) each
Attributes = dict[int, tuple[int | bytes, int]]  # attribute → value, form


class Alternate(msgspec.Struct, frozen=True):
    """A string that lies in the file which dwz made; ``offset`` into its `.debug_str`."""

    offset: int


Name = str | Alternate | None


class Tables(msgspec.Struct, frozen=True):
    """The unpacked sections of one object that heads of units point into. Named like them."""

    order: str
    info: bytes
    abbrev: bytes
    str: bytes
    line_str: bytes
    str_offsets: bytes
    addr: bytes
    line: bytes
    ranges: bytes
    rnglists: bytes


class Head(msgspec.Struct, frozen=True):
    """What the first entry of a compile unit says. ``low`` and ``high`` bound its code where it lies in one piece.

    ``ranges`` points into `.debug_ranges` or `.debug_rnglists` and ``line`` into `.debug_line`; ``split`` is set where
    the rest of the unit lies in a .dwo file. ``rnglists_base`` is where the unit's table of offsets begins,
    ``addresses`` where its addresses are in `.debug_addr`.
    """

    position: int
    sizes: Sizes
    name: Name = None
    comp_dir: Name = None
    producer: Name = None
    language: int | None = None
    low: int | None = None
    high: int | None = None
    ranges: int | None = None
    ranges_indexed: bool = False
    rnglists_base: int | None = None
    addresses: int | None = None
    line: int | None = None
    split: bool = False

    @property
    def code(self) -> bool:
        """Whether the unit says where its code is."""
        return self.ranges is not None or (self.low is not None and self.high is not None and self.high > self.low)


def heads(tables: Tables, most: int) -> Iterator[Head]:
    """The head of each compile unit, in order; one that makes no sense is there with nothing but its position.

    Raises ElfError where the section itself cannot be followed, has more than ``most`` units, too many abbreviations or
    too much text.
    """
    abbreviations, texts = Abbreviations(tables.abbrev), Texts()
    at = position = 0
    while at < len(tables.info):
        try:
            offset, begin, end = start(tables.info, at, tables.order)
        except DamageError as error:
            raise ElfError("corrupt", f".debug_info, unit {position}: {error}") from error
        if end == begin and not any(tables.info[at : at + 4096]):
            return  # padding
        if position >= most:
            raise ElfError("limit", f"more than {most} compile units (compile_units)")
        head: Head | None = unreached(position, tables.order)
        with suppress(DamageError):
            head = _head(
                tables, tables.info[begin : min(end, begin + _LONGEST_HEAD)], offset, position, abbreviations, texts
            )
        if head:
            yield head
            position += 1
        at = end


def unreached(position: int, order: str) -> Head:
    """A head of which nothing is known but its position."""
    return Head(position, Sizes(order, 4, 0, 0))


class Abbreviations:
    """The declarations of `.debug_abbrev`, each looked up when an entry uses it, within a budget of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[tuple[int, int], Abbreviation] = {}
        self._left = _MOST_ABBREVIATION_BYTES

    def get(self, table: int, code: int) -> Abbreviation:
        """The declaration of ``code`` in the table at an offset.

        Raises DamageError where there is none, and ElfError where the budget is used up.
        """
        if (table, code) not in self._known:
            self._known[table, code] = self._found(table, code)
        return self._known[table, code]

    def _found(self, table: int, code: int) -> Abbreviation:
        at = table
        while True:
            begin = at
            found, at = uleb(self._data, at)
            if not found:
                raise DamageError("an abbreviation that is not declared")
            tag, at = uleb(self._data, at)
            attributes = []
            at += 1  # whether the entry has children
            while True:
                name, at = uleb(self._data, at)
                form, at = uleb(self._data, at)
                implicit = 0
                if form == IMPLICIT_CONST:
                    implicit, at = sleb(self._data, at)
                if not name and not form:
                    break
                attributes.append((name, form, implicit))
            self._left -= at - begin
            if self._left < 0:
                raise ElfError("limit", f"more than {_MOST_ABBREVIATION_BYTES} bytes of .debug_abbrev to look through")
            if len(attributes) > _MOST_ATTRIBUTES:
                raise DamageError("an entry of more attributes than there are")
            if found == code:
                return tag, tuple(attributes)


class Texts:
    """The strings that heads use, each looked up once, within a budget for all that use them."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}
        self._left = _MOST_TEXT

    def get(self, form: int, table: bytes, offset: int) -> str:
        """The string at an offset of the table for a form, escaped. Raises DamageError, and ElfError over budget."""
        known = self._known.get((form, offset))
        if known is None:
            known = self._known[form, offset] = escape(text(table, offset))
        return self.counted(known)

    def counted(self, found: str) -> str:
        """A string that lies in the head itself, counted as well."""
        self._left -= len(found)
        if self._left < 0:
            raise ElfError("limit", f"more than {_MOST_TEXT} characters of names and producers")
        return found


def _head(
    tables: Tables, unit: bytes, offset: int, position: int, abbreviations: Abbreviations, texts: Texts
) -> Head | None:
    """The head of one unit; None for one that holds types, or what dwz found in several units.

    ``offset`` is the size of offsets in it.
    """
    order = tables.order
    version, at, kind = number(unit, 0, 2, order), 2, 1
    if not 2 <= version <= 5:
        raise DamageError(f"DWARF {version}")
    if version == 5:
        kind, address = number(unit, 2, 1, order), number(unit, 3, 1, order)
        table, at = number(unit, 4, offset, order), 4 + offset
        at += {_UT_TYPE: 8 + offset, _UT_SPLIT_TYPE: 8 + offset, _UT_SKELETON: 8, _UT_SPLIT_COMPILE: 8}.get(kind, 0)
    else:
        table, address = number(unit, at, offset, order), number(unit, at + offset, 1, order)
        at += offset + 1
    if address not in (2, 4, 8):
        raise DamageError(f"addresses of {address} bytes")
    sizes = Sizes(order, offset, address, version)
    code, at = uleb(unit, at)
    tag, declared = abbreviations.get(table, code)
    if tag not in (_COMPILE_UNIT, _SKELETON_UNIT):
        return None
    attributes: Attributes = {}
    for name, form, implicit in declared:
        if form == IMPLICIT_CONST:
            found: int | bytes = implicit
        else:
            found, at, form = value(unit, at, form, sizes)  # noqa: PLW2901  # an indirect form says its own
        if name in _WANTED:
            attributes.setdefault(name, (found, form))
    return _described(tables, attributes, sizes, position, texts)


def _described(tables: Tables, attributes: Attributes, sizes: Sizes, position: int, texts: Texts) -> Head:
    base = _whole(attributes, _STR_OFFSETS_BASE)
    strings = (8 if sizes.offset == 4 else 16) * (sizes.version == 5) if base is None else base
    addresses = _whole(attributes, _ADDR_BASE) or _whole(attributes, _GNU_ADDR_BASE) or 0
    low, high = _address(tables, attributes.get(_LOW_PC), sizes, addresses), attributes.get(_HIGH_PC)
    last = None
    if high is not None and low is not None:
        # An address since DWARF 2, a size since DWARF 4: the form tells.
        absolute = _address(tables, high, sizes, addresses)
        last = absolute if absolute is not None else low + (_whole(attributes, _HIGH_PC) or 0)
    return Head(
        position,
        sizes,
        name=_name(tables, attributes.get(_NAME), sizes, strings, texts),
        comp_dir=_name(tables, attributes.get(_COMP_DIR), sizes, strings, texts),
        producer=_name(tables, attributes.get(_PRODUCER), sizes, strings, texts),
        language=_whole(attributes, _LANGUAGE),
        low=low,
        high=last,
        ranges=_whole(attributes, _RANGES),
        ranges_indexed=_RANGES in attributes and attributes[_RANGES][1] == 0x23,
        rnglists_base=_whole(attributes, _RNGLISTS_BASE),
        addresses=addresses or None,
        line=_whole(attributes, _STMT_LIST),
        split=_DWO_NAME in attributes or _GNU_DWO_NAME in attributes,
    )


def _whole(attributes: Attributes, name: int) -> int | None:
    found = attributes.get(name, (None, 0))[0]
    return found if isinstance(found, int) else None


def _name(tables: Tables, found: tuple[int | bytes, int] | None, sizes: Sizes, base: int, texts: Texts) -> Name:
    """The string of an attribute, or where it lies; None without the attribute, and for one that points nowhere."""
    if found is None:
        return None
    raw, form = found
    try:
        if isinstance(raw, bytes):
            return texts.counted(escape(raw)) if form == STRING else None
        if form == STRP:
            return texts.get(form, tables.str, raw)
        if form == LINE_STRP:
            return texts.get(form, tables.line_str, raw)
        if form in ALTERNATE:
            return Alternate(raw)
        if form in STRX:
            offset = number(tables.str_offsets, base + raw * sizes.offset, sizes.offset, sizes.order)
            return texts.get(STRP, tables.str, offset)
    except DamageError:
        pass
    return None


def _address(tables: Tables, found: tuple[int | bytes, int] | None, sizes: Sizes, base: int) -> int | None:
    """The address that an attribute gives, directly or by its number in `.debug_addr`; None where it gives none."""
    if found is None or not isinstance(found[0], int):
        return None
    if found[1] == 0x01:
        return found[0]
    if found[1] in ADDRX:
        try:
            return number(tables.addr, base + found[0] * sizes.address, sizes.address, sizes.order)
        except DamageError:
            return None
    return None
