"""A crew on other machines: the threads of a dask.distributed cluster (docs/decisions/0023-beyond-one-machine.md)."""

from __future__ import annotations

import logging
import pickle
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from archscan import __version__
from archscan.errors import PoolError, UsageError
from archscan.model import Job
from archscan.pool import logs
from archscan.pool.crew import LostError
from archscan.pool.remote import Errand, carry_out, received
from archscan.pool.terms import Opened, Result, Terms

if TYPE_CHECKING:
    from distributed import Client, Worker, WorkerPlugin

_SCHEMES = ("tcp://", "tls://")
_LOOK = 5.0  # seconds between two looks at the cluster
_AT_FIRST = 30.0  # seconds for a scheduler that was never seen: the address may be wrong
_EMPTY_LOOKS = 3
_ASK = 20.0  # seconds that one question to the scheduler may take
_log = logging.getLogger(__name__)


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, and how long to wait for what is gone; times in seconds.

    ``address`` is ``dask://HOST:PORT``; ``tls://HOST:PORT`` where the configuration of dask names certificates.
    ``installed`` says of which version archscan is, here and there; it is found by its name there.
    """

    address: str
    installed: Callable[[], Mapping[str, str]]
    openers: Callable[[], Callable[[], Opened]]
    patience: float = 300.0  # without a scheduler, or without any worker
    job_patience: float = 3600.0  # for one job, beside three times its deadline


def checked(address: str) -> str:
    """The address as dask takes it. Raises UsageError for one of another form, and where dask is not installed."""
    rest = address.removeprefix("dask://")
    host, colon, port = rest.rpartition("://")[2].rpartition(":")
    if not address.startswith(("dask://", *_SCHEMES)) or not (host and colon and port.isdecimal()):
        raise UsageError(f"{address!r}: expected dask://HOST:PORT, or tls://HOST:PORT")
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise UsageError(f"--executor needs dask.distributed: pip install 'archscan[dask]' ({error})") from error
    return rest


def _plugin(run: str, version: str, errand: bytes) -> WorkerPlugin:
    """What each worker gets when it comes, and loses when it goes.

    The class is made here, so that it travels whole: a worker without archscan, or with another, must be able to say
    so. Only a worker that is fit offers the resource that our jobs ask for; so no other is given one.
    """
    from distributed import WorkerPlugin

    class Visit(WorkerPlugin):  # type: ignore[misc]  # its types are not read
        def __init__(self) -> None:
            self.name = run

        async def setup(self, worker: Worker) -> None:
            import asyncio

            text: str | None
            try:
                import archscan

                if archscan.__version__ != version:
                    text = f"it has archscan {archscan.__version__}, and where the results go it is {version}"
                else:
                    from archscan.pool import remote

                    text = await asyncio.to_thread(remote.settle, run, errand)
            except ImportError as error:
                text = f"archscan {version} is not installed there whole: {error}"
            if text is None:
                await worker.set_resources(**{run: worker.state.nthreads})
            else:
                worker.log_event(run, f"{worker.address}: {text}")

        async def teardown(self, worker: Worker) -> None:
            import sys

            if "archscan.pool.remote" in sys.modules:
                sys.modules["archscan.pool.remote"].leave(run)
            if worker.status.name == "running" and run in worker.state.total_resources:
                await worker.set_resources(**{run: 0})

    return Visit()


class Workers:
    """The threads of a cluster's workers that are fit for our jobs, which may come and go."""

    def __init__(self, cluster: Cluster, terms: Terms) -> None:
        self._address = checked(cluster.address)
        self._cluster = cluster
        self._run = f"archscan-{uuid.uuid4().hex}"
        level = logging.getLogger().getEffectiveLevel()
        errand = Errand(pickle.dumps(terms), cluster.openers, cluster.installed, cluster.installed(), level)
        self._plugin = _plugin(self._run, __version__, pickle.dumps(errand))
        self._job_patience = cluster.job_patience + 3 * terms.limits.deadline
        self._told: set[str] = set()  # what workers refuse was said once
        self._begun: dict[Future[Any], float] = {}
        self._threads = self._others = self._empty = 0
        self._checked = 0.0
        self._connect(min(cluster.patience, _AT_FIRST))

    # --- the scheduler ---

    def _connect(self, patience: float) -> None:
        """Find the scheduler, within so many seconds, and a worker that is fit."""
        from distributed import Client

        until = time.monotonic() + patience
        while True:
            left = max(1.0, until - time.monotonic())
            try:
                self._client: Client = Client(self._address, timeout=min(left, 30.0), set_as_default=False)
                self._register()
                break
            except (OSError, TimeoutError, CancelledError) as error:
                if hasattr(self, "_client"):
                    self._close()
                if time.monotonic() >= until:
                    raise PoolError(f"no scheduler of dask answers at {self._address}: {error}") from error
                time.sleep(1.0)
            except (TypeError, ValueError) as error:  # of dask, over the address and its own configuration
                raise PoolError(f"dask cannot use {self._address}: {error}") from error
        self._broken, self._answered, self._looked = False, time.monotonic(), 0.0
        self._executor = self._client.get_executor(pure=False, resources={self._run: 1})
        self._await_threads()

    def _register(self) -> None:
        from distributed.protocol.pickle import dumps

        responses = self._ask("register_worker_plugin", plugin=dumps(self._plugin), name=self._run, idempotent=False)
        for address, response in responses.items():
            if response["status"] != "OK":  # it cannot even load what it is sent
                self._refused(f"the worker {address} cannot read for this run: {response.get('text') or response}")

    def _ask(self, what: str, **arguments: object) -> Any:
        """What the scheduler answers. Raises TimeoutError, OSError."""
        return self._client.sync(getattr(self._client.scheduler, what), callback_timeout=_ASK, **arguments)

    def _look(self) -> None:
        """See who is there. Raises PoolError where nobody is for too long."""
        if time.monotonic() - self._looked < _LOOK:
            return
        if self._client.status != "running":
            self._broken = True
            return
        try:
            known = self._ask("identity", n_workers=-1)["workers"]
            for _, text in self._ask("events", topic=self._run):
                self._refused(str(text))
        except (OSError, TimeoutError, CancelledError):
            self._broken = time.monotonic() - self._answered > self._cluster.patience
            return
        finally:
            self._looked = time.monotonic()
        self._answered = time.monotonic()
        self._threads = int(sum(worker["resources"].get(self._run, 0) for worker in known.values()))
        self._others = len(known)

    def _refused(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            _log.warning("a worker takes no packages: %s", text)

    def _await_threads(self) -> None:
        """Wait for a worker that is fit. Raises PoolError where those that are there refuse, or none comes."""
        until, began = time.monotonic() + self._cluster.patience, time.monotonic()
        while True:
            self._looked = 0.0
            self._look()
            if self._threads or self._broken:
                return
            settled = self._others and len(self._told) >= self._others and time.monotonic() > began + 1
            if settled or time.monotonic() > until:
                why = min(self._told) if self._told else "it has none"
                raise PoolError(f"no worker of the cluster at {self._address} takes packages: {why}")
            time.sleep(0.2)

    # --- as a crew ---

    def most(self) -> int:
        """Two jobs for each thread that is there now."""
        self._look()
        if not self._threads and not self._broken:
            self._await_threads()
        return max(1, 2 * self._threads)

    def submit(self, job: Job) -> Future[bytes]:
        """Have the scheduler give a job to a worker."""
        try:
            future: Future[bytes] = self._executor.submit(carry_out, self._run, msgspec.msgpack.encode(job))
        except Exception as error:  # noqa: BLE001  # the client is closed, or about to be
            future = Future()
            future.set_exception(LostError(str(error), blameless=True))
        self._begun[future] = time.monotonic()
        return future

    def done(self, under_way: Mapping[Future[Any], object]) -> Iterable[Future[Any]]:
        """The first that are done; all, where the scheduler is gone; and one that takes too long for any package."""
        while True:
            done, _ = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
            if done:
                return done
            self._look()
            if self._broken:
                return list(under_way)
            if not self._threads:
                self._await_threads()
            if self._forgotten():
                return list(under_way)
            late = [one for one in under_way if time.monotonic() - self._begun[one] > self._job_patience]
            if late:
                return late

    def _forgotten(self) -> bool:
        """Whether no worker has any of our jobs, for some time, though each was submitted.

        What becomes due while no fit worker is there waits in the scheduler for one to join; but each joins before it
        is fit, and the scheduler does not look again.
        """
        if time.monotonic() - self._checked < _LOOK:
            return False
        self._checked = time.monotonic()
        try:
            held = (*self._ask("processing").values(), *self._ask("has_what").values())
        except (OSError, TimeoutError, CancelledError):
            return False
        has_any = any(str(key).startswith(carry_out.__name__) for keys in held for key in keys)
        self._empty = 0 if has_any else self._empty + 1
        return self._empty >= _EMPTY_LOOKS

    def result(self, future: Future[bytes]) -> Result:
        """What came of a job, there; what the worker logged is logged. Raises LostError."""
        from distributed import KilledWorker
        from distributed.comm import CommClosedError
        from distributed.scheduler import NoValidWorkerError

        self._begun.pop(future, None)
        if not future.done():
            future.cancel()
            raise LostError("it has no answer", blameless=self._broken or self._empty >= _EMPTY_LOOKS)
        try:
            sent = received(future.result())
        except KilledWorker as error:
            raise LostError(str(error)) from error
        except (CancelledError, CommClosedError, NoValidWorkerError, OSError, TimeoutError) as error:
            raise LostError(str(error), blameless=True) from error
        logs.pass_on_frames(sent.logged, "")
        if sent.refused:
            raise PoolError(sent.refused)
        if sent.lost:
            raise LostError(sent.lost)
        if sent.result is None:
            raise LostError("its worker says nothing of it")
        return sent.result

    def mend(self, lost: int) -> None:
        """Find the scheduler again, where it is gone. Raises PoolError."""
        self._empty = 0
        if self._broken or self._client.status != "running":
            _log.warning("the scheduler at %s is gone; %d packages wait for it", self._address, lost)
            self._close()
            self._connect(self._cluster.patience)
        else:
            _log.warning("a worker of the cluster was lost; %d packages are read again", lost)

    def end(self) -> None:
        """Leave the cluster as it was."""
        with suppress(Exception):
            self._ask("unregister_worker_plugin", name=self._run)
        self._close()

    def kill(self) -> None:
        """Give up what is under way, and leave the cluster as it was: children there are ended with their spawners."""
        with suppress(Exception):
            self._executor.shutdown(wait=False)
        self.end()

    def _close(self) -> None:
        with suppress(Exception):
            self._client.close(timeout=5)
