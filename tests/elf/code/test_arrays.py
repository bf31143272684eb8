"""Arrays of bytes and offsets, held against Python's own ways."""

from __future__ import annotations

import random

import pytest

from archscan.elf.arrays import distinct, np, numbers
from archscan.elf.code import Code, beginning, once
from archscan.elf.mapping import addresses, mapping, offsets

CHANCE = random.Random(3)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_each_once_and_sorted(count: int) -> None:
    some = [CHANCE.randrange(-300, 300) for _ in range(count)]
    found = distinct(np.array(some, np.int64))
    assert found.tolist() == sorted(set(some))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("signed", [False, True])
def test_numbers_at_any_byte(size: int, order: str, signed: bool) -> None:
    data = CHANCE.randbytes(64)
    at = [0, 1, 3, 64 - size, 17, 17]
    found = numbers(np.frombuffer(data, np.uint8), np.array(at, np.int64), size, order, signed=signed)
    expected = [
        int.from_bytes(data[one : one + size], "little" if order == "<" else "big", signed=signed) for one in at
    ]
    wrapped = [one - (1 << 64) if one >= 1 << 63 else one for one in expected]  # unsigned ones of 8 bytes wrap
    assert found.tolist() == wrapped


def test_numbers_beyond_the_end_are_refused() -> None:
    raw = np.frombuffer(bytes(10), np.uint8)
    with pytest.raises(IndexError):
        numbers(raw, np.array([7], np.int64), 4, "<")
    assert numbers(np.frombuffer(b"", np.uint8), np.zeros(0, np.int64), 4, "<").tolist() == []


def test_addresses_and_offsets_of_several_ranges() -> None:
    ranges = [(0x1000, 0x100, 0x50), (0x2000, 0x150, 0x10), (0x9000, 0x400, 1)]
    known = mapping(ranges)
    places = np.arange(0, 0x500, dtype=np.int64)
    expected = [
        next((address + place - offset for address, offset, size in ranges if offset <= place < offset + size), -1)
        for place in places.tolist()
    ]
    assert addresses(known, places).tolist() == expected
    inside = np.array([one for one in expected if one >= 0] + [0, 0xFFF, 0x1050, 0x9001, 1 << 61], np.int64)
    assert addresses(known, offsets(known, inside)[:-5]).tolist() == inside[:-5].tolist()
    assert offsets(known, inside)[-5:].tolist() == [-1] * 5


def test_code_is_searched_once_and_its_beginning_for_itself() -> None:
    searched: list[int] = []

    @once
    def search(code: Code) -> int:
        searched.append(sum(high - low for low, high in code.runs))
        return len(searched)

    none = np.zeros(0, np.int64)
    whole = Code(np.zeros(100, np.uint8), "<", 64, (), ((0, 100),), none, none, mapping([]))
    part = beginning(whole, 10)
    assert [search(whole), search(part), search(whole), search(part)] == [1, 2, 1, 2]
    assert searched == [100, 10]
