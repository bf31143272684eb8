"""Something done every second while the main thread waits for packages."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Within it ``call`` is called every so many seconds, in the main thread, wherever that is.

    No thread, because processes are forked meanwhile, and a lock that a thread holds then stays locked in them. A timer
    is not inherited. What stands still in C for long (a large transaction) delays the call.
    """

    def tick(_signal: int, _frame: FrameType | None) -> None:
        call()

    before = signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
