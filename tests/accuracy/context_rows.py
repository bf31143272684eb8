"""What is said of the uses of weak algorithms that code shows, as the database of a scan has it, and a sample of it."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from archscan.model import Context

_OF_SYMBOL, _OF_SOURCE, _UNKNOWN = 0.15, 0.12, 0.30  # of a sample, at most


class Row(msgspec.Struct, frozen=True):
    """A use; ``symbol`` is empty where constants show it. Two algorithms of one call are two rows."""

    source: str
    package: str
    version: str
    path: str
    address: str
    function: str
    symbol: str
    algorithm: str
    context: str
    sure: str
    protocol: str
    because: str

    @property
    def said(self) -> str:
        """What is said of it, in a line: context, protocol and how sure it is."""
        if self.context == Context.UNKNOWN:
            return self.context
        return " ".join(filter(None, (self.context, self.protocol, self.sure)))


def rows(database: Path) -> list[Row]:
    """The uses that a call, a table or constants show, sorted by package, path, address and algorithm."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
    sql = """SELECT DISTINCT coalesce(p.source, p.name), p.name, p.version, e.path, w.address, coalesce(w.function, ''),
            coalesce(w.symbol, ''), w.algorithm, w.context, w.sure, coalesce(w.protocol, ''), coalesce(w.because, '')
        FROM weak_use w JOIN elf e ON e.id = w.elf_id JOIN package p ON p.id = e.package_id
        WHERE w.evidence IN ('call', 'data', 'constant') AND w.address IS NOT NULL
        ORDER BY 2, 3, 4, 5, 8"""
    try:
        return [Row(*row) for row in connection.execute(sql)]
    finally:
        connection.close()


def sample(found: Sequence[Row], size: int, seed: int) -> list[Row]:
    """Uses drawn by a seed, of each context and each source package in its turn, as far as there are any.

    At most 15 % are of one function or shown by constants, 12 % of one source package, and 30 % unknown. In the order
    of ``rows``.
    """
    chance = random.Random(seed)
    left: dict[str, list[Row]] = {}
    for one in found:
        left.setdefault(one.context, []).append(one)
    taken, drawn = Counter[tuple[str, str]](), list[Row]()
    while left and len(drawn) < size:
        for context in chance.sample(sorted(left), len(left)):
            some = [one for one in left[context] if not _is_full(one, taken, size)]
            if not some:
                del left[context]
                continue
            source = chance.choice(sorted({one.source for one in some}))
            one = chance.choice([each for each in some if each.source == source])
            left[context] = [each for each in some if each != one]
            drawn.append(one)
            taken.update(key for key, _ in _shares(one))
    chosen = set(drawn[:size])
    return [one for one in found if one in chosen]


def lines(drawn: Sequence[Row]) -> Iterator[str]:
    """Rows as the beginnings of lines of contexts-checked.tsv, with the function's place in the object."""
    for one in drawn:
        place = f"{one.package}\t{one.version}\t{one.path}\t{one.address}\t{one.function}"
        yield f"{place}\t{one.symbol}\t{one.algorithm}\t{one.said}"


def _is_full(one: Row, taken: Counter[tuple[str, str]], size: int) -> bool:
    return any(taken[key] >= max(1, int(size * share)) for key, share in _shares(one))


def _shares(one: Row) -> Iterator[tuple[tuple[str, str], float]]:
    """What a use is counted as, and how much of a sample may be that."""
    yield ("symbol", one.symbol), _OF_SYMBOL
    yield ("source", one.source), _OF_SOURCE
    if one.context == Context.UNKNOWN:
        yield ("context", one.context), _UNKNOWN
