"""``archscan bugs sync``: what became of bugs."""

from __future__ import annotations

import click


@click.command()
def sync() -> None:
    """Read replies."""
