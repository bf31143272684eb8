"""The members of a tar stream, one after the other; nothing is unpacked to disk, nothing is read twice."""

from __future__ import annotations

import stat
import struct
import tarfile
from collections.abc import Iterator
from typing import IO, cast

from archscan.deb.capabilities import capability_text
from archscan.deb.streams import Unpacked
from archscan.errors import DebError, LimitError
from archscan.model import Limits, escape

# What tarfile lets through on headers that nobody wrote in earnest (seen with mutated archives).
_DAMAGE = (ValueError, IndexError, KeyError, OverflowError, struct.error, TypeError, AttributeError)
_CAPABILITY_RECORD = "SCHILY.xattr.security.capability"


class Member:
    """One member of a tar stream. Its content can be read until the next member is asked for."""

    __slots__ = ("_stream", "capabilities", "group", "link", "mode", "modified", "name", "owner", "size", "type")

    def __init__(self, stream: Unpacked, info: tarfile.TarInfo) -> None:
        self._stream = stream
        self.name = _name(info.name)
        self.type = _type(info)
        self.mode = stat.S_IMODE(info.mode)
        self.owner = escape(info.uname) or str(info.uid)
        self.group = escape(info.gname) or str(info.gid)
        self.size = info.size
        self.link = _name(info.linkname) if self.type == "hardlink" else escape(info.linkname) or None
        self.modified = info.mtime
        self.capabilities = _capabilities(info)

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes of the content. Raises DebError where the stream ends before them."""
        data = self._stream.read(size)
        if len(data) < size:
            raise DebError("truncated", f"the tar stream ends inside {self.name}")
        return data


def _name(name: str) -> str:
    return escape(name.removeprefix("./"))


def _type(info: tarfile.TarInfo) -> str:
    if info.issparse():
        return "sparse"
    if info.isreg():
        return "regular"
    if info.islnk():
        return "hardlink"
    if info.issym():
        return "symlink"
    return "directory" if info.isdir() else "other"


def _capabilities(info: tarfile.TarInfo) -> str | None:
    value = info.pax_headers.get(_CAPABILITY_RECORD)
    return None if value is None else capability_text(value.encode("utf-8", "surrogateescape"))


class _Headers:
    """What tarfile reads from: the stream, with a bound on each header and a memory of the last block."""

    def __init__(self, stream: Unpacked, limits: Limits) -> None:
        self._stream = stream
        self._limit = limits.header_bytes
        self.last_block = b""
        self.tell = stream.tell
        self.seek = stream.seek

    def read(self, size: int) -> bytes:
        if size > self._limit:
            raise LimitError("header_bytes", f"a tar header of {size} bytes; the limit is {self._limit}")
        data = self._stream.read(size)
        if size == tarfile.BLOCKSIZE:
            self.last_block = data
        return data


def members(stream: Unpacked, limits: Limits) -> Iterator[Member]:
    """Each member of the tar stream, in order, and at the end the stream's own checksums.

    Long names, PAX records and sparse maps of GNU and POSIX are understood (tar(5)). Raises DebError where the
    archive is damaged or ends before its end mark, LimitError beyond ``limits.members``.
    """
    headers = _Headers(stream, limits)
    count = 0
    for info in _headers(headers):
        count += 1
        if count > limits.members:
            raise LimitError("members", f"the tar archive has more than {limits.members} members")
        yield Member(stream, info)
    # tarfile takes damage after the first member for the end of the archive.
    if not headers.last_block:
        raise DebError("truncated", "the tar archive ends without its end mark")
    if headers.last_block.strip(b"\0"):
        raise DebError("corrupt", f"the tar archive is damaged after {count} members")
    stream.drain()


def _headers(source: _Headers) -> Iterator[tarfile.TarInfo]:
    try:
        archive = tarfile.TarFile(fileobj=cast("IO[bytes]", source), mode="r", errors="surrogateescape")
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every member it ever saw
            yield info
    except tarfile.TarError as error:
        raise DebError("truncated" if "end of data" in str(error) else "corrupt", f"tar: {error}") from error
    except _DAMAGE as error:
        raise DebError("corrupt", f"a damaged tar header: {error}") from error
