"""``python -m tests.bench.store``: how fast facts are stored, how large they are, and how long answers take then.

The parent of a scan decodes what the workers found and writes it; both are done here by the scan's own code, with
what ``made`` says instead of what packages say. CPU seconds of making it are not counted.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import time
from itertools import islice
from pathlib import Path

from archscan import store
from archscan.crypto.catalogue import algorithm_rows, load_all
from archscan.model import Job, Limits, Reading
from archscan.pool import answers
from archscan.reports import queries
from archscan.rules.apply import apply
from archscan.rules.load import load
from archscan.scan import judgement
from archscan.scan.reader import MOST_ROWS
from tests.bench.made import Made
from tests.bench.statistics import read

_ROOT = Path(__file__).parents[2]
_RULES, _QUESTIONS = (_ROOT / "rules",), (_ROOT / "reports",)


def main() -> None:
    """Print the figures that docs/benchmark.md explains."""
    arguments = _arguments()
    if arguments.objects:
        _load(arguments)
    if arguments.judge:
        _judge(arguments.database)
    if arguments.ask:
        _ask(arguments.database, arguments.ask)
    _sizes(arguments.database)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.store")
    parser.add_argument("--database", type=Path, default=Path("bench-store.db"), help="written, or added to")
    parser.add_argument("--objects", type=int, default=0, help="how many ELF objects to store, at least")
    parser.add_argument("--together", type=int, default=32, metavar="PACKAGES",
                        help="packages of one transaction: what workers bring while the last is written")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--judge", action="store_true", help="judge everything with the project's rules")
    parser.add_argument("--ask", type=float, metavar="SECONDS",
                        help="ask each saved question twice; those are named that took longer again")  # fmt: skip
    parser.add_argument("--worker", type=float, default=0.014, metavar="SECONDS",
                        help="CPU that a worker takes for an object (python -m tests.bench)")  # fmt: skip
    return parser.parse_args()


def _load(arguments: argparse.Namespace) -> None:
    extraction = store.Extraction("made", ("elf",))
    clock, counted = _Clock(), {"packages": 0, "objects": 0, "imports": 0, "bytes": 0}
    with store.open_store(arguments.database) as db:
        store.fill_algorithms(db, algorithm_rows(load_all(_RULES)))
        scan_id = store.start_scan(db, started="2026-01-01T00:00:00+00:00", version="bench", extraction=extraction,
                                   rules_digest="", command="bench")  # fmt: skip
        waiting: list[Reading] = []
        rows = 0
        for result in Made(read(), arguments.seed).results():
            with clock.of("decode"):
                reading = answers.reading(Job(path="made", target="made"), result, Limits())
            waiting.append(reading)
            rows += sum(len(row.imports) for row in reading.objects)
            if len(waiting) >= arguments.together or rows >= MOST_ROWS:
                with clock.of("write"):
                    store.write_all(db, waiting, scan_id=scan_id, extraction=extraction)
                waiting, rows = [], 0
            before = counted["objects"] // 20_000
            _count(counted, reading, len(result.answers[0].payload))
            if counted["objects"] // 20_000 > before:
                _progress(counted, clock, arguments.database)
            if counted["objects"] >= arguments.objects:
                break
        with clock.of("write"):
            store.write_all(db, waiting, scan_id=scan_id, extraction=extraction)
        with clock.of("index"):
            store.finish_scan(db, scan_id, finished="2026-01-01T01:00:00+00:00", state="finished", metrics={})
    _progress(counted, clock, arguments.database)
    cpu = sum(clock.seconds.values())
    workers = arguments.worker * counted["objects"] / cpu
    print(f"a worker takes {arguments.worker} s for an object: as fast as {workers:.0f} workers")


class _Clock:
    """CPU seconds of this process by what it does."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._name, self._started = "", 0.0

    def of(self, name: str) -> _Clock:
        """Counts until the end of the ``with``."""
        self._name = name
        return self

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds[self._name] = self.seconds.get(self._name, 0.0) + time.process_time() - self._started


def _count(counted: dict[str, int], reading: Reading, size: int) -> None:
    counted["packages"] += 1
    counted["objects"] += len(reading.objects)
    counted["imports"] += sum(len(row.imports) for row in reading.objects)
    counted["bytes"] += size


def _progress(counted: dict[str, int], clock: _Clock, database: Path) -> None:
    cpu = sum(clock.seconds.values())
    size = sum(file.stat().st_size for file in database.parent.glob(f"{database.name}*"))
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in clock.seconds.items())
    print(f"{counted['packages']} packages, {counted['objects']} objects, {counted['imports']} imports in {cpu:.1f} s "
          f"CPU ({parts}): {counted['imports'] / cpu:,.0f} imports/s, {counted['objects'] / cpu:,.0f} objects/s, "
          f"{size / 1e6:.0f} MB, {size / max(counted['imports'], 1):.0f} bytes an import, "
          f"largest {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB", flush=True)  # fmt: skip


def _judge(database: Path) -> None:
    book = load(_RULES)
    with judgement(database, book, "bench") as (connection, scan_id):
        started, wall = time.process_time(), time.monotonic()
        applied = apply(connection, book, scan_id, changed_only=False, seconds=600)
        cpu = time.process_time() - started
        print(f"judged in {cpu:.1f} s CPU, {time.monotonic() - wall:.1f} s: {applied.new} new, "
              f"largest {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")  # fmt: skip


_VALUES = {
    "package": "SELECT name FROM package ORDER BY elf_count DESC LIMIT 1",
    "source": "SELECT source FROM package ORDER BY elf_count DESC LIMIT 1",
    "soname": "SELECT soname FROM needed GROUP BY soname ORDER BY count(*) DESC LIMIT 1",
    "symbol": "SELECT name FROM symbol WHERE id = (SELECT min(symbol_id) FROM imported)",
    "algorithm": "SELECT 'md5'",
    "feature": "SELECT 'stack_protector'",
}
"""For parameters that must be given: what makes long answers."""


def _ask(database: Path, most: float) -> None:
    """All parameters that have a default are asked with it, so most questions are about the whole database."""
    with store.open_readonly(database) as connection:
        values = {name: str(connection.execute(sql).fetchone()[0]) for name, sql in _VALUES.items()}
        seconds: dict[str, float] = {}
        for name, question in queries.load(_QUESTIONS).items():
            given = {one.name: values[one.name] for one in question.parameters if one.default is None}
            for _ in range(2):
                started = time.monotonic()
                with queries.run(connection, question, given, seconds=300) as answer:
                    for _row in answer.rows:
                        pass
                seconds[name] = time.monotonic() - started
    slow = {name: one for name, one in seconds.items() if one > most}
    print(f"{len(seconds)} saved questions, {len(slow)} of them above {most:g} s")
    for name, one in sorted(slow.items(), key=lambda item: -item[1]):
        print(f"  {name:32} {one:8.2f} s")


def _sizes(database: Path) -> None:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY 1 ORDER BY 2 DESC")
    for name, size in islice(rows, 15):
        print(f"  {name:32} {size / 1e6:10.1f} MB")


if __name__ == "__main__":
    main()
