"""A process that reads a package may die in every way there is; nothing else is lost. Real processes throughout."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archscan.model import Begin, End, Identity, Job, Limits, PackageStatus, Problem, ProblemKind, Reading, Stage
from archscan.pool import readings
from archscan.pool.frames import Send

LIMITS = Limits(deadline=1.5, memory_bytes=1 << 30, answer_bytes=4 << 20)
EMPTY = Identity(sha256="0" * 64, size=0, known=False)


def _abort(_send: Send) -> None:
    faulthandler.disable()  # pytest's, inherited; it would print the stack of this very test
    os.abort()


def _segfault(_send: Send) -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def _hang(_send: Send) -> None:
    time.sleep(60)


def _spin(_send: Send) -> None:
    while True:
        pass


def _leave(_send: Send) -> None:
    os._exit(3)


def _eat(_send: Send) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))


def _talk(send: Send) -> None:
    while True:
        send(Problem(stage=Stage.DATA, kind=ProblemKind.CORRUPT, message="again " * 1000))


def _raise(_send: Send) -> None:
    raise RuntimeError("a bug")


def _close_and_live(_send: Send) -> None:
    os.closerange(3, 256)
    time.sleep(60)


def _die_of_sigkill(_send: Send) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


WAYS: dict[str, tuple[Callable[[Send], None], ProblemKind]] = {
    "abort": (_abort, ProblemKind.CRASH),
    "segfault": (_segfault, ProblemKind.CRASH),
    "hang": (_hang, ProblemKind.TIMEOUT),
    "spin": (_spin, ProblemKind.TIMEOUT),
    "leave": (_leave, ProblemKind.CRASH),
    "eat": (_eat, ProblemKind.MEMORY),
    "talk": (_talk, ProblemKind.LIMIT),
    "raise": (_raise, ProblemKind.INTERNAL),
    "close-and-live": (_close_and_live, ProblemKind.TIMEOUT),
    "killed": (_die_of_sigkill, ProblemKind.KILLED),
}


def work(job: Job, _limits: Limits, send: Send) -> None:
    send(EMPTY)
    send(Begin(path=f"place of {job.path}"))
    if job.path in WAYS:
        WAYS[job.path][0](send)
    send(End())


def job(name: str) -> Job:
    return Job(path=name, target=name)


@pytest.mark.parametrize("way", WAYS)
def test_a_death_is_one_problem_with_its_place(way: str) -> None:
    (reading,) = readings([job(way)], work, LIMITS, 1)
    kinds = {problem.kind for problem in reading.problems if problem.stage == Stage.CHILD}
    assert kinds == {WAYS[way][1]}
    assert reading.identity == EMPTY  # what was said before is kept
    deaths = [problem for problem in reading.problems if problem.stage == Stage.CHILD]
    assert len(deaths) == 1
    if way not in ("raise", "eat"):
        assert deaths[0].path == f"place of {way}"


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_deaths_cost_the_others_nothing(workers: int) -> None:
    quick = [way for way in WAYS if way not in ("hang", "spin", "close-and-live")]
    names = [name for number in range(10) for name in (f"fine-{number}", quick[number % len(quick)])]
    found = list(readings(map(job, names), work, LIMITS, workers))
    assert sorted(reading.job.path for reading in found) == sorted(names)
    for reading in found:
        fine = reading.job.path.startswith("fine-")
        assert (not reading.problems) == fine


def _noting(folder: Path) -> Callable[[Job, Limits, Send], None]:
    def noted(one: Job, limits: Limits, send: Send) -> None:
        (folder / f"{one.path}-{os.getpid()}").touch()
        time.sleep(0.05)
        logging.getLogger("tests.pool").warning("read %s", one.path)
        work(one, limits, send)

    return noted


def _ancestors_of_children(folder: Path) -> set[int]:
    """The processes that fork children (spawners), and those above them but for this one (workers)."""
    spawners = {_parent(int(path.name.rpartition("-")[2])) for path in folder.iterdir()}
    return {pid for pid in spawners if pid > 1}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.mark.parametrize("who", ["spawner", "worker"])
def test_a_process_killed_from_outside_costs_a_retry(
    who: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"fine-{number}" for number in range(30)]
    found: list[Reading] = []
    killed = False
    with caplog.at_level(logging.WARNING):
        for reading in readings(map(job, names), _noting(tmp_path), LIMITS, 2):
            found.append(reading)
            if len(found) >= 5 and not killed:
                for spawner in _ancestors_of_children(tmp_path):
                    victim = spawner if who == "spawner" else _parent(spawner)
                    if victim not in (0, 1, os.getpid()):
                        os.kill(victim, signal.SIGKILL)
                        killed = True
                        break
    assert killed
    assert sorted(reading.job.path for reading in found) == sorted(names)
    assert not any(reading.problems for reading in found)
    logged = {record.getMessage() for record in caplog.records if record.name == "tests.pool"}
    assert f"read {found[-1].job.path}" in logged  # later records still arrive


def test_no_more_jobs_are_taken_than_two_for_each_worker() -> None:
    taken = 0

    def jobs() -> Iterator[Job]:
        nonlocal taken
        for number in range(40):
            taken += 1
            yield job(f"fine-{number}")

    for done, _ in enumerate(readings(jobs(), work, LIMITS, 2), 1):
        assert taken - done <= 4


def test_closing_the_iterator_ends_every_process(tmp_path: Path) -> None:
    found = readings(map(job, [f"fine-{number}" for number in range(20)]), _noting(tmp_path), LIMITS, 2)
    next(found)
    spawners = _ancestors_of_children(tmp_path)
    found.close()
    time.sleep(0.3)
    assert not any(_lives(pid) for pid in spawners)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


_PROGRAM = """
import sys, time
from archscan.model import Job, Limits, Identity
from archscan.pool import readings
def work(job, limits, send):
    send(Identity(sha256="0" * 64, size=0, known=False))
    print("up", flush=True)
    time.sleep(60)
jobs = [Job(path=str(n), target="x") for n in range(4)]
list(readings(jobs, work, Limits(), int(sys.argv[1])))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_survives_the_parent(workers: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(workers)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout is not None
    for _ in range(workers):
        assert parent.stdout.readline() == b"up\n"
    assert len(_session(parent.pid)) >= 3
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 5
    while (left := _session(parent.pid)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def _session(leader: int) -> list[int]:
    """Living processes of a session; zombies that nobody has fetched yet do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_the_status_of_a_package_that_was_never_named_is_unreadable() -> None:
    (reading,) = readings([job("leave")], work, LIMITS, 1)
    assert reading.status == PackageStatus.UNREADABLE
