"""What the workers of a test's cluster import and do."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

import msgspec

from archscan.model import Begin, End, Identity, Job, Limits
from archscan.pool.frames import Send
from archscan.pool.terms import Opened

SECONDS = 0.1


def work(job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    """Say the end, after a while; or die, log, hang."""
    send(Begin(path=job.path))
    if job.path == "crash":
        os.abort()
    if job.path == "hang":
        time.sleep(600)
    logging.getLogger("tests.child").warning("read %s", job.path)
    time.sleep(SECONDS)
    send(End())


def openers() -> Callable[[], Opened]:
    """Openers that log what they do."""

    def opener() -> Opened:
        def opened(job: Job) -> tuple[Job, int]:
            logging.getLogger("archscan.tests.worker").warning("opened %s", job.path)
            if job.path == "end-of-worker":
                os._exit(1)
            identity = Identity(sha256="0" * 64, size=Path(__file__).stat().st_size, known=False)
            there = msgspec.structs.replace(job, identity=identity)
            return there, os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)

        return opened

    return opener


def installed() -> dict[str, str]:
    """The same everywhere, but where a test says otherwise."""
    return {"archscan": "test", "catalogue": os.environ.get("TEST_CATALOGUE", "digest-of-home")}


def trivial(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    """Say next to nothing."""
    send(End())


def quiet_openers() -> Callable[[], Opened]:
    """Openers of nothing."""
    return lambda: lambda job: (job, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
