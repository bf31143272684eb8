"""Reviewing: what a human has to see of a draft before it may leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.bugs import record
from archscan.bugs.checks import checked
from archscan.errors import BugError

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

_WORD = re.compile(r"[a-z0-9]{3,}")
# Words that say nothing of what a bug is about.
_COMMON = frozenset(
    ["and", "are", "does", "for", "from", "has", "have", "its", "not", "that", "the", "this", "uses", "with", "without",
     "package", "packages", "bug", "source", "use", "using", "makes", "accepts", "loaded", "fixed", "address"]
)  # fmt: skip

_NEAR = """
SELECT 'bug ' || b.id || coalesce(', #' || b.number, '') || ' (' || b.state || ')', b.text
FROM bug b
WHERE b.id <> :id AND b.kind <> 'control' AND b.state NOT IN ('drafted', 'skipped', 'failed')
  AND EXISTS (SELECT 1 FROM bug_source s JOIN bug_source t ON t.source = s.source
              WHERE s.bug_id = :id AND t.bug_id = b.id)
UNION ALL
SELECT k.tracker || ' #' || k.number, 'Subject: ' || k.subject
FROM known_bug k
WHERE NOT k.done AND k.source IN (SELECT s.source FROM bug_source s WHERE s.bug_id = :id)
  AND NOT EXISTS (SELECT 1 FROM bug b WHERE b.target = k.tracker AND b.number = k.number)
"""


def near(connection: sqlite3.Connection, one: record.Bug) -> list[str]:
    """Open bugs of the same source package that may be about the same: ours of other families, and known ones.

    They share a word with what this one is about, that is, with its subject or family.
    """
    words = _words(f"{one.subject.partition(': ')[2]} {one.family}") - _words(one.source)
    found = []
    for name, text in connection.execute(_NEAR, {"id": one.id}):
        subject = str(text).partition("\n")[0].removeprefix("Subject: ")
        if words & _words(subject.partition(": ")[2] or subject):
            found.append(f"{name}: {subject}")
    return found


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _COMMON


def approve(connection: sqlite3.Connection, one: record.Bug, now: datetime, *, anyway: bool = False) -> record.Bug:
    """The bug, approved to be sent. Raises BugError where a near one is known, unless ``anyway``, or it may not be."""
    checked(one.text, one.target, one.kind)
    alike = near(connection, one)
    if alike and not anyway:
        raise BugError(f"bug {one.id} may be known already; look, and give --anyway if it is not: {'; '.join(alike)}")
    return record.step(connection, one, "approved", f"in spite of {'; '.join(alike)}" if alike else "", now)


def skip(connection: sqlite3.Connection, one: record.Bug, why: str, now: datetime) -> record.Bug:
    """The bug, never to be sent unless it is approved after all."""
    return record.step(connection, one, "skipped", why, now)
