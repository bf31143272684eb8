"""What holds for all jobs of a run, and what comes of one job in the process that opens its file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec

from archscan.errors import InputError
from archscan.model import Identity, Job, Limits, Problem, ProblemKind, Stage, escape
from archscan.pool import frames
from archscan.pool.attempts import attempted
from archscan.pool.child import Work
from archscan.pool.spawner import Answer, Ending, Spawner

_AHEAD_BYTES = 64 << 20  # of a package that is opened before it can be read

Turns = AbstractContextManager[Any]
"""Within it a worker may read."""

ALWAYS: Turns = nullcontext()

Opened = Callable[[Job], tuple[Job, int]]
"""Opens the file of a job, in the worker: the job with what is known of the file now, and a descriptor to close."""


def nothing() -> None:
    """What there is to prepare for work that imports what it needs."""


class Result(msgspec.Struct, frozen=True):
    """What came of a job: what its file is, where whoever opened it says so, and the answers of the children.

    A child is not asked what it reads: one that was taken over would name another package, and replace its facts.
    """

    identity: Identity | None
    answers: tuple[Answer, ...]


class Terms(msgspec.Struct, frozen=True):
    """What a process that forks children is told once, and what one child may cost."""

    work: Work
    limits: Limits
    prepare: Callable[[], None]
    may_open: bool

    def spawner(self) -> Spawner:
        """A new process that forks children on these terms; only for a process with one thread."""
        return Spawner(self.work, self.prepare, may_open=self.may_open)


def read(spawner: Spawner, opened: Opened, limits: Limits, job: Job, turns: Turns = ALWAYS) -> Result:
    """What comes of a job in this process, which reads when it is its turn, in one attempt or two.

    Raises SpawnerLostError, PoolError.
    """
    started = time.monotonic()
    # A large one is opened when it is read: of those that are open ahead, and perhaps spooled, all are small.
    with turns if (job.size or 0) > _AHEAD_BYTES else ALWAYS:
        try:
            job, package = opened(job)
        except InputError as error:
            problem = Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error)))
            answer = Answer(Ending("exit", 0, hungry=False), frames.said(problem), time.monotonic() - started)
            return Result(None, (answer,))
        try:
            if job.identity and job.identity.known:
                return Result(job.identity, ())
            with turns if (job.size or 0) <= _AHEAD_BYTES else ALWAYS:
                return Result(job.identity, attempted(spawner, job, package, limits))
        finally:
            os.close(package)
