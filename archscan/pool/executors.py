"""Readings of many jobs, one at a time or several at once, whatever happens to the processes that make them."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize

from archscan.model import Job, Limits, Reading
from archscan.pool import answers, frames, logs
from archscan.pool.child import Work, die_with_parent
from archscan.pool.signals import blocked, ignored
from archscan.pool.spawner import Answer, Spawner, SpawnerLostError

_ATTEMPTS = 3
_SUSPECT = 2  # attempts from which on a job is read alone: a worker that is lost takes along the jobs of the others
_log = logging.getLogger(__name__)


def readings(
    jobs: Iterable[Job], work: Work, limits: Limits, workers: int, prepare: Callable[[], None] = lambda: None
) -> Generator[Reading, None, None]:
    """The reading of each job, in the order they are done; ``workers`` of 1 needs no further processes but children.

    ``prepare`` is called first, and once in each process that forks children: what it imports, no child must import
    again. At most two jobs for each worker are under way, so ``jobs`` may be endless. Closing the iterator ends all
    processes.
    """
    prepare()  # here, so that all processes have it for nothing; and if it is broken, nothing begins
    if workers == 1:
        yield from _serial(jobs, work, limits, prepare)
    else:
        yield from _parallel(jobs, work, limits, workers, prepare)


def _serial(
    jobs: Iterable[Job], work: Work, limits: Limits, prepare: Callable[[], None]
) -> Generator[Reading, None, None]:
    spawner = Spawner(work, limits, prepare)
    try:
        for job in jobs:
            for _ in range(_ATTEMPTS):
                try:
                    answer = spawner.read(job)
                except SpawnerLostError:
                    text = "the process that reads %s was killed from outside; trying again"
                    _log.warning(text, job.path, extra={"package": job.path})
                    spawner.close()
                    spawner = Spawner(work, limits, prepare)
                else:
                    _pass_on_logs(job, answer)
                    yield answers.reading(job, answer, limits)
                    break
            else:
                yield answers.lost(job)
    finally:
        spawner.close()


def _pass_on_logs(job: Job, answer: Answer) -> None:
    """Log here, in the first process, what a child said: it came home with the facts, whatever else dies meanwhile."""
    for record in frames.logs(answer.payload):
        logs.emit(record, job.path)


# --- in a worker ---

_spawner: Spawner | None = None


def _start_worker(parent: int, work: Work, limits: Limits, prepare: Callable[[], None]) -> None:
    global _spawner  # noqa: PLW0603  # the one thing a worker keeps from job to job
    ignored(terminable=True)  # the executor ends its workers by SIGTERM when one of them is lost
    die_with_parent(parent)
    _spawner = Spawner(work, limits, prepare)
    Finalize(None, _spawner.close, exitpriority=10)  # so that its CPU time is counted: only who is reaped is


def _read_in_worker(job: Job) -> Answer:
    assert _spawner is not None
    try:
        return _spawner.read(job)
    except SpawnerLostError:
        os._exit(1)  # this worker has threads by now and must not fork another spawner: a new worker will


# --- in the main process ---


def _parallel(
    jobs: Iterable[Job], work: Work, limits: Limits, workers: int, prepare: Callable[[], None]
) -> Generator[Reading, None, None]:
    source = iter(jobs)
    waiting: list[tuple[Job, int]] = []  # jobs whose worker was lost, with the attempts so far
    others = multiprocessing.active_children()
    while True:
        with logs.shared_logging():
            arguments = (os.getpid(), work, limits, prepare)
            context = multiprocessing.get_context("fork")
            executor = ProcessPoolExecutor(workers, context, _start_worker, arguments)
            try:
                with blocked():
                    executor.submit(os.getpid)  # forks the workers
                waiting = yield from _until_broken(executor, source, waiting, limits, workers)
            except BaseException:  # an interruption too, or the caller wants no more
                _kill(executor, others)
                raise
            if not waiting:
                executor.shutdown(wait=True)  # in peace, so that the last log records arrive
                return
            _kill(executor, others)
        _log.warning("a worker was killed from outside; %d packages are read again", len(waiting))
        for job, attempts in waiting:
            if attempts >= _ATTEMPTS:
                yield answers.lost(job)
        waiting = [(job, attempts) for job, attempts in waiting if attempts < _ATTEMPTS]


def _until_broken(
    executor: ProcessPoolExecutor, source: Iterator[Job], waiting: list[tuple[Job, int]], limits: Limits, workers: int
) -> Generator[Reading, None, list[tuple[Job, int]]]:
    """Readings until all jobs are done or a worker is lost; returns the jobs that were lost with it."""
    under_way: dict[Future[Answer], tuple[Job, int]] = {}
    lost: list[tuple[Job, int]] = []
    while True:
        chosen, waiting = _chosen(waiting, source, under_way, 2 * workers)
        for job, attempts in chosen:
            try:
                under_way[executor.submit(_read_in_worker, job)] = (job, attempts + 1)
            except BrokenProcessPool:
                lost.append((job, attempts))
        if not under_way:
            return lost + waiting
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            done, _ = wait(under_way)  # the others are done, or lost with it
        for future in done:
            entry = under_way.pop(future)
            try:
                answer = future.result()
            except BrokenProcessPool:
                lost.append(entry)
            except Exception as error:  # noqa: BLE001  # one answer that cannot be had is not the end of the run
                yield answers.failed(entry[0], error)
            else:
                _pass_on_logs(entry[0], answer)
                yield answers.reading(entry[0], answer, limits)
        if lost:
            return lost + waiting


def _chosen(
    waiting: list[tuple[Job, int]], source: Iterator[Job], under_way: dict[Future[Answer], tuple[Job, int]], most: int
) -> tuple[list[tuple[Job, int]], list[tuple[Job, int]]]:
    """The jobs to begin now, and those that wait on; a suspect waits until it is alone, and all others for it."""
    if any(attempts > _SUSPECT for _, attempts in under_way.values()):
        return [], waiting
    suspects = [entry for entry in waiting if entry[1] >= _SUSPECT]
    if suspects:
        return ([] if under_way else suspects[:1]), [entry for entry in waiting if under_way or entry != suspects[0]]
    free = most - len(under_way)
    again, waiting = waiting[:free], waiting[free:]
    return [*again, *((job, 0) for job in islice(source, free - len(again)))], waiting


def _kill(executor: ProcessPoolExecutor, others: list[BaseProcess]) -> None:
    """End the workers now, and with them, by the kernel's hand, their spawners and children."""
    for process in multiprocessing.active_children():
        if process not in others:
            process.kill()
    executor.shutdown(wait=True, cancel_futures=True)
