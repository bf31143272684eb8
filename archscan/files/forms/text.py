"""Text of a package's files, as it may be stored: escaped, cut where it is long, and a bounded number of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.model import escape

LONGEST = 4_096  # characters of a name or value; what is longer is cut, and ends in an ellipsis
MOST_LINES = 100_000
_LONGEST_FIRST = 256  # bytes of a first line that the kernel looks at, BINPRM_BUF_SIZE
_ASSIGNMENT = re.compile(rb"[A-Za-z_]\w*=")


def cut(text: bytes | str, longest: int = LONGEST) -> str:
    """The text escaped, and cut to at most ``longest`` characters."""
    said = escape(text if len(text) <= longest else text[: longest + 1])
    return said if len(said) <= longest else said[: longest - 1] + "…"


def lines(data: bytes) -> Iterator[tuple[int, str]]:
    r"""The lines of a file without their ends, with their numbers from 1; undecodable bytes as surrogates.

    At most 100,000. What is kept of a line goes through ``cut`` first.
    """
    for number, line in enumerate(data.split(b"\n", MOST_LINES)[:MOST_LINES], 1):
        yield number, line.rstrip(b"\r").decode("utf-8", "surrogateescape")


def joined(data: bytes) -> Iterator[tuple[int, str]]:
    r"""The same, with a line that ends in ``\`` and the following one as one, numbered as the first."""
    start, before = 0, list[str]()
    for number, line in lines(data):
        start = start or number
        if line.endswith("\\"):
            before.append(line[:-1])
            continue
        yield start, " ".join([*before, line])
        start, before = 0, []
    if before:
        yield start, " ".join(before)


def interpreter(data: bytes) -> str | None:
    """The program of the ``#!`` line of a file (execve(2)), without its folder; of env(1) what that starts.

    None where the file begins otherwise. Options and assignments of env are passed over.
    """
    if not data.startswith(b"#!"):
        return None
    words = data[2:_LONGEST_FIRST].split(b"\n", 1)[0].split()
    if not words:
        return None
    name = words[0].rpartition(b"/")[2]
    if name == b"env":
        rest = (word for word in words[1:] if not word.startswith(b"-") and not _ASSIGNMENT.match(word))
        name = next((word.rpartition(b"/")[2] for word in rest), b"")
    return cut(name) or None
