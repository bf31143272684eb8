"""``archscan merge``: databases joined."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from archscan.cli import options

_EPILOG = """\b
Examples:
  archscan merge all.db shard-1.db shard-2.db shard-3.db
  archscan merge all.db all.db tuesday.db
"""


@click.command(epilog=_EPILOG)
@click.argument("output", metavar="OUT.db", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("parts", nargs=-1, required=True, metavar="DB…", type=click.Path(path_type=Path, dir_okay=False))
@options.rules
def merge(output: Path, parts: tuple[Path, ...], own_rules: tuple[Path, ...]) -> None:
    """Join databases into OUT.db, and judge the whole.

    The result is what one scan of everything would have given. Of a package that several databases hold, what the newer
    extractor found is taken, and what was read better. OUT.db is replaced only where it is one of the databases itself;
    when anything goes wrong, it stays what it was.
    """
    from archscan.cli.data import rule_directories
    from archscan.scan import now
    from archscan.scan.merging import merged

    command = shlex.join(["archscan", *sys.argv[1:]]).encode("utf-8", "backslashreplace").decode()
    taken = merged(output, parts, rule_directories(own_rules), command, now())
    for part in taken:
        left = f"; {part.left:,} are left out, another database has them read better" if part.left else ""
        click.echo(f"{part.path}: {part.packages:,} packages{left}")
    click.echo(f"{output}: {sum(part.packages for part in taken):,} packages")
