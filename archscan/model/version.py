"""Debian version numbers as text that sorts the way dpkg compares them (deb-version(7))."""

from __future__ import annotations

import re

_PART = re.compile(r"([^0-9]*)([0-9]*)")
_BEFORE = re.compile(r"\A(?:go|v)(?=[0-9])")
_CANDIDATE = re.compile(r"(?<=[0-9])(?=(?:alpha|beta|pre|rc)[0-9])")


def version_key(version: str) -> str:
    """A text whose order by code points is dpkg's order of versions; equal versions have equal keys.

    A version is an epoch, an upstream version and a revision; each of the latter is a row of pairs of a non-digit
    part and a number. In a non-digit part ``~`` sorts before the end of the part, letters after it, everything else
    after letters; a missing part counts as empty, a missing number as zero. So each part is closed by a mark
    between ``~`` and the letters, and each number is preceded by its count of digits.
    """
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdigit():
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = revision, ""
    return _number(epoch) + _row(upstream) + _row(revision)


def module_key(version: str) -> str:
    """A text whose order by code points is that of versions of modules and crates (https://semver.org/#spec-item-11).

    A ``v`` or ``go`` in front and what follows a ``+`` count for nothing; what follows a ``-`` comes before the version
    without it, and so do Go's pseudo versions and ``rc1`` without a ``-``. Letters behind a number follow it: 1.0.2k.
    """
    number, _, before = _BEFORE.sub("", version, count=1).partition("+")[0].partition("-")
    number = _CANDIDATE.sub("~", number)
    return _row(f"{number}~{before}" if before else number)


def _row(text: str) -> str:
    pairs = [(name, number.lstrip("0")) for name, number in _PART.findall(text)]
    while pairs and pairs[-1] == ("", ""):
        pairs.pop()
    # The row goes on for ever with empty pairs. One and a half of them close it: "0" is one, and sorts after "0~".
    return "".join(_name(name) + _number(number) for name, number in (*pairs, ("", ""))) + _name("")


def _name(name: str) -> str:
    return "".join(map(_character, name)) + '"'


def _character(character: str) -> str:
    if character == "~":
        return "!"
    if character.isascii() and character.isalpha():
        return character
    return chr(0x100 + ord(character)) if ord(character) < 0xD700 else character


def _number(digits: str) -> str:
    digits = digits.lstrip("0")
    nines, rest = divmod(len(digits), 9)
    return "9" * nines + str(rest) + digits
