"""The disposable process: what it may use, and how it says what it found."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import resource
import signal
import traceback
from collections.abc import Callable

from archscan.model import Job, Limits, Log, Problem, ProblemKind, Stage, escape
from archscan.pool.frames import Send, sender

Work = Callable[[Job, Limits, Send], None]

_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_NEVER = 2**31 - 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, which forked it, is gone (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def keep_freed_memory() -> None:
    """Have malloc keep what is freed for the next large block, instead of giving it back to the kernel.

    A child reads one ELF object after the other into memory; with fresh pages for each, a twentieth of its time went
    into the kernel's clearing them (mallopt(3)).
    """
    mallopt = getattr(_LIBC, "mallopt", None)  # glibc's only
    if mallopt:
        for parameter, value in ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, 16 << 20)):
            mallopt(parameter, value)


def run(work: Work, job: Job, limits: Limits, descriptor: int) -> None:
    """Do the work for one job and write what it says to the pipe; does not return."""
    send, flush = sender(descriptor)
    try:
        _confine(limits)
        _log_over(send)
        try:
            work(job, limits, send)
        except MemoryError:
            text = f"reading the package takes more than {limits.memory_bytes} bytes of memory (memory_bytes)"
            send(Problem(stage=Stage.CHILD, kind=ProblemKind.MEMORY, message=text))
        except Exception as error:  # our own bug: said, and not the end of the run
            text = escape(f"{type(error).__name__}: {error}")[:2000]
            send(Problem(stage=Stage.CHILD, kind=ProblemKind.INTERNAL, message=text))
            logging.getLogger(__name__).exception("reading %s failed", job.path)
        flush()
    finally:
        os._exit(0)


def _confine(limits: Limits) -> None:
    gc.disable()  # it lives for one package
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seconds = int(limits.deadline) + 5
    for what, value in ((resource.RLIMIT_AS, limits.memory_bytes), (resource.RLIMIT_CPU, seconds)):
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)  # noqa: PLW2901
        resource.setrlimit(what, (value, value))


class _Handler(logging.Handler):
    """Log records go the way of the facts: the parent's handlers may hold a lock that nobody here can release."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info))
        lines = "\n".join(map(escape, text.splitlines()))
        self._send(Log(level=record.levelno, logger=record.name, message=lines[:60_000]))


def _log_over(send: Send) -> None:
    root = logging.getLogger()
    root.handlers = [_Handler(send)]
