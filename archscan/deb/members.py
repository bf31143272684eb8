"""The members of a tar stream, one after the other; nothing is unpacked to disk, nothing is read twice."""

from __future__ import annotations

from collections.abc import Iterator

from archscan.deb.capabilities import capability_text
from archscan.deb.streams import Unpacked
from archscan.deb.tar import Header, headers
from archscan.errors import DebError
from archscan.model import Limits, escape

_CAPABILITY_RECORD = b"SCHILY.xattr.security.capability"


class Member:
    """One member of a tar stream. Its content can be read until the next member is asked for."""

    __slots__ = (
        "_stream",
        "capabilities",
        "group",
        "link",
        "mode",
        "modified",
        "name",
        "owner",
        "size",
        "type",
        "written",
    )

    def __init__(self, stream: Unpacked, header: Header) -> None:
        self._stream = stream
        self.name = _name(header.name)
        self.written = escape(header.name)  # as the archive has it
        self.type = header.type
        self.mode = header.mode
        self.owner = escape(header.owner) or str(header.uid)
        self.group = escape(header.group) or str(header.gid)
        self.size = header.size
        self.link = _link(header)
        self.modified = header.modified
        capabilities = header.records.get(_CAPABILITY_RECORD)
        self.capabilities = None if capabilities is None else capability_text(capabilities)

    @property
    def longest(self) -> int:
        """Characters of its longest text."""
        return max(len(self.name), len(self.link or ""), len(self.owner), len(self.group))

    def read(self, size: int, before: bytes = b"") -> bytes:
        """The next ``size`` bytes of the content, behind those ``before``: so that a large object is copied once.

        Raises DebError where the stream ends before them.
        """
        data = self._stream.read(size, before)
        if len(data) < size + len(before):
            raise DebError("truncated", f"the tar stream ends inside {self.name}")
        return data


def _name(name: bytes) -> str:
    return escape(name.removeprefix(b"./").rstrip(b"/") or name)


def _link(header: Header) -> str | None:
    if header.type == "hardlink":
        return _name(header.link)
    return escape(header.link) or None if header.type == "symlink" else None


def members(stream: Unpacked, limits: Limits) -> Iterator[Member]:
    """Each member of the tar stream, in order, and at the end the stream's own checksums.

    Raises as ``tar.headers`` and ``Unpacked`` do.
    """
    for header in headers(stream, limits):
        yield Member(stream, header)
