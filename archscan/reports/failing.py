"""Findings that a gate counts: `archscan scan --fail-on`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from archscan.model import Severity


def failing(connection: sqlite3.Connection, severity: Severity, ids: Sequence[int] | None) -> int:
    """The number of open findings of ``severity`` or above; only those among ``ids``, where these are given.

    What the maintainer has overridden does not count.
    """
    words = list(Severity)
    wanted = [str(word) for word in words[words.index(severity) :]]
    chosen = "" if ids is None else "AND id IN (SELECT value FROM json_each(:ids))"
    row = connection.execute(
        f"SELECT count(*) FROM finding WHERE state = 'open' AND NOT overridden "  # a constant of ours
        f"AND severity IN (SELECT value FROM json_each(:wanted)) {chosen}",
        {"wanted": json.dumps(wanted), "ids": json.dumps(list(ids or ()))},
    ).fetchone()
    return int(row[0])
