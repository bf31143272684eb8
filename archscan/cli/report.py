"""``archscan report``: what was found, in the form that a reader or a program wants."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archscan.cli import options, site
from archscan.model import Severity

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from typing import TextIO

    from archscan.reports.selection import Selection

FORMATS = ("html", "json", "jsonl", "csv", "sarif", "junit", "cyclonedx", "site")

_EPILOG = """\b
Examples:
  archscan report html -o report.html
  archscan report json | jq '.findings[] | select(.severity == "high")'
  archscan report sarif --severity medium -o findings.sarif
  archscan report junit --source openssl --fail-on high -o junit.xml
  archscan report cyclonedx --package 'libssl*' -o crypto.cdx.json --sha256
  archscan report --verify findings.sarif
  archscan report csv --db release.db -o findings.csv
  archscan report site --package-set server=server.txt -o ./site/

What each format holds, and what reads it, is told in docs/consumers.md. --verify exits with 1 where something is wrong.
"""
_WORDS = [str(word) for word in Severity]


@click.command(epilog=_EPILOG)
@click.argument("words", metavar="FORMAT | --verify FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write this file (of site: this folder), whole or not at all.",
)
@click.option(
    "--sha256", "hashed", is_flag=True, help="Also write OUTPUT.sha256, which sha256sum -c and --verify read."
)
@options.database
@click.option("--source", "sources", multiple=True, metavar="NAME",
              help="Only packages of this source; a pattern such as 'python*', too.")  # fmt: skip
@click.option("--package", "packages", multiple=True, metavar="NAME", help="Only this package, or a pattern.")
@click.option("--severity", type=click.Choice(_WORDS), help="Only findings at least as severe.")
@click.option("--new", is_flag=True, help="Only findings that the last scan met first.")
@click.option("--fail-on", type=click.Choice(_WORDS), help="What junit takes for a failure.  [default: medium]")
@click.option(
    "--time",
    "generated",
    metavar="TEXT",
    help="The time that html, json and cyclonedx say they were made at; empty for none.  [default: now, in UTC; "
    "cyclonedx: that of the last scan]",
)
@click.option("--verify", is_flag=True,
              help="Check reports: their form, references, counts, hashes; with --db what they say.")  # fmt: skip
@click.option("--package-set", "sets", multiple=True, callback=site.sets, metavar="NAME=FILE",
              help="Of site: a page about the packages that FILE names.")  # fmt: skip
@click.option("--supported", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Of site: the packages that are supported.  [default: those in main and restricted]")  # fmt: skip
@click.option("--stale-days", type=click.IntRange(1, 10_000), metavar="N",
              help="Of site: from which age on pages ask whether scans still run.  [default: 7]")  # fmt: skip
@click.pass_context
def report(
    context: click.Context,
    words: tuple[str, ...],
    output: Path | None,
    hashed: bool,
    db: Path,
    sources: tuple[str, ...],
    packages: tuple[str, ...],
    severity: str | None,
    new: bool,
    fail_on: str | None,
    generated: str | None,
    verify: bool,
    sets: tuple[tuple[str, Path], ...],
    supported: Path | None,
    stale_days: int | None,
) -> None:
    """Write a report of the open findings and all that belongs to them in FORMAT, or check those in FILEs.

    FORMAT is html (one file that needs no network), json (docs/report.schema.json), jsonl and csv (the findings), sarif
    (2.1.0), junit (docs/junit.xsd), cyclonedx (1.6: packages and their cryptography) or site (a folder of pages about a
    whole archive, docs/serving.md).
    """
    from archscan.errors import UsageError
    from archscan.reports import database
    from archscan.reports.output import replaced, standard_output
    from archscan.reports.selection import Selection, narrow

    selection = Selection(
        sources=sources, packages=packages, new=new, severity=Severity(severity) if severity else None
    )
    if verify:
        asked = context.get_parameter_source("db")
        named = asked is not None and asked.name in ("COMMANDLINE", "ENVIRONMENT")
        _verify(context, words, db if named else None, selection)
        return
    form = click.Choice(FORMATS).convert(words[0], None, context)
    if len(words) > 1:
        raise UsageError(f"give one FORMAT, not {len(words)}; to check files say --verify")
    of_site = bool(sets or supported or stale_days)
    _refuse(form, output, selection, hashed=hashed, fail_on=fail_on, of_site=of_site)
    if form == "site":
        site.write_site(db, output, generated, sets, supported, stale_days or 7)
        return
    write = _writer(form, selection, generated, Severity(fail_on or "medium"))
    with database.opened(db) as connection:
        narrow(connection, selection)
        if output is None or str(output) == "-":
            write(connection, standard_output(exact=True))
            return
        with replaced(output) as stream:
            write(connection, stream)
    if hashed:
        from archscan.reports.manifest import write_manifest

        write_manifest(output)
    click.echo(f"wrote {output}", err=True)


def _refuse(
    form: str, output: Path | None, selection: Selection, *, hashed: bool, fail_on: str | None, of_site: bool
) -> None:  # fmt: skip
    """Options that would be without effect are errors."""
    from archscan.errors import UsageError

    if fail_on and form != "junit":
        raise UsageError("--fail-on is for junit; to leave findings out use --severity")
    if form == "cyclonedx" and (selection.severity or selection.new):
        raise UsageError("--severity and --new choose findings, and cyclonedx has none; use --source or --package")
    if of_site and form != "site":
        raise UsageError("--package-set, --supported and --stale-days are for site")
    if form == "site" and (selection.words() or hashed):
        raise UsageError(
            "site is about the whole database; --source, --package, --severity, --new and --sha256 are not for it"
        )
    if hashed and (output is None or str(output) == "-"):
        raise UsageError("--sha256 needs -o FILE")


def _writer(
    form: str, selection: Selection, generated: str | None, failing: Severity
) -> Callable[[sqlite3.Connection, TextIO], None]:
    from archscan.cli.data import data_directory
    from archscan.reports import cyclonedx, document, html, junit, lines, sarif, spreadsheet

    time = generated
    if time is None:
        time = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    writers: dict[str, Callable[[sqlite3.Connection, TextIO], None]] = {
        "html": lambda connection, stream: html.write(
            connection, stream, time or None, data_directory("reports"), selection
        ),
        "json": partial(document.write, generated=time or None, selection=selection),
        "jsonl": lines.write,
        "csv": spreadsheet.write,
        "sarif": partial(sarif.write, selection=selection),
        "junit": partial(junit.write, failing=failing),
        "cyclonedx": lambda connection, stream: cyclonedx.write(
            connection, stream, generated, selection, data_directory("reports") / "assets.toml"
        ),
    }
    return writers[form]


def _verify(context: click.Context, written: tuple[str, ...], db: Path | None, selection: Selection) -> None:
    """Say for each file what is wrong with it, or what was checked; exit with 1 where anything is."""
    from archscan.cli.data import data_directory
    from archscan.reports.cells import shown
    from archscan.reports.verify import verified

    wrong = False
    for path in map(Path, written):
        result = verified(path, db, selection, data_directory("docs"))
        wrong = wrong or bool(result.faults)
        for fault in result.faults:
            click.echo(shown(f"{path}: {fault}"))
        if not result.faults:
            click.echo(shown(f"{path}: {result.form}: {'; '.join(result.checked)}"))
    if wrong:
        context.exit(1)
