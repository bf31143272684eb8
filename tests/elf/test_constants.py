"""Texts among constants: found in each place once, whatever the headers say."""

from __future__ import annotations

import time

from archscan.elf.constants import holds
from archscan.elf.reader import read
from tests.elf.building import body_at, handmade


def test_a_text_is_found_where_segments_overlap() -> None:
    at, body = body_at(3), b"................hidden text............."
    whole = [(1, 4, at, 40), (1, 4, at + 4, 8), (1, 6, at, 4)]
    halves = [(1, 4, at, 20), (1, 4, at + 10, 30), (1, 4, at + 18, 12)]
    writable = [(1, 6, at, 40), (1, 4, at, 20), (1, 4, at + 24, 16)]
    for parts, found in ((whole, True), (halves, True), (writable, False)):
        assert holds(read(handmade(parts, body)), b"hidden text") == found


def test_thousands_of_segments_of_the_same_bytes_are_searched_once() -> None:
    count, body = 20_000, b"\0strip_path_prefi" * 60_000
    at = body_at(count)
    image = read(handmade([(1, 4, at + number, len(body) - count) for number in range(count)], body))
    started = time.process_time()
    assert not holds(image, b"\0strip_path_prefix\0")
    assert time.process_time() - started < 2
