"""Where log records go: warnings to stderr, everything to a file where one is given."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from archscan.scan.log_file import opened
from archscan.scan.progress import PACKAGES


def set_up(verbose: int, log_file: Path | None) -> None:
    """Point the root logger to stderr and to the file. Raises a click.BadParameter where that cannot be written.

    ``verbose`` is how often -v was given. The file has a line for each package (INFO) and each problem (WARNING) in
    any case; a screen, which has a summary, only with -v.
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(level)
    screen.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    if not verbose:
        screen.addFilter(lambda record: record.name != PACKAGES)
    handlers: list[logging.Handler] = [screen]
    if log_file:
        kept = min(level, logging.INFO)
        try:
            handlers.append(opened(log_file, kept))
        except OSError as error:
            text = f"{log_file}: the log file cannot be written: {error.strerror}"
            raise click.BadParameter(text, param_hint="--log-file") from error
        level = min(level, kept)
    logging.basicConfig(level=level, handlers=handlers, force=True)
