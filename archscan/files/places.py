"""Which files of a package are read for what they say, by their paths."""

from __future__ import annotations

import re
from collections.abc import Callable

from archscan.model import FileFacts

Parser = Callable[[str, bytes], FileFacts]
Place = tuple[re.Pattern[str], Parser]

PLACES: tuple[Place, ...] = ()
"""A pattern for the whole path of a member, and what reads it; the first that fits counts."""


def _joined(places: tuple[Place, ...]) -> re.Pattern[str]:
    """One pattern for all, which names the place that fits: a million paths are asked, and few fit any."""
    for pattern, _ in places:
        assert pattern.groups == pattern.flags & re.IGNORECASE == 0, pattern
    return re.compile("|".join(f"(?P<p{number}>{pattern.pattern})" for number, (pattern, _) in enumerate(places)))


_ALL = _joined(PLACES)


def placed(path: str) -> Parser | None:
    """What reads the file at that path of a package (without a slash in front); None where nothing does."""
    found = _ALL.fullmatch(path)
    return PLACES[int(found.lastgroup[1:])][1] if found and found.lastgroup else None
