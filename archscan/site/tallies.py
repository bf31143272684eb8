"""What pages count while findings go by: for the whole, for each suite and component, for each rule."""

from __future__ import annotations

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

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        if finding.is_open:
            self.open[finding.rank] += 1
        elif finding.standing == "overridden":
            self.overridden += 1
        else:
            self.decided += 1

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
        for one in findings:
            self.whole.add(one)
            self.rules.setdefault(one.rule, {}).setdefault(source.name, Counts()).add(one)
            scopes = {scope for suite, component in where.of(one.id) for scope in (suite, f"{suite}/{component}")}
            for scope in scopes:
                self.scopes.setdefault(scope, Counts()).add(one)
                self.of_scope.setdefault(scope, {}).setdefault(source.name, Counts()).add(one)
            if one.is_open:
                source.open[one.rank] += 1
            elif one.standing == "overridden":
                source.overridden += 1
            else:
                source.decided += 1

    def rule(self, rule: str) -> Counts:
        """All findings of a rule."""
        made = Counts()
        for counts in self.rules.get(rule, {}).values():
            made.open = [left + right for left, right in zip(made.open, counts.open, strict=True)]
            made.decided += counts.decided
            made.overridden += counts.overridden
        return made
