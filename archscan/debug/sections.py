"""Sections of debug information, unpacked where they are packed, never to more than they may have."""

from __future__ import annotations

import struct
import zlib

from archscan.elf.image import Image, contents, section
from archscan.errors import ElfError

_SHF_COMPRESSED = 0x800
_ZLIB, _ZSTD = 1, 2  # gABI, "Section Compression": ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD
_GNU_MAGIC = b"ZLIB"  # `.zdebug_…`, before the gABI knew compression: the magic, and the size as 8 bytes, big-endian


def section_bytes(image: Image, name: str, most: int) -> bytes:
    """The unpacked content of a section like ``.debug_info``; empty where there is none.

    Raises ElfError where it is damaged, packed in an unknown way, or has more than ``most`` bytes.
    """
    part = section(image, name)
    if part is None:
        part = section(image, name.replace(".debug_", ".zdebug_"))
        data = b"" if part is None else contents(image, part)
        if not data.startswith(_GNU_MAGIC):
            return data
        return _inflated(name, data[12:], int.from_bytes(data[4:12], "big"), most)
    data = contents(image, part)
    if not part.flags & _SHF_COMPRESSED or not data:
        return data
    header = struct.Struct(image.order + ("IIQQ" if image.bits == 64 else "III"))
    if len(data) < header.size:
        raise ElfError("corrupt", f"{name} is compressed, but shorter than a header")
    fields = header.unpack_from(data)
    packed, size = data[header.size :], fields[2] if image.bits == 64 else fields[1]
    if fields[0] == _ZLIB:
        return _inflated(name, packed, size, most)
    if fields[0] == _ZSTD:
        return _expanded(name, packed, size, most)
    raise ElfError("unsupported", f"{name} is compressed in way {fields[0]}; only zlib (1) and zstd (2) are known")


def _checked(name: str, size: int, most: int) -> int:
    if size > most:
        raise ElfError("limit", f"{name} unpacks to {size} bytes; the limit is {most} (member_bytes)")
    return size


def _inflated(name: str, packed: bytes, size: int, most: int) -> bytes:
    try:
        data = zlib.decompressobj().decompress(packed, _checked(name, size, most) or 1)
    except zlib.error as error:
        raise ElfError("corrupt", f"{name}: {error}") from error
    return _whole(name, data, size)


def _expanded(name: str, packed: bytes, size: int, most: int) -> bytes:
    import zstandard

    _checked(name, size, most)
    pieces, got = [], 0
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            packed, read_across_frames=True
        ) as reader:
            while got < size and (piece := reader.read(min(size - got, 1 << 20))):
                pieces.append(piece)
                got += len(piece)
    except zstandard.ZstdError as error:
        raise ElfError("corrupt", f"{name}: {error}") from error
    return _whole(name, b"".join(pieces), size)


def _whole(name: str, data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ElfError("corrupt", f"{name} unpacks to {len(data)} bytes, not the {size} that it promises")
    return data
