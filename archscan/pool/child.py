"""The disposable process: what it may use, and how it says what it found."""

from __future__ import annotations

import ctypes
import gc
import logging
import mmap
import os
import resource
import signal
import traceback
from collections.abc import Callable
from io import BufferedReader

from archscan.model import Job, Limits, Log, Problem, ProblemKind, Stage, escape
from archscan.pool.confined import confine
from archscan.pool.frames import Send, sender

Work = Callable[[Job, BufferedReader, Limits, Send], None]
"""Reads the job's open file, which stands at its beginning, and says what it finds."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_NEVER = 2**31 - 1
_HEAP, _HUGE_PAGE = 64 << 20, 2 << 20
_LIBC = ctypes.CDLL(None, use_errno=True)
_LAST_WORDS = 64 << 20  # address space that is left to say that there is no more

TOLD = 79
"""The code that a child ends with where it could not go on and its last problem says why."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, which forked it, is gone (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, so that they can be ended (prctl(2))."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def keep_freed_memory() -> None:
    """Have malloc keep what is freed for the next large block, instead of giving it back to the kernel.

    A child reads one ELF object after the other into memory; with fresh pages for each, a twentieth of its time went
    into the kernel's clearing them (mallopt(3)).
    """
    mallopt = getattr(_LIBC, "mallopt", None)  # glibc's only
    if mallopt:
        for parameter, value in ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, 16 << 20)):
            mallopt(parameter, value)
        _ask_for_huge_pages()


def _ask_for_huge_pages() -> None:
    """Grow the heap, without touching it, and have the kernel fill that part by 2 MiB at a time (madvise(2)).

    Each fault costs a child microseconds: those of the benchmark took 520,000 of them, and 340,000 since.
    """
    sbrk, malloc, free, madvise = (getattr(_LIBC, name) for name in ("sbrk", "malloc", "free", "madvise"))
    sbrk.restype = malloc.restype = ctypes.c_void_p
    malloc.argtypes, free.argtypes, sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_void_p], [ctypes.c_ssize_t]
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    start = -(-sbrk(0) // _HUGE_PAGE) * _HUGE_PAGE
    free(malloc(_HEAP))  # it stays with malloc
    if sbrk(0) > start:
        madvise(start, sbrk(0) - start, mmap.MADV_HUGEPAGE)  # whether the kernel can or not


def run(work: Work, job: Job, package: int, limits: Limits, pipe: int, *, may_open: bool) -> None:
    """Do the work for one job, whose file is open as ``package``, and write what it says; does not return.

    ``may_open``: the work opens files by their names, to read them.
    """
    code = 1
    try:
        os.setpgid(0, 0)  # so that whatever it starts can be ended with it
        _silence()
        send, flush = sender(pipe)
        _limit(limits)
        _log_over(send)
        confine(may_open=may_open)
        said = _worked(work, job, package, limits, send)
        flush()
        code = said
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(code)


def _silence() -> None:
    """Point the standard streams nowhere: what a library prints over hostile input is no message of ours."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _worked(work: Work, job: Job, package: int, limits: Limits, send: Send) -> int:
    """Do the work; the code to end with."""
    try:
        os.lseek(package, 0, os.SEEK_SET)  # where it stands is shared with whoever opened it
        with open(package, "rb", closefd=False) as file:  # a descriptor
            work(job, file, limits, send)
    except MemoryError:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        text = f"reading the package takes more than {limits.memory_bytes} bytes of memory (memory_bytes)"
        send(Problem(stage=Stage.CHILD, kind=ProblemKind.MEMORY, message=text))
        return TOLD
    except Exception as error:  # our own bug: said, and not the end of the run
        text = escape(f"{type(error).__name__}: {error}")[:2000]
        send(Problem(stage=Stage.CHILD, kind=ProblemKind.INTERNAL, message=text))
        logging.getLogger(__name__).exception("reading %s failed", job.path)
        return TOLD
    return 0


def _limit(limits: Limits) -> None:
    gc.disable()  # it lives for one package
    _lower(resource.RLIMIT_CORE, 0, 0)
    seconds = int(limits.deadline) + 5
    _lower(resource.RLIMIT_CPU, seconds, seconds + 5)  # at the second the kernel kills without a word
    _lower(resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes + _LAST_WORDS)


def _lower(what: int, soft: int, hard: int) -> None:
    _, highest = resource.getrlimit(what)
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(what, (soft, hard))


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
        self._send(
            Log(level=record.levelno, logger=escape(record.name), message=lines[:60_000], created=record.created,
                process=os.getpid())
        )  # fmt: skip


_FORMER: list[logging.Handler] = []


def _log_over(send: Send) -> None:
    root = logging.getLogger()
    # The others are kept: a file that is let go is closed, by a number which may be that of the package now.
    _FORMER.extend(root.handlers)
    root.handlers = [_Handler(send)]
