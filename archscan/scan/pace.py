"""How fast a scan goes on, and when it will be done."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from archscan.scan.progress import Progress

# What a package costs beside its bytes, in bytes: forking, the control archive, the database. Of 106 packages of Debian
# the 46 below 100 kB took 0.09 s each, all others together 0.4 s a megabyte. Without it the end, where the many small
# ones are, would take longer than was said all the time before.
PACKAGE = 256 << 10
_SHORTEST = 60.0  # seconds that are looked back
_SHARE = 0.05  # of the whole time, where that is longer
_SOON = 3.0  # seconds before which nothing is said
_MOMENT = 1e-3
_GAP = 30.0  # seconds without a look at the clock, from which on the scan was suspended


class Pace:
    """What was done when. Times are seconds of a clock that the caller reads, at least every second or two.

    Bytes decide, and not packages: the largest come first. What was done lately decides, because packages that the
    database knows already go by faster than those behind them. How far the packages are that are being read now is
    told by their age: each began when one of the last ones ended.
    """

    def __init__(self) -> None:
        self._now: float | None = None
        self._active = 0.0  # seconds in which something could be done
        self._last = Progress(0, 0, None)
        self._ends: deque[float] = deque()  # when the last packages were done, one for each worker
        self._done: deque[_Done] = deque()

    def look(self, now: float) -> None:
        """Let the time pass. A gap means that the whole scan was stopped (Ctrl-Z, a laptop that slept)."""
        if self._now is not None:
            passed = max(now - self._now, 0.0)
            self._active += passed if passed <= _GAP else 0.0
        self._now = now

    def add(self, progress: Progress, now: float) -> None:
        """Note how far the scan is. Before the first package: that it begins now, whatever was fetched before."""
        self.look(now)
        if not progress.done:
            self._done.clear()
            self._active = 0.0
            self._ends = deque([0.0] * progress.workers, progress.workers)
        elif progress.done > self._last.done:
            self._ends.append(self._active)
        self._last = progress
        cost = progress.bytes_done + PACKAGE * progress.done
        self._done.append(_Done(self._active, cost, sum(self._ends), progress.bytes_done))
        while len(self._done) > 2 and self._done[1].at <= self._active - max(_SHORTEST, _SHARE * self._active):
            self._done.popleft()

    @property
    def seconds(self) -> int:
        """Whole seconds since the scan began to read, without those in which it was stopped."""
        return int(self._active)

    def rate(self) -> float | None:
        """Bytes per second, of late; None where it is too early to say."""
        if not self._tells():
            return None
        before, after = self._done[0], self._done[-1]
        return (after.bytes - before.bytes) / max(after.at - before.at, _MOMENT)

    def eta(self) -> float | None:
        """Seconds until everything is read; None where it is too early to say."""
        if not self._tells():
            return None
        before, after = self._done[0], self._done[-1]
        speed = (after.cost - before.cost) / max(after.spent - before.spent, _MOMENT)  # of one worker
        if speed <= 0:
            return None
        packages = self._last.total - self._last.done
        left = self._last.bytes_total - self._last.bytes_done + PACKAGE * packages
        workers = max(min(self._last.workers, packages), 1)
        under_way = speed * sum(self._active - began for began in list(self._ends)[-workers:])
        return max(left - under_way, 0.0) / speed / workers

    def _tells(self) -> bool:
        return len(self._done) > 1 and self._active >= _SOON


class _Done(NamedTuple):
    """What was done at a time: in bytes and what they cost, and in seconds of all workers together."""

    at: float
    cost: float
    spent: float
    bytes: int
