"""A package as an open file: the descriptor that is handed to the process that reads it, which opens nothing itself."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Container
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from archscan.errors import NoAnswerError, SilenceError, SourceError
from archscan.model import Identity, Job, Limits, escape, unescape
from archscan.sources.addresses import file_path, origin, stripped
from archscan.sources.caps import Caps
from archscan.sources.fetch import Fetcher, Fetching

Opened = Callable[[Job], tuple[Job, int]]

_PIECE = 1 << 20
_SILENT = 4  # packages of one worker in a row that nobody answers for; each was asked for many times


def identified(job: Job, fetcher: Fetcher | None = None, *, known: Container[str], limits: Limits) -> tuple[Job, int]:
    """As ``opened``; and the job says what the file is, and whether it is ``known``.

    Raises SourceError, also for another file than the index promises, and one that is too large or takes too long.
    """
    _check_limit(job.size or 0, limits)
    job, descriptor = opened(job, fetcher)
    try:
        sha256, size = _hashed(descriptor, limits) if job.identity is None else (job.identity.sha256, job.identity.size)
        if job.sha256 not in (None, sha256):
            text = f"the file is not what the index promises: its SHA-256 is {sha256}, not {job.sha256}"
            raise SourceError("mismatch", text)
    except BaseException:
        os.close(descriptor)
        raise
    return msgspec.structs.replace(job, identity=Identity(sha256=sha256, size=size, known=sha256 in known)), descriptor


def _hashed(descriptor: int, limits: Limits) -> tuple[str, int]:
    """SHA-256 and length of an open file, which is at its beginning again afterwards. Raises SourceError."""
    digest, size, end = hashlib.sha256(), 0, time.monotonic() + limits.deadline
    try:
        _check_limit(os.fstat(descriptor).st_size, limits)
        while piece := os.read(descriptor, _PIECE):
            digest.update(piece)
            size += len(piece)
            _check_limit(size, limits)  # it may grow
            if time.monotonic() > end:
                raise SourceError("timeout", f"not hashed within {limits.deadline:g} seconds (deadline)")
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError as error:
        raise SourceError("unreadable", f"cannot be read: {error.strerror}") from error
    return digest.hexdigest(), size


def _check_limit(size: int, limits: Limits) -> None:
    if size > limits.package_bytes:
        raise SourceError("limit", f"it has {size} bytes, more than {limits.package_bytes} (package_bytes)")


def opened(job: Job, fetcher: Fetcher | None = None) -> tuple[Job, int]:
    """The job, and a descriptor of its file at the beginning, which the caller closes.

    A file of this machine is opened where it is, and only its size is looked at. What ``fetcher`` gets from elsewhere
    is verified when it is there, and the job says so. Raises SourceError, SpoolError,
    and SilenceError where package after package is not even refused.
    """
    if job.url is None:
        descriptor = opened_path(job.path)
    elif urlsplit(job.url).scheme == "file":
        descriptor = opened_path(escape(os.fsencode(file_path(job.url))))
    else:
        assert fetcher is not None
        return _fetched(job, job.url, fetcher)
    try:
        _check_size(os.fstat(descriptor).st_size, job.size)
    except SourceError:
        os.close(descriptor)
        raise
    return job, descriptor


def _fetched(job: Job, url: str, fetcher: Fetcher) -> tuple[Job, int]:
    if job.size is None or job.sha256 is None:
        raise SourceError("mismatch", "the index promises no size, or no SHA-256, so the file is not fetched")
    try:
        fetched = fetcher.fetch(url, most=job.size, size=job.size, sha256=job.sha256)
    except NoAnswerError as error:
        if fetcher.unanswered >= _SILENT:
            host = f"{origin(url).scheme}://{origin(url).host}"
            text = f"{host} does not answer any more ({error}); the same command continues when it does"
            raise SilenceError(text) from error
        raise
    with fetched as file:
        identity = Identity(sha256=job.sha256, size=job.size, known=False)
        # The process that reads the package is told no password.
        return msgspec.structs.replace(job, url=stripped(url), identity=identity), os.dup(file.fileno())


def _check_size(size: int, promised: int | None) -> None:
    if promised is None or size == promised:
        return
    kind = "truncated" if size < promised else "mismatch"
    raise SourceError(kind, f"the file has {size} bytes, and the index promises {promised}")


def openers(folder: Path, fetching: Fetching, known: Container[str], limits: Limits) -> Callable[[], Opened]:
    """For a process that stands elsewhere: a function that makes, for each of its threads, what opens jobs.

    It does what ``identified`` does, with paths that count from ``folder``; all threads keep the limits together.
    """
    caps = Caps(fetching.rate, fetching.downloads)

    def opener() -> Opened:
        fetcher = Fetcher(fetching.spool, caps, logins=fetching.logins)

        def opened_there(job: Job) -> tuple[Job, int]:
            there = escape(os.fsencode(folder) + b"/" + unescape(job.path))
            if unescape(job.path).startswith(b"/"):
                there = job.path
            found, descriptor = identified(
                msgspec.structs.replace(job, path=there), fetcher, known=known, limits=limits
            )
            return msgspec.structs.replace(found, path=job.path), descriptor

        return opened_there

    return opener


def opened_path(path: str) -> int:
    """A descriptor of the regular file at an escaped path. Raises SourceError; a pipe, say, would never end."""
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
        descriptor = os.open(unescape(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
    except FileNotFoundError as error:
        raise SourceError("missing", f"cannot be read: {error.strerror}") from error
    except OSError as error:
        raise SourceError("unreadable", f"cannot be read: {error.strerror}") from error
    os.close(descriptor)
    raise SourceError("unreadable", "cannot be read: not a regular file")
