"""Paragraphs of Packages and Sources files as values."""

from __future__ import annotations

import re

from archscan.errors import SourceError
from archscan.model import Published, SourceEntry, escape

PACKAGE_FIELDS = frozenset(b"package version architecture section priority source filename size sha256".split())
SOURCE_FIELDS = frozenset(
    b"package version maintainer uploaders vcs-browser vcs-arch vcs-bzr vcs-cvs vcs-darcs vcs-git vcs-hg vcs-mtn "
    b"vcs-svn".split()
)
_LONGEST = 4096  # bytes of a value; the kernel has no longer paths
_MOST_PEOPLE = 16_000  # bytes of Uploaders, of which large teams have some thousand (as text: four times that)
_SOURCE = re.compile(rb"(\S+)(?:\s+\((.*)\))?")
_SHA256 = re.compile(rb"[0-9A-Fa-f]{64}")
_SIZE = re.compile(rb"[0-9]{1,18}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_VCS = {b"vcs-" + name.lower().encode(): name for name in "Git Svn Bzr Hg Darcs Arch Cvs Mtn".split()}


def published(fields: dict[bytes, bytes]) -> Published:
    """The package of a paragraph of Packages. Raises SourceError where a field is missing or cannot be trusted.

    Empty segments and ``.`` are left out of its ``Filename``, which some archives begin with ``./``.
    """
    name, version = _required(fields, b"package"), _required(fields, b"version")
    source = _SOURCE.fullmatch(_value(fields, b"source") or name)
    size, sha256 = _required(fields, b"size"), _required(fields, b"sha256")
    if not _SIZE.fullmatch(size):
        raise SourceError("corrupt", f"its Size is no number: {escape(size[:80])}")
    if not _SHA256.fullmatch(sha256):
        raise SourceError("corrupt", f"its SHA256 is none: {escape(sha256[:80])}")
    return Published(
        name=escape(name),
        version=escape(version),
        architecture=escape(_required(fields, b"architecture")),
        section=_text(fields, b"section"),
        priority=_text(fields, b"priority"),
        source=escape(source[1] if source else name),
        source_version=escape((source[2] if source else None) or version),
        filename=_file_name(_required(fields, b"filename")),
        size=int(size),
        sha256=sha256.decode().lower(),
    )


def source_entry(fields: dict[bytes, bytes]) -> SourceEntry:
    """The source package of a paragraph of Sources. Raises SourceError where it has no name or version."""
    return SourceEntry(
        name=escape(_required(fields, b"package")),
        version=escape(_required(fields, b"version")),
        maintainer=_people(fields, b"maintainer"),
        uploaders=_people(fields, b"uploaders"),
        vcs_browser=_text(fields, b"vcs-browser"),
        vcs=next((f"{kind} {where}" for field, kind in _VCS.items() if (where := _text(fields, field))), None),
    )


def _value(fields: dict[bytes, bytes], name: bytes) -> bytes | None:
    value = fields.get(name)
    if value and len(value) > _LONGEST:
        raise SourceError("limit", f"its field {name.decode()} has {len(value)} bytes, more than {_LONGEST}")
    return value or None


def _required(fields: dict[bytes, bytes], name: bytes) -> bytes:
    value = _value(fields, name)
    if not value:
        raise SourceError("corrupt", f"it has no field {name.decode()}")
    return value


def _text(fields: dict[bytes, bytes], name: bytes) -> str | None:
    value = _value(fields, name)
    return escape(value) if value else None


def _people(fields: dict[bytes, bytes], name: bytes) -> str | None:
    value = b" ".join(fields.get(name, b"").split())
    if len(value) > _MOST_PEOPLE:
        raise SourceError("limit", f"its field {name.decode()} has {len(value)} bytes, more than {_MOST_PEOPLE}")
    return escape(value) if value else None


def _file_name(value: bytes) -> str:
    segments = [segment for segment in value.split(b"/") if segment not in (b"", b".")]
    if value.startswith(b"/") or b"://" in value or b".." in segments or not segments or _CONTROL.search(value):
        raise SourceError("corrupt", f"its Filename is no path below the archive: {escape(value[:200])}")
    return escape(b"/".join(segments))
