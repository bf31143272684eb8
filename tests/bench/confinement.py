"""``python -m tests.bench.confinement``: what it costs to hold a disposable process, microseconds of each.

Processes are forked as a spawner does, alternately with and without.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from statistics import median

from archscan.pool import confined, landlock, seccomp

_TIMES = 400


def main() -> None:
    """Print the medians."""
    confined.prepare()
    parts: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "all of it": confined.confine,
        "Landlock": lambda: _allowed() and landlock.restrict(may_open=False),
        "seccomp": lambda: _allowed() and seccomp.restrict(may_open=False),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    for _ in range(_TIMES):
        for name, part in parts.items():
            found[name].append(_child(part))
    for name, times in found.items():
        inside, outside = (median(one[place] for one in times) * 1e6 for place in (0, 1))
        print(f"{name:12} {inside:8.0f} us in the process, {outside:8.0f} us from fork to its end")


def _allowed() -> bool:
    """Give up new privileges, without which neither is allowed (prctl(2))."""
    return bool(confined._PRCTL(confined._PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def _child(part: Callable[[], object]) -> tuple[float, float]:
    """Seconds that a part takes in a process of its own, and those of the process as a whole."""
    readable, writable = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        begun = time.monotonic()
        part()
        os.write(writable, struct.pack("d", time.monotonic() - begun))
        os._exit(0)
    os.waitpid(child, 0)
    whole = time.monotonic() - started
    os.close(writable)
    with open(readable, "rb") as file:  # noqa: PTH123  # a descriptor
        (inside,) = struct.unpack("d", file.read())
    return inside, whole


if __name__ == "__main__":
    main()
