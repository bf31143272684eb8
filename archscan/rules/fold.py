"""Occurrences: the rows of one fingerprint in one object, folded into one with its sites."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import TYPE_CHECKING, NamedTuple

from archscan.model import Confidence, Severity
from archscan.rules.confirmed import remark

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

MAX_SITES = 16
_MAX_MESSAGE = 2_000  # characters; a mangled name can be longer than anybody reads


def ranked(column: str, words: type[Severity | Confidence]) -> str:
    """An SQL expression that is the larger, the worse a severity or the surer a confidence is."""
    ordered = list(words) if words is Severity else list(reversed(words))
    cases = " ".join(f"WHEN '{word}' THEN {rank}" for rank, word in enumerate(ordered))
    return f"CASE {column} {cases} END"


_TABLE = """
CREATE TEMP TABLE fold (
    fingerprint TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    source TEXT NOT NULL,
    path_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    package_id INTEGER NOT NULL,
    elf_id INTEGER,
    file_id INTEGER,
    path TEXT NOT NULL,
    severity TEXT NOT NULL,
    confidence TEXT NOT NULL,
    fix_where TEXT,
    message TEXT NOT NULL,
    evidence TEXT NOT NULL,
    overridden INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, package_id, path)
) WITHOUT ROWID
"""

# The order makes the first row of an occurrence its worst, and everything independent of ids and of the order
# in which packages arrived.
_ROWS = f"""
SELECT r.family, coalesce(p.source, p.name, '') AS source, coalesce(e.path_key, f.path_key, '') AS path_key, h.subject,
       h.package_id, coalesce(e.path, f.path, '') AS path, h.rule_id, h.elf_id, h.file_id, h.severity, h.confidence,
       h.fix_where, h.evidence, p.name, p.version, p.architecture, coalesce(v.counts, 0), v.override
FROM temp.hit h
JOIN temp.ruling r ON r.id = h.rule_id
JOIN main.package p ON p.id = h.package_id
LEFT JOIN temp.overriding v ON v.hit_id = h.id
LEFT JOIN main.elf e ON e.id = h.elf_id
LEFT JOIN main.file f ON f.id = h.file_id
ORDER BY 1, 2, 3, 4, 5, 6, {ranked("h.severity", Severity)} DESC, coalesce(v.counts, 0),
         {ranked("h.confidence", Confidence)} DESC, h.rule_id, h.fix_where, h.evidence, v.override
"""


class _Row(NamedTuple):
    family: str
    source: str
    path_key: str
    subject: str
    package_id: int
    path: str
    rule_id: str
    elf_id: int | None
    file_id: int | None
    severity: str
    confidence: str
    fix_where: str | None
    evidence: str
    package: str | None
    version: str | None
    architecture: str | None
    overridden: int
    override: str | None


def fingerprint(family: str, source: str, path_key: str, subject: str) -> str:
    """The name of a finding that survives uploads: sha256 (hex) of its four parts, NUL-joined."""
    return hashlib.sha256(f"{family}\0{source}\0{path_key}\0{subject}".encode()).hexdigest()


def fold(connection: sqlite3.Connection, messages: Mapping[str, str]) -> None:
    """Fill the temporary table ``fold`` from ``hit``; ``messages`` are the templates by rule id."""
    connection.execute(_TABLE)
    rows = map(_Row._make, connection.execute(_ROWS))
    connection.executemany(
        "INSERT INTO temp.fold VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _occurrences(rows, messages),
    )


def _occurrences(rows: Iterable[_Row], messages: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    for (family, source, path_key, subject, package, path), group in itertools.groupby(rows, lambda row: row[:6]):
        first = next(group)
        yield (
            fingerprint(family, source, path_key, subject),
            *(first.rule_id, source, path_key, subject, package, first.elf_id, first.file_id, path),
            *(first.severity, first.confidence, first.fix_where),
            _message(messages[first.rule_id], first),
            _evidence(first, group),  # noqa: B031 - what `first` left of it
            first.overridden,
        )


def _message(template: str, row: _Row) -> str:
    evidence = json.loads(row.evidence)
    fields = {
        **evidence,
        **{name: getattr(row, name) for name in ("subject", "severity", "confidence", "fix_where")},
        **{name: getattr(row, name) for name in ("path", "package", "version", "architecture", "source")},
    }
    text = template.format_map({name: "unknown" if value is None else value for name, value in fields.items()})
    text += remark(evidence)
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def _evidence(first: _Row, others: Iterator[_Row]) -> str:
    sites = [row.evidence for row in (first, *itertools.islice(others, MAX_SITES - 1))]
    count = len(sites) + sum(1 for _ in others)
    shown = ",".join(site for site in sites if site != "{}")
    override = "" if first.override is None else f',"override":{first.override}'
    return f'{{"sites":[{shown}],"count":{count},"truncated":{"true" if count > MAX_SITES else "false"}{override}}}'
