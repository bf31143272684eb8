"""``archscan compare``: what got worse, and what got better."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archscan.cli import options
from archscan.cli.scanned import opened, read

if TYPE_CHECKING:
    import sqlite3

    from archscan.compare import State

_EPILOG = """\b
Examples:
  archscan compare old.db new.db
  archscan compare sudo_1.9.13p3-1_amd64.deb sudo_1.9.15p5-3_amd64.deb
  archscan compare pool/ incoming/ --format markdown -o changes.md
  archscan compare suite:bookworm suite:trixie --db archive.db --only worse

The exit code is 10 where anything got worse.
"""
_WORSE = 10


@click.command(epilog=_EPILOG)
@click.argument("old")
@click.argument("new")
@options.database
@options.rules
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json", "sarif", "junit"]),
    default="text",
    show_default=True,
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file, whole or not at all.")
@click.option("--only", type=click.Choice(["worse", "better", "changed"]), help="Show these changes alone.")
def compare(
    old: str, new: str, db: Path, own_rules: tuple[Path, ...], form: str, output: Path | None, only: str | None
) -> int:
    """Show what is other in NEW than in OLD: hardening, privileges, services, ports, policies, weak crypto, files.

    OLD and NEW are each a database, a package, a folder of packages, or suite:NAME of the database that --db names.
    """
    from archscan.compare import Effect, differences
    from archscan.reports.changes import totals, write
    from archscan.reports.output import replaced, standard_output

    with ExitStack() as stack:
        before, after = (stack.enter_context(_state(one, db, own_rules)) for one in (old, new))
        to_file = output is not None and str(output) != "-"
        stream = stack.enter_context(replaced(output)) if to_file and output else standard_output(exact=form != "text")
        counts = write(differences(before, after), stream, form, (before.name, after.name), only)
    click.echo(f"archscan: {totals(counts)}", err=True)
    return _WORSE if counts[Effect.WORSE] else 0


@contextmanager
def _state(target: str, db: Path, own_rules: tuple[Path, ...]) -> Iterator[State]:
    """The state that a word of the command line means."""
    from archscan.compare import state

    kind, _, suite = target.partition(":")
    if kind == "suite":
        with opened(db) as connection:
            yield state(connection, target, suite)
    elif Path(target).is_file() and not target.endswith((".deb", ".udeb", ".ddeb")):
        with opened(Path(target)) as connection:
            yield state(connection, target)
    else:
        with _scanned(target, own_rules) as connection:
            yield state(connection, target)


@contextmanager
def _scanned(target: str, own_rules: tuple[Path, ...]) -> Iterator[sqlite3.Connection]:
    """A database of packages that were not scanned yet; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="archscan-") as folder:
        path = Path(folder) / "compared.db"
        if not read([target], path, own_rules).whole:
            click.echo(f"archscan: {target}: some packages could not be read whole", err=True)
        with opened(path) as connection:
            yield connection
