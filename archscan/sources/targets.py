"""Files, folders, globs, a list on standard input and names of the machine's own archives, as jobs."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from archscan.model import Job, Problem, ProblemKind, Stage, escape
from archscan.sources.apt import Downloaded, download

_SUFFIXES = (b".deb", b".udeb", b".ddeb")


class Unmatched(msgspec.Struct, frozen=True):
    """A target that gave no package, and why."""

    target: str
    message: str

    def problem(self) -> Problem:
        """The same as a problem of the stage at which it came up."""
        return Problem(stage=Stage.SOURCE, kind=ProblemKind.MISSING, message=self.message)


class Targets(msgspec.Struct, frozen=True):
    """What the targets of a command line stand for. ``jobs`` are unique, the largest file first."""

    jobs: tuple[Job, ...]
    unmatched: tuple[Unmatched, ...]


@contextmanager
def expanded(targets: Sequence[str], stdin: BinaryIO) -> Iterator[Targets]:
    """The packages that ``targets`` name; downloaded ones exist until the context is left.

    A target is a file, a folder (every .deb, .udeb and .ddeb below it), a glob, ``-`` for a list of these on
    ``stdin`` (one a line, or NUL-separated), or ``apt:NAME`` with what `apt-get download` understands.
    """
    with tempfile.TemporaryDirectory(prefix="archscan-") as spool:
        found: dict[bytes, Job] = {}
        unmatched: list[Unmatched] = []
        for target in _listed(targets, stdin):
            try:
                for job in _jobs(target, Path(spool), unmatched):
                    found.setdefault(os.path.realpath(os.fsencode(job.path)), job)
            except _NothingError as error:
                unmatched.append(Unmatched(escape(target), str(error)))
        if not found and not unmatched:
            unmatched.append(Unmatched("-", "standard input names no package"))
        # The largest first: with several workers, a giant that comes last would be waited for alone.
        ordered = sorted(found.values(), key=lambda job: (-(job.on_disk or 0), job.path))
        yield Targets(tuple(ordered), tuple(unmatched))


class _NothingError(Exception):
    """A target stands for no package; the text says why."""


def _listed(targets: Iterable[str], stdin: BinaryIO) -> Iterator[bytes]:
    for target in targets:
        if target != "-":
            yield os.fsencode(target)
            continue
        text = stdin.read()
        # Between NULs a name may hold anything; of lines, those written elsewhere end in a carriage return too.
        yield from filter(
            None, text.split(b"\0") if b"\0" in text else (line.rstrip(b"\r") for line in text.split(b"\n"))
        )


def _jobs(target: bytes, spool: Path, unmatched: list[Unmatched]) -> Iterator[Job]:
    if target.startswith(b"apt:"):
        yield from _apt_jobs(target, spool)
        return
    if os.path.isdir(target):  # noqa: PTH112  # a path of bytes
        before = len(unmatched)
        paths = sorted(_below(target, unmatched))
        if not paths and len(unmatched) == before:
            raise _NothingError("the folder holds no .deb")
    elif os.path.lexists(target):
        paths = [target]
    else:
        paths = sorted(path for path in glob.iglob(target, recursive=True) if not os.path.isdir(path))  # noqa: PTH112, PTH207
        if not paths:
            is_glob = any(mark in target for mark in b"*?[")
            raise _NothingError("the glob matches no file" if is_glob else "no such file or folder")
    for path in paths:
        yield _job(path, target)


def _apt_jobs(target: bytes, spool: Path) -> Iterator[Job]:
    name = os.fsdecode(target.removeprefix(b"apt:"))
    result = download(name, spool)
    if not isinstance(result, Downloaded):
        raise _NothingError(result)
    job = _job(os.fsencode(result.path), target)
    yield msgspec.structs.replace(job, sha256=result.sha256, size=result.size)


def _below(folder: bytes, unmatched: list[Unmatched]) -> Iterator[bytes]:
    def unread(error: OSError) -> None:
        text = f"the folder cannot be read: {error.strerror}"
        unmatched.append(Unmatched(escape(os.fsencode(error.filename)), text))

    for parent, _, names in os.walk(folder, onerror=unread):
        yield from (os.path.join(parent, name) for name in names if name.endswith(_SUFFIXES))  # noqa: PTH118


def _job(path: bytes, target: bytes) -> Job:
    return Job(path=escape(path), target=escape(target), on_disk=_size(path))


def _size(path: bytes) -> int:
    try:
        return os.path.getsize(path)  # noqa: PTH202
    except OSError:
        return 0
