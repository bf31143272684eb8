"""Everything that a scan is to read: which packages that are, who reads them, and what is stored of each."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archscan import elf, pool, sources, store
from archscan.deb.candidates import Candidates
from archscan.errors import ArchscanError
from archscan.model import Job, PackageStatus, Reading
from archscan.pool.child import Work
from archscan.rules.releases import Named
from archscan.scan import archives
from archscan.scan.knowledge import Knowledge
from archscan.scan.package import prepare, read_package
from archscan.scan.progress import Progress, Tally, log_package

if TYPE_CHECKING:
    from sqlite_utils import Database

    from archscan.scan.options import Options


MOST_ROWS = 100_000
"""Files, imports and exports of the readings that wait to be stored together, at most; some 30 MB."""


class Reader:
    """Reads what is to be read of the targets into the database, in one scan."""

    def __init__(
        self, db: Database, options: Options, knowledge: Knowledge, candidates: Candidates,
        extraction: store.Extraction, scan_id: int, release: Named | None, progress: Callable[[Progress], None],
    ) -> None:  # fmt: skip
        self._db, self._options, self._knowledge, self._candidates = db, options, knowledge, candidates
        self._extraction, self._scan_id, self._release, self._progress = extraction, scan_id, release, progress
        self.tally = Tally()
        self._waiting: list[Reading] = []
        self._rows = 0

    def read(self, found: sources.Targets, fetcher: sources.Fetcher) -> None:
        """Store what archives publish, and read each package that is not known yet."""
        retry, thorough = self._options.retry, self._options.thorough
        done = store.known_packages(self._db, self._extraction, retry=retry, thorough=thorough)
        known = store.Passed(done, self._options.shard)
        jobs = [*found.jobs, *self._published(fetcher)]
        jobs.sort(key=lambda job: -(job.size or 0))  # stable: what has no size is in order already
        self.tally.begin(jobs, self._scan_id, self._options.workers)
        for missing in found.unmatched:
            reading = _unmatched(missing)
            store.write(self._db, reading, scan_id=self._scan_id, extraction=self._extraction)
            log_package(reading)
            self.tally.whole, self.tally.problems = False, self.tally.problems + 1
        self._progress(self.tally.progress())
        try:
            for reading in self._readings(jobs, known, fetcher):
                self._take(reading)
            self._store()
        except (KeyboardInterrupt, ArchscanError):  # what was finished is kept; the store's own errors are not of these
            self._store()
            raise
        self._progress(self.tally.progress(judging=True))

    def _published(self, fetcher: sources.Fetcher) -> Sequence[Job]:
        """The packages of the archives that are not done."""
        if not self._options.archives.mirrors:
            return ()
        retry, thorough, shard = self._options.retry, self._options.thorough, self._options.shard
        met = archives.publish(self._db, self._options.archives, fetcher, self._scan_id)
        count, unfinished = store.published(self._db, met.index_ids, shard)
        jobs = list(archives.jobs(self._db, met, self._extraction, retry=retry, thorough=thorough, shard=shard))
        self.tally.known += count - len(jobs)
        # What is tried again says itself how it went.
        self.tally.changed |= met.changed
        self.tally.whole &= met.whole and (retry or not unfinished)
        return jobs

    def _readings(self, jobs: Sequence[Job], known: store.Passed, fetcher: sources.Fetcher) -> Iterator[Reading]:
        if not jobs:
            return
        exports: elf.Exports = "libraries" if self._options.exports else ""
        knowledge = self._knowledge
        book = knowledge.book if "files" in self._options.facts else None
        work = functools.partial(
            read_package, catalogue=knowledge.catalogue, exports=exports, candidates=self._candidates, book=book,
            embedded=knowledge.embedded,
        )  # fmt: skip
        ready = functools.partial(prepare, book, knowledge.embedded)
        with contextlib.closing(_arriving(jobs, work, ready, known, self._options, fetcher, self._store)) as arriving:
            yield from arriving

    def _take(self, reading: Reading) -> None:
        """Have a reading stored with those that are there at the same time, or now where they are many."""
        if reading.identity and not store.in_shard(reading.identity.sha256, self._options.shard):
            self.tally.pass_by(reading)
            self._progress(self.tally.progress(reading))
            return
        self._waiting.append(reading)
        self._rows += (
            len(reading.files)
            + len(reading.file_facts)
            + sum(len(row.imports) + len(row.exports) for row in reading.objects)
        )
        if self._rows >= MOST_ROWS:
            self._store()

    def _store(self) -> None:
        """Store what waits in one transaction, and only then say of each that it is done.

        When workers bring more than can be stored one by one, more waits each time, and each costs less.
        """
        waiting = self._waiting
        anew = [reading for reading in waiting if not (reading.identity and reading.identity.known)]
        kept = store.write_all(self._db, anew, scan_id=self._scan_id, extraction=self._extraction) if anew else []
        self._waiting, self._rows = [], 0
        self.tally.whole &= all(kept)
        done = []
        for reading in waiting:
            self._count(reading)
            done.append(self.tally.progress(reading))
        for progress in done:
            self._progress(progress)

    def _count(self, reading: Reading) -> None:
        identity = reading.identity
        if identity and identity.known:
            store.met_again(self._db, reading)
            self.tally.whole &= store.is_whole(self._db, identity.sha256)
        self.tally.add(reading)
        log_package(reading)
        if self._release and identity:
            store.give_release(self._db, identity.sha256, *self._release)


def _arriving(
    jobs: Sequence[Job], work: Work, ready: Callable[[], None], known: store.Passed, options: Options,
    fetcher: sources.Fetcher, idle: Callable[[], None],
) -> Generator[Reading, None, None]:  # fmt: skip
    """The readings of the jobs, made by processes of this machine, or elsewhere."""
    if options.executor is None:
        workers = min(options.workers, len(jobs))
        opened = functools.partial(sources.identified, fetcher=fetcher, known=known, limits=options.limits)
        remote = any(job.url and not job.url.startswith("file:") for job in jobs)
        ahead = options.archives.fetching.ahead(workers) if remote else 0
        return pool.readings(jobs, work, options.limits, workers, opened, ready, ahead, idle=idle)
    openers = functools.partial(sources.openers, Path.cwd(), archives.fetching(options.archives), known, options.limits)
    cluster = pool.Cluster(address=options.executor, installed=options.installed, openers=openers)
    return pool.readings_elsewhere(jobs, work, options.limits, cluster, ready, idle)


def _unmatched(missing: sources.Unmatched) -> Reading:
    job = Job(path=missing.target, target=missing.target)
    return Reading(job=job, identity=None, package=None, files=(), objects=(), built=None,
                   problems=(missing.problem(),), status=PackageStatus.UNREADABLE)  # fmt: skip
