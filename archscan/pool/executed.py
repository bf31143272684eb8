"""A spawner that is a program of its own: for a process with threads, which must not fork one.

Whoever begins it is at the other end of that socket, and says first on what terms to work. It ends with that process,
and when it was asked nothing for a while.
"""

from __future__ import annotations

import functools
import logging
import pickle
import socket
import subprocess
import sys
from contextlib import suppress

from archscan.pool.child import run
from archscan.pool.signals import ignored
from archscan.pool.spawner import Spawner, receive, send, serve
from archscan.pool.terms import Terms

PATIENCE = 600.0
"""Seconds without a job after which it ends: of whom it worked for, nothing is left to say so."""


class ExecutedSpawner(Spawner):
    """A spawner that was begun as a program, by any thread. Must be closed. ``terms`` are pickled ``Terms``."""

    def __init__(self, terms: bytes, level: int = logging.WARNING) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # Not the folder where the worker was begun: whatever lies there would be imported (-P).
            program = f"from {__name__} import main; main({theirs.fileno()}, {int(level)})"
            command = [sys.executable, "-P", "-c", program]
            self._process = subprocess.Popen(  # noqa: S603  # this very module
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
            )
        with suppress(OSError):  # who reads nothing is found to be lost by the first job
            send(self._socket, terms)

    def lives(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process, and a child that it may be watching."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def main(descriptor: int, level: int) -> None:
    """Be the spawner."""
    ignored()
    logging.getLogger().setLevel(level)  # of what children say over their pipes; here nothing is logged
    connection = socket.socket(fileno=descriptor)
    try:
        terms = pickle.loads(receive(connection))  # noqa: S301  # of the process that began this one
    except (EOFError, ConnectionError):  # which is gone
        return
    assert isinstance(terms, Terms)
    serve(connection, terms.prepare, functools.partial(run, terms.work, may_open=terms.may_open), PATIENCE)
