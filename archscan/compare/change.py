"""One difference between two states of a package."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Effect(StrEnum):
    """Whether a difference makes a package less safe; ``NOT_COMPARED`` where one state does not know."""

    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"
    NOT_COMPARED = "not-compared"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is other in the new state: ``old`` and ``new`` are what each says, None where it says nothing.

    ``facet`` is what kind of thing changed: hardening, privileges, services … (docs/compare.md). ``detail`` is more to
    read: the difference of two scripts, the names of symbols.
    """

    package: str
    architecture: str | None
    facet: str
    path: str | None
    subject: str
    old: str | None
    new: str | None
    effect: Effect
    detail: str | None = None
