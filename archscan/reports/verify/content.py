"""What checks have in common: the faults that they find, and what a report says of findings."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

import msgspec

from archscan.model import Severity
from archscan.reports.selection import Selection

MOST = 20  # faults that are told
_LONGEST = 300  # characters of one
_DIGITS = re.compile("[0-9a-f]{64}")


class Faults:
    """Faults with their places, of which the first are told and all are counted."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._count = 0

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return self._count > 0

    def add(self, place: str, text: str) -> None:
        """Note that ``text`` is wrong at ``place``: a JSON pointer, a line, or empty for the whole file."""
        self._count += 1
        if len(self._told) < MOST:
            text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
            self._told.append(f"{place[:_LONGEST]}: {text}" if place else text)

    def unequal(self, place: str, name: str, said: object, found: object) -> None:
        """Note where what the file says of itself is not what is in it."""
        if said != found:
            self.add(place, f"{name} is {said}, but there are {found}")

    def told(self) -> tuple[str, ...]:
        """The faults, and how many are not told."""
        more = (f"and {self._count - len(self._told)} more faults",) if self._count > len(self._told) else ()
        return (*self._told, *more)


class Said(msgspec.Struct):
    """What a report says, as far as a database says the same. None where the format does not tell."""

    checked: list[str] = []
    fingerprints: set[str] | None = None
    occurrences: Counter[str] | None = None  # by severity
    selection: Selection | None = None
    counts: dict[str, Any] | None = None
    packages: set[str] | None = None  # SHA-256
    uses: int | None = None  # of cryptography


def fingerprint(family: str, source: str | None, path_key: str, subject: str) -> str:
    """A fingerprint made anew, as docs/report.schema.json says: a second way beside the one that rules take."""
    return hashlib.sha256("\0".join((family, source or "", path_key, subject)).encode("utf-8", "replace")).hexdigest()


def check_fingerprint(place: str, found: object, parts: tuple[Any, Any, Any, Any], faults: Faults) -> str | None:
    """The fingerprint, if it is one; a fault where it is not that of its parts: family, source, path key, subject."""
    if not isinstance(found, str) or not _DIGITS.fullmatch(found):
        faults.add(place, f"a fingerprint has 64 hexadecimal digits, this is {found!r}")
        return None
    if not all(isinstance(part, str) or (part is None and number == 1) for number, part in enumerate(parts)):
        faults.add(place, "family, source, path_key and subject must be texts: the fingerprint is made of them")
        return None
    made = fingerprint(*parts)
    if made != found:
        faults.add(place, f"the fingerprint is {found}, but its parts give {made}")
    return found


def selection_of(value: object) -> Selection | None:
    """The selection that a report states; None where it states none."""
    if not isinstance(value, dict):
        return None
    severity = value.get("severity")
    return Selection(
        sources=tuple(map(str, value.get("sources") or ())),
        packages=tuple(map(str, value.get("packages") or ())),
        severity=Severity(severity) if severity in list(Severity) else None,
        new=value.get("new") is True,
    )
