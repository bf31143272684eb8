"""What a bug must not say, whoever wrote it: names that are none, severities and tags that take a human, long lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.errors import BugError
from archscan.store.bugs import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 49_000
"""What the text of a bug may have: trackers take 50 KB, and mail adds its own."""

LONGEST_LINE = 990
"""Bytes of a line: mail servers take 998 and may break what is longer (RFC 5322, 2.1.1)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,99}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]{0,199}")
_ADDRESS = re.compile(r"[A-Za-z0-9._%+=/-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9-]{1,63}", re.ASCII)
_HEADER = re.compile(r"([A-Za-z][A-Za-z-]*):[ \t]*(.*)")
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_MAIL_CONTROL = re.compile(r"(?i)\b(severity|tags?|usertags?|forcemerge|merge|reopen|owner|archive)\b(.*)")
_LAUNCHPAD = re.compile(r"(?im)^[ \t]+(security|private|importance)[ \t]+(\w+)")
_USERTAG = re.compile(r"[A-Za-z0-9.+@-]{1,80}")


def is_name(text: str) -> bool:
    """Whether that can be the name of a source package."""
    return bool(_NAME.fullmatch(text))


def is_version(text: str) -> bool:
    """Whether that can be the version of a package."""
    return bool(_VERSION.fullmatch(text))


def address(text: str) -> str:
    """The text, if it is a plain mail address, which is all that we write to. Raises BugError."""
    if not is_address(text):
        raise BugError(f"expected an address such as jane@example.org, got {text[:80]!a}")
    return text


def is_address(text: str) -> bool:
    """Whether that is a plain mail address."""
    return bool(_ADDRESS.fullmatch(text))


def usertag(text: str) -> str:
    """The text, if it can be a usertag: no blank, no underscore. Raises BugError."""
    if not _USERTAG.fullmatch(text):
        raise BugError(f"expected a usertag of letters, digits and . + - @, got {text[:80]!a}")
    return text


def subject_and_body(text: str) -> tuple[str, str]:
    """The two parts of a draft: what follows ``Subject:`` in its first line, and what follows the empty line."""
    first, _, rest = text.partition("\n")
    if not first.startswith("Subject: ") or not first[9:].strip() or not rest.startswith("\n"):
        raise BugError("expected `Subject: …` as the first line, then an empty one")
    return first[9:].strip(), rest[1:]


def checked(text: str, target: str, kind: str) -> str:
    """The text of a draft as it may leave. Raises BugError that says what it must not have, and why."""
    for fault in _faults(text, target, kind):
        raise BugError(fault)
    return text


def _faults(text: str, target: str, kind: str) -> Iterator[str]:
    subject, body = subject_and_body(text)
    if len(subject) > 250:
        yield "the subject is longer than 250 characters"
    if found := _UNSAFE.search(text):
        yield f"it has a character that acts on terminals or is none: {found[0]!a}"
    if len(text.encode()) > MOST_BYTES:
        yield f"it has {len(text.encode()):,} bytes; trackers take {MOST_BYTES:,}"
    if long := next(
        (number for number, line in enumerate(text.split("\n"), 1) if len(line.encode()) > LONGEST_LINE), 0
    ):
        yield f"line {long} has more than {LONGEST_LINE} bytes, and mail servers would break it"
    if target == "debian":
        yield from _pseudo_headers(body, kind)
    if target == "launchpad":
        yield from _commands(body)


def headers(body: str) -> dict[str, list[str]]:
    """The pseudo-headers at the head of a body, by lower-case name, each with its values."""
    found: dict[str, list[str]] = {}
    for line in body.split("\n"):
        match = _HEADER.fullmatch(line)
        if not match:
            break
        found.setdefault(match[1].lower(), []).append(match[2].strip())
    return found


def _pseudo_headers(body: str, kind: str) -> Iterator[str]:
    said = headers(body)
    if kind == "report" and not ("source" in said or "package" in said):
        yield "expected `Source:` or `Package:` in the lines at the head of the body"
    for severity in said.get("severity", ()):
        if severity.lower() not in SEVERITIES:
            yield f"Severity: {severity}: expected {' or '.join(SEVERITIES)}; what is above needs a human who sends it"
    for tags in (*said.get("tags", ()), *said.get("tag", ())):
        if "security" in tags.lower():
            yield f"Tags: {tags}: whether a bug is one of security needs a human who sends it"
    controls = [*said.get("control", ()), *(body.split("\n") if kind == "control" else ())]
    yield from (fault for line in controls for fault in _control(line))


def _control(line: str) -> Iterator[str]:
    match = _MAIL_CONTROL.match(line.strip())
    if match and ("security" in match[2].lower() or match[1].lower() in ("severity", "reopen", "merge", "forcemerge")):
        yield f"{line.strip()[:60]}: such a command needs a human who sends it"


def _commands(body: str) -> Iterator[str]:
    for command, value in _LAUNCHPAD.findall(body):
        if command.lower() != "importance" or value.lower() not in ("wishlist", "low", "medium"):
            yield f"{command} {value}: such a command needs a human who sends it"
