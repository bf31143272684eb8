"""What is to be read: the database is the queue, and what is done is what it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from archscan.model import PackageStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlite_utils import Database

    from archscan.store.writer import Extraction

Shard = tuple[int, int]
"""Which part of how many, counted from 1."""

# Of the places of one package the first is taken: SQLite takes the other columns from the row of the minimum
# (https://sqlite.org/lang_select.html#bareagg).
_QUEUE = """
SELECT b.sha256, b.size, b.filename, i.base, b.name, b.version, b.architecture, b.section, min(b.id)
FROM publication b
JOIN archive_index i ON i.id = b.index_id
LEFT JOIN package p ON p.sha256 = b.sha256
WHERE b.index_id IN (SELECT value FROM json_each(:indices)) AND b.standing <> 'gone' AND NOT coalesce(
    p.extractor = :extractor
    AND NOT EXISTS (SELECT 1 FROM json_each(:facts) f WHERE instr(',' || p.facts || ',', ',' || f.value || ',') = 0)
    AND NOT (:retry AND p.status IN ('unreadable', 'partial'))
    AND NOT (:thorough AND p.unread IS NOT NULL), 0)
GROUP BY b.sha256
ORDER BY b.size DESC, b.sha256
"""


class Queued(msgspec.Struct, frozen=True, array_like=True):
    """A package that is to be read, as an index promises it; it lies at ``filename`` below ``base``."""

    sha256: str
    size: int
    filename: str
    base: str
    name: str
    version: str
    architecture: str
    section: str | None


def queue(
    db: Database, index_ids: Sequence[int], extraction: Extraction, *, retry: bool = False, thorough: bool = False,
    shard: Shard | None = None,
) -> Iterator[Queued]:  # fmt: skip
    """The packages of these indices that are not done, each once however often it is published, the largest first.

    Done is what was read by this extractor for at least these kinds of facts. With ``retry`` what could not be read
    whole is not done, with ``thorough`` what was not unpacked whole. What is written meanwhile changes nothing.
    """
    wanted = {
        "indices": json.dumps(list(index_ids)),
        "extractor": extraction.extractor,
        "facts": json.dumps(list(extraction.facts)),
        "retry": retry,
        "thorough": thorough,
    }
    rows = db.conn.execute(_QUEUE, wanted).fetchall()
    return (Queued(*row[:-1]) for row in rows if in_shard(row[0], shard))


_PUBLISHED = """
SELECT b.sha256, max(coalesce(p.status IN ('unreadable', 'partial'), 0))
FROM publication b
LEFT JOIN package p ON p.sha256 = b.sha256
WHERE b.index_id IN (SELECT value FROM json_each(?)) AND b.standing <> 'gone'
GROUP BY b.sha256
"""


def published(db: Database, index_ids: Sequence[int], shard: Shard | None = None) -> tuple[int, int]:
    """How many packages these indices name, and of how many of them it is known that they could not be read whole."""
    rows = db.execute(_PUBLISHED, [json.dumps(list(index_ids))])
    flags = [unfinished for sha256, unfinished in rows if in_shard(sha256, shard)]
    return len(flags), sum(flags)


def in_shard(sha256: str, shard: Shard | None) -> bool:
    """Whether the package of that digest belongs to that part; without parts, every one does."""
    if shard is None:
        return True
    part, parts = shard
    return int(sha256[:15], 16) % parts == part - 1


class Passed(msgspec.Struct, frozen=True):
    """A collection of the SHA-256 of packages that are not to be read: the known ones, and those of other parts."""

    known: frozenset[str]
    shard: Shard | None = None

    def __contains__(self, sha256: object) -> bool:
        """Whether the package of that digest is not to be read."""
        return sha256 in self.known or not in_shard(str(sha256), self.shard)


def known_packages(
    db: Database, extraction: Extraction, *, retry: bool = False, thorough: bool = False
) -> frozenset[str]:
    """SHA-256 of the packages that are done, as ``queue`` says it."""
    rows = db.execute("SELECT sha256, facts, status, unread FROM package WHERE extractor = ?", [extraction.extractor])
    wanted = set(extraction.facts)
    unfinished = (PackageStatus.UNREADABLE, PackageStatus.PARTIAL)
    return frozenset(
        sha256
        for sha256, facts, status, unread in rows
        if wanted <= set(facts.split(",")) and not (retry and status in unfinished) and not (thorough and unread)
    )
