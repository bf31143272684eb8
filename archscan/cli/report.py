"""``archscan report``: what was found, as a page, a document or a spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archscan.cli import options

if TYPE_CHECKING:
    import sqlite3
    from typing import TextIO

_EPILOG = """\b
Examples:
  archscan report html -o report.html
  archscan report json | jq '.findings[] | select(.severity == "high")'
  archscan report csv --db release.db -o findings.csv
"""


@click.command(epilog=_EPILOG)
@click.argument("form", metavar="FORMAT", type=click.Choice(["html", "json", "csv"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file, whole or not at all.")
@options.database
@click.option(
    "--time",
    "generated",
    metavar="TEXT",
    help="The time that html and json say they were made at; empty for none.  [default: now, in UTC]",
)
def report(form: str, output: Path | None, db: Path, generated: str | None) -> None:
    """Write a report of the open findings and all that belongs to them in FORMAT: html, json or csv.

    The html is one file that needs no network; json follows docs/report.schema.json; csv holds the findings.
    """
    from archscan.reports import database
    from archscan.reports.output import replaced, standard_output

    if generated is None:
        generated = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with database.opened(db) as connection:
        if output is None or str(output) == "-":
            _write(connection, standard_output(exact=True), form, generated or None)
            return
        with replaced(output) as stream:
            _write(connection, stream, form, generated or None)
    click.echo(f"wrote {output}", err=True)


def _write(connection: sqlite3.Connection, stream: TextIO, form: str, generated: str | None) -> None:
    from archscan.cli.data import data_directory
    from archscan.reports import document, html, spreadsheet

    if form == "html":
        html.write(connection, stream, generated, data_directory("reports"))
    elif form == "json":
        document.write(connection, stream, generated)
    else:
        spreadsheet.write(connection, stream)
