"""What a child may do to the pipe that it was given, as one that was taken over does."""

from __future__ import annotations

import os
import stat


def pipe() -> int:
    """The writing end, in a child; it has no other."""
    (found,) = [number for number in range(3, 40) if _is_pipe(number)]
    return found


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
