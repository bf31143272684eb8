"""``archscan status``: how much was read, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from archscan.cli import options

_EPILOG = """\b
Examples:
  archscan status
  archscan status --db /srv/archscan.db --max-age 2 && publish-graphs
  archscan status --format json | jq '.total.waiting.packages'

Exit codes: 0 everything was read, by the last scan's version, and the last scan finished; 11 something is waiting,
stale, partial or failed, or the last scan did not finish or could not have all that it was to read; 1 no scan has
finished within twice --max-age, or the database cannot be used. 1 wins over 11.
"""
_TOO_OLD, _NOT_WHOLE = 1, 11


@click.command(epilog=_EPILOG)
@options.database
@click.option("--max-age", type=click.FloatRange(min=0, min_open=True, max=1e6), metavar="DAYS",
              help="Warn when the last finished scan is older, and fail when it is twice as old.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(db: Path, max_age: float | None, form: str) -> int:
    """Say how many packages of each suite were read, failed or wait, and how long ago the last scan was.

    A package is `stale` where another version of archscan, or another catalogue, read it than the last scan's.
    """
    from archscan.reports import database, status_screen
    from archscan.reports import status as content
    from archscan.reports.output import standard_output
    from archscan.scan import unheld
    from archscan.store.lock import writer

    with database.opened(db) as connection:
        one = content.status(connection, datetime.now(UTC), writer=writer(db), confinement=unheld())
    stream = standard_output(exact=form == "json")
    if form == "json":
        stream.write(content.as_json(one))
    else:
        status_screen.write(one, stream)
    if max_age is not None and (one.age is None or one.age > max_age):
        since = "no scan has finished" if one.age is None else f"the last finished scan is {one.age:.1f} days old"
        click.echo(f"archscan: {since}, at most {max_age:g} were asked for", err=True)
        if one.age is None or one.age > 2 * max_age:
            return _TOO_OLD
    return 0 if one.complete else _NOT_WHOLE
