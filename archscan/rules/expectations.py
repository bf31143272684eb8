"""What releases promise: every ``<directory>/expectations/<distribution>.toml``, read strictly.

A promise is what a distribution's toolchain does by itself from a day on. Its form is explained in rules/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from archscan.errors import RuleError
from archscan.rules.toml import table_of
from archscan.store.promises import FEATURES, FIX_WHERE, KINDS

if TYPE_CHECKING:
    from pathlib import Path

_Word = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9+._-]*$")]
_Words = Annotated[tuple[_Word, ...], Meta(min_length=1)]
_Text = Annotated[str, Meta(pattern=r"\S")]


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release. ``closed``: the day it was published, from which on newer toolchains no longer reach it."""

    name: _Word
    version: _Word | None = None
    closed: date | None = None


class Promise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Features that objects have by themselves from a day on; ``release`` is the first one published with it."""

    features: _Words
    architectures: _Words
    languages: _Words
    kinds: _Words
    since: date
    release: _Word
    source: _Text
    value: Literal["yes", "partial", "full"] = "yes"
    level: int | None = None
    fix_where: _Word | None = None


class Lack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Features that objects do not have by themselves, and where that is to be mended."""

    features: _Words
    architectures: _Words
    languages: _Words
    kinds: _Words
    fix_where: _Word
    source: _Text


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution: how its packages are recognised, its releases in their order, and what it promises."""

    name: str
    fallback: bool
    versions: tuple[str, ...]
    fields: Mapping[str, str]
    release_marks: tuple[str, ...]
    releases: tuple[Release, ...]
    machines: Mapping[str, str]
    promises: tuple[Promise, ...]
    lacks: tuple[Lack, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    distribution: _Word
    fallback: bool = False
    recognise: Mapping[str, Any]
    architectures: Mapping[_Word, _Word]
    release: tuple[dict[str, Any], ...]
    promise: tuple[dict[str, Any], ...]
    lack: tuple[dict[str, Any], ...] = ()


class _Recognise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    versions: tuple[str, ...] = ()
    fields: Mapping[str, str] = {}
    releases: tuple[str, ...] = ()


Row = tuple[str, str, str | None, str, str, str, str, str | None, str, int | None, str | None, str, str]
"""feature, distribution, release, architecture, language, kind, since, until, value, level, fix_where, source,
machine: a row of the table ``expectation``."""

_Table = TypeVar("_Table", bound=msgspec.Struct)


def load_expectations(directories: Sequence[Path]) -> tuple[Distribution, ...]:
    """The distributions of all directories together, by name.

    Raises RuleError, naming file, key and what was expected.
    """
    found: dict[str, Distribution] = {}
    for directory in directories:
        for path in sorted((directory / "expectations").glob("*.toml")):
            distribution = _distribution(path)
            if distribution.name in found:
                raise RuleError(f"{path}: distribution: {distribution.name!r} was already described by another file")
            found[distribution.name] = distribution
    return tuple(found[name] for name in sorted(found))


def rows(distribution: Distribution) -> Iterator[Row]:
    """The promises of a distribution, one for each combination, each ending where the next one begins."""
    places: dict[tuple[str, ...], list[tuple[str, Promise | Lack]]] = {}
    every: list[Promise | Lack] = [*distribution.lacks, *distribution.promises]
    for entry in every:
        since = entry.since.isoformat() if isinstance(entry, Promise) else ""
        for key in _keys(entry, distribution):
            places.setdefault(key, []).append((since, entry))
    for (feature, architecture, language, kind), entries in sorted(places.items()):
        entries.sort(key=lambda entry: entry[0])
        ends = [since for since, _ in entries[1:]]
        for (since, entry), until in zip(entries, (*ends, None), strict=True):
            release, value, level = None, "no", None
            if isinstance(entry, Promise):
                release, value, level = entry.release, entry.value, entry.level
            yield (
                *(feature, distribution.name, release, architecture, language, kind, since, until),
                *(value, level, entry.fix_where, entry.source, distribution.machines[architecture]),
            )


def _keys(entry: Promise | Lack, distribution: Distribution) -> Iterator[tuple[str, str, str, str]]:
    architectures = distribution.machines if entry.architectures == ("all",) else entry.architectures
    for feature in entry.features:
        for architecture in architectures:
            for language in entry.languages:
                for kind in entry.kinds:
                    yield feature, architecture, language, kind


def _distribution(path: Path) -> Distribution:
    file = _converted(path, "", table_of(path), _File)
    if file.distribution != path.stem:
        raise RuleError(f"{path}: distribution: expected {path.stem!r}, the name of its file")
    known = _converted(path, "recognise", dict(file.recognise), _Recognise)
    for key, patterns in (
        ("versions", known.versions),
        ("releases", known.releases),
        ("fields", known.fields.values()),
    ):
        _check_patterns(path, f"recognise.{key}", patterns, groups=key == "releases")
    distribution = Distribution(
        name=file.distribution,
        fallback=file.fallback,
        versions=known.versions,
        fields=known.fields,
        release_marks=known.releases,
        releases=tuple(_each(path, "release", file.release, Release)),
        machines=file.architectures,
        promises=tuple(_each(path, "promise", file.promise, Promise)),
        lacks=tuple(_each(path, "lack", file.lack, Lack)),
    )
    _check(path, distribution)
    return distribution


def _each(path: Path, key: str, tables: Sequence[dict[str, Any]], form: type[_Table]) -> Iterator[_Table]:
    for number, table in enumerate(tables, 1):
        yield _converted(path, f"{key} {number}", table, form)


def _converted(path: Path, place: str, table: dict[str, Any], form: type[_Table]) -> _Table:
    where = f"{path}: {place}: " if place else f"{path}: "
    known = form.__struct_fields__
    for key in sorted(table.keys() - set(known)):
        raise RuleError(f"{where}{key}: unknown key, expected one of {', '.join(known)}")
    try:
        return msgspec.convert(table, form)
    except msgspec.ValidationError as error:
        raise RuleError(f"{where}{_fault(table, form, error)}") from error


def _fault(table: dict[str, Any], form: type[msgspec.Struct], error: msgspec.ValidationError) -> str:
    """The first key that is missing or not of its form, and why."""
    fields = _fields(form)
    for field in fields.values():
        if field.required and field.name not in table:
            return f"{field.name}: missing key"
    for key, value in table.items():
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as reason:
            return f"{key}: {reason}"
    return str(error)


@cache
def _fields(form: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields of a form by name; finding their types costs much more than looking at a table."""
    return {field.name: field for field in msgspec.structs.fields(form)}


def _check_patterns(path: Path, key: str, patterns: Iterable[str], *, groups: bool) -> None:
    for pattern in patterns:
        try:
            count = re.compile(pattern).groups
        except re.error as error:
            raise RuleError(f"{path}: {key}: expected a regular expression, not {pattern!r}: {error}") from error
        if groups and count != 1:
            raise RuleError(f"{path}: {key}: expected one group, the version of the release, in {pattern!r}")


def _check(path: Path, distribution: Distribution) -> None:
    closed = [release.closed for release in distribution.releases if release.closed]
    names = [release.name for release in distribution.releases]
    if not names or closed != sorted(closed) or any(release.closed for release in distribution.releases[len(closed) :]):
        raise RuleError(f"{path}: release: expected the releases in their order, those not yet closed last")
    if len(set(names)) != len(names):
        raise RuleError(f"{path}: release: name: expected each name once")
    for number, lack in enumerate(distribution.lacks, 1):
        _check_words(f"{path}: lack {number}", lack, distribution)
    for number, promise in enumerate(distribution.promises, 1):
        _check_words(f"{path}: promise {number}", promise, distribution)
        first = next((one.name for one in distribution.releases if not one.closed or promise.since <= one.closed), None)
        if promise.release != first:
            raise RuleError(
                f"{path}: promise {number}: release: expected {first!r}, the first one published after {promise.since}"
            )
    _check_once(path, distribution)


def _check_words(place: str, entry: Promise | Lack, distribution: Distribution) -> None:
    for key, words, known in (
        ("features", entry.features, FEATURES),
        ("kinds", entry.kinds, tuple(KINDS)),
        ("architectures", entry.architectures, ("all", *distribution.machines)),
    ):
        for word in words:
            if word not in known or (word == "all" and len(words) > 1):
                raise RuleError(f"{place}: {key}: expected some of {', '.join(known)}, not {word!r}")
        if len(set(words)) != len(words):
            raise RuleError(f"{place}: {key}: expected each word once")
    if entry.fix_where not in (None, *FIX_WHERE):
        raise RuleError(f"{place}: fix_where: expected one of {', '.join(FIX_WHERE)}, not {entry.fix_where!r}")


def _check_once(path: Path, distribution: Distribution) -> None:
    seen: set[tuple[str | None, ...]] = set()
    for row in rows(distribution):
        key = (row[0], *row[3:7])
        if key in seen:
            raise RuleError(f"{path}: promise: expected one entry for {', '.join(filter(None, map(str, key)))}")
        seen.add(key)
