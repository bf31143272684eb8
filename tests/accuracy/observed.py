"""A started program, seen from outside: it is stopped before its first instruction and ended."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from pathlib import Path

from tests.accuracy.evidence import Evidence, facts

_PTRACE_TRACEME = 0  # ptrace(2)


def started_stack(path: Path) -> Evidence | None:
    """The rights of a program's stack in /proc/PID/maps once the kernel has started it; None where it cannot be.

    The program itself never runs: ptrace(2) stops it when execve(2) is done. Only programs of this machine's processor
    without a loader's help or with one that is installed can be started.
    """
    found = facts(path)
    program = found.type == "EXEC" or "PIE" in found.flags_1
    if not program or platform.machine() != "x86_64" or "X86-64" not in found.machine or not os.access(path, os.X_OK):
        return None
    child = os.fork()
    if child == 0:
        _stopped(path)
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        return None
    try:
        lines = Path(f"/proc/{child}/maps").read_text().splitlines()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    rights = next((line.split()[1] for line in lines if line.endswith("[stack]")), "")
    return Evidence("no" if "x" in rights else "yes", f"/proc/PID/maps: [stack] {rights}") if rights else None


def _stopped(path: Path) -> None:
    """Become the program, stopped; never comes back."""
    try:
        ctypes.CDLL(None).ptrace(_PTRACE_TRACEME, 0, None, None)
        os.execv(path, [str(path)])
    except OSError:
        pass
    finally:
        os._exit(127)
