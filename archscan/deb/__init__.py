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
from archscan.deb.streams import Unpacked
from archscan.errors import DebError, LimitError
from archscan.model import Limits, Package

_LISTS = ("md5sums", "conffiles")
# What is handed out of control.tar (deb(5), deb-preinst(5), deb-conffiles(5), deb-md5sums(5), debconf-devel(7)).
_CONTROL = frozenset(("control", "preinst", "postinst", "prerm", "postrm", "config", "templates", *_LISTS))
_NO_LIST = b"?"  # what neither can be


class Deb(msgspec.Struct, frozen=True):
    """An open .deb. ``modified``: newest date of its control archive, ``control``: files of that by name, as they are.

    These are its scripts, debconf's templates and its lists of files, all of at most ``control_bytes`` together. A
    list that is there twice, or no regular file, is one that makes no sense.
    """

    package: Package
    modified: float
    data: ArMember
    control: dict[str, bytes]


def open_deb(file: BinaryIO, limits: Limits) -> Deb:
    """The control part of the .deb in ``file``. ``data_members`` gives the rest.

    Raises DebError where it is not a .deb, or lacks its control or data archive, or the control file is damaged.
    """
    control, data = _parts(file)
    with _stage("control"):
        files, modified = _control_files(file, control, limits)
        if "control" not in files:
            raise DebError("corrupt", "control.tar has no file named control")
        return Deb(package(files["control"]), modified, data, files)


def listed(deb: Deb, candidates: Candidates) -> Listing | None:
    """What the package says it holds, where that can be relied on; None where it must be unpacked to know."""
    return listing(deb.control, max(deb.package.installed_size or 0, deb.data.size >> 10), candidates)


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
    """The control file and others that say something, by name, and the newest date of all members."""
    files: dict[str, bytes] = {}
    modified = 0.0
    bounded = msgspec.structs.replace(limits, unpacked_bytes=min(limits.unpacked_bytes, limits.control_bytes))
    for member in members(_stream(file, part, bounded), bounded):
        modified = max(modified, member.modified)
        if member.name in _LISTS and (member.type != "regular" or member.name in files):
            files[member.name] = _NO_LIST  # whichever dpkg takes
        elif member.type == "regular" and member.name in _CONTROL and member.name not in files:
            if member.size > limits.control_bytes:
                raise LimitError("control_bytes", f"{member.name} of {member.size} bytes in control.tar")
            files[member.name] = member.read(member.size)
    return files, modified
