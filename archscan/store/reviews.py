"""What reviewers signed, as SQL and as rows: a table that only grows."""

from __future__ import annotations

import sqlite3

import msgspec

REVIEWS = """
CREATE TABLE review (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    version TEXT NOT NULL,
    template TEXT NOT NULL,
    made TEXT NOT NULL,
    authority TEXT NOT NULL CHECK (authority <> ''),
    text TEXT NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;
CREATE INDEX review_source ON review (source, template);
CREATE TRIGGER review_stays BEFORE UPDATE ON review BEGIN SELECT raise(ABORT, 'reviews are never changed'); END;
CREATE TRIGGER review_kept BEFORE DELETE ON review BEGIN SELECT raise(ABORT, 'reviews are never deleted'); END;
"""

COLUMNS = ("source", "version", "template", "made", "authority", "text", "document")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A review: of which source and version, the form, when and by whom, its text, the document as the tool had it.

    ``document`` is JSON of ``audit.Document``; ``made`` a time as ``2026-05-02T12:00:00Z``.
    """

    source: str
    version: str
    template: str
    made: str
    authority: str
    text: str
    document: str


def add(connection: sqlite3.Connection, one: Stored) -> None:
    """Keep a review; to be called in a transaction."""
    marks = ", ".join("?" for _ in COLUMNS)
    connection.execute(
        f"INSERT INTO review ({', '.join(COLUMNS)}) VALUES ({marks})", [getattr(one, name) for name in COLUMNS]
    )


def last(connection: sqlite3.Connection, source: str, template: str) -> Stored | None:
    """The latest review of a source by a form; None where there is none."""
    row = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM review WHERE source = ? AND template = ? "
        "ORDER BY made DESC, id DESC LIMIT 1",
        (source, template),
    ).fetchone()
    return Stored(**dict(zip(COLUMNS, row, strict=True))) if row else None
