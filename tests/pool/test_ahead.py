"""Packages that take time to open are opened while others are read."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import pytest

from archscan.errors import SpoolError
from archscan.model import End, Job, Limits, Reading
from archscan.pool import readings
from archscan.pool.frames import Send

LIMITS = Limits(deadline=60)
OPENING, READING = 0.2, 0.1

# Children of these tests leave notes in files.
pytestmark = pytest.mark.usefixtures("helpless")


def jobs(count: int, size: int = 1000) -> Iterator[Job]:
    return (Job(path=str(number), target="", url="http://archive.test/", size=size) for number in range(count))


def note(folder: Path, what: str, number: str) -> None:
    """Say when something began and ended; the clock is the same for all processes."""
    with (folder / what).open("a") as file:
        file.write(f"{number} {time.monotonic()}\n")


def overlapping(folder: Path, what: str) -> int:
    """How many of the spans that were noted there were at the same time, at most."""
    events: list[tuple[float, int]] = []
    begun: set[str] = set()
    for line in (folder / what).read_text().splitlines():
        number, moment = line.split()
        events.append((float(moment), -1 if number in begun else 1))
        begun.add(number)
    now = most = 0
    for _, step in sorted(events):
        now += step
        most = max(most, now)
    return most


def read_all(folder: Path, workers: int, ahead: int, size: int = 1000) -> list[Reading]:
    def opened(job: Job) -> tuple[Job, int]:
        note(folder, "opening", job.path)
        time.sleep(OPENING)
        note(folder, "opening", job.path)
        return job, os.open(os.devnull, os.O_RDONLY)

    def work(job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
        note(folder, "reading", job.path)
        time.sleep(READING)
        send(End())
        note(folder, "reading", job.path)

    return list(readings(jobs(8, size), work, LIMITS, workers, opened, ahead=ahead))


@pytest.mark.parametrize("workers", [1, 2])
def test_others_are_opened_while_as_many_as_there_are_workers_read(workers: int, tmp_path: Path) -> None:
    found = read_all(tmp_path, workers, ahead=3)
    assert sorted(reading.job.path for reading in found) == [str(number) for number in range(8)]
    assert not any(reading.problems for reading in found)
    assert overlapping(tmp_path, "opening") > workers
    assert overlapping(tmp_path, "reading") == workers


def test_large_packages_are_not_opened_before_they_are_read(tmp_path: Path) -> None:
    """So there are never more of them in the spool than workers."""
    read_all(tmp_path, 2, ahead=3, size=1 << 30)
    assert overlapping(tmp_path, "opening") == 2


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("ahead", [0, 2])
def test_a_spool_that_is_full_ends_the_run_with_its_own_words(workers: int, ahead: int) -> None:
    def opened(_: Job) -> tuple[Job, int]:
        raise SpoolError("the spool folder /spool is full", full=True)

    with pytest.raises(SpoolError, match=r"^the spool folder /spool is full$") as caught:
        list(readings(jobs(8), lambda *_: None, LIMITS, workers, opened, ahead=ahead))
    assert caught.value.full


def test_a_worker_that_is_killed_while_it_reads_holds_up_nobody(tmp_path: Path) -> None:
    def opened(job: Job) -> tuple[Job, int]:
        return job, os.open(os.devnull, os.O_RDONLY)

    def work(job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
        if job.path == "3" and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getppid(), signal.SIGKILL)  # the spawner, and the worker ends itself in its turn
        send(End())

    found = list(readings(jobs(20), work, LIMITS, 1, opened, ahead=2))
    assert sorted(int(reading.job.path) for reading in found) == list(range(20))
    assert not any(reading.problems for reading in found)
