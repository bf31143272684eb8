"""``archscan inspect``: verdicts for plain ELF files, without a database."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from archscan.model import Limits

_EPILOG = (
    "\b\nExamples:\n  archscan inspect /usr/bin/sudo\n  archscan inspect --format json build/*.so | jq '.[].relro'"
)


@click.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def inspect(files: tuple[Path, ...], form: str) -> int:
    """Show what archscan knows of plain ELF files: every verdict with its reason."""
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.reports import verdicts
    from archscan.scan.inspection import inspected

    readings = list(inspected([str(path) for path in files], load_all(rule_directories(())), Limits()))
    verdicts.write([one for reading in readings for one in reading.objects], sys.stdout, form)
    problems = [(reading.job.path, problem) for reading in readings for problem in reading.problems]
    for path, problem in problems:
        click.echo(f"archscan: {path}: {problem.message}", err=True)
    return 1 if problems else 0
