"""``archscan confirm``: findings held against debug symbols."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from archscan.cli import options
from archscan.model import Limits

_EPILOG = """\b
Examples:
  archscan confirm hello-dbgsym_2.10-3_amd64.deb
  archscan confirm dbgsym/ --db release.db --jobs 4
  archscan confirm build/src/hello /usr/lib/debug/.build-id/2f/*.debug
  archscan query confirmed -p package=hello
"""
_NO_MATCH, _NOT_WHOLE = 3, 11


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@options.database
@options.rules
@click.option("--jobs", "-j", type=click.IntRange(1, 1024), help="Files read at once.  [default: processors]")
@click.option("--deadline", type=click.FloatRange(min=0.1, max=1e7), default=Limits().deadline, show_default=True,
              help="Seconds that one file may take.")  # fmt: skip
@click.option("--memory", type=click.IntRange(min=64, max=1 << 40), default=Limits().memory_bytes >> 20,
              show_default=True, help="MiB that reading one file may take.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary.")
def confirm(
    targets: tuple[str, ...], db: Path, own_rules: tuple[Path, ...], jobs: int | None, deadline: float, memory: int,
    quiet: bool,
) -> int:  # fmt: skip
    """Read from debug symbols how the objects in the database were compiled, and judge these again.

    Calls of cryptography, and the places that findings name, get their source lines, and functions their names.

    A TARGET is a -dbgsym package or .ddeb, a package that was built without stripping, a folder of these, a glob, or a
    plain ELF file: a program with debug information, or its .debug file. Objects are found by their build id, so the
    packages themselves must have been scanned before.
    """
    from archscan import scan as flow
    from archscan.cli.data import rule_directories
    from archscan.cli.progress import shown
    from archscan.reports.output import standard_output
    from archscan.reports.units import write_standings
    from archscan.scan.confirmation import confirm as confirmed
    from archscan.store import open_readonly

    chosen = flow.Options(
        database=db,
        data=rule_directories(own_rules),
        command=shlex.join(["archscan", *sys.argv[1:]]).encode("utf-8", "backslashreplace").decode(),
        workers=jobs or len(os.sched_getaffinity(0)),
        limits=Limits(deadline=deadline, memory_bytes=memory << 20),
    )
    with shown(quiet=quiet) as show:
        outcome = confirmed(targets, chosen, sys.stdin.buffer, show)
    with open_readonly(db) as connection:
        if not quiet:
            write_standings(connection, outcome.build_ids, standard_output(exact=False))
        for target, path, message in connection.execute(
            "SELECT target, path, message FROM problem WHERE scan_id = ? ORDER BY target, path, id", (outcome.scan_id,)
        ):
            click.echo(f"archscan: {target}: {f'{path}: ' if path else ''}{message}", err=True)
    if not outcome.build_ids:
        text = "no debug information of an object in the database; scan the packages first, then confirm"
        click.echo(f"archscan: {text}", err=True)
        return _NO_MATCH
    return 0 if outcome.whole else _NOT_WHOLE
