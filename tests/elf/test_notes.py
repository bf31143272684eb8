"""Property notes and build ids, byte by byte."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.elf.building import body_at, compiled, handmade, seen


def _note(owner: bytes, kind: int, description: bytes, order: str = "<") -> bytes:
    name = owner + b"\0"
    return (
        struct.pack(order + "III", len(name), len(description), kind)
        + name
        + bytes(-len(name) % 4)
        + description
        + bytes(-len(description) % 4)
    )


def _property(kind: int, data: bytes, *, bits: int, order: str = "<") -> bytes:
    return struct.pack(order + "II", kind, len(data)) + data + bytes(-len(data) % (bits // 8))


def _object(notes: bytes, *, machine: int = 62, bits: int = 64, order: str = "<") -> bytes:
    size = body_at(2, bits) + len(notes)
    parts = [(1, 5, 0, size), (4, 4, body_at(2, bits), len(notes))]
    return handmade(parts, notes, bits=bits, order=order, machine=machine)


@pytest.mark.parametrize(("machine", "bits", "kind", "value", "marks"), [
    (62, 64, 0xC0000002, 3, ("yes", "yes", "n/a", "n/a")),
    (62, 64, 0xC0000002, 2, ("no", "yes", "n/a", "n/a")),
    (62, 64, 0xC0000002, 0xFFFFFFFC, ("no", "no", "n/a", "n/a")),
    (62, 64, 0xC0000000, 3, ("no", "no", "n/a", "n/a")),  # the number of another processor
    (3, 32, 0xC0000002, 1, ("yes", "no", "n/a", "n/a")),
    (183, 64, 0xC0000000, 1, ("n/a", "n/a", "yes", "no")),
    (183, 64, 0xC0000000, 7, ("n/a", "n/a", "yes", "yes")),
    (243, 64, 0xC0000000, 3, ("n/a", "n/a", "n/a", "n/a")),
])  # fmt: skip
def test_a_mark_is_a_bit_of_its_processors_property(
    machine: int, bits: int, kind: int, value: int, marks: tuple[str, ...]
) -> None:
    # The property of another kind in front has an odd size: what follows is padded to the size of an address.
    other = _property(0xC0010001, b"\1\2\3", bits=bits)
    notes = _note(b"GNU", 5, other + _property(kind, struct.pack("<I", value), bits=bits))
    found = seen(_object(_note(b"GNU", 3, b"\xab\xcd") + notes, machine=machine, bits=bits), "usr/lib/x.so")
    assert (found.ibt_marked, found.shstk_marked, found.bti_marked, found.pac_marked) == marks
    assert found.build_id == "abcd"


def test_a_big_endian_aarch64_is_marked_too() -> None:
    notes = _note(b"GNU", 5, _property(0xC0000000, struct.pack(">I", 3), bits=64, order=">"), ">")
    assert seen(_object(notes, machine=183, order=">"), "usr/lib/x.so").bti_marked == "yes"


def test_a_note_of_another_owner_marks_nothing() -> None:
    notes = _note(b"GNV", 5, _property(0xC0000002, struct.pack("<I", 3), bits=64))
    assert seen(_object(notes), "usr/lib/x.so").ibt_marked == "no"


def test_only_the_segment_for_properties_marks_where_there_is_one() -> None:
    """A note that says the contrary and that no loader reads is no mark."""
    marked, plain = (_note(b"GNU", 5, _property(0xC0000002, struct.pack("<I", bits), bits=64)) for bits in (3, 0))
    at = body_at(3)
    for first, second, verdict in ((marked, plain, "no"), (plain, marked, "yes")):
        body = first + second
        parts = [(1, 5, 0, at + len(body)), (4, 4, at, len(first)), (0x6474E553, 4, at + len(first), len(second))]
        assert seen(handmade(parts, body), "usr/lib/x.so").ibt_marked == verdict


def test_a_note_that_no_segment_maps_marks_nothing(tmp_path: Path) -> None:
    note = _note(b"GNU", 5, _property(0xC0000002, struct.pack("<I", 3), bits=64))
    (tmp_path / "note").write_bytes(note)
    out = compiled(tmp_path, "int main(void) { return 0; }\n", ["-fcf-protection=none"])
    add = f"--add-section=.note.more={tmp_path / 'note'}"
    subprocess.run(["objcopy", add, "--set-section-flags=.note.more=readonly", out], check=True)
    assert b"\xc0\4\0\0\0\3" in out.read_bytes()
    assert seen(out).ibt_marked == "no"


@pytest.mark.parametrize("size", [0, 1, 2**31, 2**32 - 1])
def test_a_note_that_lies_about_its_size_marks_nothing(size: int) -> None:
    notes = bytearray(_note(b"GNU", 5, _property(0xC0000002, struct.pack("<I", 3), bits=64)))
    struct.pack_into("<I", notes, 20, size)
    assert seen(_object(bytes(notes)), "usr/lib/x.so").ibt_marked == "no"
    struct.pack_into("<I", notes, 4, 2**32 - 1 if size else 0)
    assert seen(_object(bytes(notes)), "usr/lib/x.so").ibt_marked == "no"


def test_many_headers_of_the_same_notes_cost_little() -> None:
    """20,000 overlapping headers over a megabyte of empty notes."""
    count, notes = 20_000, bytes(12) * 80_000
    at = body_at(count)
    parts = [(4, 4, at + number, len(notes) - count) for number in range(count)]
    started = time.process_time()
    assert seen(handmade(parts, notes), "usr/lib/x.so").build_id is None
    assert time.process_time() - started < 10
