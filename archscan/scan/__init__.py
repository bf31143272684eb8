"""THE FLOW ON ONE PAGE: packages in, facts and findings in the database.

``scan`` is what happens around the disposable processes; ``package.read_package`` is what happens inside one.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from archscan import __version__, pool, sources, store
from archscan.crypto.catalogue import Catalogue, algorithm_rows
from archscan.deb.candidates import Candidates, wanted
from archscan.errors import ArchscanError, NoTargetError
from archscan.rules.apply import Applied, apply
from archscan.rules.check import check
from archscan.rules.load import RuleBook, load
from archscan.rules.releases import named
from archscan.scan import archives as mirrors
from archscan.scan.archives import Archives as Archives
from archscan.scan.knowledge import Knowledge, load_knowledge, version_of
from archscan.scan.options import Options as Options
from archscan.scan.progress import Progress as Progress
from archscan.scan.reader import Reader

if TYPE_CHECKING:
    from sqlite_utils import Database

# What the extraction code finds; raised with every change of the facts, so that old ones are read again.
EXTRACTOR = "12"

_JUDGED_IN_A_HURRY = 500  # packages; 3,000 took 4.4 s of CPU time


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan did. ``whole`` is false where a package, read now or before, could not be read whole."""

    scan_id: int
    read: int
    known: int
    whole: bool
    interrupted: bool
    applied: Applied


def scan(
    targets: Sequence[str], options: Options, stdin: BinaryIO, progress: Callable[[Progress], None] = lambda _: None
) -> Outcome:
    """Read every package that ``targets`` name and is not known yet, and judge what changed.

    A KeyboardInterrupt keeps what was finished, and is judged and returned as ``interrupted``. Raises NoTargetError,
    StoreError, RuleError, UsageError.
    """
    knowledge, book = load_knowledge(options.data), load(options.data)
    check(book)
    release = named(book.distributions, options.release) if options.release else None
    extraction = extraction_of(knowledge, options)
    candidates = wanted(knowledge.kinds, options.facts)
    candidates = Candidates() if options.thorough else candidates
    with (
        _targets(targets, options, stdin) as found,
        store.open_store(options.database) as db,
        mirrors.fetcher(options.archives) as fetcher,
    ):
        scan_id = _start(db, knowledge.catalogue, book, extraction, options)
        reader = Reader(db, options, knowledge, candidates, extraction, scan_id, release, progress)
        try:
            reader.read(found, fetcher)
        except KeyboardInterrupt:
            reader.tally.interrupted = True
        except (ArchscanError, sqlite3.Error):
            with contextlib.suppress(sqlite3.Error):  # the disk may be full
                store.finish_scan(db, scan_id, finished=now(), state="failed", metrics=reader.tally.metrics())
            raise
        tally = reader.tally
        # Whoever interrupts wants an end: what is not judged now, the next scan judges.
        waits = tally.interrupted and store.unjudged(db) > _JUDGED_IN_A_HURRY
        changed = tally.changed or tally.read > 0 or store.unjudged(db) > 0
        applied = Applied() if waits else apply(db.conn, book, scan_id, changed_only=True)
        state = "interrupted" if tally.interrupted else "finished"
        if not tally.interrupted:
            store.write_metrics(db, scan_id, changed=changed)
        store.finish_scan(db, scan_id, finished=now(), state=state, metrics=tally.metrics())
        return Outcome(scan_id=scan_id, read=tally.read, known=tally.known, whole=tally.whole,
                       interrupted=tally.interrupted, applied=applied)  # fmt: skip


def unheld() -> tuple[str, ...]:
    """What this machine does not do to hold the processes that read packages, each in words."""
    return pool.lacking(pool.confinement())


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


def extraction_of(knowledge: Knowledge, options: Options) -> store.Extraction:
    """The version of the facts that a scan would find: of the code and of what is known beforehand."""
    facts = {*options.facts, "exports"} if options.exports else {*options.facts}
    return store.Extraction(f"{EXTRACTOR}-{version_of(knowledge)}", tuple(sorted(facts)))


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


def now() -> str:
    """The time of this machine's clock, in UTC (ISO 8601, seconds)."""
    return datetime.now(UTC).isoformat(timespec="seconds")
