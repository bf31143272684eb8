"""What the evidence of an occurrence comes to: a digest that changes with what it shows, and not with where.

A decision about a finding keeps those of the occurrences that there were. An upload that moves addresses, renames a
function or has one more call of the same kind keeps it; another algorithm, library, argument or purpose does not.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

DIGITS = 16
"""Hexadecimal digits of a digest: it tells apart what one finding showed at two times."""

MOST = 64
"""Digests that a decision keeps; a finding has one for each processor, mostly."""

# Columns of evidence that say where something is, how often, or in which words that was recognised.
_PLACES = frozenset({
    "address", "alias", "because", "called_by", "confirmation", "file", "function", "line", "lines", "location",
    "named", "path", "place", "position", "privileged_path", "promise", "promised_since", "seen", "unit", "units",
    "version",
})  # fmt: skip
_ADDRESS = re.compile(r"0x[0-9a-f]+|\bsub_[0-9a-f]+")
_SONAME = re.compile(r"\.so(\.[0-9.]+)?$|-[0-9][0-9.]*\.so$")


def digest(rule_id: str, evidence: str) -> str:
    """The digest of an occurrence's evidence (JSON) under a rule: of its rows' shapes, each once.

    Of a row that is every column with a text, but places and explanations; addresses inside of texts and versions of
    sonames do not count, nor do numbers, which are counts, lines and sizes.
    """
    shapes = {_shape(site) for site in json.loads(evidence).get("sites", ()) if isinstance(site, dict)}
    return hashlib.sha256("\n".join((rule_id, *sorted(shapes))).encode()).hexdigest()[:DIGITS]


def _shape(site: dict[str, object]) -> str:
    facts = {
        name: _SONAME.sub(".so", value) if name == "library" else _ADDRESS.sub("@", value)
        for name, value in site.items()
        if isinstance(value, str) and value and name not in _PLACES
    }
    return json.dumps(facts, sort_keys=True)


def digests(rows: Iterable[tuple[str, str]]) -> str | None:
    """The digests of occurrences, given by rule and evidence, as a decision keeps them: sorted, with blanks between."""
    found = sorted({digest(rule_id, evidence) for rule_id, evidence in rows})
    return " ".join(found) if 0 < len(found) <= MOST else None


def fill_digests(connection: sqlite3.Connection) -> None:
    """Give a digest to the occurrences of each finding that was decided by its fingerprint."""
    found = connection.execute(
        "SELECT o.id, o.rule_id, o.evidence FROM (SELECT DISTINCT fingerprint FROM decision"
        " WHERE fingerprint IS NOT NULL AND evidence_digest IS NOT NULL) d"
        " CROSS JOIN finding f ON f.fingerprint = d.fingerprint CROSS JOIN occurrence o ON o.finding_id = f.id"
        " WHERE o.digest IS NULL"
    ).fetchall()
    connection.executemany(
        "UPDATE occurrence SET digest = ? WHERE id = ?", [(digest(rule, text), number) for number, rule, text in found]
    )
