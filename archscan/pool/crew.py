"""Readings of many jobs at once, whoever carries them out: the processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from itertools import islice
from typing import Any, Protocol

from archscan.errors import ArchscanError
from archscan.model import Job, Limits, Reading
from archscan.pool import answers, logs
from archscan.pool.terms import Result, nothing

_ATTEMPTS = 3
_SUSPECT = 2  # attempts from which on a job is read alone: a worker that is lost takes along the jobs of the others


class LostError(Exception):
    """A job came to no answer: whoever had it is gone. ``blameless``: for a reason that no package can be."""

    def __init__(self, text: str, *, blameless: bool = False) -> None:
        super().__init__(text)
        self.blameless = blameless


class Crew(Protocol):
    """Who carries out jobs, given as a future each."""

    def most(self) -> int:
        """How many jobs may be under way now; at least one. Raises PoolError where nobody is left."""

    def submit(self, job: Job) -> Future[Any]:
        """Begin with a job; where that fails, the future says so."""

    def done(self, under_way: Mapping[Future[Any], object]) -> Iterable[Future[Any]]:
        """Those that came to an end, after a while, or of which there is nothing to expect any more."""

    def result(self, future: Future[Any]) -> Result:
        """What came of one of those. Raises LostError, ArchscanError; anything else is the trouble of this one job."""

    def mend(self, lost: int) -> None:
        """Make good what is broken, after so many jobs were lost with it. Raises PoolError."""

    def end(self) -> None:
        """Part in peace, when all jobs are done."""

    def kill(self) -> None:
        """Stop at once whatever is under way."""


def carried_out(
    jobs: Iterable[Job], crew: Crew, limits: Limits, idle: Callable[[], None] = nothing
) -> Generator[Reading, None, None]:
    """The reading of each job, in the order they are done; no job has two, however often it had to be begun.

    ``idle`` is called when all that was there has been given away and the crew has its next jobs, before more is
    waited for.
    """
    source = iter(jobs)
    waiting: list[tuple[Job, int]] = []  # jobs that were lost, with the attempts so far
    under_way: dict[Future[Any], tuple[Job, int]] = {}
    try:
        while True:
            chosen, waiting = _chosen(waiting, source, under_way, crew.most())
            for job, attempts in chosen:
                under_way[crew.submit(job)] = (job, attempts + 1)
            if not under_way:
                break
            idle()
            lost: list[tuple[Job, int]] = []
            for future in list(crew.done(under_way)):
                job, attempts = under_way.pop(future)
                try:
                    result = crew.result(future)
                except LostError as error:
                    lost.append((job, attempts - error.blameless))
                except ArchscanError:  # for whoever started this: nothing can be opened or read any more
                    raise
                except Exception as error:  # noqa: BLE001  # one answer that cannot be had is not the end of the run
                    yield answers.failed(job, error)
                else:
                    logs.pass_on(result.answers, job.path)
                    yield answers.reading(job, result, limits)
            if lost:
                crew.mend(len(lost))
                yield from (answers.lost(job) for job, attempts in lost if attempts >= _ATTEMPTS)
                waiting = [*(entry for entry in lost if entry[1] < _ATTEMPTS), *waiting]
    except BaseException:  # an interruption too, or the caller wants no more
        crew.kill()
        raise
    crew.end()


def _chosen(
    waiting: list[tuple[Job, int]], source: Iterator[Job], under_way: Mapping[Future[Any], tuple[Job, int]], most: int
) -> tuple[list[tuple[Job, int]], list[tuple[Job, int]]]:
    """The jobs to begin now, and those that wait on; a suspect waits until it is alone, and all others for it."""
    if any(attempts > _SUSPECT for _, attempts in under_way.values()):
        return [], waiting
    suspects = [entry for entry in waiting if entry[1] >= _SUSPECT]
    if suspects:
        return ([] if under_way else suspects[:1]), [entry for entry in waiting if under_way or entry != suspects[0]]
    free = max(0, most - len(under_way))
    again, waiting = waiting[:free], waiting[free:]
    return [*again, *((job, 0) for job in islice(source, free - len(again)))], waiting
