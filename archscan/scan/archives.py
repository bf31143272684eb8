"""What the archives of a scan publish goes into the database; what of it is not done yet comes out as jobs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from archscan import store
from archscan.errors import NoTargetError, SourceError
from archscan.model import Job, Problem, ProblemKind, Stage, escape
from archscan.sources import Fetching, archive

if TYPE_CHECKING:
    from sqlite_utils import Database

    from archscan.sources import Fetcher

_log = logging.getLogger(__name__)


class Archives(msgspec.Struct, frozen=True, kw_only=True):
    """Which archives are read, what is wanted of them, and how to fetch."""

    mirrors: tuple[str, ...] = ()
    wanted: archive.Wanted | None = None
    fetching: Fetching = Fetching()


class Met(msgspec.Struct, frozen=True, kw_only=True):
    """The indices that were met, by their ids in the database.

    ``whole`` is false where something of the suites could not be had or was refused.
    """

    index_ids: tuple[int, ...]
    whole: bool
    changed: bool  # whether any index says something else than last time


def fetching(archives: Archives) -> Fetching:
    """How to fetch from the archives, passwords included. Raises UsageError."""
    logins: list[str] = []
    for mirror in archives.mirrors:
        assert archives.wanted is not None
        logins += archive.logins(mirror, archives.wanted)
    return msgspec.structs.replace(archives.fetching, logins=tuple(logins))


def fetcher(archives: Archives) -> Fetcher:
    """Whoever fetches from the archives, in this process and in those that are forked from it. Raises UsageError."""
    environ = archive.with_proxies(os.environ) if "apt:" in archives.mirrors else os.environ
    return fetching(archives).fetcher(environ)


def publish(db: Database, archives: Archives, fetcher: Fetcher, scan_id: int) -> Met:
    """Read the suites that are wanted and store what they publish; what is wrong with one is a problem of the scan.

    An index that has not changed since it was stored is not fetched. Raises NoTargetError where nothing at all
    could be had; UsageError, StoreError, SpoolError.
    """
    publisher = _Publisher(db, fetcher, scan_id, any_age=archives.wanted is not None and archives.wanted.expired)
    for mirror in archives.mirrors:
        assert archives.wanted is not None
        for suite in archive.suites(mirror, archives.wanted, fetcher):
            publisher.publish(suite)
    if archives.mirrors and not publisher.index_ids:
        raise NoTargetError(publisher.first)
    return Met(index_ids=tuple(publisher.index_ids), whole=publisher.whole, changed=publisher.changed)


def jobs(
    db: Database, met: Met, extraction: store.Extraction, *, retry: bool, thorough: bool, shard: store.Shard | None
) -> Iterator[Job]:
    """The packages of the indices that are not done, the largest first, each once however often it is published."""
    for row in store.queue(db, met.index_ids, extraction, retry=retry, thorough=thorough, shard=shard):
        url = archive.url_of(row.base, row.filename)
        yield Job(path=row.filename, target=url, url=url, sha256=row.sha256, size=row.size)


class _Publisher:
    """What is gathered from suite to suite."""

    def __init__(self, db: Database, fetcher: Fetcher, scan_id: int, *, any_age: bool) -> None:
        self._db, self._fetcher, self._scan_id, self._any_age = db, fetcher, scan_id, any_age
        self.index_ids: list[int] = []
        self._bases: dict[tuple[str, ...], str] = {}  # by what the database knows an index by
        self.whole, self.changed = True, False
        self.first = "the archives have no index of what is wanted"

    def publish(self, suite: archive.Suite) -> None:
        """Store one suite."""
        self._note(suite.target, suite.problems)
        older = self._older(suite)
        if older:
            self._note(suite.target, [Problem(stage=Stage.SOURCE, kind=ProblemKind.MISMATCH, message=older)])
            return
        for index in suite.indices:
            if self._is_alone(suite, index):
                self._index(suite, index)
        for index in suite.sources:
            if self._is_alone(suite, index):
                self._sources(suite, index)
        if not suite.refused:
            left = store.leave(self._db, suite.origin, suite.name, suite.base, suite.listed, self._scan_id)
            self.changed |= left > 0

    def _is_alone(self, suite: archive.Suite, file: archive.IndexFile) -> bool:
        """Whether no other archive of this scan has an index of the same name, which would take the place of this."""
        index = file.index
        place = (index.origin, index.suite, index.component, index.architecture)
        base = self._bases.setdefault(place, index.base)
        if base != index.base:
            name = " ".join(word for word in place if word)
            text = (
                f"{name} was read of {base} in this scan; two archives that call themselves the same need two databases"
            )
            self._note(suite.target, [Problem(stage=Stage.SOURCE, kind=ProblemKind.MISMATCH, message=text)])
        return base == index.base

    def _older(self, suite: archive.Suite) -> str | None:
        """Why the suite is not taken: a mirror that is behind, or somebody who hides what was mended since."""
        for file in suite.indices[:1]:
            index = file.index
            newest = store.newest_date(self._db, index.origin, index.suite)
            if newest and index.date and index.date < newest and not self._any_age:
                return f"its Release is of {index.date}, and one of {newest} was met before; --allow-expired takes it"
        return None

    def _index(self, suite: archive.Suite, file: archive.IndexFile) -> None:
        index, told = file.index, list[Problem]()
        try:
            if store.unchanged(self._db, index):
                met = store.met_index_again(self._db, index, self._scan_id)
            else:
                rows = archive.packages(file, self._fetcher, told.append)
                met = store.publish(self._db, index, rows, self._scan_id, told)
                self.changed = True
        except SourceError as error:
            told.append(_problem(error, file))
        else:
            self.index_ids.append(met)
        self._note(suite.target, told)

    def _sources(self, suite: archive.Suite, file: archive.IndexFile) -> None:
        index, told = file.index, list[Problem]()
        try:
            if store.unchanged(self._db, index):
                store.met_index_again(self._db, index, self._scan_id)
            else:
                entries = archive.source_entries(file, self._fetcher, told.append)
                store.publish_sources(self._db, index, entries, self._scan_id, told)
        except SourceError as error:
            told.append(_problem(error, file))
        self._note(suite.target, told)

    def _note(self, target: str, problems: Sequence[Problem]) -> None:
        if not problems:
            return
        if self.whole:
            self.first = f"{target}: {problems[0].message}"
        self.whole = False
        for problem in problems:
            _log.error("%s: %s", target, problem.message)
        store.write_problems(self._db, self._scan_id, target, tuple(problems))


def _problem(error: SourceError, file: archive.IndexFile) -> Problem:
    return Problem(stage=Stage.SOURCE, kind=ProblemKind(error.kind), message=escape(str(error)), path=file.path)
