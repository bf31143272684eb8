"""Findings that a gate counts: `archscan scan --fail-on`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from archscan.model import Severity
from archscan.store.decisions import closed, standing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import date

_TODAY = "coalesce(:today, date('now'))"
_MEANT = "f.severity IN (SELECT value FROM json_each(:wanted)) AND {chosen}"
_CHOSEN = "f.id IN (SELECT value FROM json_each(:ids))"

# Of a finding of which a part is decided, what is left has to be as severe.
_LEFT = """EXISTS (
    SELECT 1 FROM occurrence o JOIN current_package p ON p.id = o.package_id
    WHERE o.finding_id = f.id AND o.unchecked = 0 AND NOT o.overridden
      AND o.severity IN (SELECT value FROM json_each(:wanted))
      AND o.id NOT IN (SELECT occurrence_id FROM stands WHERE because IS NULL))"""


def failing(
    connection: sqlite3.Connection, severity: Severity, ids: Sequence[int] | None, today: date | None = None
) -> int:
    """The number of open findings of ``severity`` or above; only those among ``ids``, where these are given.

    What the maintainer has overridden does not count, nor what is decided on the day ``today``, by default this one.
    """
    words = list(Severity)
    wanted = [str(word) for word in words[words.index(severity) :]]
    meant = _MEANT.format(chosen="1" if ids is None else _CHOSEN)
    row = connection.execute(
        f"WITH stands AS MATERIALIZED ({standing(_TODAY, only=meant)})"
        f" SELECT count(*) FROM finding f WHERE f.state = 'open' AND NOT f.overridden AND {meant}"
        f" AND (f.id NOT IN (SELECT finding_id FROM stands WHERE because IS NULL) OR {_LEFT})",
        {
            "wanted": json.dumps(wanted),
            "ids": json.dumps(list(ids or ())),
            "today": None if today is None else today.isoformat(),
        },
    ).fetchone()
    return int(row[0])


def decided(connection: sqlite3.Connection, today: date | None = None) -> int:
    """The number of open findings of which nothing needs a look on that day, because somebody decided about them."""
    row = connection.execute(
        f"WITH stands AS MATERIALIZED ({standing(_TODAY)}), {closed('stands')}"
        " SELECT count(*) FROM closed JOIN finding f ON f.id = closed.finding_id WHERE NOT f.overridden",
        {"today": None if today is None else today.isoformat()},
    ).fetchone()
    return int(row[0])
