"""Calls of catalogued functions that stand in the source of packages, held against the calls that a scan found.

A file counts as compiled into an object where the object has most of the file's texts; a file with hardly any, where
the object imports one of the functions that it calls. ``calls-in-source.tsv`` says why a call in such a file is none in
the object: its line and the cause. What is left is printed as missing.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.accuracy.call_recall import shown
from tests.accuracy.source_calls import Call, Source, sources
from tests.accuracy.unpacked import File

TABLE = Path(__file__).with_name("calls-in-source.tsv")
PACKAGES = Path(__file__).with_name("calls-in-source.txt")
CAUSES = ("condition", "not compiled", "own function", "unused", "merged", "not found")
_FEW = 3  # texts, that say nothing about a file


class Cause(msgspec.Struct, frozen=True):
    """Why a call in the source is none in an object."""

    package: str
    path: str
    symbol: str
    source: str
    cause: str
    note: str


class Compared(msgspec.Struct, frozen=True):
    """The calls of a function in the files that an object was compiled from, and how many calls of it there are."""

    package: str
    path: str
    symbol: str
    calls: tuple[Call, ...]
    own: bool  # the object has a function of its own of that name
    rows: int
    shown: int

    @property
    def absent(self) -> int:
        """How many calls the source has more than the scan found."""
        return max(0, len(self.calls) - self.rows)


def causes() -> list[Cause]:
    """The lines of the table. Raises ValueError where one is not of its form."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        found = [msgspec.convert(line, Cause) for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    for one in found:
        if one.cause not in CAUSES or not one.source.rpartition(":")[2].isdigit():
            raise ValueError(
                f"{TABLE.name}: {one.package} {one.source}: expected a line and one of {', '.join(CAUSES)}"
            )
    return found


def packages() -> dict[str, list[str]]:
    """The packages whose sources are read, each with files that are compiled though objects have few of their texts."""
    lines = (line.split() for line in PACKAGES.read_text().splitlines())
    return {name: files for name, *files in lines}


def source_of(database: Path, package: str) -> tuple[str, str]:
    """Name and version of the source of a package in a database."""
    connection = sqlite3.connect(database)
    found: tuple[str, str] = connection.execute(
        "SELECT source, source_version FROM package WHERE name = ?", (package,)
    ).fetchone()
    connection.close()
    return found


def compared(
    database: Path, files: Sequence[File], folder: Path, wanted: Collection[str], surely: Collection[str] = ()
) -> Iterator[Compared]:
    """For each object of a package for amd64 and each function what its source, the database and objdump have.

    ``surely``: files that are compiled into every object that calls what they call.
    """
    other = _other_names(wanted)
    read = list(sources(folder, {*wanted, *other}))
    own = {name for source in read for name in source.defined}
    for file in files:
        package = file.package.partition("_")[0]
        rows, imports = _of_object(database, package, file.path)
        if not rows and not imports & set(wanted):
            continue
        seen = Counter(one.symbol for one in shown([file], "amd64", wanted))
        calls: dict[str, list[Call]] = {}
        content = Path(file.place).read_bytes()
        for source in read:
            if _compiled(source, content if source.file not in surely else None, imports, other):
                for call in source.calls:
                    symbol = other[call.symbol] if other.get(call.symbol) in imports else call.symbol
                    if symbol in wanted and not call.macro:
                        calls.setdefault(symbol, []).append(call)
        for symbol in sorted({*calls, *rows}):
            is_own = symbol in own and symbol not in imports
            some = tuple(calls.get(symbol, ()))
            yield Compared(package, file.path, symbol, some, is_own, rows[symbol], seen[symbol])


def _other_names(wanted: Collection[str]) -> Mapping[str, str]:
    """What sources call functions whose names nettle's and NSS's headers change by a macro."""
    nettle = {name.removeprefix("nettle_"): name for name in wanted if name.startswith("nettle_")}
    return nettle | {name.removesuffix("_Util"): name for name in wanted if name.endswith("_Util")}


def _compiled(source: Source, content: bytes | None, imports: Collection[str], other: Mapping[str, str]) -> bool:
    """Whether an object has what a file leaves in it; its texts do not matter where no content is given."""
    if content is not None:
        found = sum(text in content for text in source.texts)
        if len(source.texts) >= _FEW:
            return 2 * found >= len(source.texts)
        if found < len(source.texts):
            return False
    called = {name for call in source.calls if not call.macro for name in (call.symbol, other.get(call.symbol))}
    return not called.isdisjoint(imports)


def _of_object(database: Path, package: str, path: str) -> tuple[Counter[str], set[str]]:
    """How many rows of calls of each function an object has, and what it imports."""
    connection = sqlite3.connect(database)
    tables = "JOIN elf e ON e.id = t.elf_id JOIN package p ON p.id = e.package_id WHERE p.name = ? AND e.path = ?"
    rows = Counter(
        name for (name,) in connection.execute(f"SELECT t.symbol FROM call_site t {tables}", (package, path))
    )
    sql = f"SELECT s.name FROM import t JOIN symbol s ON s.id = t.symbol_id {tables}"
    imports = {name for (name,) in connection.execute(sql, (package, path))}
    connection.close()
    return rows, imports


def unexplained(found: Sequence[Compared], known: Sequence[Cause]) -> Iterator[tuple[Compared, int]]:
    """Where the source has more calls than were found, and fewer of these have a cause than that; with how many."""
    explained = Counter((one.package, one.path, one.symbol) for one in known)
    for one in found:
        left = 0 if one.own else one.absent - explained[one.package, one.path, one.symbol]
        if left > 0:
            yield one, left


def table(found: Sequence[Compared], known: Sequence[Cause]) -> Iterator[str]:
    """A table in Markdown with a line for each package, and what is missing without a cause, below."""
    first = ("package", "objects", "calls in source", "found")
    yield f"| {' | '.join((*first, *CAUSES, 'no cause', 'calls in code', 'without a row'))} |"
    yield "|---" * (len(CAUSES) + 7) + "|"
    for package in (*sorted({one.package for one in found}), "together"):
        some = [one for one in found if package in (one.package, "together")]
        keys = {(one.package, one.path, one.symbol) for one in some}
        counted = Counter(one.cause for one in known if (one.package, one.path, one.symbol) in keys)
        counted["own function"] += sum(one.absent for one in some if one.own)
        total = sum(len(one.calls) for one in some)
        without = sum(max(0, one.shown - one.rows) for one in some)
        cells = [
            len({(one.package, one.path) for one in some}),
            total,
            total - sum(one.absent for one in some),
            *(counted[cause] for cause in CAUSES),
            sum(left for _, left in unexplained(some, known)),
            sum(one.shown for one in some),
            without,
        ]
        yield f"| {package} | {' | '.join(map(str, cells))} |"
    yield ""
    for one, left in unexplained(found, known):
        lines = ", ".join(f"{call.file}:{call.line}" for call in one.calls)
        yield f"* {one.package} {one.path} `{one.symbol}`: {left} of {lines}"
