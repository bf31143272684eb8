"""The statistics of a real scan, as ``tests/bench/statistics.json`` keeps them: figures, our own words, and names.

``python -m tests.bench.statistics DATABASE`` writes the file anew. Of what packages hold themselves there are the
names of the most frequent symbols and libraries in it, with how many objects have each, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import log
from pathlib import Path

import msgspec

from archscan.model import Elf
from archscan.store.columns import LATER
from archscan.store.views import PROTECTIONS

FILE = Path(__file__).with_name("statistics.json")
VERDICTS = (*PROTECTIONS, *LATER)  # relro has words of its own and comes last
QUANTILES = 20
_SHAPE = ("kind", "machine", "bits", "endian", "language", "stripped", *VERDICTS, "relro")
_SYMBOLS, _SONAMES, _COMBINATIONS = 1_500, 200, 300


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan looks like. Quantiles are 21 numbers; a ``…_of`` counts how many of the scanned had that."""

    packages: int
    objects: int
    objects_of: dict[str, int]  # of a package
    relations: tuple[int, ...]  # of a package, quantiles
    overrides: tuple[int, ...]
    links_of: tuple[tuple[str, int], ...]  # kinds of files that are no ELF objects
    privileges_of: tuple[tuple[str, int], ...]
    shapes_of: tuple[tuple[tuple[object, ...], int], ...]  # the columns of _SHAPE
    reasons_of: dict[str, dict[str, tuple[tuple[str, int, int, int], ...]]]  # column, verdict: code, length, sites
    imports: dict[str, tuple[int, ...]]  # of an object, by kind
    needed: dict[str, tuple[int, ...]]
    symbols_of: tuple[tuple[str, int, int], ...]  # the most frequent: name, node, objects
    nodes: tuple[tuple[str | None, str | None], ...]  # versions with their libraries
    rest: float  # the share of imports that have other names,
    again: float  # of these, those that another object of the same package has, too,
    growth: float  # how the number of names grows: with imports ** growth,
    length: int  # and how long they are
    sonames_of: tuple[tuple[str, int], ...]
    with_calls: float  # the share of objects that have any
    calls: tuple[int, ...]  # of those, quantiles
    calls_of: tuple[tuple[str, str, str, str | None, tuple[tuple[str | None, ...], ...], int], ...]
    with_uses: float  # without calls
    uses: tuple[int, ...]
    uses_of: tuple[tuple[tuple[str | None, ...], int], ...]
    surroundings: tuple[int, ...]  # bytes of JSON around a weak use, quantiles
    control: int  # bytes of JSON of a control file


def main() -> None:
    """Write the statistics of the database that is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.statistics")
    parser.add_argument("database", type=Path)
    connection = sqlite3.connect(f"file:{parser.parse_args().database}?mode=ro", uri=True)
    FILE.write_bytes(_lines(msgspec.json.encode(statistics(connection))))


def read() -> Statistics:
    """The statistics that are kept in the project."""
    return msgspec.json.decode(FILE.read_bytes(), type=Statistics)


def _lines(text: bytes) -> bytes:
    """A line for each key, so that a change can be read."""
    return b"{" + b",".join(
        b"\n" + json.dumps(key).encode() + b":" + msgspec.json.encode(value)
        for key, value in msgspec.json.decode(text).items()
    ) + b"\n}\n"  # fmt: skip


def statistics(connection: sqlite3.Connection) -> Statistics:
    """What is in a database."""
    ask: Callable[[str], list[tuple[object, ...]]] = lambda sql: connection.execute(sql).fetchall()  # noqa: E731
    objects = _one(connection, "SELECT count(*) FROM elf")
    return msgspec.convert(
        {
            "packages": _one(connection, "SELECT count(*) FROM package"),
            "objects": objects,
            "objects_of": {
                str(count): many for count, many in ask("SELECT elf_count, count(*) FROM package GROUP BY 1 ORDER BY 1")
            },
            "relations": _quantiles(
                ask("SELECT (SELECT count(*) FROM relation r WHERE r.package_id = p.id) FROM package p")
            ),
            "overrides": _quantiles(
                ask("SELECT (SELECT count(*) FROM lintian_override r WHERE r.package_id = p.id) FROM package p")
            ),
            "links_of": ask("SELECT kind, count(*) FROM file WHERE kind <> 'elf' GROUP BY 1 ORDER BY 1"),
            "privileges_of": ask(
                "SELECT privilege, count(*) FROM file WHERE privilege IN ('setuid', 'setgid') GROUP BY 1 ORDER BY 1"
            ),
            "shapes_of": _shapes(connection),
            "reasons_of": _reasons(connection),
            "imports": _by_kind(connection, "import"),
            "needed": _by_kind(connection, "needed"),
            **_symbols(connection),
            "sonames_of": ask(f"SELECT soname, count(*) FROM needed GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_SONAMES}"),
            **_calls(connection, objects),
            "control": _one(connection, "SELECT avg(length(control)) FROM package"),
        },
        Statistics,
        strict=False,
    )


def _one(connection: sqlite3.Connection, sql: str) -> int:
    return round(connection.execute(sql).fetchone()[0] or 0)


def _quantiles(rows: Iterable[Sequence[object]]) -> tuple[int, ...]:
    ordered = sorted(int(str(row[0])) for row in rows) or [0]
    return tuple(ordered[round(part * (len(ordered) - 1) / QUANTILES)] for part in range(QUANTILES + 1))


def _shapes(connection: sqlite3.Connection) -> list[tuple[object, int]]:
    rows = connection.execute(f"SELECT {', '.join(_SHAPE)} FROM elf")
    return Counter(rows).most_common(_COMBINATIONS)


def _reasons(connection: sqlite3.Connection) -> dict[str, dict[str, list[tuple[object, ...]]]]:
    counted: dict[str, dict[str, Counter[tuple[str, int]]]] = defaultdict(lambda: defaultdict(Counter))
    lengths: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    columns = (*VERDICTS, "relro", "language")
    for text, *values in connection.execute(f"SELECT reasons, {', '.join(columns)} FROM elf"):
        reasons = json.loads(text)
        for column, value in zip(columns, values, strict=True):
            reason = reasons.get(column, {"code": "", "text": ""})
            counted[column][value][reason["code"], len(reason.get("sites", ()))] += 1
            lengths[reason["code"]] += len(reason["text"])
            codes[reason["code"]] += 1
    return {
        column: {value: [(code, round(lengths[code] / codes[code]), sites, many)
                         for (code, sites), many in some.most_common(12)]
                 for value, some in sorted(by_value.items())}
        for column, by_value in sorted(counted.items())
    }  # fmt: skip


def _by_kind(connection: sqlite3.Connection, table: str) -> dict[str, tuple[int, ...]]:
    found = defaultdict(list)
    for kind, count in connection.execute(
        f"SELECT e.kind, (SELECT count(*) FROM {table} t WHERE t.elf_id = e.id) FROM elf e"
    ):
        found[kind].append((count,))
    return {kind: _quantiles(counts) for kind, counts in sorted(found.items())}


def _symbols(connection: sqlite3.Connection) -> dict[str, object]:
    rows = connection.execute(
        "SELECT s.name, i.version, i.library, count(*) FROM import i JOIN symbol s ON s.id = i.symbol_id "
        f"GROUP BY i.symbol_id ORDER BY 4 DESC, 1 LIMIT {_SYMBOLS}"
    ).fetchall()
    nodes = sorted({(version, library) for _, version, library, _ in rows}, key=str)
    imports = _one(connection, "SELECT count(*) FROM import")
    names = _one(connection, "SELECT count(DISTINCT symbol_id) FROM import")
    half = "FROM import i JOIN elf e ON e.id = i.elf_id WHERE e.package_id % 2"
    fewer, less = connection.execute(f"SELECT count(DISTINCT symbol_id), count(*) {half}").fetchone()
    connection.execute("CREATE TEMP TABLE often AS SELECT symbol_id FROM import GROUP BY 1 "
                       f"ORDER BY count(*) DESC LIMIT {_SYMBOLS}")  # fmt: skip
    rare, apart = connection.execute(
        "SELECT sum(n), count(*) FROM (SELECT count(*) AS n FROM import i JOIN elf e ON e.id = i.elf_id "
        "WHERE i.symbol_id NOT IN (SELECT symbol_id FROM often) GROUP BY e.package_id, i.symbol_id)"
    ).fetchone()
    return {
        "symbols_of": [(name, nodes.index((version, library)), many) for name, version, library, many in rows],
        "nodes": nodes,
        "rest": round(1 - sum(row[3] for row in rows) / imports, 4),
        "again": round(1 - apart / rare, 4),
        "growth": round(log(names / fewer) / log(imports / less), 4),
        "length": _one(connection, "SELECT avg(length(name)) FROM symbol"),
    }


def _calls(connection: sqlite3.Connection, objects: int) -> dict[str, object]:
    uses = defaultdict(list)
    columns = "algorithm, strength, role, direction, library, symbol, evidence, confidence"
    for site, *use in connection.execute(
        f"SELECT call_site_id, {columns} FROM crypto_use WHERE call_site_id IS NOT NULL ORDER BY id"
    ):
        uses[site].append(tuple(use))
    calls = Counter(
        (*call, tuple(uses[site][:8]))
        for site, *call in connection.execute(
            "SELECT id, coalesce(library, ''), symbol, outcome, reason FROM call_site"
        )
    )
    per_object = connection.execute("SELECT count(*) FROM call_site GROUP BY elf_id").fetchall()
    alone = connection.execute("SELECT count(*) FROM crypto_use WHERE call_site_id IS NULL GROUP BY elf_id").fetchall()
    rest = Counter(connection.execute(f"SELECT {columns} FROM crypto_use WHERE call_site_id IS NULL"))
    lengths = connection.execute("SELECT length(context_evidence) FROM crypto_use WHERE context_evidence IS NOT NULL")
    return {
        "with_calls": round(len(per_object) / objects, 4),
        "calls": _quantiles(per_object),
        "calls_of": [(*call, many) for call, many in calls.most_common(_COMBINATIONS)],
        "with_uses": round(len(alone) / objects, 4),
        "uses": _quantiles(alone),
        "uses_of": rest.most_common(_COMBINATIONS),
        "surroundings": _quantiles(lengths),
    }


assert set(_SHAPE) <= set(Elf.__struct_fields__)

if __name__ == "__main__":
    main()
