"""What a command and everything it starts cost."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

_PR_SET_CHILD_SUBREAPER = 36


class Cost(msgspec.Struct, frozen=True):
    """User and system CPU seconds of a whole process tree, wall seconds, its largest process in MiB, its exit code.

    ``own`` are the CPU seconds of its first process alone.
    """

    cpu: float
    wall: float
    largest: float
    code: int
    own: float


def cost(command: Sequence[str], *, stdin: bytes = b"") -> Cost:
    """Run a command to its end, and to the end of all it started; what it prints goes nowhere.

    It runs under a measuring process of its own (this module as a program), for the system counts a process's
    children together and never forgets the largest.
    """
    measured = subprocess.run(
        [sys.executable, "-m", "tests.bench.cost", *command], input=stdin, capture_output=True, check=True
    )
    return msgspec.json.decode(measured.stdout, type=Cost)


def _measured(command: Sequence[str]) -> Cost:
    # Processes whose parent died become ours, so that their CPU time is counted (prctl(2)).
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)  # so that it can still be asked
    wall, own = time.monotonic() - started, _cpu(running.pid)
    code = running.wait()
    _reap()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, code, own)


def _cpu(pid: int) -> float:
    """CPU seconds of a process without its children (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _reap() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_measured(sys.argv[1:])))
