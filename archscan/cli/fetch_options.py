"""What ``archscan scan`` can be told about downloading."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., object])
_RATE = re.compile(r"([0-9]{1,15})([KMG]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def _rate(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    match = _RATE.fullmatch(value)
    if not match or not int(match[1]):
        raise click.BadParameter(f"{value!r}: expected bytes a second, such as 500K, 20M or 1G")
    return int(match[1]) * _UNITS[match[2].upper()]


_OPTIONS = (
    click.option("--rate", callback=_rate, metavar="BYTES",
                 help="Download at most so much a second, all together; 20M are 20,000,000."),
    click.option("--downloads", type=click.IntRange(1, 1024), metavar="N",
                 help="Download at most so many files at once.  [default: one for each of --jobs]"),
    click.option("--spool", type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True), metavar="DIR",
                 help="Where downloads lie, without a name, while they are read.  [default: $TMPDIR or /tmp]"),
)  # fmt: skip


def fetch_options(command: _Command) -> _Command:
    """The command with the options above: ``rate`` in bytes a second, ``downloads``, ``spool``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
