"""A package opened again to show the code that a finding is about: ``archscan explain``.

``explained`` is what happens around the disposable process; ``read_explained`` is what happens inside, to one package.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shlex
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path

import msgspec

from archscan import deb, pool, sources
from archscan.crypto.catalogue import Catalogue
from archscan.deb.contents import content, elf_objects
from archscan.deb.members import Member
from archscan.elf.reader import read
from archscan.errors import InputError, LimitError
from archscan.model import (
    AskedObject,
    Begin,
    End,
    Explained,
    FileKind,
    Job,
    Limits,
    Problem,
    ProblemKind,
    Stage,
    escape,
    unescape,
)
from archscan.pool.frames import Send
from archscan.scan.package import prepare
from archscan.scan.passages import Code, explained_sites

_MOST_FILES = 100_000  # that are looked at in the folders that were scanned


class Opened(msgspec.Struct, frozen=True):
    """A package that was opened again: its escaped path, None where it was not found, and then files of its name."""

    path: str | None
    others: tuple[str, ...]
    explained: tuple[Explained, ...]
    problems: tuple[str, ...]


def explained(
    filename: str, sha256: str, asked: AskedObject, places: Sequence[Path], commands: Sequence[str],
    catalogue: Catalogue, limits: Limits,
) -> Opened:  # fmt: skip
    """What the package of that digest shows of an object, if it is found (see ``package_file``), and its problems."""
    path, others = package_file(filename, sha256, places, commands)
    if path is None:
        return Opened(None, others, (), ())
    work = functools.partial(read_explained, asked=asked, catalogue=catalogue)
    (reading,) = pool.readings([Job(path=path, target=path)], work, limits, 1, sources.opened, prepare)
    return Opened(path, (), reading.explained, tuple(one.message for one in reading.problems))


def package_file(
    filename: str, sha256: str, places: Sequence[Path], commands: Sequence[str]
) -> tuple[str | None, tuple[str, ...]]:
    """The escaped path of the file that is the package of that digest; None, and the files that may have been it.

    It is one of ``places``, or has its name and lies in one that is a folder, or where the ``commands`` of scans say
    that packages lay, as far as these paths still lead anywhere from here.
    """
    name, others = os.fsdecode(unescape(filename)), list[str]()
    candidates = [one.absolute() for one in places if one.is_file()]
    for candidate in dict.fromkeys([*candidates, *_named(name, [*places, *_targets(commands)])]):
        path = escape(os.fsencode(candidate))
        try:
            with open(sources.opened_path(path), "rb") as file:  # noqa: PTH123  # a descriptor
                if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                    return path, ()
        except (InputError, OSError):
            continue
        others.append(path)
    return None, tuple(others)


def _targets(commands: Sequence[str]) -> Iterator[Path]:
    """The words of commands that may name a file or folder."""
    for command in commands:
        with contextlib.suppress(ValueError):
            yield from (Path(word) for word in shlex.split(command)[2:] if word and word[0] != "-" and "\0" not in word)


def _named(name: str, places: Sequence[Path]) -> Iterator[Path]:
    """Files of that name: what places are, and what lies in those that are folders."""
    left = _MOST_FILES
    for place in dict.fromkeys(places):
        if place.name == name and place.is_file():
            yield place.absolute()
        elif place.is_dir():
            for folder, _, files in os.walk(place):
                left -= len(files) + 1
                if left < 0:
                    return
                if name in files:
                    yield (Path(folder) / name).absolute()


# --- in the disposable process ---


def read_explained(
    _job: Job, file: BufferedReader, limits: Limits, send: Send, *, asked: AskedObject, catalogue: Catalogue
) -> None:
    """Say what the code of an object of a package shows at the places that are asked for."""
    try:
        package = deb.open_deb(file, limits)
        send(package.package)
        for member in deb.data_members(file, package, limits):
            if member.type != "regular" or member.name != asked.file_path:
                continue
            data = _bytes_of(member, asked, limits, send)
            if data is not None:
                for one in explained_sites(_code(data, catalogue, asked), asked):
                    send(msgspec.structs.replace(one, member=member.written))
                send(End())
                return
        text = "the package has no such object"
        send(Problem(stage=Stage.ELF, kind=ProblemKind.MISSING, message=text, path=asked.path))
    except InputError as error:
        send(Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error))))
    except OSError as error:
        send(Problem(stage=Stage.SOURCE, kind=ProblemKind.UNREADABLE, message=f"cannot be read: {error.strerror}"))


def _code(data: bytes, catalogue: Catalogue, asked: AskedObject) -> Code:
    return Code(read(data), catalogue, frozenset(site.library for site in asked.sites))


def _bytes_of(member: Member, asked: AskedObject, limits: Limits, send: Send) -> bytes | None:
    """The object that is asked for, if the member is or holds it; a later one of the same name may be."""
    found = content(member)
    if found.kind not in (FileKind.ELF, FileKind.STATIC_ARCHIVE):
        return None
    send(Begin(path=member.name))
    if member.size > limits.member_bytes:
        raise LimitError("member_bytes", f"larger than {limits.member_bytes} bytes (member_bytes)")
    data = found.head + member.read(member.size - len(found.head))
    for one in elf_objects(member.name, found.kind, data, limits):
        if one.path == asked.path and hashlib.sha256(one.data).hexdigest() == asked.sha256:
            return one.data
    return None
