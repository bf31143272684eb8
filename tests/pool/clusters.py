"""Real schedulers and workers of dask on loopback, each a process of its own that is ended by its pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler and its workers, without nannies: a worker is one process, and gone when it is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port: int = server.getsockname()[1]
        self.address = f"dask://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start_scheduler()

    def _started(self, name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        paths = {"PYTHONPATH": str(ROOT), **(environ or {})}
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{name.partition('-')[0]}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **paths},
                cwd=self._folder,
                start_new_session=True,
            )

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Begin a scheduler at the cluster's port."""
        arguments = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")
        # So that a job which ends its worker is known after one, and not after four.
        environ = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        self.scheduler = self._started("scheduler", *arguments, environ=environ)
        return self.scheduler

    def start_worker(self, threads: int = 1, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Begin one more worker; it waits for the scheduler."""
        worker = self._started(
            f"worker-{len(self.workers)}", f"tcp://127.0.0.1:{self.port}", "--host", "127.0.0.1", "--no-dashboard",
            "--no-nanny", "--nthreads", str(threads), "--local-directory", str(self._folder), environ=environ,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def said(self) -> str:
        """All that the processes logged."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted(self._folder.glob("*.log")))

    def close(self) -> None:
        """End every process that was begun here."""
        for process in (*self.workers, self.scheduler):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
            process.kill()
            process.wait()


@contextmanager
def kept_at(made: Cluster, count: int) -> Iterator[None]:
    """Within it, a worker that ends is followed by another, as by a nanny or systemd."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.2):
            for _ in range(count - sum(worker.poll() is None for worker in made.workers)):
                made.start_worker()

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def cluster(folder: Path, workers: int, threads: int = 1) -> Iterator[Cluster]:
    """A cluster, all of whose processes are ended with the context."""
    made = Cluster(folder)
    try:
        for _ in range(workers):
            made.start_worker(threads)
        yield made
    finally:
        made.close()


def soon(true: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it comes true before the time is up."""
    end = time.monotonic() + seconds
    while not (holds := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return holds


def descendants(pid: int) -> set[int]:
    """The processes that a process began, and those began; without zombies."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            parents[int(path.parent.name)] = int(fields[1])
    found, size = {pid}, 0
    while len(found) != size:
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}
