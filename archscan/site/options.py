"""What a site is made with."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a site is made with: sets of packages as pairs of name and file, and a list of what is supported."""

    sets: tuple[tuple[str, Path], ...] = ()
    supported: Path | None = None
    stale_days: int = 7
