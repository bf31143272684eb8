"""``archscan report site``: a folder of pages, which has options of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click


def sets(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """The pairs of name and file that ``--package-set`` was given."""
    pairs = []
    for value in values:
        name, separator, path = value.partition("=")
        if not separator or not name.strip() or not path:
            raise click.BadParameter(f"{value!r}: expected NAME=FILE")
        pairs.append((name.strip(), Path(path)))
    if len({name for name, _ in pairs}) < len(pairs):
        raise click.BadParameter("each set needs a name of its own")
    return tuple(pairs)


def write_site(
    db: Path, output: Path | None, generated: str | None, given: tuple[tuple[str, Path], ...], supported: Path | None,
    stale_days: int,
) -> None:  # fmt: skip
    """Write the site into the folder ``output``. Raises ArchscanError."""
    from archscan.cli.data import data_directory, rule_directories
    from archscan.errors import UsageError
    from archscan.reports import database
    from archscan.site.build import build
    from archscan.site.options import Options
    from archscan.triage.weights import load_weights

    if output is None or str(output) == "-":
        raise UsageError("site is a folder: give -o DIR")
    wanted = Options(sets=given, supported=supported, stale_days=stale_days)
    weights = load_weights(rule_directories(()))
    with database.opened(db) as connection:
        files, size = build(connection, output, wanted, weights, data_directory("reports") / "site", _moment(generated))
    click.echo(f"wrote {output}: {files:,} files, {size / 1e6:,.1f} MB", err=True)


def _moment(text: str | None) -> datetime:
    from archscan.errors import UsageError

    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--time {text!r}: expected a time such as 2026-05-02T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
