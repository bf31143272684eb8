"""``archscan dump``: the canonical form of a database."""

from __future__ import annotations

from pathlib import Path

import click

from archscan.cli import options


@click.command(epilog="\b\nExamples:\n  archscan dump > monday.jsonl\n  archscan dump --db a.db | sha256sum")
@options.database
def dump(db: Path) -> None:
    """Print sorted JSON lines with names instead of ids, without times and commands.

    Two databases with the same facts and findings have equal dumps, however they came about.
    """
    from archscan import store

    with store.open_readonly(db) as connection:
        for line in store.dump(connection):
            click.echo(line)
