"""What the first page shows: how old and how whole the answers are, what is open, and where to begin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from archscan.reports import content
from archscan.reports.cells import shown
from archscan.serve.layout import address
from archscan.serve.saved import grouped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from archscan.reports.queries import Question
    from archscan.serve.layout import Layout

_STALE_DAYS = 7
_DAY = 86_400

_ENDED = "SELECT finished FROM scan WHERE extractor <> '' AND state = 'finished' ORDER BY id DESC LIMIT 1"


def front(
    connection: sqlite3.Connection, path: Path, known: Mapping[str, list[str]], look: Layout,
    questions: Mapping[str, Question], counts: Mapping[str, int],
) -> Callable[[], dict[str, Any]]:  # fmt: skip
    """A function that gives what the page shows now: the state is read once, only its age grows."""
    figures = content.counts(connection, None)
    ended = connection.execute(_ENDED).fetchone()
    finished = ended[0] if ended else None
    fixed = {
        "file": shown(path),
        "finished": finished,
        "counts": figures,
        "severities": [(word, figures["findings"][word]["open"]) for word in content.SEVERITIES],
        "first": [(name, counts.get(name)) for name in look.first.tables if name in known],
        "groups": [
            (title, [(address(one.name, known), one.title) for one in several])
            for title, several in grouped(look.groups, questions)
        ],
    }

    def now() -> dict[str, Any]:
        days = None
        if finished is not None:
            days = int((datetime.now(UTC) - _moment(finished)).total_seconds() // _DAY)
        return {**fixed, "days": days, "stale": days is None or days > _STALE_DAYS}

    return now


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
