"""The process with one thread that forks a disposable child for each package and watches over it."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable

import msgspec

from archscan.model import Job, Limits
from archscan.pool.child import Work, die_with_parent, keep_freed_memory, run

_LENGTH = struct.Struct("<Q")
_JOB = msgspec.msgpack.Decoder(Job)
_PIECE = 1 << 20


class SpawnerLostError(Exception):
    """The spawner is gone: killed from outside, for it does nothing that could fail."""


class Ending(msgspec.Struct, frozen=True):
    """How a child ended: ``exit`` with a code, ``signal`` with a number, ``timeout``, or ``answer`` grown too long."""

    how: str
    code: int


class Answer(msgspec.Struct, frozen=True):
    """What a child wrote until its end, and the seconds that passed until then."""

    ending: Ending
    payload: bytes
    seconds: float


class Spawner:
    """A spawner process, and the socket to it. Must be closed."""

    def __init__(self, work: Work, limits: Limits, prepare: Callable[[], None]) -> None:
        self._socket, theirs = socket.socketpair()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._socket.close()
                die_with_parent(parent)
                _serve(theirs, work, limits, prepare)
            finally:
                os._exit(0)
        theirs.close()

    def read(self, job: Job) -> Answer:
        """What a child says of the job. Raises SpawnerLostError."""
        try:
            _send(self._socket, msgspec.msgpack.encode(job))
            seconds, ending = msgspec.msgpack.decode(_receive(self._socket), type=tuple[float, Ending])
            return Answer(ending, _receive(self._socket), seconds)
        except (OSError, EOFError) as error:
            raise SpawnerLostError(str(error)) from error

    def close(self) -> None:
        """End the process, and a child that it may be watching."""
        self._socket.close()
        try:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(_LENGTH.pack(len(data)))
    connection.sendall(data)


def _receive(connection: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = connection.recv_into(view)
        if not got:
            raise EOFError("the other end is closed")
        view = view[got:]
    return bytes(data)


def _serve(connection: socket.socket, work: Work, limits: Limits, prepare: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to everyone; main decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    keep_freed_memory()
    gc.disable()  # imports make nothing but garbage collections; and what lives now lives until the end
    prepare()
    gc.freeze()  # so that no child copies these pages by touching them
    while True:
        try:
            job = _JOB.decode(_receive(connection))
        except (EOFError, OSError):
            return
        answer = _watched(work, job, limits)
        _send(connection, msgspec.msgpack.encode((answer.seconds, answer.ending)))
        _send(connection, answer.payload)


def _watched(work: Work, job: Job, limits: Limits) -> Answer:
    started = time.monotonic()
    readable, writable = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(readable)
        die_with_parent(parent)
        run(work, job, limits, writable)
    os.close(writable)
    payload, verdict = _collected(readable, limits)
    os.close(readable)
    ending = _ending(child, verdict, limits)
    return Answer(ending, payload, time.monotonic() - started)


def _ending(child: int, verdict: str, limits: Limits) -> Ending:
    """How the child ended; a verdict of ours ends it, and whatever it started."""
    if verdict:
        _kill(child)
    status = _waited(child, 0 if verdict else limits.deadline)
    if verdict or status is None:
        return Ending(verdict or "timeout", 0)
    if os.WIFSIGNALED(status):
        return Ending("signal", os.WTERMSIG(status))
    return Ending("exit", os.WEXITSTATUS(status))


def _kill(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has not made its group yet
        os.kill(child, signal.SIGKILL)


def _collected(readable: int, limits: Limits) -> tuple[bytes, str]:
    """Everything the child writes until it closes its end; and, where that was not waited for, why."""
    pieces: list[bytes] = []
    size = 0
    end = time.monotonic() + limits.deadline
    with selectors.DefaultSelector() as selector:
        selector.register(readable, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, end - time.monotonic())):
                return b"".join(pieces), "timeout"
            piece = os.read(readable, _PIECE)
            if not piece:
                return b"".join(pieces), ""
            pieces.append(piece)
            size += len(piece)
            if size > limits.answer_bytes:
                return b"".join(pieces), "answer"


def _waited(child: int, seconds: float) -> int | None:
    """The child's status. One that closed its pipe and lives on is killed after ``seconds``: then None."""
    end = time.monotonic() + seconds
    while seconds and time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.0005)
    if seconds:
        _kill(child)
    _, status = os.waitpid(child, 0)
    return None if seconds else status
