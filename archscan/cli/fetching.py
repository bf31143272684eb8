"""The options of commands that fetch: where downloads go, how fast, and how many at once."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([kMG]?)(?:B?/s)?")
_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_LEAST = 1000  # below it, servers end the connection


def _rate(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Bytes per second from ``800k``, ``20M`` or ``1.5G``, in powers of 1,000."""
    if value is None:
        return None
    match = _RATE.fullmatch(value)
    rate = int(float(match[1]) * _FACTORS[match[2]]) if match else 0
    if rate < _LEAST:
        raise click.BadParameter(f"{value!r}: expected bytes per second, such as 800k, 20M or 1G, and at least 1k")
    return rate


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with ``--rate``, ``--downloads`` and ``--spool``; it is given them as ``fetching``."""

    @click.option("--rate", callback=_rate, metavar="BYTES/S", help="Download no faster: 20M; all workers together.")
    @click.option("--downloads", type=click.IntRange(1, 1024), help="Downloads at once, of all workers together.")
    @click.option("--spool", type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
                  help="The folder for downloads under way.  [default: the system's temporary one]")  # fmt: skip
    @functools.wraps(command)
    def with_fetching(
        *arguments: Any, rate: int | None, downloads: int | None, spool: Path | None, **others: Any
    ) -> Any:  # fmt: skip
        from archscan.sources import Fetching

        return command(*arguments, fetching=Fetching(rate=rate, downloads=downloads, spool=spool), **others)

    return with_fetching
