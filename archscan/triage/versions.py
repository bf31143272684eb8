"""Ranges of Debian versions, written as relations are: ``>= 1.2, << 2.0``."""

from __future__ import annotations

import re

import msgspec

from archscan.errors import DecisionError
from archscan.model.version import version_key

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]{0,255}")  # deb-version(7), and what older packages had
_ONE = re.compile(r"(<<|<=|=|>=|>>)\s*(\S+)")
_MOST = 2_000  # characters
# No key begins with another one, so this is just behind the one key and before all others.
_BEHIND = "\x01"


class Range(msgspec.Struct, frozen=True):
    """A range: its text in one form, and the keys where it begins (within) and ends (without); None: open there."""

    text: str
    from_key: str | None
    below_key: str | None


def version(text: str) -> str:
    """The text, if it can be a version. Raises DecisionError."""
    if not _VERSION.fullmatch(text):
        raise DecisionError(f"expected a version such as 1:2.3-4, got {text[:80]!r}")
    return text


def version_range(text: str) -> Range:
    """The range that a text means. Raises DecisionError where it is none, or no version is in it."""
    found = [_ONE.fullmatch(part.strip()) for part in text[:_MOST].split(",")]
    if len(text) > _MOST or not all(found):
        raise DecisionError(f"expected relations such as `>= 1.2, << 2.0`, got {text[:80]!r}")
    pairs = sorted({(version_key(version(one[2])), one[1], one[2]) for one in found if one})
    lows = [key + _BEHIND * (op == ">>") for key, op, _ in pairs if op in (">=", ">>", "=")]
    highs = [key + _BEHIND * (op != "<<") for key, op, _ in pairs if op in ("<=", "<<", "=")]
    low, high = max(lows, default=None), min(highs, default=None)
    if low is not None and high is not None and low >= high:
        raise DecisionError(f"no version is in {text[:80]!r}")
    return Range(", ".join(f"{op} {name}" for _, op, name in pairs), low, high)
