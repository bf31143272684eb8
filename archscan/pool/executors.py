"""Readings of many jobs, one at a time or several at once, whatever happens to the processes that make them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any

from archscan.errors import ArchscanError, InputError
from archscan.model import Job, Limits, Problem, ProblemKind, Reading, Stage, escape
from archscan.pool import answers, frames, logs
from archscan.pool.child import Work, die_with_parent
from archscan.pool.signals import blocked, ignored
from archscan.pool.spawner import Answer, Ending, Spawner, SpawnerLostError

_ATTEMPTS = 3
_SUSPECT = 2  # attempts from which on a job is read alone: a worker that is lost takes along the jobs of the others
_AHEAD_BYTES = 64 << 20  # of a package that is opened before it can be read
_log = logging.getLogger(__name__)


Turns = AbstractContextManager[Any]
"""Within it a worker may read."""

_ALWAYS = nullcontext()

Opened = Callable[[Job], tuple[Job, int]]
"""Opens the file of a job, in the worker: the job with what is known of the file now, and a descriptor to close."""


def readings(
    jobs: Iterable[Job], work: Work, limits: Limits, workers: int, opened: Opened,
    prepare: Callable[[], None] = lambda: None, ahead: int = 0,
) -> Generator[Reading, None, None]:  # fmt: skip
    """The reading of each job, in the order they are done; ``workers`` of 1 needs no further processes but children.

    ``prepare`` is called first, and once in each process that forks children: what it imports, no child must import
    again. Where ``opened`` raises InputError, that is the job's problem; any other ArchscanError of it ends the run.
    Where opening takes time, ``ahead`` more workers open packages while ``workers`` of all are reading. At most two
    jobs for each are under way, so ``jobs`` may be endless. Closing the iterator ends all processes.
    """
    prepare()  # here, so that all processes have it for nothing; and if it is broken, nothing begins
    if workers == 1 and not ahead:
        yield from _serial(jobs, work, limits, opened, prepare)
    else:
        yield from _parallel(jobs, work, limits, workers, opened, prepare, ahead)


def _serial(
    jobs: Iterable[Job], work: Work, limits: Limits, opened: Opened, prepare: Callable[[], None]
) -> Generator[Reading, None, None]:
    spawner = Spawner(work, limits, prepare)
    try:
        for job in jobs:
            for _ in range(_ATTEMPTS):
                try:
                    answer = _read(spawner, opened, job)
                except SpawnerLostError:
                    _log.warning("the process that reads %s was killed from outside; trying again", job.path)
                    spawner.close()
                    spawner = Spawner(work, limits, prepare)
                else:
                    _pass_on_logs(answer)
                    yield answers.reading(job, answer, limits)
                    break
            else:
                yield answers.lost(job)
    finally:
        spawner.close()


def _read(spawner: Spawner, opened: Opened, job: Job, turns: Turns = _ALWAYS) -> Answer:
    """What comes of a job in this process, which reads when it is its turn. Raises SpawnerLostError."""
    started = time.monotonic()
    # A large one is opened when it is read: of those that are open ahead, and perhaps spooled, all are small.
    with turns if (job.size or 0) > _AHEAD_BYTES else _ALWAYS:
        try:
            job, package = opened(job)
        except InputError as error:
            problem = Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error)))
            return Answer(Ending("exit", 0, hungry=False), frames.said(problem), time.monotonic() - started)
        try:
            with turns if (job.size or 0) <= _AHEAD_BYTES else _ALWAYS:
                return spawner.read(job, package)
        finally:
            os.close(package)


def _pass_on_logs(answer: Answer) -> None:
    for record in frames.logs(answer.payload):
        logs.emit(record.level, record.logger, record.message)


# --- in a worker ---

_spawner: Spawner | None = None
_opened: Opened | None = None
_turns: Turns = _ALWAYS


def _start_worker(
    parent: int, work: Work, limits: Limits, opened: Opened, prepare: Callable[[], None], turns: Turns
) -> None:  # fmt: skip
    global _opened, _spawner, _turns  # noqa: PLW0603  # what a worker keeps from job to job
    _opened, _turns = opened, turns
    ignored(terminable=True)  # the executor ends its workers by SIGTERM when one of them is lost
    die_with_parent(parent)
    _spawner = Spawner(work, limits, prepare)
    Finalize(None, _spawner.close, exitpriority=10)  # so that its CPU time is counted: only who is reaped is


def _read_in_worker(job: Job) -> Answer:
    assert _spawner is not None and _opened is not None  # noqa: PT018  # set together
    try:
        answer = _read(_spawner, _opened, job, _turns)
    except SpawnerLostError:
        os._exit(1)  # this worker has threads by now and must not fork another spawner: a new worker will
    _pass_on_logs(answer)
    return answer


# --- in the main process ---


def _parallel(
    jobs: Iterable[Job], work: Work, limits: Limits, workers: int, opened: Opened, prepare: Callable[[], None],
    ahead: int,
) -> Generator[Reading, None, None]:  # fmt: skip
    source = iter(jobs)
    waiting: list[tuple[Job, int]] = []  # jobs whose worker was lost, with the attempts so far
    others = multiprocessing.active_children()
    while True:
        with logs.shared_logging():
            context = multiprocessing.get_context("fork")
            # Who is killed in its turn has it for ever; but then all workers are replaced, and this with them.
            turns = context.Semaphore(workers) if ahead else _ALWAYS
            arguments = (os.getpid(), work, limits, opened, prepare, turns)
            executor = ProcessPoolExecutor(workers + ahead, context, _start_worker, arguments)
            try:
                with blocked():
                    executor.submit(os.getpid)  # forks the workers
                waiting = yield from _until_broken(executor, source, waiting, limits, 2 * workers + ahead)
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
    executor: ProcessPoolExecutor, source: Iterator[Job], waiting: list[tuple[Job, int]], limits: Limits, most: int
) -> Generator[Reading, None, list[tuple[Job, int]]]:
    """Readings until all jobs are done or a worker is lost; returns the jobs that were lost with it."""
    under_way: dict[Future[Answer], tuple[Job, int]] = {}
    lost: list[tuple[Job, int]] = []
    while True:
        chosen, waiting = _chosen(waiting, source, under_way, most)
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
            except ArchscanError:  # for whoever started this: nothing can be opened any more
                raise
            except Exception as error:  # noqa: BLE001  # one answer that cannot be had is not the end of the run
                yield answers.failed(entry[0], error)
            else:
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
