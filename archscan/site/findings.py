"""Open findings by source package, in one pass, with what was decided about them and where they are."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from archscan.site.packages import SEVERITIES
from archscan.store.decisions import DEFERRED_DAYS, closed, standing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import date

    from archscan.site.packages import Current, Place

# Of each finding of which all that is open is decided, the states that say so.
_DECIDED = f"""
WITH stands AS MATERIALIZED ({standing(":today", ":days")}),
{closed("stands")}
SELECT s.finding_id, group_concat(DISTINCT s.state) FROM stands s
WHERE s.because IS NULL AND s.finding_id IN (SELECT finding_id FROM closed) GROUP BY s.finding_id
"""
_FINDINGS = """
SELECT f.source, f.id, f.rule_id, f.severity, f.fingerprint, f.path_key, f.subject, f.confidence, f.overridden
FROM finding f INDEXED BY finding_source WHERE f.state = 'open' AND f.source IS NOT NULL ORDER BY f.source
"""
# By the index that has all of it; rows have their evidence in them.
_OCCURRENCES = "SELECT package_id, finding_id FROM occurrence WHERE unchecked = 0"

_RANK = {word: number for number, word in enumerate(SEVERITIES)}


class Finding(msgspec.Struct):
    """An open finding; ``standing`` is ``open``, ``overridden`` or the state that was decided."""

    id: int
    rule: str
    severity: str
    fingerprint: str
    path: str
    subject: str
    confidence: str
    standing: str

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return _RANK[self.severity]

    @property
    def kind(self) -> str:
        """``open`` where somebody has to look at it, else ``overridden`` or ``decided``."""
        return self.standing if self.standing in ("open", "overridden") else "decided"


def decided(connection: sqlite3.Connection, today: date) -> dict[int, str]:
    """The findings that are decided on that day, with the state."""
    values = {"today": today.isoformat(), "days": DEFERRED_DAYS}
    return dict(connection.execute(_DECIDED, values).fetchall())


def by_source(connection: sqlite3.Connection, states: dict[int, str]) -> Iterator[tuple[str, list[Finding]]]:
    """Each source that has open findings with these, the worst first."""
    for source, several in groupby(connection.execute(_FINDINGS), itemgetter(0)):
        found = [
            Finding(key, rule, severity, fingerprint, path, subject, confidence,
                    "overridden" if is_overridden else states.get(key, "open"))
            for _, key, rule, severity, fingerprint, path, subject, confidence, is_overridden in several
        ]  # fmt: skip
        found.sort(key=lambda one: (one.rank, one.rule, one.path, one.subject, one.fingerprint))
        yield source, found


class Whereabouts(msgspec.Struct):
    """In which places each finding is, as a number with a bit for each place."""

    places: list[Place]
    masks: dict[int, int]
    _scopes: dict[int, tuple[str, ...]] = {}

    def scopes(self, mask: int) -> tuple[str, ...]:
        """The suites and components of a mask."""
        found = self._scopes.get(mask)
        if found is None:
            places = [place for number, place in enumerate(self.places) if mask >> number & 1]
            found = tuple({scope for suite, component in places for scope in (suite, f"{suite}/{component}")})
            self._scopes[mask] = found
        return found


def whereabouts(connection: sqlite3.Connection, known: Current) -> Whereabouts:
    """Where the occurrences of findings are published; nothing where no index is known."""
    places = sorted({place for several in known.places.values() for place in several})
    numbers = {place: 1 << number for number, place in enumerate(places)}
    of_package = {key: sum(numbers[place] for place in several) for key, several in known.places.items() if several}
    masks: dict[int, int] = {}
    if places:
        for package, finding in connection.execute(_OCCURRENCES):
            mask = of_package.get(package)
            if mask:
                masks[finding] = masks.get(finding, 0) | mask
    return Whereabouts(places, masks)
