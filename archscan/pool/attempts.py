"""One attempt at a package, and one more where that died: without the member that it died of, and with less."""

from __future__ import annotations

import msgspec

from archscan.model import Job, Limits
from archscan.pool import frames
from archscan.pool.spawner import Answer, Ending, Spawner

_SHARE = 2


def smaller(limits: Limits) -> Limits:
    """What a second attempt may cost: half the time, and half the memory.

    It is there for what else is in the package, which takes less than all that is allowed; and whoever sends packages
    that hang or eat shall not have twice the limits. Where the first attempt came further, its facts stand.
    """
    return msgspec.structs.replace(
        limits, deadline=limits.deadline / _SHARE, memory_bytes=limits.memory_bytes // _SHARE
    )


def attempted(spawner: Spawner, job: Job, package: int, limits: Limits) -> tuple[Answer, ...]:
    """The answer of one child, or of two where the first one died. Raises SpawnerLostError, PoolError."""
    first = spawner.read(job, package, limits)
    if not _died(first.ending):
        return (first,)
    place = frames.place(first.payload)
    passed = (*job.passed_over, place) if place else job.passed_over
    again = msgspec.structs.replace(job, passed_over=passed)
    return first, spawner.read(again, package, smaller(limits))


def _died(ending: Ending) -> bool:
    """Whether a child neither came to its end nor said more than it may."""
    return ending.how != "answer" and (ending.how != "exit" or ending.code != 0)
