"""The command, in whose children some objects crash their reader, and some stop it.

    python -m tests.scan.dying scan …

By the first digit of an object's SHA-256, so everybody who carries it out dies of the same ones.
"""

from __future__ import annotations

import ctypes
import hashlib
import time
from typing import Any

from archscan.cli import main
from archscan.scan import objects

_real = objects.object_facts


def _dying(data: bytes, *rest: Any, **more: Any) -> Any:
    digit = hashlib.sha256(data).hexdigest()[0]
    if digit in "0123":
        ctypes.string_at(0)
    if digit == "4":
        time.sleep(600)
    return _real(data, *rest, **more)


if __name__ == "__main__":
    objects.object_facts = _dying
    main()
