"""Members of an `ar` archive: the container of a .deb, and of a static library (ar(5), GNU and BSD long names)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from archscan.errors import DebError

MAGIC = b"!<arch>\n"
_HEADER = 60


class ArMember(msgspec.Struct, frozen=True):
    """Where one member lies in its archive. ``offset`` and ``size`` in bytes."""

    name: bytes
    offset: int
    size: int


def ar_members(file: BinaryIO, size: int) -> Iterator[ArMember]:
    """Each member of the archive of ``size`` bytes, in order; GNU's symbol and name tables are left out.

    Raises DebError when the magic is missing, a header is damaged or a member reaches past the end.
    """
    file.seek(0)
    magic = file.read(len(MAGIC))
    if magic != MAGIC:
        raise DebError(
            "not-a-deb", "the file is empty" if not magic else "no ar archive: it does not begin with '!<arch>'"
        )
    offset = len(MAGIC)
    long_names = b""
    while offset < size:
        file.seek(offset)
        name, length = _header(file.read(_HEADER), offset)
        start = offset + _HEADER
        if start + length > size:
            missing = start + length - size
            raise DebError("truncated", f"the member {_shown(name)} ends {missing} bytes past the end of the file")
        offset = start + length + (length & 1)
        if name == b"//":
            file.seek(start)
            long_names = file.read(length)
            continue
        if name in (b"/", b"/SYM64/", b"__.SYMDEF", b"__.SYMDEF SORTED"):
            continue
        if name.startswith(b"#1/") and name[3:].isdigit():  # BSD: the name stands before the data
            inline = min(int(name[3:8]), length)
            file.seek(start)
            yield ArMember(file.read(inline).rstrip(b"\0"), start + inline, length - inline)
        else:
            yield ArMember(_name(name, long_names), start, length)


def _header(header: bytes, offset: int) -> tuple[bytes, int]:
    if len(header) < _HEADER:
        raise DebError("truncated", f"the ar header at offset {offset} is cut off")
    if header[58:60] != b"`\n":
        raise DebError("corrupt", f"the ar header at offset {offset} has no end mark")
    digits = header[48:58].strip()
    if not digits.isdigit():
        raise DebError("corrupt", f"the ar header at offset {offset} has no size")
    return header[:16].rstrip(b" "), int(digits)


def _name(name: bytes, long_names: bytes) -> bytes:
    if name.startswith(b"/") and name[1:].isdigit():
        at = int(name[1:])
        end = long_names.find(b"\n", at)
        return long_names[at : end if end >= 0 else None].removesuffix(b"/")
    return name.removesuffix(b"/")


def _shown(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace")
