"""Headers that lie, overlap, or say things in unusual ways."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path

import pytest

from archscan.elf import lief_reader, pyelftools_reader
from archscan.elf.headers import checked
from archscan.elf.reader import read
from archscan.errors import ElfError
from tests.elf.building import HELLO, body_at, compiled, handmade, linked, seen, segments, with_segment

_MACHINES = [(64, "<", 62, "x86_64"), (32, "<", 3, "i386"), (32, ">", 8, "mips"), (64, ">", 22, "s390")]
_MACHINES += [(64, ">", 43, "sparc64"), (32, "<", 40, "arm"), (64, "<", 258, "loongarch"), (64, "<", 999, "em-999")]


@pytest.mark.parametrize(("bits", "order", "machine", "name"), [*_MACHINES, (32, ">", 4, "m68k")])
def test_every_class_and_byte_order_is_read(bits: int, order: str, machine: int, name: str) -> None:
    data = linked({5: b"\0libx.so.1\0"}, [(10, 11), (14, 1)], bits=bits, order=order, machine=machine)
    found = seen(data, "usr/lib/libx.so.1")
    assert (found.machine, found.bits, found.endian) == (name, bits, "little" if order == "<" else "big")
    assert found.soname == "libx.so.1"
    layout = checked(data)
    one, other = lief_reader.read(data, layout), pyelftools_reader.read(data, layout)
    for field in ("type", "machine", "flags", "entry", "segments", "sections", "dynamic"):
        assert getattr(one, field) == getattr(other, field), field


@pytest.mark.parametrize("value", [0, 3, 255])
def test_unknown_class_or_byte_order_is_an_error(value: int) -> None:
    data = linked({})
    for place in (4, 5):
        with pytest.raises(ElfError) as caught:
            seen(data[:place] + bytes([value]) + data[place + 1 :])
        assert caught.value.kind == "corrupt"


def test_a_segment_past_the_end_is_an_error(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    fields = segments(data)[2][1]
    for changed in ((2, 2**63), (5, 2**40), (2, 2**64 - 1)):
        row = [*fields]
        row[changed[0]] = changed[1]
        with pytest.raises(ElfError) as caught:
            seen(with_segment(data, 2, row))
        assert caught.value.kind == "truncated"


def test_huge_addresses_stay_numbers(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    at, fields = next(row for row in segments(data) if row[1][0] == 0x6474E552)
    number = [place for place, _ in segments(data)].index(at)
    fields[3], fields[6] = 2**64 - 4096, 2**64 - 1
    assert seen(with_segment(data, number, fields)).relro in ("none", "partial")


def test_overlapping_segments_are_read() -> None:
    parts = [(1, 5, 0, 300), (1, 6, 100, 200), (1, 7, 0, 300)]
    found = seen(handmade(parts, bytes(300), kind=2))
    assert (found.kind, found.wx_segments) == ("static-executable", 1)


def test_a_lying_number_of_sections_is_an_error(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    for count in (2000, 0xFEFF):
        with pytest.raises(ElfError) as caught:
            seen(data[:60] + struct.pack("<H", count) + data[62:])
        assert caught.value.kind == "truncated"


def test_the_names_of_sections_may_be_missing_or_wrong(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    for index in (0, 1, 0xFEFF):
        assert seen(data[:62] + struct.pack("<H", index) + data[64:]).relro == "partial"


def test_more_sections_than_a_halfword_counts(tmp_path: Path) -> None:
    lines = [f'.section .s{number},"a"\n.byte 1' for number in range(66_000)]
    source, out = tmp_path / "many.s", tmp_path / "many.o"
    source.write_text("\n".join(lines) + '\n.section .note.GNU-stack,"",@progbits\n')
    subprocess.run(["as", source, "-o", out], check=True)
    data = out.read_bytes()
    assert struct.unpack_from("<H", data, 60)[0] == 0  # e_shnum: the true number is in the first section
    started = time.process_time()
    image = read(data)
    assert len(image.sections) > 66_000
    assert image.reader == "pyelftools"  # LIEF sees none of them
    assert image.sections[-1].name == ".shstrtab"
    assert seen(data, "usr/lib/x/many.o").kind == "relocatable"
    assert time.process_time() - started < 20


def test_what_follows_the_end_of_the_dynamic_section_is_not_read() -> None:
    data = linked({5: b"\0real\0fake\0"}, [(10, 11), (14, 1), (0, 0), (14, 6)])
    assert seen(data, "usr/lib/x.so").soname == "real"


def test_tags_that_point_outside_give_nothing() -> None:
    for address in (2**63, 2**64 - 8, 10**6):
        names = (4, 5, 6, 7, 23, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFC)
        sizes = [(8, 2**40), (2, 2**40), (10, 2**63), (20, 7), (0x6FFFFFFF, 2**31), (0x6FFFFFFD, 2**31)]
        found = seen(linked({}, [*((name, address) for name in names), *sizes, (1, 5), (14, 9)]), "usr/lib/x.so")
        assert (found.imports, found.needed, found.soname) == ((), ("",), "")


def test_a_firmware_of_no_known_type_is_read() -> None:
    found = seen(handmade([(1, 7, 0, body_at(1))], kind=0xFE00, machine=94), "lib/firmware/x.elf", "all")
    assert (found.kind, found.nx, found.wx_segments) == ("firmware", "n/a", 0)
    assert found.machine == "xtensa"
