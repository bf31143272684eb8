"""Text of a package's files, as it may be stored: escaped, cut where it is long, and a bounded number of lines."""

from __future__ import annotations

from collections.abc import Iterator

from archscan.model import escape

LONGEST = 4_096  # characters of a name or value; what is longer is cut, and ends in an ellipsis
MOST_LINES = 100_000


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
    """What the first line of a script says that runs it, without arguments (execve(2)); of ``env`` what it runs."""
    first = data[:512].partition(b"\n")[0]
    if not first.startswith(b"#!"):
        return None
    words = first[2:].split()
    if len(words) > 1 and words[0].endswith(b"/env"):
        words = [word for word in words[1:] if not word.startswith(b"-")] or words[:1]
    return cut(words[0]) if words else None
