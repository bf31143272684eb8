"""THE FLOW ON ONE PAGE: packages in, facts and findings in the database.

``scan`` is what happens around the disposable processes; ``package.read_package`` is what happens inside one.
"""

from __future__ import annotations

import contextlib
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
from archscan.scan import archives as published
from archscan.scan.archives import Archives as Archives
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
    exports: bool = False
    release: str | None = None
    archives: Archives = Archives()
    shard: store.Shard | None = None


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
    with (
        _targets(targets, options, stdin) as found,
        store.open_store(options.database) as db,
        published.fetcher(options.archives) as fetcher,
    ):
        scan_id = _start(db, catalogue, book, extraction, options)
        reader = _Reader(db, options, catalogue, extraction, scan_id, release, progress)
        try:
            reader.read(found, fetcher)
        except KeyboardInterrupt:
            reader.tally.interrupted = True
        tally = reader.tally
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


@contextmanager
def _targets(targets: Sequence[str], options: Options, stdin: BinaryIO) -> Iterator[sources.Targets]:
    """The packages that targets name which are no archives. Raises NoTargetError where nothing is to be read."""
    if not targets and options.archives.mirrors:
        yield sources.Targets((), ())
        return
    with sources.expanded(targets, stdin) as found:
        if not found.jobs and not options.archives.mirrors:
            raise NoTargetError("; ".join(f"{missing.target}: {missing.message}" for missing in found.unmatched))
        yield found


class _Reader:
    """Reads what is to be read of the targets into the database, in one scan."""

    def __init__(
        self, db: Database, options: Options, catalogue: Catalogue, extraction: store.Extraction, scan_id: int,
        release: Named | None, progress: Callable[[Progress], None],
    ) -> None:  # fmt: skip
        self._db, self._options, self._catalogue = db, options, catalogue
        self._extraction, self._scan_id, self._release, self._progress = extraction, scan_id, release, progress
        self.tally = _Tally()

    def read(self, found: sources.Targets, fetcher: sources.Fetcher) -> None:
        """Store what archives publish, and read each package that is not known yet."""
        known = store.known_packages(self._db, self._extraction, retry=self._options.retry)
        jobs = [*found.jobs, *self._published(fetcher)]
        jobs.sort(key=lambda job: -(job.size or 0))  # stable: what has no size is in order already
        self._progress(Progress(0, len(jobs), None))
        for missing in found.unmatched:
            store.write(self._db, _unmatched(missing), scan_id=self._scan_id, extraction=self._extraction)
            self.tally.whole = False
        for number, reading in enumerate(self._readings(jobs, known, fetcher), 1):
            self._store(reading)
            self._progress(Progress(number, len(jobs), reading))

    def _published(self, fetcher: sources.Fetcher) -> Sequence[Job]:
        """The packages of the archives that are not done."""
        if not self._options.archives.mirrors:
            return ()
        retry, shard = self._options.retry, self._options.shard
        met = published.publish(self._db, self._options.archives, fetcher, self._scan_id)
        count, unfinished = store.published(self._db, met.index_ids, shard)
        jobs = list(published.jobs(self._db, met, self._extraction, retry=retry, thorough=False, shard=shard))
        self.tally.known += count - len(jobs)
        # What is tried again says itself how it went.
        self.tally.whole &= met.whole and (retry or not unfinished)
        return jobs

    def _readings(self, jobs: Sequence[Job], known: frozenset[str], fetcher: sources.Fetcher) -> Iterator[Reading]:
        if not jobs:
            return
        exports: elf.Exports = "libraries" if self._options.exports else ""
        work = functools.partial(read_package, catalogue=self._catalogue, known=known, exports=exports)
        workers = min(self._options.workers, len(jobs))
        # A single package's process imports what it needs itself: less, where there is no ELF object.
        prepared = prepare if len(jobs) > 1 else _nothing
        opened = functools.partial(sources.opened, fetcher=fetcher)
        remote = any(job.url and not job.url.startswith("file:") for job in jobs)
        ahead = self._options.archives.fetching.ahead(workers) if remote else 0
        arriving = pool.readings(jobs, work, self._options.limits, workers, opened, prepared, ahead)
        with contextlib.closing(arriving):
            yield from arriving

    def _store(self, reading: Reading) -> None:
        tally, identity = self.tally, reading.identity
        if identity and identity.known:
            store.met_again(self._db, reading)
            tally.known += 1
            tally.whole &= store.is_whole(self._db, identity.sha256)
        else:
            tally.whole &= store.write(self._db, reading, scan_id=self._scan_id, extraction=self._extraction)
            tally.read += 1
            tally.bytes += identity.size if identity else 0
            tally.objects += len(reading.objects)
            tally.whole &= reading.status == PackageStatus.COMPLETE
        if self._release and identity:
            store.give_release(self._db, identity.sha256, *self._release)


def _nothing() -> None:
    pass


def _unmatched(missing: sources.Unmatched) -> Reading:
    job = Job(path=missing.target, target=missing.target)
    return Reading(job=job, identity=None, package=None, files=(), objects=(), built=None,
                   problems=(missing.problem(),), status=PackageStatus.UNREADABLE)  # fmt: skip


def now() -> str:
    """The time of this machine's clock, in UTC (ISO 8601, seconds)."""
    return datetime.now(UTC).isoformat(timespec="seconds")
