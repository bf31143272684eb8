"""Another liblzma than Python's own, called directly: it must take and refuse what that takes and refuses.

Held against each other here is the library that Python uses, once by Python and once by our calls; and where Pillow is
installed, the newer one that it brings.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import lzma
import random
import resource
from pathlib import Path

import pytest

from archscan.deb import liblzma
from archscan.deb.liblzma import LzmaDecoder, declared, loaded
from archscan.model import Limits
from tests.deb.building import stream

CHANCE = random.Random(7)
DATA = CHANCE.randbytes(50_000) + bytes(200_000) + CHANCE.randbytes(10_000)
LIMIT = 64 << 20
PACKED = {
    "xz": lzma.compress(DATA),
    "crc32": lzma.compress(DATA, check=lzma.CHECK_CRC32),
    "sha256": lzma.compress(DATA, check=lzma.CHECK_SHA256),
    "unchecked": lzma.compress(DATA, check=lzma.CHECK_NONE),
    "alone": lzma.compress(DATA, format=lzma.FORMAT_ALONE),
    "empty": lzma.compress(b""),
    "several": lzma.compress(DATA[:1000]) + lzma.compress(DATA[1000:3000]),
    "padded": lzma.compress(DATA[:1000]) + bytes(8),
    "bomb": lzma.compress(bytes(30 << 20)),
}


def own() -> ctypes.CDLL:
    """The library that this Python's `lzma` is linked with, or one of the machine."""
    return declared(ctypes.CDLL(ctypes.util.find_library("lzma") or "liblzma.so.5"))


def libraries() -> list[ctypes.CDLL]:
    newer = liblzma.newer()
    return [own()] if newer is None else [own(), newer]


def steps(decoder: lzma.LZMADecompressor | LzmaDecoder, packed: bytes, step: int, most: int) -> list[object]:
    """All that a decoder says and gives when it is fed piece by piece, as ``streams`` feeds it."""
    said: list[object] = []
    at = 0
    try:
        for _ in range(3_000):
            if decoder.eof:
                break
            piece = b""
            if decoder.needs_input:
                piece, at = packed[at : at + step], at + step
                if not piece:
                    said.append("truncated")
                    break
            said.append(decoder.decompress(piece, most))
            said.append((decoder.eof, decoder.needs_input, decoder.unused_data))
    except (lzma.LZMAError, MemoryError, EOFError) as error:
        said.append((type(error), str(error)))
    return said


def reference(limit: int = LIMIT) -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=limit)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize(("step", "most"), [(1 << 16, 1 << 15), (1 << 16, 1), (7, 1 << 15), (1, 4096)])
def test_every_piece_is_that_of_pythons_decoder(name: str, step: int, most: int) -> None:
    packed = PACKED[name]
    if name == "bomb" and most == 1:
        most = 4097
    expected = steps(reference(), packed, step, most)
    for library in libraries():
        assert steps(LzmaDecoder(library, LIMIT), packed, step, most) == expected


@pytest.mark.parametrize(
    "packed",
    [
        lzma.compress(DATA[48_000:60_000]),
        lzma.compress(DATA[48_000:60_000], format=lzma.FORMAT_ALONE),
        lzma.compress(DATA[:900]) + bytes(4) + lzma.compress(DATA[900:2000]),
    ],
    ids=["xz", "alone", "several"],
)
def test_cut_and_damaged_anywhere_it_says_what_pythons_says(packed: bytes) -> None:
    places = sorted({*range(80), *range(len(packed) - 80, len(packed)), *CHANCE.sample(range(len(packed)), 60)})
    for at in places:
        damaged = packed[:at] + bytes([packed[at] ^ (1 << CHANCE.randrange(8))]) + packed[at + 1 :]
        for wrong in (packed[:at], damaged):
            expected = steps(reference(), wrong, 1 << 16, 1 << 15)
            for library in libraries():
                assert steps(LzmaDecoder(library, LIMIT), wrong, 1 << 16, 1 << 15) == expected, (at, len(wrong))


def test_what_is_no_stream_is_refused() -> None:
    for wrong in (b"\x00" * 100, b"hello world, this is no stream at all", CHANCE.randbytes(300)):
        expected = steps(reference(), wrong, 1 << 16, 1 << 15)
        assert expected
        for library in libraries():
            assert steps(LzmaDecoder(library, LIMIT), wrong, 1 << 16, 1 << 15) == expected


def test_a_decoder_of_too_much_memory_is_refused() -> None:
    packed = lzma.compress(DATA, preset=9)  # asks for 64 MiB
    assert steps(reference(16 << 20), packed, 1 << 16, 1 << 15)[-1] == (lzma.LZMAError, "Memory usage limit exceeded")
    for library in libraries():
        found = steps(LzmaDecoder(library, 16 << 20), packed, 1 << 16, 1 << 15)
        assert found == steps(reference(16 << 20), packed, 1 << 16, 1 << 15)


def test_nothing_is_read_behind_the_end() -> None:
    for library in libraries():
        decoder = LzmaDecoder(library, LIMIT)
        assert decoder.decompress(PACKED["empty"] + b"more", 100) == b""
        assert (decoder.eof, decoder.needs_input, decoder.unused_data) == (True, False, b"more")
        with pytest.raises(EOFError):
            decoder.decompress(b"", 100)


def test_a_decoder_gives_its_memory_back() -> None:
    library, packed = own(), lzma.compress(DATA, preset=6)
    for _ in range(20):
        LzmaDecoder(library, LIMIT).decompress(packed, 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(100):  # of 8 MiB each
        LzmaDecoder(library, LIMIT).decompress(packed, 1000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_only_a_tried_liblzma_is_taken(tmp_path: Path) -> None:
    assert loaded(str(tmp_path / "liblzma-none.so.5")) is None
    (tmp_path / "liblzma-text.so.5").write_text("no library")
    assert loaded(str(tmp_path / "liblzma-text.so.5")) is None
    assert loaded(ctypes.util.find_library("c") or "libc.so.6") is None  # a library, and not this one


def test_streams_take_the_newer_one_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    class Counted(LzmaDecoder):
        def decompress(self, data: bytes, max_length: int, /) -> bytes:
            used.append(len(data))
            return super().decompress(data, max_length)

    monkeypatch.setattr(liblzma, "newer", own)
    monkeypatch.setattr(liblzma, "LzmaDecoder", Counted)
    opened = stream(PACKED["several"] + bytes(4), "data.tar.xz", Limits())
    assert opened.read(4000) == DATA[:3000]
    assert not opened.drain()
    assert used


def test_without_pillow_it_is_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liblzma, "find_spec", lambda _: None)
    liblzma.newer.cache_clear()
    assert liblzma.newer() is None
    assert isinstance(liblzma.new_decoder(LIMIT)(), lzma.LZMADecompressor)
    liblzma.newer.cache_clear()
