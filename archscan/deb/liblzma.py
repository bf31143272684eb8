"""Decoding xz and lzma by a newer liblzma than Python's own, where one is at hand.

Python's `lzma` uses the system's library. That of Debian 12 is 5.4; since 5.6 the decoder has a faster loop, and 5.8
has a faster checksum. Pillow's wheels bring such a library, as a file of its own, and are kept up to date for what
hostile pictures do to it. Nothing of Pillow is imported. What is called is the stable interface of liblzma.so.5
(lzma/base.h, lzma/container.h), by the same calls as CPython's `_lzma` makes, with the same limit of memory.
"""

from __future__ import annotations

import ctypes
import lzma
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_LEAST = 50_060_022  # 5.6.2: the two before it were published with a back door (CVE-2024-3094)
_BEYOND = 50_090_000  # what nobody has tried yet
_TELL_NO_CHECK, _TELL_ANY_CHECK = 1, 4
_RUN = 0
_OK, _STREAM_END, _NO_CHECK, _GET_CHECK, _NO_MEMORY, _LIMIT, _SPENT = 0, 1, 2, 4, 5, 6, 10
_SAID = {
    3: "Unsupported integrity check",
    _LIMIT: "Memory usage limit exceeded",
    7: "Input format not supported by decoder",
    8: "Invalid or unsupported options",
    9: "Corrupt input data",
    _SPENT: "Insufficient buffer space",
}


class _Stream(ctypes.Structure):
    """`lzma_stream`; what is reserved there has its size here."""

    _fields_ = (
        ("next_in", ctypes.c_void_p),
        ("avail_in", ctypes.c_size_t),
        ("total_in", ctypes.c_uint64),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_size_t),
        ("total_out", ctypes.c_uint64),
        ("allocator", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
        ("pointers", ctypes.c_void_p * 4),
        ("seek", ctypes.c_uint64),
        ("integer", ctypes.c_uint64),
        ("sizes", ctypes.c_size_t * 2),
        ("enums", ctypes.c_int * 2),
    )


class LzmaDecoder:
    """Like ``lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=limit)``, of a given library; raises what that raises."""

    def __init__(self, library: ctypes.CDLL, limit: int) -> None:
        self.eof = False
        self.unused_data = b""
        self.needs_input = True
        self._library = library
        self._stream = _Stream()
        self._at = ctypes.byref(self._stream)
        self._packed = ctypes.c_char_p(b"")
        self._held = b""  # what the stream's pointer leads to
        self._room = ctypes.create_string_buffer(0)
        self._check(library.lzma_auto_decoder(self._at, limit, _TELL_ANY_CHECK | _TELL_NO_CHECK))

    def __del__(self) -> None:
        """Gives the memory of the library back."""
        self._library.lzma_end(self._at)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most ``max_length`` unpacked bytes, of what was given before and of ``data``."""
        if self.eof:
            raise EOFError("Already at end of stream")
        stream = self._stream
        if data:
            self._hold(self._left() + data)
        if len(self._room) != max_length:
            self._room = ctypes.create_string_buffer(max_length)
        stream.next_out, stream.avail_out = ctypes.addressof(self._room), max_length
        while True:
            result = self._library.lzma_code(self._at, _RUN)
            if result == _SPENT and not stream.avail_in and stream.avail_out:
                result = _OK
            self._check(result)
            self.eof = result == _STREAM_END
            if self.eof or not stream.avail_out or not stream.avail_in:
                break
        if self.eof:
            self.unused_data = self._left()
        self.needs_input = not self.eof and not stream.avail_in and bool(stream.avail_out)
        return ctypes.string_at(self._room, max_length - stream.avail_out)

    def _left(self) -> bytes:
        """What was given and not used yet."""
        return self._held[len(self._held) - self._stream.avail_in :]

    def _hold(self, data: bytes) -> None:
        self._held, self._packed = data, ctypes.c_char_p(data)
        self._stream.next_in = ctypes.cast(self._packed, ctypes.c_void_p).value
        self._stream.avail_in = len(data)

    def _check(self, result: int) -> None:
        """Raises what CPython does for a result that is none of success (Modules/_lzmamodule.c, `catch_lzma_error`)."""
        if result == _NO_MEMORY:
            raise MemoryError
        if result not in (_OK, _STREAM_END, _NO_CHECK, _GET_CHECK):
            raise lzma.LZMAError(_SAID.get(result, f"Unrecognized error from liblzma: {result}"))


def loaded(path: str) -> ctypes.CDLL | None:
    """The library at a path, if it is a liblzma that is new enough, and no newer than what was tried."""
    try:
        library = ctypes.CDLL(path)
        number = library.lzma_version_number
        number.argtypes, number.restype = (), ctypes.c_uint32
        if not _LEAST <= number() < _BEYOND:
            return None
        return declared(library)
    except (OSError, AttributeError):
        return None


def declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """A liblzma whose functions are called with the right types. Raises AttributeError where it lacks one."""
    stream = ctypes.POINTER(_Stream)
    library.lzma_auto_decoder.argtypes = (stream, ctypes.c_uint64, ctypes.c_uint32)
    library.lzma_code.argtypes, library.lzma_end.argtypes = (stream, ctypes.c_int), (stream,)
    library.lzma_end.restype = None
    return library


def version(library: ctypes.CDLL) -> str:
    """The version of a liblzma, as ``5.8.1``."""
    number = int(library.lzma_version_number())
    return f"{number // 10_000_000}.{number // 10_000 % 1000}.{number // 10 % 1000}"


@cache
def newer() -> ctypes.CDLL | None:
    """The liblzma that Pillow's wheel has beside it, if that is installed; looked for once in a process."""
    pillow = find_spec("PIL")
    if pillow is None or pillow.origin is None:
        return None
    folder = Path(pillow.origin).parent.parent / "pillow.libs"
    found = (loaded(str(path)) for path in sorted(folder.glob("liblzma-*.so*")))
    return next((library for library in found if library is not None), None)


def new_decoder(limit: int) -> Callable[[], lzma.LZMADecompressor | LzmaDecoder]:
    """What makes decoders of xz and lzma that take no more than ``limit`` bytes: by the newer library, or Python's."""
    library = newer()
    if library is None:
        return lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=limit)
    return lambda: LzmaDecoder(library, limit)
