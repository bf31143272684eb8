"""A process that reads a package may die in every way there is; nothing else is lost. Real processes throughout."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

import msgspec
import pytest

from archscan.model import Begin, End, Job, Limits, Override, PackageStatus, Problem, ProblemKind, Reading, Stage
from archscan.pool import readings
from archscan.pool.child import Work
from archscan.pool.frames import Send
from tests.pool.pipes import pipe

# The children begin with the address space of the process that runs all tests: a gigabyte, near the end.
LIMITS = Limits(deadline=1.5, memory_bytes=3 << 30, answer_bytes=4 << 20)
# A second attempt has half of it, and must not begin where it ends.
ROOMY = msgspec.structs.replace(LIMITS, memory_bytes=8 << 30)
PATIENT = msgspec.structs.replace(LIMITS, deadline=60.0)  # for what takes as long as the machine is busy
KEPT = Override(line=1, tag="x", context="", comment="", architectures="", applies=True)


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


def _eat_in_c(_send: Send) -> None:
    faulthandler.disable()
    malloc = ctypes.CDLL(None).malloc
    malloc.restype = ctypes.c_void_p
    while True:
        ctypes.memset(malloc(ctypes.c_size_t(16 << 20)), 1, 16 << 20)


def _leave_a_grandchild(_send: Send) -> None:
    """It keeps the pipe open, in a session of its own, and would do so for a minute."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(3)


def _trickle(_send: Send) -> None:
    while True:
        os.write(pipe(), b"\x01")
        time.sleep(0.01)


def _write_garbage(_send: Send) -> None:
    os.write(pipe(), bytes(range(255, 0, -1)))


def _log_garbage(_send: Send) -> None:
    os.write(pipe(), b"\x01\0\0\0\1\xc1")


def _write_what_is_no_text(_send: Send) -> None:
    payload = b"\x82\xa4type\xa5begin\xa4path\xa2\xff\xfe"
    os.write(pipe(), len(payload).to_bytes(4, "little") + b"\0" + payload)


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
    "eat-in-c": (_eat_in_c, ProblemKind.MEMORY),
    "grandchild": (_leave_a_grandchild, ProblemKind.CRASH),
    "trickle": (_trickle, ProblemKind.TIMEOUT),
    "garbage": (_write_garbage, ProblemKind.INTERNAL),
    "log-garbage": (_log_garbage, ProblemKind.INTERNAL),
    "no-text": (_write_what_is_no_text, ProblemKind.INTERNAL),
}


def work(job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    send(KEPT)
    send(Begin(path=f"place of {job.path}"))
    if job.path in WAYS:
        WAYS[job.path][0](send)
    send(End())


def job(name: str) -> Job:
    return Job(path=name, target=name)


def opened(one: Job) -> tuple[Job, int]:
    """Any file: nobody looks into it."""
    return one, os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)


@pytest.mark.usefixtures("helpless")
@pytest.mark.parametrize("way", WAYS)
def test_a_death_is_one_problem_with_its_place(way: str) -> None:
    (reading,) = readings([job(way)], work, PATIENT if way in ("eat", "eat-in-c") else ROOMY, 1, opened)
    kinds = {problem.kind for problem in reading.problems if problem.stage == Stage.CHILD}
    assert kinds == {WAYS[way][1]}
    assert reading.overrides == (KEPT,)  # what was said before is kept
    deaths = [problem for problem in reading.problems if problem.stage == Stage.CHILD]
    assert len(deaths) == 1
    if way not in ("raise", "eat", "no-text"):
        assert deaths[0].path == f"place of {way}"


@pytest.mark.usefixtures("helpless")
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_deaths_cost_the_others_nothing(workers: int) -> None:
    quick = [way for way in WAYS if way not in ("hang", "spin", "close-and-live")]
    names = [name for number in range(10) for name in (f"fine-{number}", quick[number % len(quick)])]
    found = list(readings(map(job, names), work, LIMITS, workers, opened))
    assert sorted(reading.job.path for reading in found) == sorted(names)
    for reading in found:
        fine = reading.job.path.startswith("fine-")
        assert (not reading.problems) == fine


def _noting(folder: Path) -> Work:
    def noted(one: Job, file: BufferedReader, limits: Limits, send: Send) -> None:
        (folder / f"{one.path}-{os.getpid()}").touch()
        time.sleep(0.05)
        logging.getLogger("tests.pool").warning("read %s", one.path)
        work(one, file, limits, send)

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


def _kill(who: str, folder: Path) -> bool:
    """Whether a spawner, or the worker above one, was killed; waits a second for one whose child is alive.

    Workers go on by themselves meanwhile; a look at the moment when a reading arrives may meet no child each time.
    """
    until = time.monotonic() + 1
    while time.monotonic() < until:
        for spawner in _ancestors_of_children(folder):
            victim = spawner if who == "spawner" else _parent(spawner)
            if victim not in (0, 1, os.getpid()):
                os.kill(victim, signal.SIGKILL)
                return True
        time.sleep(0.001)
    return False


@pytest.mark.usefixtures("helpless")
@pytest.mark.parametrize("who", ["spawner", "worker"])
def test_a_process_killed_from_outside_costs_a_retry(
    who: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"fine-{number}" for number in range(80)]  # enough to meet a living child on a busy machine
    found: list[Reading] = []
    killed = False
    with caplog.at_level(logging.WARNING):
        for reading in readings(map(job, names), _noting(tmp_path), LIMITS, 2, opened):
            found.append(reading)
            if len(found) >= 5 and not killed:
                killed = _kill(who, tmp_path)
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

    for done, _ in enumerate(readings(jobs(), work, LIMITS, 2, opened), 1):
        assert taken - done <= 4


@pytest.mark.usefixtures("helpless")
def test_closing_the_iterator_ends_every_process(tmp_path: Path) -> None:
    found = readings(map(job, [f"fine-{number}" for number in range(20)]), _noting(tmp_path), LIMITS, 2, opened)
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
import os, pathlib, sys, time
from archscan.model import Job, Limits
from archscan.pool import child, readings
child.confine = lambda **_: None
def work(job, file, limits, send):
    pathlib.Path(sys.argv[2], job.path).touch()
    time.sleep(60)
jobs = [Job(path=str(n), target="x") for n in range(4)]
list(readings(jobs, work, Limits(), int(sys.argv[1]), lambda job: (job, os.open("/dev/null", os.O_RDONLY))))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_survives_the_parent(workers: int, tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(workers), str(tmp_path)], start_new_session=True)
    assert _soon(lambda: len(list(tmp_path.iterdir())) >= workers)
    assert len(_session(parent.pid)) >= 3
    parent.kill()
    parent.wait()
    assert _soon(lambda: not _session(parent.pid), 2)


def _soon(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not (holds := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return holds


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


def _usage(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    send(KEPT)
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    send(End())


@pytest.mark.parametrize("workers", [1, 2])
def test_the_processor_time_of_every_process_is_counted(workers: int) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(list(readings(map(job, "abcd"), _usage, Limits(), workers, opened))) == 4
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime > 4 * 0.28


def _descriptors(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    send(KEPT)
    nowhere = Path(os.devnull).stat().st_rdev
    for descriptor in range(200):
        try:
            held = os.fstat(descriptor)
        except OSError:
            continue
        if held.st_rdev != nowhere:
            send(Problem(stage=Stage.DATA, kind=ProblemKind.CORRUPT, message=oct(stat.S_IFMT(held.st_mode))))
    send(End())


@pytest.mark.usefixtures("helpless")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_child_holds_nothing_but_its_package_and_its_pipe(workers: int, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("wb"):
        for reading in readings(map(job, "ab"), _descriptors, LIMITS, workers, opened):
            held = [problem.message for problem in reading.problems]
            assert sorted(held) == [oct(stat.S_IFIFO), oct(stat.S_IFREG)]


def _kill_the_worker(one: Job, file: BufferedReader, limits: Limits, send: Send) -> None:
    if one.path == "doomed":
        os.kill(_parent(os.getppid()), signal.SIGKILL)
        time.sleep(60)
    work(one, file, limits, send)


@pytest.mark.usefixtures("helpless")
def test_a_package_that_loses_its_worker_each_time_is_given_up() -> None:
    names = ["doomed", *(f"fine-{number}" for number in range(8))]
    found = {reading.job.path: reading for reading in readings(map(job, names), _kill_the_worker, LIMITS, 2, opened)}
    assert sorted(found) == sorted(names)
    assert [problem.kind for problem in found["doomed"].problems] == [ProblemKind.KILLED]
    assert not any(found[name].problems for name in names[1:])  # though it dragged some along each time


def test_the_status_of_a_package_that_was_never_named_is_unreadable() -> None:
    (reading,) = readings([job("leave")], work, LIMITS, 1, opened)
    assert reading.status == PackageStatus.UNREADABLE


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_prepared_ends_the_run_at_once(workers: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each package would be tried three times in vain, and called killed from outside."""

    def broken() -> None:
        raise LookupError("a bug of ours")

    jobs = [Job(path=f"{number}.deb", target="x") for number in range(3)]
    with pytest.raises(LookupError, match="a bug of ours"):
        list(readings(jobs, lambda *_: None, LIMITS, workers, opened, broken))
    assert caplog.records == []
