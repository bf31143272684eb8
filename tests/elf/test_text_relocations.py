"""Relocations that change what is read-only: with and without the flag, in every form that linkers write."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from struct import pack

import pytest

from archscan.model import Elf
from tests.elf.building import body_at, compiled, handmade, linked, seen, with_dynamic

_TEXTREL, _RELA, _REL, _RELR, _ANDROID = (22, 0), 7, 17, 36, 0x60000011
# Three words in constants and one in data, each with an address of the object.
_SOURCE = """
.section .rodata,"a"
.balign 8
.quad f, f, f
.data
.balign 8
.quad f
.text
f: ret
.section .note.GNU-stack,"",@progbits
"""


def _found(data: bytes | Path, path: str = "usr/lib/x/p.so") -> tuple[int, str | None]:
    found = seen(data, path)
    return found.textrel, _code(found)


def _code(found: Elf) -> str | None:
    reason = found.reasons.get("textrel")
    return reason.code if reason else None


@pytest.mark.parametrize("flags", [[], ["-Wl,-z,pack-relative-relocs"], ["-static-pie"]])
def test_packed_and_plain_relocations_are_counted(tmp_path: Path, flags: list[str]) -> None:
    link = ["-nostdlib", "-Wl,-z,notext", *(flags if "-static-pie" in flags else ["-shared", *flags])]
    found = seen(compiled(tmp_path, _SOURCE, link, suffix="s"), "usr/lib/x/p.so")
    assert (found.textrel, _code(found)) == (3, "relocations")


@pytest.mark.full
@pytest.mark.parametrize(("form", "expected"), [("none", 3), ("relr", 3), ("android", 0)])
def test_what_lld_packs_is_counted(tmp_path: Path, form: str, expected: int) -> None:
    (tmp_path / "x.s").write_text(_SOURCE)
    subprocess.run(["gcc", "-c", "x.s"], cwd=tmp_path, check=True)
    command = ["ld.lld", "-shared", "-z", "notext", f"--pack-dyn-relocs={form}", "x.o", "-o", "x.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert _found(tmp_path / "x.so") == (expected, "relocations" if expected else "packed-relocations")


def test_relocations_without_the_flag_are_told_apart(tmp_path: Path) -> None:
    """The loader stops such an object with a fault."""
    whole = compiled(tmp_path, _SOURCE, ["-nostdlib", "-shared", "-Wl,-z,notext"], suffix="s").read_bytes()
    bare = with_dynamic(whole, [], without=[22, 30])
    assert (_found(whole), _found(bare)) == ((3, "relocations"), (3, "unflagged-relocations"))


def test_what_changes_nothing_is_not_counted() -> None:
    """MIPS begins its table with an entry of zeros; the address 0 is that of the headers."""
    table = pack("<QQQ", 0, 0, 0) + pack("<QQQ", 0, 8, 0)
    assert _found(linked({_RELA: table}, [(8, 48)], flags=5)) == (1, "unflagged-relocations")
    assert _found(linked({_RELA: table[:24]}, [(8, 24)], flags=5)) == (0, None)
    assert _found(linked({_RELA: table[:24]}, [(8, 24), _TEXTREL], flags=5)) == (0, "flag-only")
    assert _found(linked({_RELA: table}, [(8, 48)], flags=6)) == (0, None)
    assert _found(linked({_REL: pack(">II", 4, 8)}, [(18, 8), (30, 4)], flags=5, bits=32, order=">", machine=20)) == (
        1,
        "relocations",
    )


@pytest.mark.parametrize(("bits", "order"), [(64, "<"), (64, ">"), (32, "<"), (32, ">")])
def test_the_bits_of_packed_relocations_are_words_behind_an_address(bits: int, order: str) -> None:
    """One at 16, and of the words behind that the first, the third and the last that a word of bits can tell."""
    size, code = bits // 8, order + ("Q" if bits == 64 else "I")
    bitmap = (1 | 4 | 1 << bits - 2) << 1 | 1
    table = pack(code, 16) + pack(code, bitmap)
    found = seen(linked({_RELR: table}, [(35, 2 * size), _TEXTREL], flags=5, bits=bits, order=order), "usr/lib/x.so")
    # The object ends before the last one.
    end = found.size
    expected = [16, 16 + size, 16 + 3 * size, 16 + (bits - 1) * size]
    assert found.textrel == sum(address < end for address in expected)
    assert found.reasons["textrel"].sites[0].address == "0x10"


def test_the_first_that_a_word_of_bits_changes_is_named() -> None:
    found = seen(linked({_RELR: pack("<QQ", 16, 4 << 1 | 1)}, [(35, 16), _TEXTREL], flags=5), "usr/lib/x.so")
    assert [site.address for site in found.reasons["textrel"].sites] == ["0x10", "0x28"]


def test_what_changes_nothing_on_arm64_is_not_counted() -> None:
    table = pack("<QQQ", 64, 256, 0) + pack("<QQQ", 72, 1027, 0)
    data = linked({_RELA: table}, [(8, 48), _TEXTREL], flags=5, machine=183)
    found = seen(data, "usr/lib/x.so", "arm64")
    assert (found.textrel, [site.address for site in found.reasons["textrel"].sites]) == (1, ["0x48"])


def test_of_another_processor_the_same_number_is_a_relocation() -> None:
    assert _found(linked({_RELA: pack("<QQQ", 64, 256, 0)}, [(8, 24), _TEXTREL], flags=5)) == (1, "relocations")


def _segmented(parts: list[tuple[int, int, int, int]], table: bytes) -> bytes:
    """An object of the segments and one, which may be written, of packed relocations."""
    at = body_at(len(parts) + 2)
    tags = b"".join(pack("<QQ", *row) for row in ((_RELR, at), (35, len(table)), _TEXTREL, (0, 0)))
    own = [(1, 6, at, len(table) + len(tags)), (2, 6, at + len(table), len(tags))]
    return handmade([*own, *parts], table + tags)


def test_what_several_segments_map_is_counted_once() -> None:
    data = _segmented([(1, 4, 0, 64), (1, 5, 8, 64), (1, 4, 16, 16)], pack("<QQ", 16, 0b111))
    assert _found(data) == (3, "relocations")


def test_no_verdict_is_given_where_a_packed_form_is_not_read() -> None:
    assert _found(linked({_ANDROID: b"APS2"}, [_TEXTREL], flags=5)) == (0, "packed-relocations")


def test_what_is_not_linked_has_none(tmp_path: Path) -> None:
    found = seen(compiled(tmp_path, _SOURCE, ["-c"], suffix="s"), "usr/lib/x.a(x.o)")
    assert (found.textrel, _code(found)) == (0, "kind")


def test_a_segment_of_the_whole_address_space_costs_nothing() -> None:
    """Its size in words is no number of bits."""
    data = bytearray(linked({_RELR: pack("<QQ", 16, 3)}, [(35, 16), _TEXTREL], flags=5))
    data[64 + 40 : 64 + 48] = pack("<Q", 2**63)  # p_memsz
    assert _found(bytes(data)) == (2, "relocations")


def test_a_hostile_table_costs_little() -> None:
    """Millions of words of bits that wander through the whole address space, and a million plain entries."""
    word = pack("<Q", 2**64 - 1)
    started = time.process_time()
    found = seen(linked({_RELR: pack("<Q", 0) + word * (1 << 20)}, [(35, 8 << 20), _TEXTREL], flags=5), "usr/lib/x.so")
    assert found.textrel >= (8 << 20) // 8
    assert seen(linked({_RELA: pack("<QQQ", 64, 8, 0) * (1 << 20)}, [(8, 24 << 20)], flags=5), "usr/lib/x.so").textrel
    assert time.process_time() - started < 10


@pytest.mark.parametrize("entry", [2**64 - 1, 8])
def test_a_hostile_table_costs_little_where_many_segments_are_read_only(entry: int) -> None:
    parts = [(1, 4, 0, 64), *((1, 4, 1 << 20 | number << 12, 16) for number in range(63))]
    started = time.process_time()
    assert seen(_segmented(parts, pack("<Q", entry) * (1 << 20)), "usr/lib/x.so").textrel
    assert time.process_time() - started < 10


def test_what_is_not_looked_at_whole_is_said() -> None:
    """None of the first 8 MiB changes anything read-only, nor anything in the first 64 segments."""
    for segments, words, code in ((2, 2, "flag-only"), (2, (1 << 20) + 1, "too-many-relocations"),
                                  (64, 128, "flag-only"), (65, 130, "too-many-relocations")):  # fmt: skip
        at = body_at(segments + 2)
        own = [(1, 4, at + 16 * number, 8) for number in range(segments)]
        # Each word is one between them, at the end of the table.
        assert _found(_segmented(own, pack("<Q", at + 8) * words)) == (0, code)
