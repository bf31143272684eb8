"""What a member holds: an ELF object, several (a static library), one packed (a kernel module), or neither."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import msgspec

from archscan.deb.ar import MAGIC as AR_MAGIC
from archscan.deb.ar import ar_members
from archscan.deb.members import Member
from archscan.deb.streams import Unpacked
from archscan.errors import DebError, LimitError
from archscan.model import FileKind, Limits, escape

ELF_MAGIC = b"\x7fELF"
_HEAD = 16
# Modules are unpacked into memory, so they get less trust than a stream: code does not shrink to a hundredth.
_MODULE_RATIO = 100
_MODULE_FLOOR = 32 << 20
_LONGEST_PATH = 60_000
_PACKED_MODULE = re.compile(r"\.ko\.(xz|zst|gz)$")
# Archives by their first bytes, and those by name whose first bytes only tell the compression.
_NESTED_MAGIC = (
    b"!<thin>\n",  # a static library that only names its members; they lie elsewhere
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"hsqs",
    b"\xed\xab\xee\xdb",
    b"070701",
)
_NESTED_NAME = re.compile(
    r"\.(?:tar|tar\.(?:gz|bz2|xz|zst|lzma|lz4|Z)|tgz|tbz2?|txz|tzst|cpio(?:\.\w+)?|crate|gem|img(?:\.\w+)?|iso|squashfs)$"
)


class ElfBytes(msgspec.Struct, frozen=True):
    """One ELF object. ``path`` is the member's, or ``libx.a(name.o)`` inside a static library."""

    path: str
    data: bytes


class Content(msgspec.Struct, frozen=True):
    """What a regular member is, and what of it can be read."""

    kind: FileKind
    head: bytes


def content(member: Member) -> Content:
    """What the first bytes and the name of a regular member say it is."""
    head = member.read(min(_HEAD, member.size))
    if head.startswith(ELF_MAGIC) or (_PACKED_MODULE.search(member.name) and len(head) == _HEAD):
        return Content(FileKind.ELF, head)
    if head.startswith(AR_MAGIC):
        nested = member.name.endswith((".deb", ".udeb"))
        return Content(FileKind.ARCHIVE if nested else FileKind.STATIC_ARCHIVE, head)
    if head.startswith(_NESTED_MAGIC) or (head and _NESTED_NAME.search(member.name)):
        return Content(FileKind.ARCHIVE, head)
    return Content(FileKind.REGULAR, head)


def elf_objects(path: str, kind: FileKind, data: bytes, limits: Limits) -> Iterator[ElfBytes]:
    """The ELF objects in the content of a member of kind ``ELF`` or ``STATIC_ARCHIVE``.

    Raises DebError where an archive or a packed module is damaged, LimitError where it unpacks to too much.
    """
    if kind == FileKind.STATIC_ARCHIVE:
        yield from _archive_objects(path, data)
    elif data.startswith(ELF_MAGIC):
        yield ElfBytes(path, data)
    else:
        unpacked = _unpacked(path, data, limits)
        if unpacked.startswith(ELF_MAGIC):
            yield ElfBytes(path, unpacked)


def _archive_objects(path: str, data: bytes) -> Iterator[ElfBytes]:
    file = io.BytesIO(data)
    seen: dict[str, int] = {}
    for part in ar_members(file, len(data)):
        if data[part.offset : part.offset + 4] != ELF_MAGIC:
            continue
        name = escape(part.name)
        if len(path) + len(name) > _LONGEST_PATH:
            raise DebError("limit", f"a member whose name has {len(name)} characters")
        # A static library may hold several members of one name; the second is `name.o#2`.
        seen[name] = seen.get(name, 0) + 1
        number = f"#{seen[name]}" if seen[name] > 1 else ""
        yield ElfBytes(f"{path}({name}{number})", data[part.offset : part.offset + part.size])


def _unpacked(name: str, data: bytes, limits: Limits) -> bytes:
    ratio, floor = min(limits.ratio, _MODULE_RATIO), min(limits.ratio_floor, _MODULE_FLOOR)
    bounded = msgspec.structs.replace(limits, ratio=ratio, ratio_floor=floor)
    stream = Unpacked(name, io.BytesIO(data), 0, len(data), bounded)
    unpacked = stream.read(limits.member_bytes + 1)
    if len(unpacked) > limits.member_bytes:
        raise LimitError("member_bytes", f"unpacks to more than {limits.member_bytes} bytes")
    return unpacked
