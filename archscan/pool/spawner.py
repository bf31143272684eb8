"""The process with one thread that forks a disposable child for each package and watches over it."""

from __future__ import annotations

import functools
import gc
import os
import resource
import select
import selectors
import signal
import socket
import struct
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from archscan.errors import PoolError
from archscan.model import Job, Limits
from archscan.pool import confined
from archscan.pool.child import Work, adopt_orphans, die_with_parent, keep_freed_memory, run
from archscan.pool.signals import blocked, ignored

_LENGTH = struct.Struct("<Q")
_TASK = msgspec.msgpack.Decoder(tuple[Job, Limits])
_PIECE = 1 << 20
_HIGHEST_DESCRIPTOR = 1 << 30


class SpawnerLostError(Exception):
    """The spawner is gone: killed from outside, for it does nothing that could fail."""


class Ending(msgspec.Struct, frozen=True):
    """How a child ended: ``exit`` with a code, ``signal`` with a number, ``timeout``, or ``answer`` grown too long.

    Or ``refused``: there was none, and the answer says why. ``hungry``: it had taken most of the memory that it was
    allowed beyond what it began with.
    """

    how: str
    code: int
    hungry: bool


class Answer(msgspec.Struct, frozen=True):
    """What a child wrote until its end, and the seconds that passed until then."""

    ending: Ending
    payload: bytes
    seconds: float


class Spawner:
    """A spawner process, and the socket to it. Must be closed.

    ``may_open``: the work opens files by their names, to read them; others cannot.
    """

    def __init__(self, work: Work, prepare: Callable[[], None], *, may_open: bool = False) -> None:
        confined.prepare(may_open=may_open)
        self._socket, theirs = socket.socketpair()
        parent = os.getpid()
        with blocked():
            self._pid = os.fork()
            if self._pid == 0:
                _become(parent, theirs, prepare, functools.partial(run, work, may_open=may_open))
        theirs.close()

    def read(self, job: Job, package: int, limits: Limits) -> Answer:
        """What a child says of the job, whose file is open as ``package``. Raises SpawnerLostError, PoolError."""
        try:
            send(self._socket, msgspec.msgpack.encode((job, limits)), package)
            seconds, ending = msgspec.msgpack.decode(receive(self._socket), type=tuple[float, Ending])
            payload = receive(self._socket)
        except (OSError, EOFError) as error:
            raise SpawnerLostError(str(error)) from error
        if ending.how == "refused":
            raise PoolError(payload.decode())
        return Answer(ending, payload, seconds)

    def close(self) -> None:
        """End the process, and a child that it may be watching; what they used counts as used by this process."""
        self._socket.close()
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def send(connection: socket.socket, data: bytes, *descriptors: int) -> None:
    """Send the bytes, and with the first of them the descriptors (unix(7), SCM_RIGHTS)."""
    length = _LENGTH.pack(len(data))
    sent = socket.send_fds(connection, [length], descriptors) if descriptors else 0
    connection.sendall(length[sent:])
    connection.sendall(data)


def receive(connection: socket.socket) -> bytes:
    """What the other end sent at once. Raises EOFError, OSError."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return _exactly(connection, length)


def _receive_task(connection: socket.socket) -> tuple[Job, Limits, int]:
    """A job, what it may cost, and the descriptor of its open file."""
    begin, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
    if not begin:
        raise EOFError("the other end is closed")
    (length,) = _LENGTH.unpack(begin + _exactly(connection, _LENGTH.size - len(begin)))
    return *_TASK.decode(_exactly(connection, length)), descriptors[0]


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = connection.recv_into(view)
        if not got:
            raise EOFError("the other end is closed")
        view = view[got:]
    return bytes(data)


# --- in the spawner ---

Child = Callable[[Job, int, Limits, int], None]
"""Is the child for a job: its open file, what it may cost, and the pipe to write to. Does not return."""


def _become(parent: int, connection: socket.socket, prepare: Callable[[], None], child: Child) -> None:
    """Be the spawner; does not return."""
    try:
        ignored()  # the terminal sends them to everyone; main decides
        die_with_parent(parent)
        serve(connection, prepare, child)
    except Exception:  # noqa: BLE001  # a bug of ours; the worker sees only that this process is gone
        os.write(2, traceback.format_exc().encode())  # sys.stderr may stand on a descriptor that is closed now
    finally:
        os._exit(0)


def serve(connection: socket.socket, prepare: Callable[[], None], child: Child, patience: float | None = None) -> None:
    """Be the spawner for whoever is at the other end, until they are gone, or ask nothing for ``patience`` seconds.

    This process must have one thread and no use for any other descriptor.
    """
    adopt_orphans()
    # The database, other workers' pipes: nothing that hostile input could reach through a child.
    os.closerange(3, connection.fileno())
    os.closerange(connection.fileno() + 1, _HIGHEST_DESCRIPTOR)
    keep_freed_memory()
    gc.disable()  # imports make nothing but garbage collections; and what lives now lives until the end
    prepare()
    gc.freeze()  # so that no child copies these pages by touching them
    with suppress(EOFError, ConnectionError):  # whoever asked is gone
        while select.select([connection], [], [], patience)[0]:
            job, limits, package = _receive_task(connection)
            answer = _refusal() or _watched(child, job, package, limits, connection)
            os.close(package)
            send(connection, msgspec.msgpack.encode((answer.seconds, answer.ending)))
            send(connection, answer.payload)


def _refusal() -> Answer | None:
    """Why no child is forked: this process has threads, one of which may hold a lock that a child would wait for."""
    threads = os.stat("/proc/self/task").st_nlink - 2  # noqa: PTH116  # a tenth of what counting the entries takes
    if threads <= 1:
        return None
    text = (
        f"the process that forks those which read packages has {threads} threads and not one; something that was "
        "imported starts them (for NumPy's: OPENBLAS_NUM_THREADS=1)"
    )
    return Answer(Ending("refused", 0, hungry=False), text.encode(), 0.0)


def _watched(begin: Child, job: Job, package: int, limits: Limits, connection: socket.socket) -> Answer:
    started = time.monotonic()
    readable, writable = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(readable)
        connection.close()
        die_with_parent(parent)
        begin(job, package, limits, writable)
    os.close(writable)
    with suppress(OSError):  # whichever of the two comes first
        os.setpgid(child, child)
    payload, verdict = _collected(child, readable, limits, connection)
    os.close(readable)
    return Answer(_ending(child, verdict, limits), payload, time.monotonic() - started)


def _is_hungry(peak: int, limits: Limits) -> bool:
    """Whether a child that held ``peak`` bytes at most had taken three quarters of what RLIMIT_AS left to it.

    It begins with the address space of this process, most of which it never touches, and with our resident memory.
    """
    page = resource.getpagesize()
    size, resident = (int(pages) * page for pages in Path("/proc/self/statm").read_text().split()[:2])
    return peak - resident > (limits.memory_bytes - size) // 4 * 3


def _ending(child: int, verdict: str, limits: Limits) -> Ending:
    """How the child ended; a verdict of ours ends it, and whatever it started."""
    _kill_group(child)
    _, status, usage = os.wait4(child, 0)
    _end_orphans()
    hungry = _is_hungry(usage.ru_maxrss << 10, limits)
    if verdict:
        return Ending(verdict, 0, hungry)
    if os.WIFSIGNALED(status):
        return Ending("signal", os.WTERMSIG(status), hungry)
    return Ending("exit", os.WEXITSTATUS(status), hungry)


def _collected(child: int, readable: int, limits: Limits, connection: socket.socket) -> tuple[bytes, str]:
    """Everything the child writes until it is dead; and, where that was not waited for, why.

    Raises EOFError as soon as whoever asked is gone: nobody says anything over the connection meanwhile.
    """
    payload, alive = bytearray(), True
    end = time.monotonic() + limits.deadline
    pidfd = os.pidfd_open(child)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(readable, selectors.EVENT_READ)
            selector.register(pidfd, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while True:
                left = end - time.monotonic()
                ready = {key.fd for key, _ in selector.select(left if alive else 0)} if left > 0 else set()
                if connection.fileno() in ready:
                    _kill_group(child)
                    raise EOFError("the other end is closed")
                if readable in ready:
                    piece = os.read(readable, _PIECE)
                    payload += piece
                    if len(payload) > limits.answer_bytes:
                        return bytes(payload), "answer"
                    if not piece:
                        selector.unregister(readable)
                elif pidfd in ready:  # what it had written before is read by now, or soon will be
                    selector.unregister(pidfd)
                    alive = False
                    _kill_group(child)  # whom it left behind may hold the pipe open
                elif alive:
                    return bytes(payload), "timeout"
                else:
                    break
    finally:
        os.close(pidfd)
    return bytes(payload), ""


def _kill_group(child: int) -> None:
    """Kill a child that was not waited for yet, and what it started."""
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)


def _end_orphans() -> None:
    """Kill and reap whatever a child left behind in a session of its own; usually there is nothing."""
    with suppress(ChildProcessError):
        while True:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
            if reaped:
                continue
            left = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
            for orphan in left:
                os.kill(int(orphan), signal.SIGKILL)
            os.waitpid(-1, 0)
