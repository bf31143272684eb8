"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path

import click

database = click.option(
    "--db",
    type=click.Path(path_type=Path),
    default=Path("archscan.db"),
    envvar="ARCHSCAN_DB",
    show_default=True,
    show_envvar=True,
    help="The database.",
)

rules = click.option(
    "--rules",
    "own_rules",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    metavar="DIR",
    help="A folder with rules (and a catalogue) of your own, beside ours.",
)

release = click.option(
    "--release",
    metavar="DISTRIBUTION/RELEASE",
    help="The release of the packages, such as debian/trixie, instead of what their versions tell.",
)

log_file = click.option(
    "--log-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Append a line for each package, each problem and whatever else is logged.",
)

progress_file = click.option(
    "--progress-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Say how far the scan is in this file (JSON), every second.",
)


def _shard(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch("([0-9]{1,6})/([0-9]{1,6})", value)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{value!r}: expected PART/PARTS, such as 3/16, with PART from 1 to PARTS")
    return int(match[1]), int(match[2])


shard = click.option(
    "--shard",
    callback=_shard,
    metavar="PART/PARTS",
    help="Read only the packages of this part, by their SHA-256; `archscan merge` joins the databases.",
)
