"""A package as an open file: the descriptor that is handed to the process that reads it, which opens nothing itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from archscan.errors import SourceError
from archscan.model import Job, escape, unescape


def opened(job: Job) -> tuple[Job, int]:
    """The job, and a descriptor of its file, which the caller closes. Raises SourceError."""
    return job, opened_path(job.path)


def opener(folder: Path) -> Callable[[Job], tuple[Job, int]]:
    """What opens jobs as ``opened`` does, for a process that stands elsewhere: paths count from ``folder``."""

    def opened_there(job: Job) -> tuple[Job, int]:
        return job, opened_path(escape(os.fsencode(folder / os.fsdecode(unescape(job.path)))))

    return opened_there


def opened_path(path: str) -> int:
    """A descriptor of the regular file at an escaped path. Raises SourceError; a pipe, say, would never end."""
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
        descriptor = os.open(unescape(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
    except OSError as error:
        raise SourceError("unreadable", f"cannot be read: {error.strerror}") from error
    os.close(descriptor)
    raise SourceError("unreadable", "cannot be read: not a regular file")
