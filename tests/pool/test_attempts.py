"""A death is followed by one more attempt; what both said is joined without loss or doubles. Real processes."""

from __future__ import annotations

import ctypes
import faulthandler
import functools
import os
import sys
import threading
import time
from io import BufferedReader
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load_all
from archscan.errors import PoolError
from archscan.model import Begin, End, File, FileKind, Job, Limits, PackageStatus, Problem, ProblemKind, Stage
from archscan.pool import passed_over, readings
from archscan.pool.frames import Send
from archscan.scan import objects, package
from archscan.sources import opened
from corpus.debs import Entry, deb

LIMITS = Limits(deadline=4.0, memory_bytes=4 << 30)


def _opened(job: Job) -> tuple[Job, int]:
    return job, os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)


def _crash() -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def _members(job: Job, _file: BufferedReader, limits: Limits, send: Send) -> None:
    """Five members; the name of the job says at which one what happens."""
    for name in "abcde":
        if name in job.passed_over:
            send(passed_over(name))
            continue
        send(Begin(path=name))
        if f"{name}-crash" in job.path:
            _crash()
        if f"{name}-hang" in job.path:
            time.sleep(60)
        send(Problem(stage=Stage.ELF, kind=ProblemKind.CORRUPT, message="looked at", path=name))
        send(File(path=name, path_key=name, kind=FileKind.OTHER))
        if f"{name}-between" in job.path:
            _crash()
        if f"{name}-slow" in job.path and limits.deadline < LIMITS.deadline:
            time.sleep(60)
    send(End())


CASES = {
    "c-crash": ("abde", [("crash", "c")], True),
    "c-hang": ("abde", [("timeout", "c")], True),
    "a-crash d-crash": ("bc", [("crash", "a"), ("crash", "d")], False),
    "c-between": ("abc", [("crash", None)], False),
    "a-slow c-crash": ("ab", [("crash", "c"), ("timeout", None)], False),
}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_two_attempts_said_is_joined(workers: int) -> None:
    jobs = [Job(path=case, target=case) for case in CASES]
    found = {one.job.path: one for one in readings(jobs, _members, LIMITS, workers, _opened)}
    for case, (files, deaths, whole) in CASES.items():
        one = found[case]
        looked = [problem.path for problem in one.problems if problem.stage == Stage.ELF]
        died = [(problem.kind, problem.path) for problem in one.problems if problem.stage == Stage.CHILD]
        expected = "abc" if case == "c-between" else files
        assert set(looked) == set(expected), case
        assert len(looked) == len(set(looked)), case  # no doubles
        assert died == deaths, case
        assert (len(one.files) == len(files)) or not whole, case


def test_a_member_that_kills_its_reader_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real package, through the scan's own work; only the crash is made by the test."""
    real = objects.object_facts

    def crashing(data: bytes, place: object, *rest: object, **more: object) -> object:
        if getattr(place, "path", "") == "usr/bin/bad":
            _crash()
        return real(data, place, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(objects, "object_facts", crashing)
    program = Path(sys.executable).resolve().read_bytes()[:4096]
    names = (b"./usr/bin/a", b"./usr/bin/bad", b"./usr/bin/c")
    members = [Entry(name=name, data=program, mode=0o4755) for name in names]
    control = [Entry(name=b"./control", data=b"Package: x\nVersion: 1\nArchitecture: all\n")]
    path = tmp_path / "x.deb"
    path.write_bytes(deb(control, members))
    work = functools.partial(package.read_package, catalogue=load_all([Path("rules")]), exports="")
    (reading,) = readings([Job(path=str(path), target="x")], work, LIMITS, 1, opened, package.prepare)
    assert reading.status == PackageStatus.PARTIAL
    assert [one.path for one in reading.files] == ["usr/bin/a", "usr/bin/bad", "usr/bin/c"]
    problems = {one.path: one.kind for one in reading.problems}
    assert problems["usr/bin/bad"] == ProblemKind.CRASH
    assert len(reading.problems) == 3  # the stumps beside it are refused as such
    assert reading.built  # read to its end


def _with_a_thread() -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


@pytest.mark.parametrize("workers", [1, 2])
def test_no_child_is_forked_by_a_process_with_threads(workers: int) -> None:
    with pytest.raises(PoolError, match="has 2 threads and not one"):
        list(readings([Job(path="x", target="x")], _members, LIMITS, workers, _opened, _with_a_thread))


def _complaining(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    for number in range(1_200):
        send(Problem(stage=Stage.ELF, kind=ProblemKind.CORRUPT, message="x", path=f"{number:04}"))
    _crash()


def test_of_too_many_problems_the_first_are_kept_and_the_others_counted() -> None:
    (reading,) = readings([Job(path="x", target="x")], _complaining, LIMITS, 1, _opened)
    *kept, counted, death = reading.problems
    assert [one.path for one in kept] == [f"{number:04}" for number in range(1_000)]
    assert (counted.kind, counted.message) == ("limit", "200 more problems, of which nothing is kept")
    assert death.kind == "crash"
