"""IBM Z (s390x) and its 31-bit ancestor."""

from __future__ import annotations

import re

from archscan.elf.arch.idioms import Frames, Idioms, Pairs, Text
from archscan.elf.arch.immediates import Instructions
from archscan.elf.arch.lifting import Lift
from archscan.elf.arch.machine import Machine
from archscan.elf.arch.s390x_lifting import lines, read
from archscan.elf.arch.wordwise import word_at
from archscan.elf.arrays import Offsets, Pattern, np, numbers
from archscan.elf.code import Code, matches, once
from archscan.elf.mapping import addresses

_SAVE_AREA = 160


def _canaries(code: Code) -> Offsets:
    """`mvc D(8,%rB),40(%rX)` and `clc`: tcbhead_t.stack_guard (glibc, sysdeps/s390/nptl/tls.h), in a frame."""
    stored = matches(code, ((0xD2, 0xFF), 0x07, None, None, (0x00, 0x0F), 0x28))
    tested = matches(code, ((0xD5, 0xFF), 0x07, None, None, (0x00, 0x0F), 0x28))
    return np.sort(np.concatenate([stored, tested]))


def _frames(code: Code) -> Frames:
    """`aghi %r15,-N`, and `lay %r15,-N(%r15)`, without the area where called functions save registers."""
    short = matches(code, (0xA7, 0xFB, (0x80, 0x80), None))
    long = matches(code, (0xE3, 0xF0, (0xF0, 0xF0), None, (0x80, 0x80), 0x71))
    low = numbers(code.raw, long + 2, 2, ">") & 0xFFF
    sizes = [0x10000 - word_at(code, short + 2, 2), 0x100000 - (code.raw[long + 4].astype(np.int64) << 12 | low)]
    grows = matches(code, (0xB9, 0x09, 0x00, (0xF0, 0xF0)))
    return Frames(np.concatenate([short, long]), np.maximum(np.concatenate(sizes) - _SAVE_AREA, 0), grows)


def _addresses(code: Code) -> Offsets:
    """`la %rX,N(%r15)` to another register than the stack pointer, `aghik %rX,%r15,N`; also from %r11."""
    raw = code.raw
    loaded = matches(code, (0x41, (0x00, 0x0F), (0xB0, 0xB0), None))
    loaded = loaded[(raw[loaded + 1] != 0xF0) & np.isin(raw[loaded + 2] & 0xF0, (0xB0, 0xF0))]
    added = matches(code, (0xEC, (0x0B, 0x0B), None, None, 0x00, 0xD9))
    return np.sort(np.concatenate([loaded, added]))


@once
def _stubs(code: Code) -> Pairs:
    """`larl %r1, slot; lg %r1, 0(%r1); br %r1`: the entries of .plt."""
    pattern: Pattern = (0xC0, 0x10, None, None, None, None, 0xE3, 0x10, 0x10, 0x00, 0x00, 0x04, 0x07, 0xF1)
    found, slots = _far(code, pattern)
    return addresses(code.mapping, found), slots


def _far(code: Code, pattern: Pattern) -> Pairs:
    """Instructions with a distance in halfwords, of 32 bits, and the address that it leads to."""
    found = matches(code, pattern)
    found = found[found % 2 == 0]
    return found, addresses(code.mapping, found) + 2 * numbers(code.raw, found + 2, 4, ">", signed=True)


def _near(code: Code, pattern: Pattern) -> Pairs:
    """The same with a distance of 16 bits."""
    found = matches(code, pattern)
    found = found[found % 2 == 0]
    return found, addresses(code.mapping, found) + 2 * numbers(code.raw, found + 2, 2, ">", signed=True)


def _together(*pairs: Pairs) -> Pairs:
    return np.concatenate([offsets for offsets, _ in pairs]), np.concatenate([to for _, to in pairs])


@once
def _direct_calls(code: Code) -> Pairs:
    """`brasl` and `bras`, `jg` and `j`."""
    return _together(
        _far(code, (0xC0, (0x05, 0x0F), None, None, None, None)),
        _far(code, (0xC0, 0xF4, None, None, None, None)),
        _near(code, (0xA7, (0x05, 0x0F), None, None)),
        _near(code, (0xA7, 0xF4, None, None)),
    )


@once
def _slot_loads(code: Code) -> Pairs:
    """`lgrl`, and `larl` with `lg` behind it."""
    found, to = _far(code, (0xC0, (0x00, 0x0F), None, None, None, None, 0xE3, None, None, 0x00, 0x00, 0x04))
    based = code.raw[found + 8] >> 4 == code.raw[found + 1] >> 4
    return _together(_far(code, (0xC4, (0x08, 0x0F), None, None, None, None)), (found[based] + 6, to[based]))


@once
def _taken(code: Code) -> Pairs:
    """`larl`."""
    return _far(code, (0xC0, (0x00, 0x0F), None, None, None, None))


def _named(code: Code, low: int, high: int) -> Offsets:
    """`larl`, and loads and stores at a distance."""
    offsets, to = _together(_taken(code), _far(code, (0xC4, None, None, None, None, None)))
    return offsets[(low <= to) & (to <= high)]


def _branches(code: Code, address: int) -> Offsets:
    """Conditional jumps to an address, by themselves or with a comparison or a counter."""
    offsets, to = _together(
        _far(code, (0xC0, (0x04, 0x0F), None, None, None, None)),
        _near(code, (0xA7, (0x04, 0x0C), None, None)),
        _near(code, (0xEC, None, None, None)),
    )
    return offsets[to == address]


_PLACE = r"(?P<at>-?(?:0x)?[0-9a-f]+)?\(%(?P<base>r15|r11)\)"
_TEXT = Text(
    mode=(6, 1 << 31),  # CS_ARCH_SYSZ, CS_MODE_BIG_ENDIAN
    stack="r15",
    allocates=re.compile(r"(?:lay|aghi|agfi) %r15, -"),
    grows=re.compile(r"sgr %r15, |lgr %r15, %(?P<to>r(?!11)\d+)"),
    returns=re.compile(r"br %r14|j |jg |br "),
    reserved=160,
    frame=re.compile(r"lgr %r11, %r15$"),
    frame_pointer="r11",
    frame_is_low=True,
    address=(
        re.compile(rf"lay? %(?P<to>r\d+), {_PLACE}$"),
        re.compile(r"lgr %(?P<to>r\d+), %(?P<base>r15)$"),
        re.compile(r"aghik %(?P<to>r\d+), %(?P<base>r15|r11), (?P<at>-?(?:0x)?[0-9a-f]+)$"),
    ),
    copy=re.compile(r"lgr %(?P<to>r\d+), %(?P<source>r\d+)$"),
    part=re.compile(r"l(?:g|lg|ll|)[fhc]?r %r\d+, %(?P<source>r\d+)$"),
    home=re.compile(rf"(?:mvghi |st\w* %(?P<source>[rf]\d+), (?:%(?P<second>r\d+), )?){_PLACE}(?:, -?\w+)?$"),
    copied=16,
    reload=re.compile(rf"lg %(?P<to>r\d+), {_PLACE}$"),
    indexed=re.compile(r"(?!la|brasl).*[ ,](?P<at>-?(?:0x)?[0-9a-f]+)?\(%r\d+, ?%(?P<base>r\d+)\)"),
    written=re.compile(r"(?!c|st|j|b|mv|n?op|tm)\S+ %(?P<to>[rf]\d+)(?:,|$)"),
    call=re.compile(r"bras|basr"),
    blocks=re.compile(r"mvc (?P<at>(?:0x)?[0-9a-f]+)?\(\w+, %(?P<base>r15|r11)\)"),
    loaded=re.compile(r"l(?:mg|g|d|vl?) %([rfv]\d+), (?:%(r\d+), )?"),
    arguments=tuple(f"r{number}" for number in range(2, 7)),
    kept=frozenset(f"r{number}" for number in range(6, 14)),
    incoming=frozenset({*(f"r{number}" for number in range(2, 7)), "f0", "f2", "f4", "f6"}),
    aliases={},
)


def _sha1(code: Code) -> dict[str, Offsets]:
    """`kimd` or `klmd` with function 1 in %r0, which `lghi` or `lhi` puts there (z/Architecture, 7, "KIMD")."""
    chosen = np.concatenate([matches(code, (0xA7, low, 0x00, 0x01)) for low in (0x08, 0x09)])
    found = np.sort(np.concatenate([matches(code, (0xB9, low, 0x00, None)) for low in (0x3E, 0x3F)]))
    last = np.sort(chosen)[np.maximum(np.searchsorted(np.sort(chosen), found) - 1, 0)] if chosen.size else found
    return {"kimd": found[(last < found) & (found - last <= 64)]}


_LIFT = Lift(
    read=read,
    stack="r15",
    frame="r11",
    arguments=_TEXT.arguments,
    result="r2",
    kept=_TEXT.kept | {f"f{number}" for number in range(8, 16)},
    stacked=_SAVE_AREA,
    passed=_SAVE_AREA,
    big_endian=True,
    lines=lines,
)

MACHINE = Machine(
    name="s390",
    number=22,
    jump_slot=frozenset({11}),
    absolute={22: 8, 4: 4},
    glob_dat=frozenset({10}),
    irelative=frozenset({61}),
    sha1=Instructions(_sha1, 1),
    features=frozenset({"stack_clash"}),
    lift=_LIFT,
    idioms=Idioms(
        canaries=_canaries,
        frames=_frames,
        addresses=_addresses,
        text=_TEXT,
        stubs=_stubs,
        direct_calls=_direct_calls,
        slot_loads=_slot_loads,
        taken=_taken,
        branches=_branches,
        named=_named,
    ),
)
