"""Calls that are told by an argument which algorithm they use, as the database of a scan has them."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from archscan.crypto.catalogue import Catalogue, load, stem
from archscan.model import Outcome

RULES = Path(__file__).parents[2] / "rules"
OUTCOMES = [outcome.value for outcome in Outcome]
CONSTANT, POINTER = "number or string", "pointer"
PLACE = re.compile(r"0x[0-9a-f]+|sub_\w+")


class Row(msgspec.Struct, frozen=True):
    """A call; ``kind``: whether its selector is a number or string, or what another call returned."""

    package: str
    version: str
    machine: str
    path: str
    address: str
    function: str
    symbol: str
    kind: str
    outcome: str
    value: str
    reason: str

    @property
    def said(self) -> str:
        """What is said of it, in a line."""
        return " ".join(filter(None, (self.outcome, self.value, f"({self.reason})" if self.reason else "")))


def rows(database: Path) -> list[Row]:
    """The calls in a database that select something, sorted by package, path and address."""
    catalogue = load(RULES)
    connection = sqlite3.connect(database)
    sql = """SELECT p.name, p.version, e.machine, e.path, c.address, coalesce(c.function, ''), c.symbol, c.library,
            c.outcome, coalesce(c.value, ''), coalesce(c.reason, '')
        FROM call_site c JOIN elf e ON e.id = c.elf_id JOIN package p ON p.id = e.package_id
        ORDER BY p.name, p.version, e.path, c.id"""
    found = []
    for *before, symbol, library, outcome, value, reason in connection.execute(sql):
        package, version, machine, path, address, function = before
        kind = selects(catalogue, library, symbol)
        if kind and reason not in ("selects nothing", "no-selector"):
            found.append(Row(package, version, machine, path, address, function, symbol, kind, outcome, value, reason))
    connection.close()
    return found


def selects(catalogue: Catalogue, library: str, symbol: str) -> str | None:
    """What kind of argument of a function of a library chooses an algorithm; None where none does."""
    owner = catalogue.stems.get(stem(library or ""))
    entries = [one for one in catalogue.index.get(symbol, ()) if owner in (None, one.library)]
    uses = [use for one in entries[:1] for use in one.symbol.uses if use.algorithm is None and use.argument is not None]
    if any(use.points for use in uses):
        return POINTER
    return CONSTANT if any(use.selector for use in uses) else None


def shares(found: Sequence[Row]) -> Iterator[str]:
    """A table in Markdown: how many calls of each kind end how."""
    yield f"| processor | selector | calls | {' | '.join(OUTCOMES)} | other than unknown |"
    yield "|---" * (len(OUTCOMES) + 4) + "|"
    for machine, kind in sorted({(one.machine, one.kind) for one in found}):
        counted = Counter(one.outcome for one in found if (one.machine, one.kind) == (machine, kind))
        total = sum(counted.values())
        cells = [f"{counted[outcome]}: {100 * counted[outcome] / total:.1f} %" for outcome in OUTCOMES]
        known = f"{100 * (total - counted['unknown']) / total:.1f} %"
        yield f"| {machine} | {kind} | {total} | {' | '.join(cells)} | {known} |"


def reasons(found: Sequence[Row]) -> Iterator[str]:
    """A table in Markdown: why calls are unknown, the most frequent first, with an example."""
    yield "| processor | selector | reason | calls | packages | example |"
    yield "|---|---|---|---|---|---|"
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for one in found:
        if one.outcome == "unknown":
            reason = PLACE.sub("…", one.reason) or "none"
            groups.setdefault((one.machine, one.kind, reason), []).append(one)
    for (machine, kind, reason), some in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0])):
        names = len({one.package for one in some})
        example = f"{some[0].package} {some[0].path} {some[0].address} `{some[0].symbol}`"
        yield f"| {machine} | {kind} | {reason} | {len(some)} | {names} | {example} |"
