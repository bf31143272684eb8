"""THE FLOW ON ONE PAGE: packages in, facts and findings in the database.

``scan`` is what happens around the disposable processes; ``package.read_package`` is what happens inside one.
"""

from __future__ import annotations

import functools
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from archscan import __version__, elf, pool, sources, store
from archscan.crypto.catalogue import Catalogue, algorithm_rows, load_all
from archscan.errors import NoTargetError
from archscan.model import Job, Limits, PackageStatus, Reading
from archscan.rules.apply import Applied, apply
from archscan.rules.check import check
from archscan.rules.load import RuleBook, load
from archscan.rules.releases import Named, named
from archscan.scan.package import prepare, read_package

if TYPE_CHECKING:
    from sqlite_utils import Database

# What the extraction code finds; raised with every change of the facts, so that old ones are read again.
EXTRACTOR = "10"

_JUDGED_IN_A_HURRY = 500  # packages; 3,000 took 4.4 s of CPU time


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to scan. ``data`` are the folders of rules and catalogue, ours first.

    ``release`` is that of the packages, such as ``debian/trixie``, where somebody says so.
    """

    database: Path
    data: tuple[Path, ...]
    command: str
    workers: int = 1
    limits: Limits = Limits()
    retry: bool = False
    shard: store.Shard | None = None
    exports: bool = False
    release: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan did. ``whole`` is false where a package, read now or before, could not be read whole."""

    scan_id: int
    read: int
    known: int
    whole: bool
    interrupted: bool
    applied: Applied


class Progress(msgspec.Struct, frozen=True):
    """After each package: how many are done, of how many, and the last one."""

    done: int
    total: int
    reading: Reading | None


def scan(
    targets: Sequence[str], options: Options, stdin: BinaryIO, progress: Callable[[Progress], None] = lambda _: None
) -> Outcome:
    """Read every package that ``targets`` name and is not known yet, and judge what changed.

    A KeyboardInterrupt keeps what was finished, and is judged and returned as ``interrupted``. Raises NoTargetError,
    StoreError, RuleError, UsageError.
    """
    catalogue, book = load_all(options.data), load(options.data)
    check(book)
    release = named(book.distributions, options.release) if options.release else None
    extraction = extraction_of(catalogue, options)
    with sources.expanded(targets, stdin) as found:
        if not found.jobs:
            raise NoTargetError("; ".join(f"{missing.target}: {missing.message}" for missing in found.unmatched))
        with store.open_store(options.database) as db:
            scan_id = _start(db, catalogue, book, extraction, options)
            tally = _Tally()
            try:
                _read_all(db, found, tally, catalogue, extraction, options, scan_id, release, progress)
            except KeyboardInterrupt:
                tally.interrupted = True
            # Whoever interrupts wants an end: what is not judged now, the next scan judges.
            waits = tally.interrupted and store.unjudged(db) > _JUDGED_IN_A_HURRY
            applied = Applied() if waits else apply(db.conn, book, scan_id, changed_only=True)
            state = "interrupted" if tally.interrupted else "finished"
            store.finish_scan(db, scan_id, finished=now(), state=state, metrics=tally.metrics())
            return Outcome(scan_id=scan_id, read=tally.read, known=tally.known, whole=tally.whole,
                           interrupted=tally.interrupted, applied=applied)  # fmt: skip


@contextmanager
def judgement(database: Path, book: RuleBook, command: str) -> Iterator[tuple[sqlite3.Connection, int]]:
    """A database to judge without reading packages, and the id of the scan that this counts as."""
    with store.open_store(database, made=False) as db:
        extraction = store.Extraction("", ())
        scan_id = store.start_scan(
            db, started=now(), version=__version__, extraction=extraction, rules_digest=book.digest, command=command
        )
        yield db.conn, scan_id
        store.finish_scan(db, scan_id, finished=now(), state="finished", metrics={})


def extraction_of(catalogue: Catalogue, options: Options) -> store.Extraction:
    """The version of the facts that a scan would find: of the code, and of the catalogue it knows."""
    facts = ("elf", "exports") if options.exports else ("elf",)
    return store.Extraction(f"{EXTRACTOR}-{catalogue.digest[:12]}", facts)


class _Tally:
    """Counts of a running scan."""

    def __init__(self) -> None:
        self.read = self.known = self.bytes = self.objects = 0
        self.whole = True
        self.interrupted = False
        self._started = time.monotonic()

    def metrics(self) -> dict[str, float]:
        """What the table ``metric`` keeps of the scan as a whole; seconds are wall time."""
        return {
            "packages read": self.read,
            "packages known": self.known,
            "bytes read": self.bytes,
            "elf objects read": self.objects,
            "seconds": time.monotonic() - self._started,
        }


def _start(db: Database, catalogue: Catalogue, book: RuleBook, extraction: store.Extraction, options: Options) -> int:
    store.fill_algorithms(db, algorithm_rows(catalogue))
    return store.start_scan(
        db,
        started=now(),
        version=__version__,
        extraction=extraction,
        rules_digest=book.digest,
        command=options.command,
    )


def _read_all(
    db: Database, found: sources.Targets, tally: _Tally, catalogue: Catalogue, extraction: store.Extraction,
    options: Options, scan_id: int, release: Named | None, progress: Callable[[Progress], None],
) -> None:  # fmt: skip
    known = store.Passed(store.known_packages(db, extraction, retry=options.retry), options.shard)
    exports: elf.Exports = "libraries" if options.exports else ""
    work = functools.partial(read_package, catalogue=catalogue, known=known, exports=exports)
    progress(Progress(0, len(found.jobs), None))
    for missing in found.unmatched:
        store.write(db, _unmatched(missing), scan_id=scan_id, extraction=extraction)
        tally.whole = False
    workers = min(options.workers, len(found.jobs))
    # A single package's process imports what it needs itself: less, where there is no ELF object.
    prepared = prepare if len(found.jobs) > 1 else _nothing
    arriving = pool.readings(found.jobs, work, options.limits, workers, prepared)
    try:
        for number, reading in enumerate(arriving, 1):
            if reading.identity and not store.in_shard(reading.identity.sha256, options.shard):
                pass  # another part reads it
            elif reading.identity and reading.identity.known:
                store.met_again(db, reading)
                tally.known += 1
                tally.whole &= store.is_whole(db, reading.identity.sha256)
            else:
                tally.whole &= store.write(db, reading, scan_id=scan_id, extraction=extraction)
                tally.read += 1
                tally.bytes += reading.identity.size if reading.identity else 0
                tally.objects += len(reading.objects)
                tally.whole &= reading.status == PackageStatus.COMPLETE
            if release and reading.identity:
                store.give_release(db, reading.identity.sha256, *release)
            progress(Progress(number, len(found.jobs), reading))
    finally:
        arriving.close()


def _nothing() -> None:
    pass


def _unmatched(missing: sources.Unmatched) -> Reading:
    job = Job(path=missing.target, target=missing.target)
    return Reading(job=job, identity=None, package=None, files=(), objects=(), built=None,
                   problems=(missing.problem(),), status=PackageStatus.UNREADABLE)  # fmt: skip


def now() -> str:
    """The time of this machine's clock, in UTC (ISO 8601, seconds)."""
    return datetime.now(UTC).isoformat(timespec="seconds")
