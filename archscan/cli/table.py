"""Rows as a table on stdout, plain enough for a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click


def printed(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows that have the same keys, under their keys, in columns as wide as needed."""
    if not rows:
        return
    names = list(rows[0])
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    for line in (dict(zip(names, names, strict=True)), *rows):
        click.echo("  ".join(f"{line[name]:{widths[name]}}" for name in names).rstrip())
