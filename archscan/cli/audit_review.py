"""Reviews that are kept in the database: what the last one said, and a new one."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from archscan.errors import ArchscanError, StoreError

if TYPE_CHECKING:
    import sqlite3

    from archscan.audit import Document, Review

_LARGEST = 4 << 20  # bytes of a document that comes back


def reviewed(connection: sqlite3.Connection, document: Document) -> Review | None:
    """The last review of the document's source by its form; None where there is none, or in an older form of ours."""
    from archscan import audit
    from archscan.store import reviews

    stored = reviews.last(connection, document.source, document.template)
    if stored is None:
        return None
    try:
        before = msgspec.json.decode(stored.document, type=audit.Document)
    except msgspec.DecodeError as error:
        raise StoreError(f"the stored review of {stored.source} cannot be read: {error}; use --full") from error
    about = f"the review of {stored.version} by {stored.authority} on {stored.made[:10]}"
    return audit.review(before, stored.text, _written(before), about)


def keep(db: Path, document: Document, file: Path, by: str) -> None:
    """Keep a document that somebody filled in. Raises ArchscanError for a file that is none of this form."""
    from archscan.audit.review import sections
    from archscan.store import open_store, reviews

    try:
        data = file.read_bytes()
    except OSError as error:
        raise ArchscanError(f"{file}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise ArchscanError(f"{file}: larger than {_LARGEST >> 20} MiB")
    text = data.decode("utf-8", "replace")
    lacking = [one.name for one in document.sections if one.name not in sections(document, text)]
    if lacking:
        raise ArchscanError(
            f"{file}: expected the document of --template {document.template}: no section [{lacking[0]}]"
        )
    stored = reviews.Stored(
        source=document.source,
        version=document.version,
        template=document.template,
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        authority=by,
        text=text,
        document=msgspec.json.encode(document).decode(),
    )
    with open_store(db, made=False) as database, database.atomic():
        reviews.add(database.conn, stored)


def _written(document: Document) -> list[str]:
    """The lines that the tool itself wrote then."""
    from archscan.reports.audits import write

    stream = io.StringIO()
    write(document, stream, "markdown", Path())
    return [line.rstrip() for line in stream.getvalue().splitlines()]
