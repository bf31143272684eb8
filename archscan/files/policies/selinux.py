"""Policy modules of SELinux: that they are there, and what they are called."""

from __future__ import annotations

import bz2
import re
import struct

from archscan.files.forms.text import cut
from archscan.model import FileFacts, Profile

_PACKAGE = 0xF97CFF8F  # semodule_package(8), little endian
_MODULE = 0xF97CFF8D
_MOST_SECTIONS = 64
_KIND_MODULE = 2  # 1 is a whole policy
_LONGEST_NAME = 256
_HEAD = 4_096  # bytes that are looked at


def module(path: str, data: bytes) -> FileFacts:
    """The module as a profile without an attachment, its mode unknown: what it confines, compiled rules say."""
    head = data[:_HEAD]
    if data.startswith(b"BZh"):
        try:
            head = bz2.BZ2Decompressor().decompress(data, _HEAD)
        except (OSError, ValueError):
            head = b""
    try:
        name = _name(head)
    except struct.error:
        name = None
    found = (Profile("selinux", cut(name), None, "unknown", 0),) if name else ()
    return FileFacts(path=path, what="selinux", profiles=found)


def _name(head: bytes) -> bytes | None:
    """The name that the module's header has: behind its magic, a text, four numbers and two counts."""
    magic, _version, sections = struct.unpack_from("<III", head)
    if magic != _PACKAGE or not 0 < sections <= _MOST_SECTIONS:
        return None
    (at,) = struct.unpack_from("<I", head, 12)
    magic, length = struct.unpack_from("<II", head, at)
    if magic != _MODULE or length > _LONGEST_NAME:
        return None
    at += 8 + length
    (kind,) = struct.unpack_from("<I", head, at)
    (size,) = struct.unpack_from("<I", head, at + 20)
    if kind != _KIND_MODULE or not 0 < size <= _LONGEST_NAME:
        return None
    name = head[at + 24 : at + 24 + size]
    return name if len(name) == size else None


PLACES = ((re.compile(r"usr/share/selinux/(?:.+/)?[^/]+\.pp(?:\.bz2)?", re.DOTALL), module),)
