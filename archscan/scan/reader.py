"""Everything that a scan is to read: which packages that are, who reads them, and what is stored of each."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archscan import elf, pool, sources, store
from archscan.crypto.catalogue import Catalogue
from archscan.deb.candidates import Candidates
from archscan.model import Job, PackageStatus, Reading
from archscan.pool.child import Work
from archscan.rules.releases import Named
from archscan.scan import archives
from archscan.scan.package import prepare, read_package
from archscan.scan.progress import Progress, Tally, log_package

if TYPE_CHECKING:
    from sqlite_utils import Database

    from archscan.scan.options import Options


class Reader:
    """Reads what is to be read of the targets into the database, in one scan."""

    def __init__(
        self, db: Database, options: Options, catalogue: Catalogue, candidates: Candidates,
        extraction: store.Extraction, scan_id: int, release: Named | None, progress: Callable[[Progress], None],
    ) -> None:  # fmt: skip
        self._db, self._options, self._catalogue, self._candidates = db, options, catalogue, candidates
        self._extraction, self._scan_id, self._release, self._progress = extraction, scan_id, release, progress
        self.tally = Tally()

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
        for reading in self._readings(jobs, known, fetcher):
            self._store(reading)
            self._progress(self.tally.progress(reading))
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
        work = functools.partial(
            read_package, catalogue=self._catalogue, known=known, exports=exports, candidates=self._candidates
        )
        with contextlib.closing(_arriving(jobs, work, self._options, fetcher)) as arriving:
            yield from arriving

    def _store(self, reading: Reading) -> None:
        tally, identity = self.tally, reading.identity
        if identity and not store.in_shard(identity.sha256, self._options.shard):
            tally.pass_by(reading)
            return
        if identity and identity.known:
            store.met_again(self._db, reading)
            tally.whole &= store.is_whole(self._db, identity.sha256)
        else:
            tally.whole &= store.write(self._db, reading, scan_id=self._scan_id, extraction=self._extraction)
        tally.add(reading)
        log_package(reading)
        if self._release and identity:
            store.give_release(self._db, identity.sha256, *self._release)


def _arriving(
    jobs: Sequence[Job], work: Work, options: Options, fetcher: sources.Fetcher
) -> Generator[Reading, None, None]:
    """The readings of the jobs, made by processes of this machine, or elsewhere."""
    if options.executor is None:
        workers = min(options.workers, len(jobs))
        opened = functools.partial(sources.opened, fetcher=fetcher)
        remote = any(job.url and not job.url.startswith("file:") for job in jobs)
        ahead = options.archives.fetching.ahead(workers) if remote else 0
        return pool.readings(jobs, work, options.limits, workers, opened, prepare, ahead)
    openers = functools.partial(sources.openers, Path.cwd(), archives.fetching(options.archives))
    cluster = pool.Cluster(address=options.executor, installed=options.installed, openers=openers)
    return pool.readings_elsewhere(jobs, work, options.limits, cluster, prepare)


def _unmatched(missing: sources.Unmatched) -> Reading:
    job = Job(path=missing.target, target=missing.target)
    return Reading(job=job, identity=None, package=None, files=(), objects=(), built=None,
                   problems=(missing.problem(),), status=PackageStatus.UNREADABLE)  # fmt: skip
