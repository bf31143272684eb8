"""Packages that are small and unpack to gigabytes, millions or terabytes: made in pieces, with no copy in memory.

Several compressed streams in a row are one to every decoder, so a piece is compressed once and repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from corpus.debs import Entry, ar, compressed, tar

Pieces = Iterator[bytes]

_CONTROL = tar([Entry(name=b"./control", data=b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a\n")])
_END = bytes(1024)


def _counted(header: bytearray) -> bytes:
    """The header with its checksum."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _headed(name: bytes, size: int, kind: bytes = b"0") -> bytes:
    """A header with any size, in base 256 (GNU)."""
    header = bytearray(tar([Entry(name=name)])[:512])
    header[156:157] = kind
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    return _counted(header)


def _zeros(compression: str, gigabytes: int, name: bytes = b"./usr/share/zeros") -> Pieces:
    """One member of zeros, which shrink to almost nothing."""
    piece = _packed(bytes(64 << 20), compression)
    yield _packed(_headed(name, gigabytes << 30), compression)
    for _ in range(gigabytes << 4):
        yield piece
    yield _packed(_END, compression)


def _below_the_ratio(gigabytes: int) -> Pieces:
    """One member that unpacks to 700 times its size: below what counts as a bomb, so the size itself must stop it."""
    noise = random.Random(1).randbytes(22_000)
    piece = _packed((noise + bytes(16 << 20))[: 16 << 20], "zst")
    yield _packed(_headed(b"./usr/share/large", gigabytes << 30), "zst")
    for _ in range(gigabytes << 6):
        yield piece
    yield _packed(_END, "zst")


def _members(count: int) -> Pieces:
    """So many empty files, whose names differ within each ten thousand."""
    block = _packed(b"".join(tar([Entry(name=b"./usr/bin/%d" % number)])[:512] for number in range(10_000)), "zst")
    for _ in range(count // 10_000):
        yield block
    yield _packed(_END, "zst")


def _links(kind: str, count: int) -> Pieces:
    """A file, and links of which each leads to the one before; the symbolic ones end at themselves as well."""
    program = [Entry(name=b"./usr/bin/0", data=b"\x7fELF" + bytes(60))]
    links = (
        Entry(name=b"./usr/bin/%d" % n, kind="symlink", link=b"%d" % ((n + 1) % (count + 1)))
        if kind == "symlink"
        else Entry(name=b"./usr/bin/%d" % n, kind="hardlink", link=b"./usr/bin/%d" % (n - 1))
        for n in range(1, count + 1)
    )
    yield _packed(tar([*program, *links]), "zst")


def _deep(count: int) -> Pieces:
    """A file that lies so many folders deep, a link to it, and folders one in the other, each a member."""
    folders = (Entry(name=b"./" + b"d/" * depth, kind="directory") for depth in range(1, 2_000))
    deep = b"./" + b"d/" * count + b"f"
    yield _packed(tar([*folders, Entry(name=deep), Entry(name=b"./l", kind="symlink", link=deep)]), "zst")


def _old_sparse() -> Pieces:
    """GNU's old form: no byte in the archive, one terabyte on the disk."""
    header = bytearray(_headed(b"./usr/bin/huge", 0, b"S"))
    header[257:265] = b"ustar  \0"
    header[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    yield _counted(header) + _END


def _pax_sparse(version: str) -> Pieces:
    """PAX's forms 0.1 and 1.0, the map in a record or before the content."""
    size = b"%d" % (1 << 40)
    if version == "0.1":
        records = {"GNU.sparse.size": size, "GNU.sparse.numblocks": b"1", "GNU.sparse.map": size + b",0"}
        yield tar([Entry(name=b"./usr/bin/huge", pax=records)])
        return
    records = {"GNU.sparse.major": b"1", "GNU.sparse.minor": b"0", "GNU.sparse.name": b"./usr/bin/huge",
               "GNU.sparse.realsize": size}  # fmt: skip
    yield tar([Entry(name=b"./x", pax=records, data=(b"1\n" + size + b"\n0\n").ljust(512, b"\0"))])


def _promised(in_record: bool) -> Pieces:
    """A member of one terabyte by its header, with a few bytes behind it; in one form an ELF object."""
    if in_record:
        yield tar([Entry(name=b"./usr/bin/huge", pax={"size": b"%d" % (1 << 40)}, data=b"\x7fELF" + bytes(4092))])
    else:
        yield _headed(b"./usr/bin/huge", 1 << 40) + b"\x7fELF" + bytes(4092)


def _packed(data: bytes, compression: str) -> bytes:
    return compressed(data, compression)  # type: ignore[arg-type]


# Name → suffix of the data archive, its pieces, and the words of the problem that it must become; none: it is read.
BOMBS: dict[str, tuple[str, Callable[[], Pieces], str]] = {
    "xz-8GB": (".xz", lambda: _zeros("xz", 8), "more than 1000 times its size"),
    "zst-8GB": (".zst", lambda: _zeros("zst", 8), "more than 1000 times its size"),
    "gz-8GB": (".gz", lambda: _zeros("gz", 8), "more than 1000 times its size"),
    "tar-70GB": (".zst", lambda: _below_the_ratio(70), "unpacks to more than"),
    "tar-8GB": (".zst", lambda: _below_the_ratio(8), ""),
    "members-10M": (".zst", lambda: _members(10_000_000), "500000 members"),
    "symlinks-100k": (".zst", lambda: _links("symlink", 100_000), "not 1 or 2"),
    "hardlinks-100k": (".zst", lambda: _links("hardlink", 100_000), "not 1 or 2"),
    "deep-100k": (".zst", lambda: _deep(100_000), "a name or link of 200001 characters"),
    "sparse-1TB-gnu": ("", _old_sparse, "a sparse member of 1099511627776 bytes"),
    "sparse-1TB-pax-0.1": ("", lambda: _pax_sparse("0.1"), "a sparse member of 1099511627776 bytes"),
    "sparse-1TB-pax-1.0": ("", lambda: _pax_sparse("1.0"), "a sparse member of 1099511627776 bytes"),
    "header-1TB": ("", lambda: _promised(in_record=False), "member_bytes"),
    "pax-size-1TB": ("", lambda: _promised(in_record=True), "member_bytes"),
}


def write(name: str, path: Path) -> None:
    """Make one of ``BOMBS``."""
    suffix, pieces, _ = BOMBS[name]
    data = path.with_suffix(".data")
    with data.open("wb") as file:
        for piece in pieces():
            file.write(piece)
    control = compressed(_CONTROL, "gz")
    outer = ar([("debian-binary", b"2.0\n"), ("control.tar.gz", control), (f"data.tar{suffix}", b"")])
    size = data.stat().st_size
    with path.open("wb") as file, data.open("rb") as packed:
        file.write(outer[:-12] + b"%-10d`\n" % size)
        while piece := packed.read(1 << 20):
            file.write(piece)
        file.write(b"\n" * (size % 2))
    data.unlink()
