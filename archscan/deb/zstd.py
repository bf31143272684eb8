"""The outer form of a Zstandard stream: frames, and the blocks they are made of (RFC 8878)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archscan.errors import DebError

_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a byte 0x50 … 0x5f
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)
_RLE = 1


def zstd_chunks(exactly: Callable[[int], bytes]) -> Iterator[bytes]:
    """The stream in pieces for a decoder: the header of a frame, each block, a checksum. Skippable frames are left out.

    ``exactly`` gives so many bytes, or none at the end of the stream. Raises DebError where a frame is cut off or
    something that is no frame follows.
    """
    while magic := exactly(4):
        if magic[1:] == _SKIPPABLE and magic[0] >> 4 == 5:
            _pass_over(exactly, int.from_bytes(_some(exactly, 4), "little"))
        elif magic == _MAGIC:
            yield from _frame(magic, exactly)
        else:
            raise DebError("corrupt", "a zst stream with something that is no frame")


def _frame(magic: bytes, exactly: Callable[[int], bytes]) -> Iterator[bytes]:
    descriptor = _some(exactly, 1)
    flags = descriptor[0]
    single = flags >> 5 & 1
    content_size = _SIZE_BYTES[flags >> 6] or single
    yield magic + descriptor + _some(exactly, 1 - single + _DICTIONARY_BYTES[flags & 3] + content_size)
    last = 0
    while not last:
        header = _some(exactly, 3)
        bits = int.from_bytes(header, "little")
        last, kind, size = bits & 1, bits >> 1 & 3, bits >> 3
        yield header + _some(exactly, 1 if kind == _RLE else size)
    if flags & 4:
        yield _some(exactly, 4)


def _some(exactly: Callable[[int], bytes], size: int) -> bytes:
    data = exactly(size) if size else b""
    if len(data) < size:
        raise DebError("truncated", "the zst stream ends before the end of its frame")
    return data


def _pass_over(exactly: Callable[[int], bytes], size: int) -> None:
    while size:
        size -= len(_some(exactly, min(size, 1 << 16)))
