"""What is other between a baseline and the packages as they are."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import msgspec

from archscan.baseline.facts import Fact
from archscan.baseline.text import Baseline


class Drift(msgspec.Struct, frozen=True):
    """Facts that are ``new`` since the review, and those that are ``gone``; ``kept`` are neither. Sorted."""

    new: tuple[Fact, ...]
    gone: tuple[Fact, ...]
    kept: tuple[Fact, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is other."""
        return bool(self.new or self.gone)


def drift(baseline: Baseline, now: Sequence[Fact]) -> Drift:
    """The difference; ``now`` is what ``facts`` gives for the baseline's selection."""
    before, after = ({fact.line: fact for fact in some} for some in (baseline.facts, now))
    return Drift(
        new=tuple(after[line] for line in sorted(after.keys() - before.keys())),
        gone=tuple(before[line] for line in sorted(before.keys() - after.keys())),
        kept=tuple(after[line] for line in sorted(after.keys() & before.keys())),
    )


def chosen(difference: Drift, globs: Sequence[str]) -> Drift:
    """Of the difference what one of the globs fits, as whole lines; without globs all of it."""
    if not globs:
        return difference

    def some(facts: Sequence[Fact]) -> tuple[Fact, ...]:
        return tuple(fact for fact in facts if any(fnmatch.fnmatchcase(fact.line, glob) for glob in globs))

    return Drift(some(difference.new), some(difference.gone), difference.kept)
