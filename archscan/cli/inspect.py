"""``archscan inspect``: verdicts for plain ELF files, without a database."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from archscan.model import Limits

_EPILOG = """\b
Examples:
  archscan inspect /usr/bin/sudo
  archscan inspect --format json build/*.so | jq '.[].relro'
  archscan inspect --format hardening-check /usr/bin/sudo

hardening-check prints the lines of the program of that name (devscripts 2.25.15), for scripts that read these. The
verdicts are archscan's: docs/hardening-check.md has the table. The exit code is 1 where a line fails or a file is no
ELF file.
"""


@click.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "hardening-check"]),
    default="table",
    show_default=True,
    help="hardening-check: the lines and the exit code of devscripts 2.25.15.",
)
def inspect(files: tuple[Path, ...], form: str) -> int:
    """Show what archscan knows of plain ELF files: every verdict with its reason."""
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.reports import hardening_check, verdicts
    from archscan.scan.inspection import inspected

    readings = list(inspected([str(path) for path in files], load_all(rule_directories(())), Limits()))
    objects = [(reading.job.path, one) for reading in readings for one in reading.objects]
    failed = form == "hardening-check" and any(hardening_check.fails(one) for _, one in objects)
    if form == "hardening-check":
        hardening_check.write(objects, sys.stdout)
    else:
        verdicts.write([one for _, one in objects], sys.stdout, form)
    problems = [(reading.job.path, problem) for reading in readings for problem in reading.problems]
    for path, problem in problems:
        click.echo(f"archscan: {path}: {problem.message}", err=True)
    return 1 if problems or failed else 0
