"""One bounded stream of unpacked bytes, whatever the compression.

A package can be a bomb: a few kilobytes that unpack to petabytes, or that ask the decoder for gigabytes of memory.
So every decoder is fed and drained in small steps, its memory is limited, and the bytes that come out are counted
against the bytes that went in.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from archscan.deb import liblzma
from archscan.deb.zstd import zstd_chunks
from archscan.errors import DebError, LimitError
from archscan.model import Limits

# Python's decoders grow their output in blocks of which the first has 32 KiB; asking for exactly one block
# spares a copy of every byte (CPython, Include/internal/pycore_blocks_output_buffer.h).
STEP = 32 << 10
_INPUT = 64 << 10


class _Source:
    """The packed bytes: a section of a file, read once from front to back."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file = file
        self._end = offset + size
        self.position = offset
        file.seek(offset)

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end of the section. Raises DebError where the file ends before it."""
        wanted = min(size, self._end - self.position)
        if wanted <= 0:
            return b""
        piece = self._file.read(wanted)
        if not piece:
            raise DebError("truncated", "the file ends in the middle of a member")
        self.position += len(piece)
        return piece

    def exactly(self, size: int) -> bytes:
        """``size`` bytes, or none at the end of the section. Raises DebError where it ends before them."""
        data = self.read(size)
        while 0 < len(data) < size:
            more = self.read(size - len(data))
            if not more:
                raise DebError("truncated", "the compressed stream ends before its end mark")
            data += more
        return data


class _Decoder(Protocol):
    """The part that the decoders of the standard library have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decoded(source: _Source, new_decoder: Callable[[], _Decoder]) -> Callable[[], bytes]:
    """A function that gives the next piece of at most ``STEP`` unpacked bytes, empty at the end.

    Several compressed streams in a row count as one, as `xz -d`, `gunzip` and `bunzip2` have it.
    """
    decoder = new_decoder()
    pending = b""

    def next_piece() -> bytes:
        nonlocal decoder, pending
        while True:
            if decoder.eof:
                rest = decoder.unused_data.lstrip(b"\0")  # xz allows zero padding between streams
                while not rest:
                    packed = source.read(_INPUT)
                    if not packed:
                        return b""
                    rest = packed.lstrip(b"\0")
                decoder, pending = new_decoder(), rest
            elif not pending and getattr(decoder, "needs_input", True):
                pending = source.read(_INPUT)
                if not pending:
                    raise DebError("truncated", "the compressed stream ends before its end mark")
            piece = decoder.decompress(pending, STEP)
            # zlib keeps what it could not take; lzma and bz2 keep it inside.
            pending = getattr(decoder, "unconsumed_tail", b"")
            if piece:
                return piece

    return next_piece


def _plain(source: _Source) -> Callable[[], bytes]:
    return lambda: source.read(STEP)


def _xz(source: _Source, limits: Limits) -> Callable[[], bytes]:
    return _decoded(source, liblzma.new_decoder(limits.decoder_bytes))


def _gz(source: _Source) -> Callable[[], bytes]:
    return _decoded(source, lambda: zlib.decompressobj(wbits=31))


def _bz2(source: _Source) -> Callable[[], bytes]:
    return _decoded(source, bz2.BZ2Decompressor)


def _zst(source: _Source, limits: Limits) -> Callable[[], bytes]:
    """Like ``_decoded``, fed by the block, of which none unpacks to more than 128 KiB (RFC 8878).

    The library's own reader takes a frame that is cut off for one that ends, and its decoder has no bound on output.
    """
    import zstandard

    # The library wants a power of two and rounds nothing itself (zstd.h, ZSTD_d_windowLogMax).
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << (limits.decoder_bytes.bit_length() - 1))
    chunks = zstd_chunks(source.exactly)
    decoder = unpacker.decompressobj()

    def next_piece() -> bytes:
        nonlocal decoder
        for chunk in chunks:
            if decoder.eof:
                decoder = unpacker.decompressobj()
            piece = decoder.decompress(chunk)
            if piece:
                return piece
        return b""

    return next_piece


def _opener(name: str, source: _Source, limits: Limits) -> Callable[[], bytes]:
    suffix = name.rpartition(".")[2]
    match suffix:
        case "tar":
            return _plain(source)
        case "xz" | "lzma":
            return _xz(source, limits)
        case "zst":
            return _zst(source, limits)
        case "gz":
            return _gz(source)
        case "bz2":
            return _bz2(source)
    raise DebError("unsupported", f"the compression of {name} is not known (xz, zst, gz, bz2 or none)")


class Unpacked:
    """The unpacked bytes of one compressed section of a file, from front to back.

    ``read`` never gives fewer bytes than asked for, except at the end of the stream. Raises DebError on damage
    and LimitError at a limit, both naming what was being unpacked.
    """

    def __init__(self, name: str, file: BinaryIO, offset: int, size: int, limits: Limits) -> None:
        self._name = name
        self._start = offset
        self._limits = limits
        self._source = _Source(file, offset, size)
        self._next = _opener(name, self._source, limits)
        self._piece = b""
        self._at = 0  # in the piece
        self._before = 0  # bytes in the pieces before this one

    def tell(self) -> int:
        """The position in the unpacked stream, in bytes."""
        return self._before + self._at

    def read(self, size: int, before: bytes = b"") -> bytes:
        """The next ``size`` bytes, or what is left of the stream; behind what was read ``before``."""
        at = self._at
        if at + size <= len(self._piece):
            self._at = at + size
            return before + self._piece[at : at + size]
        parts = [before, self._piece[at:]]
        missing = size - len(parts[1])
        self._at = len(self._piece)
        while missing and self._advance():
            part = self._piece if missing >= len(self._piece) else self._piece[:missing]
            self._at = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def seek(self, position: int) -> int:
        """Go forward to ``position``, or to the end of a shorter stream; gives where it now stands."""
        while position > self._before + len(self._piece):
            self._at = len(self._piece)
            if not self._advance():
                return self.tell()
        if position < self._before:
            raise DebError("corrupt", f"{self._name} asks to be read backwards")
        self._at = position - self._before
        return position

    def drain(self) -> bool:
        """Read to the end, so that the checksums there are checked; whether anything but zeros was left."""
        more = self._piece[self._at :].strip(b"\0") != b""
        while self._advance():
            more = more or self._piece.count(0) != len(self._piece)
        self._at = len(self._piece)
        return more

    def _advance(self) -> bool:
        try:
            piece = self._next()
        except (lzma.LZMAError, zlib.error, OSError, ValueError, EOFError) as error:
            raise self._damage(error) from error
        except MemoryError as error:
            raise LimitError("memory_bytes", f"the decoder of {self._name} ran out of memory") from error
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # imported only where it is needed
                raise
            raise self._damage(error) from error
        if not piece:
            return False
        self._before += len(self._piece)
        self._piece = piece
        self._at = 0
        self._check_limits()
        return True

    def _damage(self, error: Exception) -> DebError:
        text = str(error)
        if "memory" in text.lower():
            limit = self._limits.decoder_bytes
            return LimitError("decoder_bytes", f"{self._name} needs a decoder of more than {limit} bytes")
        return DebError("corrupt", f"{self._name} is damaged after {self.tell()} unpacked bytes: {text}")

    def _check_limits(self) -> None:
        unpacked = self._before + len(self._piece)
        limits = self._limits
        if unpacked > limits.unpacked_bytes:
            raise LimitError("unpacked_bytes", f"{self._name} unpacks to more than {limits.unpacked_bytes} bytes")
        if unpacked > limits.ratio_floor:
            packed = self._source.position - self._start
            if unpacked > packed * limits.ratio:
                raise LimitError("ratio", f"{self._name} unpacks to more than {limits.ratio} times its size")
