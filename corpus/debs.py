"""A .deb written byte by byte: an ``ar`` of two ``tar`` archives, the same bytes from the same input.

It writes what ``dpkg-deb`` would (https://manpages.debian.org/deb.5), and on request what it never would: names
that climb, names that are no text, extended attributes.
"""

import bz2
import gzip
import lzma
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
import zstandard

Compression = Literal["xz", "zst", "gz", "bz2", "lzma", "none"]
ControlCompression = Literal["xz", "zst", "gz", "none"]  # all that dpkg-deb takes there
Kind = Literal["file", "hardlink", "symlink", "character", "block", "directory", "fifo"]

MTIME = 1_700_000_000  # of every member whose recipe says nothing else: 2023-11-14T22:13:20Z
BLOCK = 512

_TYPE: Mapping[Kind, bytes] = {
    "file": b"0",
    "hardlink": b"1",
    "symlink": b"2",
    "character": b"3",
    "block": b"4",
    "directory": b"5",
    "fifo": b"6",
}

# Ids that base-passwd fixes on every Debian system; any other name gets the first one left to the administrator.
_IDS: Mapping[str, int] = {"root": 0, "daemon": 1, "tty": 5, "man": 6, "mail": 8, "shadow": 42, "games": 60}
_OTHER_ID = 999


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a tar archive. ``name`` and ``link`` are written as they are; ``pax`` holds extended records."""

    name: bytes
    kind: Kind = "file"
    data: bytes = b""
    link: bytes = b""
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    device: tuple[int, int] = (0, 0)
    pax: Mapping[str, bytes] = {}
    mtime: int = MTIME


def _header(entry: Entry, *, name: bytes, kind: bytes, size: int, link: bytes, magic: bytes) -> bytes:
    fields = (
        name[:100].ljust(100, b"\0"),
        b"%07o\0" % entry.mode,
        b"%07o\0" % _IDS.get(entry.owner, _OTHER_ID),
        b"%07o\0" % _IDS.get(entry.group, _OTHER_ID),
        b"%011o\0" % size,
        b"%011o\0" % entry.mtime,
        b" " * 8,  # the checksum counts itself as spaces
        kind,
        link[:100].ljust(100, b"\0"),
        magic,
        entry.owner.encode().ljust(32, b"\0"),
        entry.group.encode().ljust(32, b"\0"),
        b"%07o\0" % entry.device[0],
        b"%07o\0" % entry.device[1],
    )
    header = b"".join(fields).ljust(BLOCK, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % BLOCK)


def _long(text: bytes, kind: bytes) -> bytes:
    """The record with which GNU tar gives a name or link (``kind`` L or K) of more than 100 bytes."""
    data = text + b"\0"
    bare = Entry(name=b"", mode=0)
    return _header(bare, name=b"././@LongLink", kind=kind, size=len(data), link=b"", magic=b"ustar  \0") + _padded(data)


def _pax_record(key: str, value: bytes) -> bytes:
    r"""``length key=value\n``, where the length counts its own digits (POSIX.1-2008, pax)."""
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _blocks(entry: Entry) -> Iterator[bytes]:
    magic = b"ustar\x0000" if entry.pax else b"ustar  \0"
    if entry.pax:
        records = b"".join(_pax_record(key, entry.pax[key]) for key in sorted(entry.pax))
        yield _header(entry, name=b"./PaxHeaders/x", kind=b"x", size=len(records), link=b"", magic=magic)
        yield _padded(records)
    if len(entry.name) > 100:
        yield _long(entry.name, b"L")
    if len(entry.link) > 100:
        yield _long(entry.link, b"K")
    yield _header(entry, name=entry.name, kind=_TYPE[entry.kind], size=len(entry.data), link=entry.link, magic=magic)
    yield _padded(entry.data)


def tar(entries: Iterable[Entry]) -> bytes:
    """The tar archive of ``entries``, in their order, with the two empty blocks that end it."""
    return b"".join(block for entry in entries for block in _blocks(entry)) + bytes(2 * BLOCK)


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """The ``ar`` archive of named members (names of at most 16 bytes), as the outer layer of a .deb."""
    parts = [b"!<arch>\n"]
    for name, data in members:
        parts.append(b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), MTIME, 0, 0, b"100644", len(data)))
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def compressed(data: bytes, compression: Compression) -> bytes:
    """``data`` in one of the formats dpkg has ever accepted inside a package; ``none`` gives it back."""
    match compression:
        case "xz":
            return lzma.compress(data)
        case "lzma":
            return lzma.compress(data, format=lzma.FORMAT_ALONE)
        case "zst":
            return zstandard.ZstdCompressor(level=3, write_content_size=False).compress(data)
        case "gz":
            return gzip.compress(data, mtime=0)
        case "bz2":
            return bz2.compress(data)
        case "none":
            return data


def _member(stem: str, entries: Iterable[Entry], compression: Compression) -> tuple[str, bytes]:
    suffix = "" if compression == "none" else f".{compression}"
    return f"{stem}.tar{suffix}", compressed(tar(entries), compression)


def deb(
    control: Iterable[Entry],
    data: Iterable[Entry],
    *,
    control_compression: ControlCompression = "xz",
    data_compression: Compression = "xz",
) -> bytes:
    """The bytes of a binary package (format 2.0) with the entries of its control and data archives."""
    return ar(
        (
            ("debian-binary", b"2.0\n"),
            _member("control", control, control_compression),
            _member("data", data, data_compression),
        )
    )
