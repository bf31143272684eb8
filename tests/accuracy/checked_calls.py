"""Calls that were held against the source of their package, and a sample of calls to do that with.

``calls-checked.tsv`` has a line for each: package and version, path of the object, address and symbol of the call, what
archscan said of it, where the source says so, whether that is the same, and a note.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.accuracy.call_rows import PLACE, Row, rows
from tests.accuracy.scanned import scanned
from tests.bench.packages import fetched

TABLE = Path(__file__).with_name("calls-checked.tsv")
SAMPLED = Path(__file__).with_name("calls-sampled.txt")
SURE = ("value", "set", "forwarded")
SAID = (*SURE, "runtime")
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


def sampled() -> list[str]:
    """The packages that a sample is drawn from: their source is handed out by apt, of four upstream's part only."""
    return SAMPLED.read_text().split()


def sample(
    found: Sequence[Row], size: int, seed: int, outcomes: Container[str] = SAID, before: Sequence[Checked] = ()
) -> Iterator[str]:
    """Calls with one of the outcomes, drawn by a seed to be checked, as lines of the table.

    With those of them that were checked ``before`` there are ``size``. Each function has its turn, one of them never
    more than its share; a package's second call of which the same is said waits for all others: most are copies.
    """
    chance = random.Random(seed)
    known = {(one.package, one.path, one.address) for one in before}
    counted = [one for one in before if one.said.partition(" ")[0] in outcomes]
    taken = Counter(one.symbol for one in counted)
    heard = {_heard(one) for one in counted}
    drawn: list[Row] = []
    waiting = [one for one in found if one.outcome in outcomes and (one.package, one.path, one.address) not in known]
    for copies in (False, True):
        by_symbol: dict[str, list[Row]] = {}
        for one in waiting:
            by_symbol.setdefault(one.symbol, []).append(one)
        for one in _in_turn(by_symbol, chance):
            if len(drawn) + len(counted) >= size:
                break
            if taken[one.symbol] < max(1, int(size * _MOST)) and (copies or _heard(one) not in heard):
                drawn.append(one)
                taken[one.symbol] += 1
                heard.add(_heard(one))
        waiting = [one for one in waiting if one not in drawn]
    for one in sorted(drawn, key=lambda row: (row.package, row.path, row.address)):
        yield f"{one.package}\t{one.version}\t{one.path}\t{one.address}\t{one.symbol}\t{one.said}\t{one.function}"


def _heard(one: Row | Checked) -> tuple[str, str, str]:
    return (one.package, one.symbol, PLACE.sub("…", one.said))


def _in_turn(by_symbol: Mapping[str, list[Row]], chance: random.Random) -> Iterator[Row]:
    """A call of each function, in an order that chance decides, then another of each, as long as there are any."""
    queues = [chance.sample(some, len(some)) for _, some in sorted(by_symbol.items())]
    while any(queues):
        for queue in chance.sample(queues, len(queues)):
            if queue:
                yield queue.pop()


def verify(work: Path) -> int:
    """How many lines of the table no longer hold: 1 if any, for the shell; they are printed.

    Of a package that apt gives in another version, or not at all, nothing is held against the table, as addresses are
    others: it is said how many of its calls are said of the same functions as then. 1 if that is so of all packages.
    """
    known = checked()
    debs = []
    for name in sorted({one.package for one in known}):
        try:
            debs += fetched(work / "checked", [name])
        except FileNotFoundError as error:
            print(f"{name}: {error}", file=sys.stderr)
    database = work / "checked.db"
    scanned("checked", debs, database)
    return int(not holds(known, rows(database)))


def holds(known: Sequence[Checked], today: Sequence[Row]) -> bool:
    """Whether what is said of calls is what was said of them then; what is not is printed."""
    found = {(one.package, one.version, one.path, one.address): one for one in today}
    versions = {(one.package, one.version) for one in today}
    there = [one for one in known if (one.package, one.version) in versions]
    held = 0
    for one in there:
        now = found.get((one.package, one.version, one.path, one.address))
        said = now.said if now and now.symbol == one.symbol else "no such call"
        held += said == one.said
        # What was wrong may be right by now: that is told, too, as somebody has to look.
        if said != one.said:
            print(f"{one.package} {one.path} {one.address} {one.symbol}: was {one.said}, is {said} ({one.right} then)")
    for package in sorted({one.package for one in known} - {one.package for one in there}):
        print(_moved(package, known, today), file=sys.stderr)
    right = sum(one.right == "yes" for one in known)
    print(
        f"{len(known)} calls were checked, {right} of them right; of {len(there)} whose package is the same, "
        f"{held} are said as then, {len(there) - held} are not"
    )
    return held == len(there) > 0


def _moved(package: str, known: Sequence[Checked], today: Sequence[Row]) -> str:
    """What is left to say of a package that is another one than then."""
    then, now = ([_heard(one) for one in some if one.package == package] for some in (known, today))
    version = next((one.version for one in today if one.package == package), "not there")
    left = Counter(then) & Counter(now)
    return (
        f"{package}: was {next(one.version for one in known if one.package == package)}, is {version}; of {len(then)} "
        f"calls {left.total()} have one of which the same is said"
    )
