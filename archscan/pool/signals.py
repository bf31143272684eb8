"""Interruptions are the first process's to decide about: how all others come into being without them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM}


@contextmanager
def blocked() -> Iterator[None]:
    """Within it no interruption arrives, so that none meets a forked process before it knows what to do with it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignored(*, terminable: bool = False) -> None:
    """Have this process, forked within ``blocked``, ignore Ctrl-C and, unless ``terminable``, SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL if terminable else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTIONS)
