"""``archscan catalogue``: what crypto libraries export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from archscan.cli import options


@click.group(epilog="\b\nExamples:\n  archscan catalogue list\n  archscan catalogue show MD5_Update")
def catalogue() -> None:
    """List and show what crypto libraries export, and with which algorithm."""


@catalogue.command("list")
@options.rules
def list_libraries(own_rules: tuple[Path, ...]) -> None:
    """List the libraries of the catalogue."""
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import libraries, load_all

    _print_rows(libraries(load_all(rule_directories(own_rules))))


@catalogue.command()
@click.argument("symbol")
@options.rules
def show(symbol: str, own_rules: tuple[Path, ...]) -> None:
    """Show what SYMBOL computes, in each library that exports it; SYMBOL may be the id of a library."""
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.crypto.catalogue import show as found
    from archscan.errors import NoTargetError

    rows = found(load_all(rule_directories(own_rules)), symbol)
    if not rows:
        raise NoTargetError(f"no library of the catalogue exports {symbol}; `archscan catalogue list` names them")
    _print_rows(rows)


def _print_rows(rows: Iterable[Mapping[str, object]]) -> None:
    from archscan.cli.table import printed

    printed([{name: "" if value is None else str(value) for name, value in row.items()} for row in rows])
