"""``archscan inspect``: verdicts for plain ELF files, without a database."""

from __future__ import annotations

import sys

import click

from archscan.model import Limits

_EPILOG = """\b
Examples:
  archscan inspect /usr/bin/sudo
  archscan inspect --format json build/*.so | jq '.[].relro'
  archscan inspect --format hardening-check /usr/bin/sudo

hardening-check prints the lines of the program of that name (devscripts 2.25.15), for scripts that read these. The
verdicts are archscan's: docs/hardening-check.md has the table. The exit code is 1 where a line fails or a file is
neither an ELF file nor a static library.
"""


@click.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE…")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "hardening-check"]),
    default="table",
    show_default=True,
    help="hardening-check: the lines and the exit code of devscripts 2.25.15.",
)
def inspect(files: tuple[str, ...], form: str) -> int:
    """Show what archscan knows of plain ELF files and static libraries: every verdict with its reason."""
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.reports import hardening_check, verdicts
    from archscan.scan.inspection import inspected

    readings = list(inspected(files, load_all(rule_directories(())), Limits()))
    failed = False
    if form == "hardening-check":
        found = [(reading.job.path, hardening_check.of_file(reading.objects)) for reading in readings]
        hardening_check.write([(path, lines) for path, lines in found if lines], sys.stdout)
        failed = any(hardening_check.fails(lines) for _, lines in found)
    else:
        verdicts.write([one for reading in readings for one in reading.objects], sys.stdout, form)
    problems = [(reading.job.path, problem) for reading in readings for problem in reading.problems]
    for path, problem in problems:
        click.echo(f"archscan: {path}: {problem.message}", err=True)
    return 1 if problems or failed else 0
