"""The unpacked bytes of an index, in pieces, never more than were announced."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from archscan.errors import SourceError

STEP = 1 << 20
_INPUT = 256 << 10
_DECODER_BYTES = 192 << 20  # `xz -9` needs 65 MiB
_LARGEST_WINDOW = 1 << 27  # what the command zstd takes without being asked


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def unpacked(file: BinaryIO, compression: str, *, most: int) -> Iterator[bytes]:
    """What ``file`` unpacks to, by pieces of at most ``STEP`` bytes. ``compression`` is xz, gz, zst or empty.

    Raises SourceError: ``corrupt``, ``truncated``, or ``limit`` where there are more than ``most`` bytes.
    """
    total = 0
    try:
        for piece in _PIECES[compression](file):
            total += len(piece)
            if total > most:
                raise SourceError("limit", f"it unpacks to more than {most} bytes")
            yield piece
    except (lzma.LZMAError, zlib.error) as error:
        raise SourceError("corrupt", f"it cannot be unpacked: {error}") from error


def verified(pieces: Iterator[bytes], *, size: int, sha256: str) -> Iterator[bytes]:
    """The same pieces; raises SourceError (``mismatch``) behind the last one where they are not what was promised."""
    digest, total = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        total += len(piece)
        yield piece
    if (total, digest.hexdigest()) != (size, sha256):
        raise SourceError("mismatch", f"it unpacks to {total} bytes with another SHA-256 than Release says")


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(STEP):
        yield piece


def _zst(file: BinaryIO) -> Iterator[bytes]:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    try:
        with unpacker.stream_reader(file, read_across_frames=True, closefd=False) as reader:
            while piece := reader.read(STEP):
                yield piece
    except zstandard.ZstdError as error:
        raise SourceError("corrupt", f"it cannot be unpacked: {error}") from error


def _xz(file: BinaryIO) -> Iterator[bytes]:
    return _decoded(file, lambda: lzma.LZMADecompressor(memlimit=_DECODER_BYTES))


def _gz(file: BinaryIO) -> Iterator[bytes]:
    return _decoded(file, lambda: zlib.decompressobj(wbits=31))


def _decoded(file: BinaryIO, new_decoder: Callable[[], _Decoder]) -> Iterator[bytes]:
    decoder, pending = new_decoder(), b""
    while True:
        if decoder.eof:  # several streams in a row count as one
            pending = (decoder.unused_data or file.read(_INPUT)).lstrip(b"\0")
            if not pending and not (pending := file.read(_INPUT).lstrip(b"\0")):
                return
            decoder = new_decoder()
        elif not pending and getattr(decoder, "needs_input", True):
            pending = file.read(_INPUT)
            if not pending:
                raise SourceError("truncated", "the compressed stream ends before its end mark")
        piece = decoder.decompress(pending, STEP)
        pending = getattr(decoder, "unconsumed_tail", b"")  # zlib's; lzma keeps it inside
        if piece:
            yield piece


_PIECES: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {"": _plain, "xz": _xz, "gz": _gz, "zst": _zst}
