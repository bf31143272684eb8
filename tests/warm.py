"""The command, begun by a process that has everything imported already, which is most of what a short scan costs.

Each command is a process of its own, with its own directory, environment and streams. What it was not: started from
nothing. ``make test-full`` has COLD in its environment, and then the tests start commands as a person does.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import archscan
from archscan.cli import main

COLD = "ARCHSCAN_TESTS_COLD"
_READ_AT_START = ("PYTHON", "LC_", "LANG")  # environment variables that decide how an interpreter starts
_BEGUN = dict(os.environ)
_MOST = 1 << 20  # bytes of a request: arguments and environment


def run(arguments: Sequence[str], stdin: bytes, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """What ``archscan`` writes, and its exit code, which is negative for a signal. Raises TimeoutExpired."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(_server())
            asked = {"arguments": [*arguments], "folder": str(Path.cwd()), "environment": dict(os.environ)}
            socket.send_fds(connection, [json.dumps(asked).encode()], [given.fileno(), out.fileno(), err.fileno()])
            pid = int(connection.recv(64))
            connection.settimeout(seconds)
            try:
                code = int(connection.recv(64))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["archscan", *arguments], seconds) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["archscan", *arguments], code, out.read(), err.read())


def usable() -> bool:
    """Whether a forked command is what a started one would be: not where the environment says otherwise."""
    return COLD not in os.environ and _starting(os.environ) == _starting(_BEGUN)


def _starting(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


@cache
def _server() -> str:
    """The address of this process's server, which ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="archscan-warm-")
    address = f"{folder.name}/socket"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.warm", address]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=Path(__file__).parents[1]
    )
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"

    def end() -> None:
        server.communicate()
        folder.cleanup()

    atexit.register(end)
    return address


# --- in the server ---


def _serve(address: str) -> bool:
    """Fork a process for each command until standard input ends, which is false; where it is true, be the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch a command
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in ready:
                return False
            connection, _ = listening.accept()
            if os.fork() == 0:
                break
            connection.close()
    return _watched(connection)


def _watched(connection: socket.socket) -> bool:
    """True in a new process, which has what was asked for; the one that calls this says how that one ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, streams, _, _ = socket.recv_fds(connection, _MOST, 3)
    request = json.loads(text)
    pid = os.fork()
    if pid:
        connection.send(str(pid).encode())
        connection.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    connection.close()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["archscan", *request["arguments"]]
    return True


def _import_all() -> None:
    """Everything that a command could import of archscan."""
    for module in pkgutil.walk_packages(archscan.__path__, "archscan."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # what belongs to an extra
                importlib.import_module(module.name)


def _be_the_command() -> None:
    """Do what it does and end; taking the interpreter apart would cost more than many a command."""
    try:
        main()
    except SystemExit as ended:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)


if __name__ == "__main__":
    _import_all()
    if _serve(sys.argv[1]):
        _be_the_command()
