"""Compressed streams: every format, in pieces, cut anywhere, and as bombs in little memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import DebError, LimitError
from archscan.model import Limits
from tests.deb.building import stream


def _zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(data)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": _zst,
}
CHANCE = random.Random(1)
DATA = CHANCE.randbytes(70_000) + bytes(300_000) + CHANCE.randbytes(3_000)


def unpacked(name: str, packed: bytes, limits: Limits = Limits()) -> bytes:  # noqa: B008
    opened = stream(packed, name, limits)
    pieces = [opened.read(100_000) for _ in range(10)]
    assert not opened.drain()
    return b"".join(pieces)


@pytest.mark.parametrize("suffix", PACKERS)
def test_streams_unpack(suffix: str) -> None:
    assert unpacked(f"data.tar.{suffix}", PACKERS[suffix](DATA)) == DATA


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2", "zst"])
def test_streams_in_a_row_are_one(suffix: str) -> None:
    pack = PACKERS[suffix]
    assert unpacked(f"data.tar.{suffix}", pack(DATA[:100_000]) + pack(b"") + pack(DATA[100_000:])) == DATA


def test_padding_of_xz_and_skippable_frames_of_zst_are_no_content() -> None:
    assert unpacked("x.xz", lzma.compress(b"a") + bytes(8) + lzma.compress(b"b") + bytes(4)) == b"ab"
    skippable = b"\x5a\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"any"
    assert unpacked("x.zst", skippable + _zst(b"a") + skippable) == b"a"


@given(data=st.binary(max_size=3000), times=st.integers(1, 200), level=st.integers(1, 19), sized=st.booleans())
def test_every_form_of_zst_frame_unpacks(data: bytes, times: int, level: int, sized: bool) -> None:
    packer = zstandard.ZstdCompressor(level=level, write_checksum=sized, write_content_size=sized)
    assert unpacked("x.zst", packer.compress(data * times)) == data * times


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2", "zst"])
def test_a_stream_cut_anywhere_is_truncated(suffix: str) -> None:
    packed = PACKERS[suffix](DATA[:2000])
    for at in range(1, len(packed)):
        with pytest.raises(DebError) as caught:
            unpacked(f"x.{suffix}", packed[:at])
        assert caught.value.kind == "truncated", at


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2", "zst"])
def test_damage_of_the_last_bytes_is_seen(suffix: str) -> None:
    packed = PACKERS[suffix](DATA)
    for behind in (1, 2, 4):
        broken = bytearray(packed)
        broken[-behind] ^= 1
        with pytest.raises(DebError):
            unpacked(f"x.{suffix}", bytes(broken))


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("other", PACKERS)
def test_a_wrong_suffix_is_damage(suffix: str, other: str) -> None:
    if suffix == other or {suffix, other} == {"xz", "lzma"}:
        return  # liblzma knows both by their first bytes
    with pytest.raises(DebError) as caught:
        unpacked(f"x.{suffix}", PACKERS[other](DATA))
    assert caught.value.kind in ("corrupt", "truncated")


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_small_file_of_many_zeros_reaches_the_ratio(suffix: str) -> None:
    packed = PACKERS[suffix](bytes(8 << 20))
    with pytest.raises(LimitError) as caught:
        unpacked(f"x.{suffix}", packed, Limits(ratio=100, ratio_floor=1 << 20))
    assert caught.value.limit == "ratio"


def test_the_whole_is_bounded() -> None:
    with pytest.raises(LimitError) as caught:
        unpacked("x.gz", gzip.compress(DATA), Limits(unpacked_bytes=100_000))
    assert caught.value.limit == "unpacked_bytes"


def test_a_decoder_that_wants_too_much_is_refused() -> None:
    for name, packed in (("x.xz", _dictionary_of_256_mib()), ("x.zst", _window_of_1_gib())):
        with pytest.raises(LimitError) as caught:
            unpacked(name, packed)
        assert caught.value.limit == "decoder_bytes"


def _dictionary_of_256_mib() -> bytes:
    """LZMA alone says the size of its dictionary in bytes 1 to 4."""
    packed = bytearray(lzma.compress(DATA, format=lzma.FORMAT_ALONE))
    packed[1:5] = (256 << 20).to_bytes(4, "little")
    return bytes(packed)


def _window_of_1_gib() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(DATA) + packer.flush()


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2", "zst"])
def test_a_bomb_takes_little_memory(suffix: str) -> None:
    program = f"""
    import resource, sys
    from archscan.errors import LimitError
    from archscan.model import Limits
    from tests.deb.building import stream
    packed = sys.stdin.buffer.read()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        stream(packed, "x.{suffix}", Limits(ratio=500, ratio_floor=24 << 20)).drain()
    except LimitError as error:
        print(error.limit, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], input=PACKERS[suffix](bytes(80 << 20)),
                          capture_output=True, check=True)  # fmt: skip
    limit, mebibytes = done.stdout.split()
    assert limit == b"ratio"
    assert int(mebibytes) < 40
