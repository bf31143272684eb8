"""Options that several commands share."""

from __future__ import annotations

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
