"""A crew of processes of this machine: workers of ``concurrent.futures``, each with a spawner of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing.util import Finalize
from typing import Any

from archscan.model import Job
from archscan.pool import logs
from archscan.pool.child import die_with_parent
from archscan.pool.crew import LostError
from archscan.pool.signals import blocked, ignored
from archscan.pool.spawner import Spawner, SpawnerLostError
from archscan.pool.terms import ALWAYS, Opened, Result, Terms, Turns, read

_log = logging.getLogger(__name__)

# --- in a worker ---

_held: tuple[Spawner, Terms, Opened, Turns] | None = None


def _start_worker(parent: int, terms: Terms, opened: Opened, turns: Turns) -> None:
    global _held  # noqa: PLW0603  # what a worker keeps from job to job
    ignored(terminable=True)  # the executor ends its workers by SIGTERM when one of them is lost
    die_with_parent(parent)
    spawner = terms.spawner()
    _held = spawner, terms, opened, turns
    Finalize(None, spawner.close, exitpriority=10)  # so that its CPU time is counted: only who is reaped is


def _read_in_worker(job: Job) -> Result:
    assert _held is not None
    spawner, terms, opened, turns = _held
    try:
        return read(spawner, opened, terms.limits, job, turns)
    except SpawnerLostError:
        os._exit(1)  # this worker has threads by now and must not fork another spawner: a new worker will


# --- in the main process ---


class Processes:
    """So many workers that read, and ``ahead`` more that open packages; when one is lost, all are made anew."""

    def __init__(self, workers: int, terms: Terms, opened: Opened, ahead: int = 0) -> None:
        self._ahead = ahead
        self._workers, self._terms, self._opened = workers, terms, opened
        self._others = multiprocessing.active_children()
        self._begin()

    def _begin(self) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(logs.shared_logging())
        context = multiprocessing.get_context("fork")
        # Who is killed in its turn has it for ever; but then all workers are replaced, and this with them.
        turns = context.Semaphore(self._workers) if self._ahead else ALWAYS
        arguments = (os.getpid(), self._terms, self._opened, turns)
        self._executor = ProcessPoolExecutor(self._workers + self._ahead, context, _start_worker, arguments)
        try:
            with blocked():
                self._executor.submit(os.getpid)  # forks the workers
        except BaseException:  # an interruption
            self.kill()
            raise

    def most(self) -> int:
        """Two jobs for each worker that reads, and one for each that opens."""
        return 2 * self._workers + self._ahead

    def submit(self, job: Job) -> Future[Result]:
        """Hand a job to the next worker that is free."""
        try:
            return self._executor.submit(_read_in_worker, job)
        except BrokenProcessPool:
            refused: Future[Result] = Future()
            refused.set_exception(LostError("nobody began with it", blameless=True))
            return refused

    def done(self, under_way: Mapping[Future[Any], object]) -> Iterable[Future[Any]]:
        """The first that are done; all, when a worker was lost: the others are done, or lost with it."""
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            done, _ = wait(under_way)
        return done

    def result(self, future: Future[Result]) -> Result:
        """What came of a job. Raises LostError, PoolError."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise LostError("its worker was killed from outside") from error

    def mend(self, lost: int) -> None:
        """Make all workers anew."""
        self.kill()
        _log.warning("a worker was killed from outside; %d packages are read again", lost)
        self._begin()

    def end(self) -> None:
        """Wait for the workers, so that the last log records arrive."""
        with self._stack:
            self._executor.shutdown(wait=True)

    def kill(self) -> None:
        """End the workers now, and with them, by the kernel's hand, their spawners and children."""
        with self._stack:
            for process in multiprocessing.active_children():
                if process not in self._others:
                    process.kill()
            self._executor.shutdown(wait=True, cancel_futures=True)
