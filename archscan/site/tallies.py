"""What pages count while findings go by: for the whole, for each suite and component, for each rule."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from archscan.site.packages import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.site.findings import Finding, Whereabouts
    from archscan.site.packages import Source


class Counts(msgspec.Struct):
    """Findings that are open by severity, and those that somebody or the maintainer settled."""

    open: list[int] = msgspec.field(default_factory=lambda: [0] * len(SEVERITIES))
    decided: int = 0
    overridden: int = 0

    def add(self, rank: int, kind: str, number: int) -> None:
        """Count findings of a rank of severity that are ``open``, ``overridden`` or ``decided``."""
        if kind == "open":
            self.open[rank] += number
        elif kind == "overridden":
            self.overridden += number
        else:
            self.decided += number

    @property
    def total(self) -> int:
        """Those that are open."""
        return sum(self.open)

    @property
    def every(self) -> int:
        """All."""
        return self.total + self.decided + self.overridden


class Tallies(msgspec.Struct):
    """Counts of everything that has a page."""

    whole: Counts = msgspec.field(default_factory=Counts)
    scopes: dict[str, Counts] = {}
    of_scope: dict[str, dict[str, Counts]] = {}
    rules: dict[str, dict[str, Counts]] = {}

    def add(self, source: Source, findings: Sequence[Finding], where: Whereabouts) -> None:
        """Count the findings of a source, everywhere and on the source itself."""
        alike = Counter((one.rule, one.rank, one.kind, where.masks.get(one.id, 0)) for one in findings)
        for (rule, rank, kind, mask), number in alike.items():
            self.whole.add(rank, kind, number)
            self.rules.setdefault(rule, {}).setdefault(source.name, Counts()).add(rank, kind, number)
            for scope in where.scopes(mask):
                self.scopes.setdefault(scope, Counts()).add(rank, kind, number)
                self.of_scope.setdefault(scope, {}).setdefault(source.name, Counts()).add(rank, kind, number)
            if kind == "open":
                source.open[rank] += number
            elif kind == "overridden":
                source.overridden += number
            else:
                source.decided += number

    def rule(self, rule: str) -> Counts:
        """All findings of a rule."""
        made = Counts()
        for counts in self.rules.get(rule, {}).values():
            made.open = [left + right for left, right in zip(made.open, counts.open, strict=True)]
            made.decided += counts.decided
            made.overridden += counts.overridden
        return made
