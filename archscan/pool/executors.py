"""Readings of many jobs, one at a time or several at once, whatever happens to the processes that make them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable

from archscan.model import Job, Limits, Reading
from archscan.pool import answers, logs
from archscan.pool.child import Work
from archscan.pool.cluster import Cluster, Workers
from archscan.pool.confined import confinement, lacking
from archscan.pool.crew import carried_out
from archscan.pool.processes import Processes
from archscan.pool.spawner import SpawnerLostError
from archscan.pool.terms import Opened, Terms, nothing, read

_ATTEMPTS = 3
_log = logging.getLogger(__name__)


def readings(
    jobs: Iterable[Job], work: Work, limits: Limits, workers: int, opened: Opened,
    prepare: Callable[[], None] = nothing, ahead: int = 0, *, may_open: bool = False,
    idle: Callable[[], None] = nothing,
) -> Generator[Reading, None, None]:  # fmt: skip
    """The reading of each job, in the order they are done; ``workers`` of 1 needs no further processes but children.

    ``prepare`` is called first, and once in each process that forks children: what it does not import, no child can.
    Where ``opened`` raises InputError, that is the job's problem; any other ArchscanError of it ends the run. Where
    opening takes time, ``ahead`` more workers open packages while ``workers`` of all are reading. ``may_open``: the
    work opens files by their names, to read them, which is refused otherwise. At most two jobs for each worker are
    under way, so ``jobs`` may be endless. ``idle`` is called before each time that more is waited for.
    Closing the iterator ends all processes. Raises PoolError.
    """
    prepare()  # here, so that all processes have it for nothing; and if it is broken, nothing begins
    for text in lacking(confinement()):
        _log.info("what reads packages is held less well than it could be: %s", text)
    terms = Terms(work, limits, prepare, may_open)
    if workers == 1 and not ahead:
        yield from _serial(jobs, terms, opened, idle)
    else:
        yield from carried_out(jobs, Processes(workers, terms, opened, ahead), limits, idle)


def readings_elsewhere(
    jobs: Iterable[Job], work: Work, limits: Limits, cluster: Cluster, prepare: Callable[[], None] = nothing,
    idle: Callable[[], None] = nothing,
) -> Generator[Reading, None, None]:  # fmt: skip
    """The reading of each job, in the order they are done, made by the workers of a cluster.

    They open or fetch the packages themselves. At most two jobs for each of their threads are under way. Closing the
    iterator ends what is under way and leaves the cluster as it was. Raises UsageError, PoolError.
    """
    terms = Terms(work, limits, prepare, may_open=False)
    yield from carried_out(jobs, Workers(cluster, terms), limits, idle)


def _serial(
    jobs: Iterable[Job], terms: Terms, opened: Opened, idle: Callable[[], None]
) -> Generator[Reading, None, None]:
    spawner = terms.spawner()
    try:
        for job in jobs:
            idle()
            for _ in range(_ATTEMPTS):
                try:
                    result = read(spawner, opened, terms.limits, job)
                except SpawnerLostError:
                    text = "the process that reads %s was killed from outside; trying again"
                    _log.warning(text, job.path, extra={"package": job.path})
                    spawner.close()
                    spawner = terms.spawner()
                else:
                    logs.pass_on(result.answers, job.path)
                    yield answers.reading(job, result, terms.limits)
                    break
            else:
                yield answers.lost(job)
    finally:
        spawner.close()
