"""``python -m tests.bench.site``: how long a site of a whole archive takes, and how large it is.

Takes a database of ``tests.bench.store`` that was judged, gives its packages maintainers and places in an archive, has
its packages and findings several times where asked to (their objects once), and makes the site. The database
is changed.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import shutil
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from archscan.reports import database
from archscan.site.build import build
from archscan.site.options import Options
from archscan.triage.weights import load_weights

_ROOT = Path(__file__).parents[2]
_MAINTAINERS = 2_248  # of bookworm
_STEP = 10_000_000  # between the ids of one copy and those of the next

_PLACES = f"""
UPDATE package SET maintainer = 'Maintainer ' || (id / 3 % {_MAINTAINERS}) || ' <somebody@example.org>';
INSERT OR IGNORE INTO archive_index (id, origin, suite, component, architecture, base, sha256, first_scan, last_scan)
    VALUES (1, 'Made', 'made', 'main', 'amd64', '', '{"0" * 64}', 1, 1),
           (2, 'Made', 'made', 'universe', 'amd64', '', '{"0" * 64}', 1, 1);
INSERT OR IGNORE INTO publication (index_id, suite, component, section, priority, name, version, version_key,
    architecture, source, source_version, size, sha256, filename, package_id, first_scan, last_scan, standing)
SELECT 1 + (id / 3 % 4 > 0), 'made', iif(id / 3 % 4 > 0, 'universe', 'main'), 'net', 'optional', name, version,
    version_key, architecture, source, source_version, size, sha256, filename, id, 1, 1, 'current' FROM package;
UPDATE archive_index SET packages = (SELECT count(*) FROM publication WHERE index_id = archive_index.id), bytes = 0;
"""


def main() -> None:
    """Print the figures that docs/benchmark.md explains."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.site")
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--times", type=int, default=1, help="how often packages and findings are there")
    parser.add_argument("--output", type=Path, default=Path("bench-site"))
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    _prepare(arguments.database, arguments.times)
    profile = cProfile.Profile()
    with database.opened(arguments.database) as connection:
        packages = connection.execute("SELECT count(*), count(DISTINCT source) FROM package").fetchone()
        findings = connection.execute("SELECT count(*) FROM finding WHERE state = 'open'").fetchone()[0]
        before, wall = time.process_time(), time.monotonic()
        if arguments.profile:
            profile.enable()
        files, size = build(connection, arguments.output, Options(), load_weights((_ROOT / "rules",)),
                            _ROOT / "reports" / "site", datetime.now(UTC))  # fmt: skip
        profile.disable()
        took, passed = time.process_time() - before, time.monotonic() - wall
    blocks = sum(path.stat().st_blocks * 512 for path in arguments.output.rglob("*"))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{packages[0]:,} packages of {packages[1]:,} sources, {findings:,} open findings: {files:,} files, "
        f"{size / 1e6:.1f} MB ({blocks / 1e6:.0f} MB of disk) in {took:.1f} s CPU, {passed:.1f} s; "
        f"largest {largest} MiB"
    )
    kinds: dict[str, int] = {}
    for path in arguments.output.rglob("*"):
        if path.is_file():
            kind = path.relative_to(arguments.output).parts[0]
            kinds[kind] = kinds.get(kind, 0) + path.stat().st_size
    print(
        ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in sorted(kinds.items(), key=lambda pair: -pair[1])[:8])
    )
    if arguments.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    shutil.rmtree(arguments.output)


def _prepare(path: Path, times: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    have = connection.execute("SELECT max(id) / ? + 1 FROM package", (_STEP,)).fetchone()[0]
    for copy in range(have, times):
        for table, changed in _COPIED.items():
            _copy(connection, table, changed, copy * _STEP)
        connection.commit()
    connection.executescript(_PLACES)
    connection.commit()
    connection.close()


# Of each table that a site reads the columns that are other ones in a copy.
_KEYS = ("id", "package_id", "file_id", "elf_id", "finding_id")
_COPIED = {
    "package": {
        "name": "name || '-{0}'", "source": "source || '-{0}'", "sha256": "printf('%016x', {0}) || substr(sha256, 17)",
    },
    "finding": {"source": "source || '-{0}'", "fingerprint": "printf('%016x', {0}) || substr(fingerprint, 17)"},
    "occurrence": {},
}  # fmt: skip


def _copy(connection: sqlite3.Connection, table: str, changed: dict[str, str], step: int) -> None:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = [
        changed[name].format(step) if name in changed else f"{name} + {step}" if name in _KEYS else name
        for name in names
    ]
    first = "id" if "id" in names else "package_id"
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} WHERE {first} < {_STEP}"
    )


if __name__ == "__main__":
    main()
