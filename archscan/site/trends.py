"""Figures of scans as lines to be drawn: shares of hardening, and how many objects use what is weak."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

MOST_SCANS = 60
WIDTH, HEIGHT, EDGE = 220, 44, 3
"""Of a drawing, in its own units."""

_SCANS = """
SELECT s.id, s.started FROM scan s WHERE s.state = 'finished'
  AND EXISTS (SELECT 1 FROM metric m WHERE m.scan_id = s.id AND m.scope = 'all' AND m.name = 'objects')
ORDER BY s.id DESC LIMIT ?
"""
_FIGURES = "SELECT scan_id, scope, name, value FROM metric WHERE scan_id = ? AND (scope = 'all' OR scope IN ({}))"
_GOOD, _BAD = ("yes", "full"), ("no", "none")
_LEAST_JUDGED = 1


class Point(msgspec.Struct, frozen=True):
    """A figure of a scan; ``share`` in per cent of ``judged`` for hardening, else None."""

    scan: int
    started: str
    number: int
    judged: int
    share: float | None


class Trend(msgspec.Struct, frozen=True):
    """A line: its points, the oldest first, and how to draw it."""

    name: str
    points: tuple[Point, ...]
    line: str
    dots: tuple[tuple[float, float], ...]

    @property
    def last(self) -> Point:
        """The newest point."""
        return self.points[-1]

    @property
    def change(self) -> float:
        """From the oldest point to the newest, in the unit of the line."""
        return _value(self.points[-1]) - _value(self.points[0])


class Figures:
    """The figures of the newest scans by scope."""

    def __init__(self, connection: sqlite3.Connection, scopes: Iterable[str]) -> None:
        scans = connection.execute(_SCANS, (MOST_SCANS,)).fetchall()
        self.scans: list[tuple[int, str]] = list(reversed(scans))
        self._known: dict[str, dict[int, dict[str, float]]] = {}
        wanted = sorted(set(scopes))
        sql = _FIGURES.format(", ".join("?" * len(wanted)))
        for scan, _ in self.scans:
            for _, scope, name, value in connection.execute(sql, (scan, *wanted)):
                self._known.setdefault(scope, {}).setdefault(scan, {})[name] = value

    def newest(self, scope: str) -> dict[str, int]:
        """The figures of a scope in the newest scan that has any."""
        if not self.scans:
            return {}
        found = self._known.get(scope, {}).get(self.scans[-1][0], {})
        return {name: int(value) for name, value in found.items()}

    def hardening(self, scope: str, features: Iterable[str]) -> list[Trend]:
        """The share of protected objects of those that were judged and can be, by feature."""
        made = (self._trend(scope, feature, self._share) for feature in features)
        return [trend for trend in made if trend.points]

    def weak(self, scope: str) -> list[Trend]:
        """How many objects use each weak algorithm, most first."""
        names = {name for figures in self._known.get(scope, {}).values() for name in figures
                 if name.startswith("weak ") and name.count(" ") == 1}  # fmt: skip
        found = [self._trend(scope, name, self._count) for name in sorted(names)]
        return sorted(found, key=lambda trend: -trend.last.number)

    def matrix(self, scope: str) -> dict[str, dict[str, int]]:
        """Objects of the newest scan by weak algorithm and context."""
        found: dict[str, dict[str, int]] = {}
        for name, value in self.newest(scope).items():
            word, _, rest = name.partition(" ")
            algorithm, _, context = rest.partition(" ")
            if word == "weak":
                found.setdefault(algorithm, {})[context] = value
        return dict(sorted(found.items(), key=lambda pair: (-pair[1].get("", 0), pair[0])))

    def _trend(self, scope: str, name: str, point: object) -> Trend:
        of_scope = self._known.get(scope, {})
        assert callable(point)
        points = [made for scan, started in self.scans if scan in of_scope
                  and (made := point(scan, started, name, of_scope[scan]))]  # fmt: skip
        dots = _placed(points)
        line = " ".join(f"{x:g},{y:g}" for x, y in dots)
        return Trend(name.removeprefix("weak "), tuple(points), line, tuple(dots))

    @staticmethod
    def _share(scan: int, started: str, feature: str, figures: dict[str, float]) -> Point | None:
        good = sum(int(figures.get(f"{feature} {word}", 0)) for word in _GOOD)
        judged = good + sum(int(figures.get(f"{feature} {word}", 0)) for word in ("partial", *_BAD))
        if judged < _LEAST_JUDGED:
            return None
        return Point(scan, started, good, judged, 100 * good / judged)

    @staticmethod
    def _count(scan: int, started: str, name: str, figures: dict[str, float]) -> Point:
        return Point(scan, started, int(figures.get(name, 0)), int(figures.get("objects", 0)), None)


def _value(point: Point) -> float:
    return point.number if point.share is None else point.share


def _placed(points: list[Point]) -> list[tuple[float, float]]:
    """Where the points are drawn: by their times, so that a gap is one, and between the least and the greatest."""
    if not points:
        return []
    times, values = [_seconds(point.started) for point in points], [_value(point) for point in points]
    low, high = min(values), max(values)
    if high - low < 1:  # what hardly moves is a line in the middle, and not a mountain
        low, high = low - 1, high + 1
    span = max(times) - min(times) or 1.0
    return [
        (
            round(EDGE + (WIDTH - 2 * EDGE) * ((time - min(times)) / span if len(points) > 1 else 1), 1),
            round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / (high - low), 1),
        )
        for time, value in zip(times, values, strict=True)
    ]


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
