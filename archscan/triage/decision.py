"""A decision about findings, and what it must say."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta

import msgspec

from archscan.errors import DecisionError
from archscan.model.version import version_key
from archscan.store.decisions import COLUMNS, MAX_TEXT, REASONED, SELECTED, SIGNED, STATES, WITH_VERSION
from archscan.triage import versions

_FINGERPRINT = re.compile("[0-9a-f]{64}")
_RELEASE = re.compile("[0-9A-Za-z][0-9A-Za-z.+_/-]{0,199}")
_MADE = re.compile("[0-9]{4}[0-9T:. Z+-]{0,36}")
_EVIDENCE = re.compile("[0-9a-f]{8,64}( [0-9a-f]{8,64})*")


class Decision(msgspec.Struct, frozen=True, kw_only=True, order=False):
    """What somebody decided: of a finding by ``fingerprint``, or of those that all globs given select.

    ``made``: ISO 8601, UTC. ``until``: the last day on which it holds. ``version`` is that of pending and released,
    ``versions`` the range of packages that it is about, ``evidence`` the digests of what was seen (``rules.digests``),
    ``about`` what the finding was, for people.
    """

    fingerprint: str | None = None
    rule: str | None = None
    source: str | None = None
    package: str | None = None
    path: str | None = None
    versions: str | None = None
    release: str | None = None
    state: str = ""
    version: str | None = None
    until: str | None = None
    authority: str = ""
    made: str = ""
    evidence: str | None = None
    about: str | None = None
    reason: str = ""

    @property
    def selector(self) -> str | None:
        """The globs as the database keeps them, JSON; None where a fingerprint says what is meant."""
        named = {name: getattr(self, name) for name in SELECTED if getattr(self, name) is not None}
        return json.dumps(named, ensure_ascii=False, separators=(",", ":")) if named else None


class FieldError(DecisionError):
    """A decision lacks something, or has what cannot be: ``field`` says where."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


def checked(one: Decision) -> Decision:
    """The decision with its range of versions in one form. Raises FieldError, which names the field."""
    _check_target(one)
    _check_state(one)
    for name in ("reason", "authority", "about", "rule", "source", "package", "path", "evidence"):
        value = getattr(one, name)
        if value is not None and len(value) > MAX_TEXT:
            raise FieldError(name, f"expected at most {MAX_TEXT:,} characters, got {len(value):,}")
        if value is not None and "\0" in value:  # where SQLite takes a text to end
            raise FieldError(name, "expected no NUL")
    if one.until is not None and not _is_date(one.until):
        raise FieldError("until", f"expected a day as YYYY-MM-DD, got {one.until[:80]!r}")
    if not _MADE.fullmatch(one.made):
        raise FieldError("made", f"expected a time such as 2026-05-01T10:00:00+00:00, got {one.made[:80]!r}")
    if one.release is not None and not _RELEASE.fullmatch(one.release):
        raise FieldError("release", f"expected a release such as debian/bookworm, or a suite, got {one.release[:80]!r}")
    if one.evidence is not None and not _EVIDENCE.fullmatch(one.evidence):
        raise FieldError("evidence", "expected digests in hexadecimal digits with blanks between")
    if one.versions is None:
        return one
    try:
        return msgspec.structs.replace(one, versions=versions.version_range(one.versions).text)
    except DecisionError as error:
        raise FieldError("versions", str(error)) from error


def _check_target(one: Decision) -> None:
    if one.fingerprint is not None and one.selector is not None:
        raise FieldError("finding", "expected either a finding, or rule, source, package and path as globs, not both")
    if one.fingerprint is None and one.selector is None:
        raise FieldError("finding", "expected a finding, or at least one of rule, source, package and path as globs")
    if one.fingerprint is not None and not _FINGERPRINT.fullmatch(one.fingerprint):
        raise FieldError("finding", "expected a fingerprint of 64 hexadecimal digits")
    for name in SELECTED:
        if getattr(one, name) == "":
            raise FieldError(name, "expected a glob; leave it out where everything is meant")


def _check_state(one: Decision) -> None:
    if one.state not in STATES:
        raise FieldError("state", f"expected one of {', '.join(STATES)}, got {one.state[:80]!r}")
    if (one.version is not None) != (one.state in WITH_VERSION):
        expected = f"a version after it, as in `{one.state} 1.2-3`" if one.version is None else "no version after it"
        raise FieldError("state", f"{one.state}: expected {expected}")
    if one.version is not None:
        try:
            versions.version(one.version)
        except DecisionError as error:
            raise FieldError("state", str(error)) from error
    if one.state in REASONED and not one.reason:
        raise FieldError("reason", f"expected one: {one.state} says why")
    if one.state in SIGNED and not one.authority:
        who = "who works on it" if one.state == "in-progress" else "who allows it"
        raise FieldError("authority", f"expected one: {one.state} says {who}")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def row(one: Decision) -> tuple[str | None, ...]:
    """The decision as a row of the table: its values in the order of ``store.decisions.COLUMNS``."""
    wanted = versions.version_range(one.versions) if one.versions is not None else versions.Range("", None, None)
    values = {
        "selector": one.selector,
        "evidence_digest": one.evidence,
        "version_key": None if one.version is None else version_key(one.version),
        "from_key": wanted.from_key,
        "below_key": wanted.below_key,
    }
    return tuple(values[name] if name in values else getattr(one, name) for name in COLUMNS)


def later(now: datetime, last: str | None) -> str:
    """The time to give to a decision that is made ``now`` and is to replace one that was made at ``last``."""
    text = now.isoformat(timespec="seconds")
    if last is None or last < text:
        return text
    try:
        return (datetime.fromisoformat(last) + timedelta(seconds=1)).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return text
