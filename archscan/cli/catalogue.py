"""``archscan catalogue``: what crypto libraries export."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
import msgspec

from archscan.cli import options


@click.group(
    epilog="\b\nExamples:\n  archscan catalogue list\n  archscan catalogue show MD5_Update\n"
    "  archscan catalogue check libssl3_3.0.17-1_amd64.deb"
)
def catalogue() -> None:
    """List, show and check what crypto libraries export, and with which algorithm."""


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


@catalogue.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@options.rules
def check(targets: tuple[str, ...], own_rules: tuple[Path, ...]) -> int:
    """Hold the catalogue against libraries: what it names and they lack, and what they have and it may want.

    A TARGET is what `archscan scan` takes: a package, a folder, apt:NAME. Lines say `missing` (the catalogue names
    a symbol that the library does not export), `version` (it exports it under another version node) or `unknown` (it
    exports something that looks like weak crypto and is not in the catalogue). The exit code is 1 where something is
    missing or has another version.
    """
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.errors import NoTargetError
    from archscan.model import Limits
    from archscan.scan.libraries import checked

    wrong, seen, rows = False, 0, []
    workers = len(os.sched_getaffinity(0))
    for one in checked(targets, load_all(rule_directories(own_rules)), Limits(), sys.stdin.buffer, workers):
        if one.problem:
            place = f"{one.target}: {one.problem.path}" if one.problem.path else one.target
            click.echo(f"archscan: {place}: {one.problem.message}", err=True)
        seen += one.problem is None
        rows += [msgspec.structs.asdict(found) for found in one.differences]
        wrong |= bool(one.problem) or any(found.what != "unknown" for found in one.differences)
    if not seen:
        raise NoTargetError("none of these holds a library of the catalogue; `archscan catalogue list` names them")
    _print_rows(rows)
    return 1 if wrong else 0


def _print_rows(rows: Iterable[Mapping[str, object]]) -> None:
    from archscan.cli.table import printed

    printed([{name: "" if value is None else str(value) for name, value in row.items()} for row in rows])
