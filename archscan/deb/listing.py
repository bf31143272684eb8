"""What a package lists of itself without being unpacked: ``md5sums`` and ``conffiles`` of its control archive.

``dh_md5sums`` lists every regular file that is no configuration file (deb-md5sums(5), deb-conffiles(5)); folders,
symbolic links and devices stand nowhere. It is the package's own word: nobody checks it when a package is built or
installed. So a list that makes no sense, or that is too short for what the package holds, counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from archscan.deb.candidates import Candidates
from archscan.model import escape

# A path that needed an escape begins its line with a backslash (md5sum(1)); debhelper takes that away and leaves the
# path as it is. Such a line is not taken apart: the package is read.
_LINE = re.compile(rb"[0-9a-f]{32} [ *](.+)")
_LONGEST = 4096  # PATH_MAX
_FLAGS = frozenset((b"remove-on-upgrade",))  # of conffiles, since dpkg 1.20.6: such a file is in no package
# What a package may take, in KiB: beside its files, for each file that says what the package is, and for each other.
_BESIDE, _SMALL, _OTHER = 8 << 10, 1 << 10, 256 << 10
_ABOUT = re.compile(r"usr/share/doc/[^/]+/(?:changelog|copyright|NEWS|README|TODO)[^/]*")


class Listing(msgspec.Struct, frozen=True):
    """The regular files that a package says it has, and those of them that facts can be about; names as members'."""

    names: frozenset[str]
    candidates: frozenset[str]


def listing(files: Mapping[str, bytes], kibibytes: int, candidates: Candidates) -> Listing | None:
    """What ``md5sums`` and ``conffiles`` in ``files`` list; None where they are not there or not to be trusted.

    ``kibibytes`` are those of the whole package, as far as is known: where that is far more than so few files have,
    others are there that are not listed.
    """
    if not candidates.kinds or "md5sums" not in files:
        return None
    names: set[str] = set()
    for path in (*_summed(files["md5sums"]), *_configuration(files.get("conffiles", b""))):
        if path is None:
            return None
        names.add(path)
    if kibibytes > _BESIDE + sum(_SMALL if _ABOUT.fullmatch(name) else _OTHER for name in names):
        return None
    return Listing(frozenset(names), frozenset(name for name in names if candidates.has(name)))


def _summed(text: bytes) -> Iterator[str | None]:
    """The path of each line of md5sums; None for one that makes no sense, and where the last is cut off."""
    lines = text.split(b"\n")
    if lines.pop():
        yield None
    for line in lines:
        found = _LINE.fullmatch(line)
        yield _path(found[1].removeprefix(b"./")) if found else None


def _configuration(text: bytes) -> Iterator[str | None]:
    """The path of each line of conffiles; None for one that makes no sense."""
    for line in text.split(b"\n"):
        flag, _, path = line.strip().rpartition(b" ")
        if flag in _FLAGS or not line.strip():
            continue
        yield _path(path[1:]) if path.startswith(b"/") and not flag else None


def _path(path: bytes) -> str | None:
    """The name of the member at the path; None where it is none that a tar archive has for it."""
    if len(path) > _LONGEST or b"\\" in path or path.startswith(b"/"):
        return None
    if b"/" in path[-1:] or not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        return None
    return escape(path)
