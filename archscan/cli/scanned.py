"""Packages that a command line names to be shown now, and databases that are only looked at."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from archscan.scan import Outcome


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database for reading only. Raises StoreError."""
    from archscan.reports import database

    with database.opened(path) as connection:
        yield connection


def read(targets: Sequence[str], db: Path, own_rules: tuple[Path, ...], workers: int | None = None) -> Outcome:
    """How reading the packages into ``db`` went: whole, in silence, and judged. ``workers``: at most, for few packages.

    Raises NoTargetError, StoreError, RuleError.
    """
    from archscan import scan as flow
    from archscan.cli.data import rule_directories
    from archscan.cli.installed import installed

    processors = len(os.sched_getaffinity(0))
    chosen = flow.Options(
        database=db,
        data=rule_directories(own_rules),
        command=shlex.join(["archscan", *sys.argv[1:]]).encode("utf-8", "backslashreplace").decode(),
        workers=min(processors, workers or processors),
        thorough=True,
        installed=installed,
    )
    return flow.scan(targets, chosen, sys.stdin.buffer)
