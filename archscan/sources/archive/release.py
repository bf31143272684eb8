"""What a Release file says of its suite: names, dates, and which indices there are, with size and SHA-256."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from archscan.errors import SourceError
from archscan.model import escape
from archscan.sources.archive.paragraphs import paragraphs

_FIELDS = frozenset(
    b"origin suite codename date valid-until components architectures acquire-by-hash "
    b"no-support-for-architecture-all sha256".split()
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~-]*(?:/[A-Za-z0-9][A-Za-z0-9+._~-]*)*")  # nothing that climbs
_LISTED = re.compile(rb"([0-9A-Fa-f]{64})\s+([0-9]{1,18})\s+(\S{1,4096})")
_MOST_WORDS = 200  # components or architectures; Debian ports has some 30
_TOMORROW = timedelta(days=1)  # clocks and time zones differ by less


class Listed(msgspec.Struct, frozen=True):
    """A file as Release lists it."""

    size: int
    sha256: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A Release file; empty texts and None where it does not say. ``files`` are below the suite's folder."""

    origin: str
    suite: str
    codename: str
    date: datetime | None
    valid_until: datetime | None
    components: tuple[str, ...]
    architectures: tuple[str, ...]
    by_hash: bool
    all_apart: bool  # packages of `Architecture: all` stand in an index of their own, and nowhere else
    files: dict[str, Listed]


def parsed(text: bytes) -> Release:
    """A Release file's values. Raises SourceError where it is none, or promises no SHA-256.

    Of what it lists only SHA-256 counts; MD5 and SHA-1 can be forged.
    """
    paragraph = next(iter(paragraphs([text], _FIELDS)), None)
    if paragraph is None:
        raise SourceError("corrupt", "Release is empty")
    if paragraph.fault:
        raise SourceError("corrupt", f"Release {paragraph.fault}")
    fields = paragraph.fields
    if b"sha256" not in fields:
        raise SourceError("unsupported", "Release lists no SHA256; other digests are not trusted")
    architectures = _words(fields, b"architectures")
    no_all = b"packages" in fields.get(b"no-support-for-architecture-all", b"").lower().split()
    return Release(
        origin=_text(fields, b"origin"),
        suite=_text(fields, b"suite"),
        codename=_text(fields, b"codename"),
        date=_date(fields, b"date"),
        valid_until=_date(fields, b"valid-until"),
        components=_words(fields, b"components"),
        architectures=tuple(name for name in architectures if name != "all"),
        by_hash=fields.get(b"acquire-by-hash", b"").lower() == b"yes",
        all_apart="all" in architectures and not no_all,
        files=dict(_files(fields[b"sha256"])),
    )


def name_of(release: Release, asked: str) -> str:
    """The name by which the database knows the suite: what does not change when `stable` becomes `oldstable`.

    Suite where it begins with Codename (jammy-updates), else Codename, else the name ``asked`` for. Where that is a
    path below dists/ (buster/updates), what stands behind the first part belongs to the name.
    """
    if "/" in asked.rstrip("/"):
        first, _, behind = asked.partition("/")
        return f"{release.codename if is_word(release.codename) else first}/{behind}"
    if release.codename and release.suite.startswith(release.codename):
        return release.suite
    return release.codename or asked


def check_name(release: Release, asked: str) -> None:
    """Raises SourceError where the Release is that of another suite than the one ``asked`` for.

    Whoever serves bookworm as bookworm-security, with a good signature, would hide what was mended since. For
    `buster/updates`, Debian signs `buster`, as apt knows.
    """
    if asked.endswith("/"):  # a repository without dists/ is called by its folder
        return
    first = asked.partition("/")[0]
    known = {name for name in (release.suite, name_of(release, first)) if name}
    if first not in known:
        names = " or ".join(sorted(known))
        raise SourceError("mismatch", f"it is the Release of {names}, not of {asked}; ask for it by that name")


def check_dates(release: Release, now: datetime, *, most_days: float | None, expired: bool = False) -> str | None:
    """What is odd about the dates, if anything. Raises SourceError where Release is too old.

    ``most_days`` is the most that may have passed since its Date; with ``expired`` its Valid-Until does not count.
    """
    if release.valid_until and release.valid_until < now and not expired:
        raise SourceError("mismatch", f"Release has expired: Valid-Until {written(release.valid_until)}")
    if most_days is not None:
        if release.date is None:
            raise SourceError("mismatch", "Release has no Date, so nobody knows its age (--max-release-age)")
        days = (now - release.date) / timedelta(days=1)
        if days > most_days:
            raise SourceError(
                "mismatch",
                f"Release is {days:.1f} days old (Date {written(release.date)}), more than --max-release-age allows",
            )
    if release.date and release.date > now + _TOMORROW:
        return f"Release is of the future: Date {written(release.date)}"
    return None


def written(date: datetime) -> str:
    """A date as the database has it (ISO 8601, UTC, seconds)."""
    return date.astimezone(UTC).isoformat(timespec="seconds")


def is_word(text: str) -> bool:
    """Whether ``text`` is a name of one part."""
    return "/" not in text and is_name(text)


def is_name(text: str) -> bool:
    """Whether ``text`` can be the name of a suite, component or architecture: a path that leads nowhere else."""
    return bool(_WORD.fullmatch(text))


def _text(fields: dict[bytes, bytes], name: bytes) -> str:
    value = fields.get(name, b"")
    if len(value) > 1000:
        raise SourceError("limit", f"the field {name.decode()} of Release has {len(value)} bytes")
    return escape(value)


def _words(fields: dict[bytes, bytes], name: bytes) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(escape(word) for word in fields.get(name, b"").split()))
    if len(words) > _MOST_WORDS:
        raise SourceError("limit", f"the field {name.decode()} of Release has {len(words)} names")
    for word in words:
        if not is_name(word):
            raise SourceError("corrupt", f"the field {name.decode()} of Release names {word[:80]!r}")
    return words


def _date(fields: dict[bytes, bytes], name: bytes) -> datetime | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value.decode("ascii"))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise SourceError(
            "corrupt", f"the field {name.decode()} of Release is no date: {escape(value[:80])}"
        ) from error


def _files(section: bytes) -> Iterable[tuple[str, Listed]]:
    seen: dict[str, Listed] = {}
    for line in section.split(b"\n"):
        match = _LISTED.fullmatch(line.strip())
        if not match:
            if line.strip():
                raise SourceError("corrupt", f"Release has a line under SHA256 that is none: {escape(line[:80])}")
            continue
        path, listed = escape(match[3]), Listed(int(match[2]), match[1].decode().lower())
        if seen.setdefault(path, listed) != listed:
            raise SourceError("corrupt", f"Release lists {path} twice, with different sizes or SHA-256")
        yield path, listed
