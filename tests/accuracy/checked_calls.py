"""Calls that were held against the source of their package, and a sample of calls to do that with.

``calls-checked.tsv`` has a line for each: package and version, path of the object, address and symbol of the call, what
archscan said of it, where the source says so, whether that is the same, and a note.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tests.accuracy.call_rows import Row, rows
from tests.accuracy.scanned import scanned
from tests.bench.packages import fetched

TABLE = Path(__file__).with_name("calls-checked.tsv")
_MOST = 0.15  # of a sample, for one function


class Checked(msgspec.Struct, frozen=True):
    """A call that somebody looked up in the source."""

    package: str
    version: str
    path: str
    address: str
    symbol: str
    said: str
    source: str
    right: str
    note: str


def checked() -> list[Checked]:
    """The lines of the table. Raises ValueError where one is not of its form."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [msgspec.convert(line, Checked) for line in lines]
    for one in found:
        if one.right not in ("yes", "no") or not one.source:
            raise ValueError(
                f"{TABLE.name}: {one.package} {one.address}: expected yes or no, and a place in the source"
            )
    return found


def sample(found: Sequence[Row], size: int, seed: int) -> Iterator[str]:
    """Calls drawn by a seed, each function's in its turn, one of them never more than its share; as lines of the table.

    Only calls of which something is said.
    """
    chance = random.Random(seed)
    by_symbol: dict[str, list[Row]] = {}
    for one in found:
        if one.outcome != "unknown":
            by_symbol.setdefault(one.symbol, []).append(one)
    drawn: list[Row] = []
    taken = Counter[str]()
    while by_symbol and len(drawn) < size:
        for symbol in chance.sample(sorted(by_symbol), len(by_symbol)):
            some = by_symbol[symbol]
            one = some.pop(chance.randrange(len(some)))
            drawn.append(one)
            taken[symbol] += 1
            if not some or taken[symbol] >= max(1, int(size * _MOST)):
                del by_symbol[symbol]
    for one in sorted(drawn[:size], key=lambda row: (row.package, row.path, row.address)):
        yield f"{one.package}\t{one.version}\t{one.path}\t{one.address}\t{one.symbol}\t{one.said}\t{one.function}"


def verify(work: Path) -> int:
    """How many lines of the table no longer hold: 1 if any, for the shell; they are printed.

    A line whose package apt no longer has in that version is left out, and said to be.
    """
    known = checked()
    debs = fetched(work / "amd64", sorted({one.package for one in known}))
    database = work / "checked.db"
    scanned("checked", debs, database)
    found = {(one.package, one.version, one.path, one.address): one for one in rows(database)}
    versions = {(one.package, one.version) for one in found.values()}
    held = wrong = 0
    for one in known:
        if (one.package, one.version) not in versions:
            print(f"{one.package} {one.version}: apt has another version", file=sys.stderr)
            continue
        today = found.get((one.package, one.version, one.path, one.address))
        said = today.said if today else "no such call"
        # What was wrong may be right by now: that is told, too, as somebody has to look.
        if said == one.said:
            held += 1
        else:
            wrong += 1
            print(f"{one.package} {one.path} {one.address} {one.symbol}: was {one.said}, is {said}")
    right = sum(one.right == "yes" for one in known)
    print(f"{len(known)} calls were checked, {right} of them right; {held} are said as then, {wrong} are not")
    return int(wrong > 0)
