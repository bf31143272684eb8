"""How long a scan will still take, said at any time of scans whose course is known."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest

from archscan.scan.pace import PACKAGE, Pace
from archscan.scan.progress import Progress

SPEED = 2e6  # bytes a second that one worker reads
MB = 1_000_000


class Moment(NamedTuple):
    """What was said at a time, and what was true."""

    now: float
    eta: float | None
    left: float
    rate: float | None
    done: int


def _seconds(size: int) -> float:
    return (size + PACKAGE) / SPEED


def _course(
    packages: Sequence[tuple[int, float]], workers: int = 1, stops: Sequence[tuple[float, float]] = ()
) -> Iterator[Moment]:
    """A look every second at a scan of packages of (size, seconds), which is stopped at times for seconds."""
    free = [0.0] * workers
    ends: list[tuple[float, int]] = []
    for size, seconds in packages:
        end = heapq.heappop(free) + seconds
        heapq.heappush(free, end)
        ends.append((end, size))
    ends.sort()
    pace, total, done, read = Pace(), sum(size for size, _ in packages), 0, 0
    shift = 0.0  # how long it has been stopped
    pace.add(Progress(0, len(ends), None, 0, total, 0, 1, workers), 1000.0)
    for second in range(1, int(max(free))):
        for start, length in stops:
            if second == start:
                shift += length
        while done < len(ends) and ends[done][0] <= second:
            read += ends[done][1]
            done += 1
            pace.add(Progress(done, len(ends), None, read, total, 0, 1, workers), 1000.0 + shift + second)
        pace.look(1000.0 + shift + second)
        yield Moment(second, pace.eta(), max(free) - second, pace.rate(), done)


def _reads(sizes: Sequence[int]) -> list[tuple[int, float]]:
    return [(size, _seconds(size)) for size in sorted(sizes, reverse=True)]


NIGHT = [MB * size for size in (200, 90, 60, 50, *[20] * 10, *[4] * 50, *[1] * 100)] + [50_000] * 1500


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_it_is_right_within_a_third_when_a_tenth_of_the_time_is_over(workers: int) -> None:
    several = [size * (10 + number) // 10 for size in NIGHT for number in range(workers)]
    moments = list(_course(_reads(several), workers))
    whole = moments[-1].now + moments[-1].left
    seen = 0
    for moment in moments:
        if moment.now < max(whole / 10, _seconds(max(several)) + 1) or moment.left < whole / 10:
            continue
        seen += 1
        assert moment.eta is not None
        assert moment.left / 1.5 < moment.eta < moment.left * 1.5, moment
    assert seen > whole / 3


def test_nothing_is_said_before_anything_is_known() -> None:
    moments = list(_course(_reads(NIGHT)))
    early = [moment for moment in moments if not moment.done]
    assert len(early) > 90  # the first package is a giant
    assert all(moment.eta is None and moment.rate is None for moment in early)
    assert all(moment.eta is None for moment in _course(_reads([10_000] * 1000)) if moment.now < 3)


def test_the_tail_of_small_packages_is_expected() -> None:
    """Half of the time goes into packages that have a tenth of the bytes."""
    for moment in _course(_reads([MB] * 300 + [10_000] * 2000)):
        if moment.now > 20 and moment.left > 20:
            assert moment.eta == pytest.approx(moment.left, rel=0.2)


def test_a_giant_that_is_left_alone_is_waited_for_and_time_passes() -> None:
    """With two workers, one reads it until the end; what is said grows smaller with each second, and never negative."""
    moments = list(_course(_reads([800 * MB, *[MB] * 100]), 2))
    alone = [moment for moment in moments if moment.done == 100]
    assert len(alone) > 200
    told = [moment.eta for moment in alone if moment.eta is not None]
    assert len(told) == len(alone)
    assert told[0] > 100
    assert all(later <= earlier for earlier, later in itertools.pairwise(told))
    assert min(told) >= 0


def test_packages_that_are_known_do_not_promise_more_than_is_kept() -> None:
    """The first half goes by at twenty times the speed of the second: a minute later this is forgotten."""
    known = [(5 * MB, _seconds(5 * MB) / 20)] * 400
    moments = list(_course(known + _reads([MB] * 600)))
    for moment in moments:
        if moment.done > 400 + 120 and moment.left > 20:
            assert moment.eta is not None
            assert moment.left / 1.5 < moment.eta < moment.left * 1.5, moment


def test_everything_known_takes_no_time() -> None:
    for moment in _course([(MB, 0.01)] * 2000):
        if moment.now > 4:
            assert moment.eta == pytest.approx(moment.left, abs=2)


def test_a_scan_that_was_stopped_takes_no_longer_for_that() -> None:
    plain = list(_course(_reads(NIGHT)))
    stopped = list(_course(_reads(NIGHT), stops=((250.0, 36_000.0), (400.0, 90.0))))
    for before, after in zip(plain, stopped, strict=True):
        if before.eta is None:
            assert after.eta is None
        else:
            assert after.eta == pytest.approx(before.eta, rel=0.05, abs=5)


def test_an_empty_scan_and_packages_without_bytes_divide_by_nothing() -> None:
    pace = Pace()
    assert pace.eta() is None
    for done in range(20):
        pace.add(Progress(done, 20, None, 0, 0), 10.0 * done)
    assert pace.rate() == 0
    assert pace.eta() == pytest.approx(10, abs=10)
    clock = Pace()  # a clock that goes back, or stands
    for done in range(3):
        clock.add(Progress(done, 3, None, done, 2), 5.0 - done)
    assert clock.eta() is None
