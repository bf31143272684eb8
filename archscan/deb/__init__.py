"""One .deb as a stream: its control file as a ``Package``, then its members one by one (deb(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from archscan.deb.ar import ArMember, ar_members
from archscan.deb.candidates import Candidates
from archscan.deb.control import package
from archscan.deb.listing import Listing, listing
from archscan.deb.members import Member, members
from archscan.deb.scripts import script_privileges, sets_modes
from archscan.deb.streams import Unpacked
from archscan.errors import DebError, LimitError
from archscan.model import Limits, Package

_SCRIPTS = ("preinst", "postinst")
_LISTS = ("md5sums", "conffiles")
_NO_LIST = b"?"  # what neither can be


class Deb(msgspec.Struct, frozen=True):
    """An open .deb. ``granted``: path → privileges that its scripts give; ``modified``: newest date of its control.

    ``sets_modes``: whether a script may give any, understood or not; ``lists``: what it says of its files.
    """

    package: Package
    granted: dict[str, frozenset[str]]
    modified: float
    data: ArMember
    sets_modes: bool
    lists: dict[str, bytes]


def open_deb(file: BinaryIO, limits: Limits) -> Deb:
    """The control part of the .deb in ``file``. ``data_members`` gives the rest.

    Raises DebError where it is not a .deb, or lacks its control or data archive, or the control file is damaged.
    """
    control, data = _parts(file)
    with _stage("control"):
        files, modified = _control_files(file, control, limits)
        if "control" not in files:
            raise DebError("corrupt", "control.tar has no file named control")
        setting = any(sets_modes(files.get(name, b"")) for name in _SCRIPTS)
        lists = {name: files[name] for name in _LISTS if name in files}
        return Deb(package(files["control"]), _granted(files), modified, data, setting, lists)


def listed(deb: Deb, candidates: Candidates) -> Listing | None:
    """What the package says it holds, where that can be relied on; None where it must be unpacked to know.

    So it must where a script may set modes: which files get them is only known of those that are met.
    """
    if deb.sets_modes or deb.granted:
        return None
    return listing(deb.lists, max(deb.package.installed_size or 0, deb.data.size >> 10), candidates)


def data_members(file: BinaryIO, deb: Deb, limits: Limits) -> Iterator[Member]:
    """The members of ``data.tar``, in order. Errors as ``members`` has them."""
    with _stage("data"):
        yield from members(_stream(file, deb.data, limits), limits)


@contextmanager
def _stage(name: str) -> Iterator[None]:
    try:
        yield
    except DebError as error:
        error.stage = name
        raise


def _parts(file: BinaryIO) -> tuple[ArMember, ArMember]:
    """The control and the data archive."""
    control = data = None
    for number, part in enumerate(ar_members(file, os.fstat(file.fileno()).st_size)):
        if number == 0 and part.name != b"debian-binary":
            raise DebError("not-a-deb", "an ar archive whose first member is not debian-binary")
        if number == 0:
            _check_version(file, part)
        elif part.name.startswith(b"control.tar"):
            control = control or part
        elif part.name.startswith(b"data.tar"):
            data = data or part
    if control is None or data is None:
        raise DebError("corrupt", f"the archive has no {'control' if control is None else 'data'}.tar member")
    return control, data


def _granted(files: dict[str, bytes]) -> dict[str, frozenset[str]]:
    """Path → privileges that the maintainer scripts give to it."""
    granted: dict[str, frozenset[str]] = {}
    for name in _SCRIPTS:
        script = files.get(name, b"").decode("utf-8", "surrogateescape")
        for path, privileges in script_privileges(script).items():
            granted[path] = granted.get(path, frozenset()) | privileges
    return granted


def _check_version(file: BinaryIO, part: ArMember) -> None:
    file.seek(part.offset)
    version = file.read(min(part.size, 16))
    if not version.startswith(b"2."):
        raise DebError(
            "unsupported", f"a .deb of format {version.strip().decode('ascii', 'backslashreplace')}, not 2.x"
        )


def _stream(file: BinaryIO, part: ArMember, limits: Limits) -> Unpacked:
    name = part.name.decode("ascii", "backslashreplace")
    return Unpacked(name, file, part.offset, part.size, limits)


def _control_files(file: BinaryIO, part: ArMember, limits: Limits) -> tuple[dict[str, bytes], float]:
    """The control file, the maintainer scripts and the lists of files by name, and the newest date of all members."""
    files: dict[str, bytes] = {}
    modified = 0.0
    bounded = msgspec.structs.replace(limits, unpacked_bytes=min(limits.unpacked_bytes, limits.control_bytes))
    for member in members(_stream(file, part, bounded), bounded):
        modified = max(modified, member.modified)
        if member.name in _LISTS and (member.type != "regular" or member.name in files):
            files[member.name] = _NO_LIST  # whichever dpkg takes
        elif member.type == "regular" and member.name in ("control", *_SCRIPTS, *_LISTS) and member.name not in files:
            if member.size > limits.control_bytes:
                raise LimitError("control_bytes", f"{member.name} of {member.size} bytes in control.tar")
            files[member.name] = member.read(member.size)
    return files, modified
