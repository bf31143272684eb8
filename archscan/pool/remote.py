"""A crew's hands on another machine: what a worker of a cluster keeps, and what it does with a job.

A worker has many threads, so each job takes a spawner that is a program of its own, and leaves it to the next one.
Nothing here knows the cluster's engine: bytes come in, bytes go out.
"""

from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import msgspec

from archscan.errors import ArchscanError, PoolError
from archscan.model import Job, Log, escape
from archscan.pool import frames
from archscan.pool.executed import ExecutedSpawner
from archscan.pool.spawner import SpawnerLostError
from archscan.pool.terms import Opened, Result, Terms, read

_MOST_RECORDS = 100  # of one job, as of one child


class Errand(msgspec.Struct, frozen=True):
    """What a worker is told once, pickled. ``openers`` gives what makes, for each thread, what opens files.

    ``terms`` are pickled ``Terms``. ``installed`` says of which version this archscan is; ``expected`` is what it says
    where the results go. ``level``: of the log records that come home.
    """

    terms: bytes
    openers: Callable[[], Callable[[], Opened]]
    installed: Callable[[], Mapping[str, str]]
    expected: Mapping[str, str]
    level: int


class Sent(msgspec.Struct, frozen=True):
    """What comes home of a job: its result, and what the worker logged, as frames.

    ``lost``: why there is none, and another attempt is worth it. ``refused``: why no job comes to anything there.
    """

    result: Result | None = None
    logged: bytes = b""
    lost: str | None = None
    refused: str | None = None


_DECODER = msgspec.msgpack.Decoder(Sent)


def received(data: bytes) -> Sent:
    """What a worker sent. Raises msgspec.MsgspecError."""
    return _DECODER.decode(data)


def difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """Words for the first thing of which two installations have different versions."""
    for name, wanted in expected.items():
        if found.get(name) != wanted:
            return f"it has {name} {found.get(name)}, and where the results go it is {wanted}"
    return None


class _Hands:
    """What a worker keeps for one run: spawners that are idle, each with what opens its files."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        terms = pickle.loads(errand.terms)  # noqa: S301  # of who may run anything here
        assert isinstance(terms, Terms)
        self.limits = terms.limits
        self._opener = errand.openers()
        self._idle: list[tuple[ExecutedSpawner, Opened]] = []
        self._all: set[ExecutedSpawner] = set()
        self._lock = threading.Lock()
        self._closed = False

    def taken(self) -> tuple[ExecutedSpawner, Opened]:
        """An idle spawner that lives, or a new one."""
        with self._lock:
            opened: Opened | None = None
            while self._idle:
                spawner, opened = self._idle.pop()
                if spawner.lives():
                    return spawner, opened
                self._all.discard(spawner)
                spawner.close()
            if self._closed:
                raise SpawnerLostError("the run is over")
            spawner = ExecutedSpawner(self.errand.terms, self.errand.level)
            self._all.add(spawner)
        return spawner, opened or self._opener()

    def left(self, spawner: ExecutedSpawner, opened: Opened) -> None:
        """Have it back after a job."""
        with self._lock:
            self._idle.append((spawner, opened))

    def lost(self, spawner: ExecutedSpawner) -> None:
        """End one that gave no answer."""
        with self._lock:
            self._all.discard(spawner)
        spawner.close()

    def close(self) -> None:
        """End all of them, whatever they do."""
        with self._lock:
            self._closed = True
            spawners, self._all, self._idle = self._all, set(), []
        for spawner in spawners:
            with suppress(OSError):
                spawner.close()


_held: dict[str, _Hands] = {}


def settle(run: str, errand: bytes) -> str | None:
    """Get ready for the jobs of a run; in words why not, where this installation is not the same as the other one."""
    try:
        told = pickle.loads(errand)  # noqa: S301  # of who may run anything here
        assert isinstance(told, Errand)
        if (text := difference(told.expected, told.installed())) is None:
            _held[run] = _Hands(told)
    except Exception as error:  # noqa: BLE001  # another version, most likely
        return f"it cannot make sense of what it is asked: {escape(f'{type(error).__name__}: {error}')[:500]}"
    return text


def leave(run: str) -> None:
    """End what a run has here."""
    if hands := _held.pop(run, None):
        hands.close()


def carry_out(run: str, job: bytes) -> bytes:
    """What comes of a job, as ``Sent``; nothing is raised, so that all which goes home is bytes."""
    return msgspec.msgpack.encode(_carried_out(run, msgspec.msgpack.decode(job, type=Job)))


def _carried_out(run: str, job: Job) -> Sent:
    hands = _held.get(run)
    if hands is None:
        return Sent(lost="the worker knows nothing of this run")
    with _collected(hands.errand.level) as records:
        try:
            spawner, opened = hands.taken()
        except (SpawnerLostError, OSError) as error:  # no memory for another process, say
            return Sent(lost=str(error))
        try:
            result = read(spawner, opened, hands.limits, job)
        except SpawnerLostError:
            hands.lost(spawner)
            return Sent(logged=frames.said(*records), lost="the process that forks children was killed from outside")
        except OSError as error:
            hands.lost(spawner)
            return Sent(logged=frames.said(*records), lost=f"{type(error).__name__}: {error}")
        except (PoolError, ArchscanError) as error:
            hands.left(spawner, opened)
            return Sent(logged=frames.said(*records), refused=str(error))
        except BaseException:
            hands.lost(spawner)
            raise
        hands.left(spawner, opened)
    return Sent(result, frames.said(*records))


@contextmanager
def _collected(level: int) -> Iterator[list[Log]]:
    """Within it, what this thread logs is put into the list that it yields."""
    records: list[Log] = []
    thread = threading.get_ident()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread and len(records) < _MOST_RECORDS:
                lines = "\n".join(map(escape, record.getMessage().splitlines()))
                records.append(Log(level=record.levelno, logger=record.name, message=lines[:60_000]))

    handler, logger = Collector(level), logging.getLogger("archscan")
    if logger.level == logging.NOTSET or logger.level > level:
        logger.setLevel(level)
    logger.addHandler(handler)
    try:
        yield records
    finally:
        logger.removeHandler(handler)
