"""Suites of an archive: their Release verified, and their indices known by what Release says of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from archscan.errors import SourceError, UsageError
from archscan.model import Problem, ProblemKind, Stage
from archscan.sources.archive import asked, configured, release, signature
from archscan.sources.archive.asked import Archive, Fetcher, Wanted, below, without_password
from archscan.sources.archive.chosen import chosen, origin_of
from archscan.sources.archive.indices import IndexFile
from archscan.sources.archive.keys import keys

_LARGEST = 16 << 20  # bytes of a Release; that of Debian has 150 KB
_UNCHECKED = "nobody checked the signature of its Release; --keyring names the keys that count"
_log = logging.getLogger(__name__)


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A suite as it was read. Where it is ``refused``, nothing of it may be relied on, and it has no indices.

    ``target`` is its URL, as messages name it; ``listed`` are component and architecture of all indices that it has.
    With ``problems`` the run is not whole; what the operator should see, and is none, stands in ``notes``.
    """

    target: str
    name: str
    origin: str = ""
    base: str = ""
    refused: bool = False
    signed_by: str | None = None
    indices: tuple[IndexFile, ...] = ()
    listed: frozenset[tuple[str, str]] = frozenset()
    sources: tuple[IndexFile, ...] = ()  # their Index has the architecture `source`
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def suites(mirror: str, wanted: Wanted, fetcher: Fetcher) -> Iterator[Suite]:
    """Each suite that is ``wanted`` of a mirror: a folder, a ``file:``, ``http:`` or ``https:`` URL, or ``apt:``.

    Raises UsageError where the question is wrong; what is wrong with a suite is its problem.
    """
    asked.check(wanted)
    said = False
    for archive in _archives(mirror, wanted):
        if archive.keys is None and not said:
            _log.warning("%s: %s", without_password(archive.base), _UNCHECKED)
            said = True
        yield _suite(archive, wanted, fetcher)


def logins(mirror: str, wanted: Wanted) -> tuple[str, ...]:
    """The URLs with user and password of what is wanted, for a fetcher of its packages, whose URLs have none.

    Raises UsageError as ``suites``.
    """
    asked.check(wanted)
    bases = dict.fromkeys(archive.base for archive in _archives(mirror, wanted))
    return tuple(base for base in bases if without_password(base) != base)


def _archives(mirror: str, wanted: Wanted) -> tuple[Archive, ...]:
    if mirror == "apt:":
        return configured.archives(wanted)
    base = asked.base_of(mirror)
    if not wanted.suites:
        raise UsageError(f"{without_password(base)}: which suite? Name it with --suite")
    trusted = keys(wanted.keyrings) if wanted.keyrings else None
    return tuple(
        Archive(base=base, suite=name, components=wanted.components, architectures=wanted.architectures, keys=trusted)
        for name in dict.fromkeys(wanted.suites)
    )


def _suite(archive: Archive, wanted: Wanted, fetcher: Fetcher) -> Suite:
    target = without_password(archive.folder)
    try:
        text, signed_by = _release(archive, fetcher)
        facts = release.parsed(text)
        release.check_name(facts, archive.suite)
        odd = release.check_dates(facts, wanted.now, most_days=wanted.most_days, expired=wanted.expired)
    except SourceError as error:
        return Suite(target=target, name=archive.suite, refused=True, problems=(_problem(error),))
    if odd:
        _log.warning("%s: %s", target, odd)
    notes = ([_UNCHECKED] if archive.keys is None else []) + ([odd] if odd else [])
    found = chosen(archive, facts, signed_by)
    return Suite(
        target=target,
        name=release.name_of(facts, archive.suite),
        origin=origin_of(archive, facts),
        base=without_password(archive.base),
        signed_by=signed_by,
        indices=found.indices,
        listed=found.listed,
        sources=found.sources,
        problems=tuple(_problem(SourceError("missing", lacking)) for lacking in found.lacking),
        notes=tuple(notes),
    )


def _release(archive: Archive, fetcher: Fetcher) -> tuple[bytes, str | None]:
    """The text that may be relied on, and the fingerprint of who signed it, None where nobody asked."""
    scheme = asked.scheme_of(archive.base)
    if scheme not in asked.SCHEMES:
        raise SourceError("unsupported", f"archives by {scheme}: are not read, only by {', '.join(asked.SCHEMES)}")
    try:
        message = _fetched(fetcher, archive.folder, "InRelease")
    except SourceError as error:
        if error.kind != ProblemKind.MISSING:
            raise
        return _detached(archive, fetcher)
    if archive.keys is None:
        # An InRelease that nobody signed is a Release; nobody wanted to know.
        return (signature.clear_text(message) if message.startswith(b"-----BEGIN PGP") else message), None
    signed = signature.inline(message, archive.keys)
    return signed.text, signed.fingerprint


def _detached(archive: Archive, fetcher: Fetcher) -> tuple[bytes, str | None]:
    try:
        text = _fetched(fetcher, archive.folder, "Release")
    except SourceError as error:
        if error.kind != ProblemKind.MISSING:
            raise
        raise SourceError("missing", "there is neither InRelease nor Release; is that the suite's name?") from error
    if archive.keys is None:
        return text, None
    try:
        mark = _fetched(fetcher, archive.folder, "Release.gpg")
    except SourceError as error:
        if error.kind != ProblemKind.MISSING:
            raise
        raise SourceError("mismatch", "Release is not signed: there is no InRelease and no Release.gpg") from error
    signed = signature.detached(text, mark, archive.keys)
    return signed.text, signed.fingerprint


def _fetched(fetcher: Fetcher, folder: str, name: str) -> bytes:
    try:
        file: BinaryIO = fetcher.fetch(below(folder, name), most=_LARGEST)
    except SourceError as error:
        raise SourceError(error.kind, f"{name}: {error}") from error
    with file:
        return file.read(_LARGEST + 1)


def _problem(error: SourceError) -> Problem:
    return Problem(stage=Stage.SOURCE, kind=ProblemKind(error.kind), message=str(error))
