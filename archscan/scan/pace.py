"""How fast a scan goes on, and when it will be done."""

from __future__ import annotations

from collections import deque

from archscan.scan.progress import Progress

# What a package costs beside its bytes, in bytes: forking, the control archive, the database. Without it the many small
# packages at the end, which come last, would take longer than was said of them all the time before.
PACKAGE = 200 << 10
_SHORTEST = 60.0  # seconds that are looked back
_SHARE = 0.05  # of the whole time, where that is longer
_SOON = 3.0  # seconds before which nothing is said
_GAP = 30.0  # seconds without a look at the clock, from which on the scan was suspended


class Pace:
    """What was done when. Times are seconds of a clock that the caller reads, at least every second or two.

    Bytes decide, and not packages: the largest come first. What is under way counts as half done; that it is about as
    large as what was done last is true as long as the largest come first. What was done lately decides: packages that
    the database knows already go by faster than those behind them.
    """

    def __init__(self) -> None:
        self._now: float | None = None
        self._active = 0.0  # seconds in which something could be done
        self._done: deque[tuple[float, float, int]] = deque()  # when, at what cost, how many bytes
        self._cost = self._left = 0.0  # of what is done, and of what is neither done nor under way

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
        cost = progress.bytes_done + PACKAGE * progress.done
        left = progress.bytes_total - progress.bytes_done + PACKAGE * (progress.total - progress.done)
        last = cost - self._cost if progress.done else 0.0
        self._cost = cost
        under_way = min(last * min(progress.workers, progress.total - progress.done) / 2, left / 2)
        self._left = left - under_way
        self._done.append((self._active, cost + under_way, progress.bytes_done))
        while len(self._done) > 2 and self._done[1][0] <= self._active - max(_SHORTEST, _SHARE * self._active):
            self._done.popleft()

    def rate(self) -> float | None:
        """Bytes per second, of late; None where it is too early to say."""
        if not self._tells():
            return None
        (began, _, before), (ended, _, after) = self._done[0], self._done[-1]
        return (after - before) / max(ended - began, 1e-3)

    def eta(self) -> float | None:
        """Seconds until everything is read; None where it is too early to say."""
        if not self._tells():
            return None
        (began, before, _), (ended, after, _) = self._done[0], self._done[-1]
        speed = (after - before) / max(ended - began, 1e-3)
        if speed <= 0:
            return None
        return max(self._left / speed - (self._active - ended), 0.0)

    def _tells(self) -> bool:
        return len(self._done) > 1 and self._active >= _SOON
