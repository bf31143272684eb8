"""The announcement of a campaign: what it is about, how many, and whose packages they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archscan.bugs import campaign as campaigns
from archscan.bugs import record, text
from archscan.bugs.developers import dd_list, read, stored
from archscan.errors import BugError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_SOURCES = """
SELECT DISTINCT s.source FROM bug_source s JOIN bug b ON b.id = s.bug_id
WHERE b.campaign_id = ? AND b.kind <> 'control' AND b.state NOT IN ('skipped', 'failed') ORDER BY s.source
"""


def announcement(connection: sqlite3.Connection, templates: Path, name: str, files: Sequence[str]) -> str:
    """The text of a campaign's announcement, with its list of packages; ``files`` are Sources indices.

    Raises UsageError for a campaign that is none, BugError for one without bugs or files that cannot be read.
    """
    of = campaigns.named(connection, name)
    wanted = [source for (source,) in connection.execute(_SOURCES, (of.id,))]
    bugs = record.bugs(
        connection, "b.campaign_id = ? AND b.kind <> 'control' AND b.state NOT IN ('skipped', 'failed')", (of.id,)
    )
    if not bugs:
        raise BugError(f"campaign {of.name} has no bugs; archscan bugs draft {of.name} makes them")
    found = {} if files else stored(connection, of.suite, set(wanted))
    for file in files:
        found |= {name: one for name, one in read(Path(file), set(wanted)).items() if name not in found}
    severities = {one.severity for one in bugs}
    values = {
        "campaign": of,
        "bugs": bugs,
        "severities": ", ".join(word for word in ("wishlist", "minor", "normal") if word in severities),
        "sources": wanted,
        "subject": bugs[0].subject.partition(": ")[2] or bugs[0].subject,
        "example": text.Block("\n".join(f"> {line}".rstrip() for line in bugs[0].text.split("\n"))),
        "people": text.Block(dd_list(found[name] for name in wanted if name in found)),
        "unknown": [name for name in wanted if name not in found],
        "wait": campaigns.WAIT_DAYS,
    }
    return text.filled(text.templates(templates), "announcement.j2", values)
