"""Limits that several processes keep together, even when some of them are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from archscan.sources import Caps, Fetcher
from tests.sources.servers import answering, whole

FORK = multiprocessing.get_context("fork")


@contextmanager
def running(count: int, target: Callable[[], None]) -> Iterator[list[BaseProcess]]:
    processes: list[BaseProcess] = [FORK.Process(target=target) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def test_all_processes_together_keep_the_rate() -> None:
    caps = Caps(rate=2_000_000)
    started = time.monotonic()

    def spend() -> None:
        for _ in range(8):
            caps.spend(50_000)

    with running(4, spend) as processes:
        for process in processes:
            process.join()
    taken = time.monotonic() - started
    assert 0.8 <= taken < 1.6  # four times eight times 50,000 bytes


def test_a_rate_is_kept_over_http(tmp_path: Path) -> None:
    content = bytes(1_000_000)
    with (
        answering(lambda _, to: to.sendall(whole(content))) as server,
        Fetcher(tmp_path, caps=Caps(rate=1_000_000), environ={}) as fetcher,
    ):
        started = time.monotonic()
        fetcher.fetch(f"{server.url}/x", most=1 << 20).close()
        assert 0.7 < time.monotonic() - started < 2


def test_no_more_downloads_at_once_than_are_allowed(tmp_path: Path) -> None:
    caps, log = Caps(downloads=2), tmp_path / "log"

    def download() -> None:
        for _ in range(3):
            with caps.download(), log.open("a") as file:
                file.write(f"1 {time.monotonic()}\n")
                file.flush()
                time.sleep(0.05)
                file.write(f"-1 {time.monotonic()}\n")

    with running(5, download) as processes:
        for process in processes:
            process.join()
            assert process.exitcode == 0
    now, seen = 0, []
    events = [(float(moment), int(step)) for step, moment in (line.split() for line in log.read_text().splitlines())]
    for _, step in sorted(events):
        now += step
        seen.append(now)
    assert len(events) == 30
    assert max(seen) == 2


def test_who_is_killed_leaves_its_place_to_others() -> None:
    caps = Caps(rate=1 << 30, downloads=1)
    readable, writable = os.pipe()

    def hold() -> None:
        with caps.download(), caps._locked(0):  # in the middle of both
            os.write(writable, b"held")
            time.sleep(60)

    with running(1, hold) as (holder,):
        assert os.read(readable, 4) == b"held"
        assert caps._tried(1) is None
        assert holder.pid
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        started = time.monotonic()
        with caps.download():
            caps.spend(1)
        assert time.monotonic() - started < 1
    os.close(readable)
    os.close(writable)


def test_a_place_that_the_parent_holds_is_not_the_childs() -> None:
    caps = Caps(downloads=1)

    def try_it() -> None:
        os._exit(0 if caps._tried(1) is None else 1)

    with caps.download(), running(1, try_it) as (child,):
        child.join()
        assert child.exitcode == 0


@pytest.mark.parametrize("caps", [Caps(), Caps(rate=10**12), Caps(downloads=10)])
def test_limits_that_are_not_reached_cost_nothing(caps: Caps) -> None:
    started = time.monotonic()
    for _ in range(100):
        with caps.download():
            caps.spend(1000)
    assert time.monotonic() - started < 0.5
