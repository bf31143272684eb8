"""What debug information says of the objects of hits: the unit and the missing flag, or that a hit is contradicted.

It is added to the rows of every rule whose subject is a feature that debug information can confirm, so that no rule
need know of it. A hit that is contradicted stays, with the lowest confidence: somebody should look why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_MOST_LINES = 16

_CONFIRMED = """
UPDATE temp.hit SET
    confidence = CASE c.standing WHEN 'contradicted' THEN 'possible' WHEN 'confirmed' THEN 'certain'
        ELSE confidence END,
    evidence = json_set(evidence, '$.confirmation', json_object(
        'standing', c.standing,
        'flag', c.flag, 'units', json(c.units), 'units_with', c.units_with, 'units_without', c.units_without,
        'units_unknown', c.units_unknown, 'debug_file', c.debug_file))
FROM main.confirmed c
WHERE c.elf_id = hit.elf_id AND c.feature = hit.subject AND c.built <> 'n/a'
"""

# The lines of the places that a verdict names, and of the address that a row names itself.
_LINES = f"""
UPDATE temp.hit SET evidence = json_set(evidence, '$.lines', json(found.lines))
FROM (
    SELECT id, json_group_array(json_object('address', address, 'file', file, 'line', line)) AS lines
    FROM (
        SELECT h.id, l.address, l.file, l.line,
               row_number() OVER (PARTITION BY h.id ORDER BY length(l.address), l.address) AS place
        FROM temp.hit h
        JOIN main.built_object o ON o.elf_id = h.elf_id
        JOIN main.elf e ON e.id = h.elf_id
        JOIN main.source_line l ON l.debug_id = o.debug_id
        WHERE l.address = json_extract(h.evidence, '$.address') OR EXISTS (
            SELECT 1 FROM json_each(e.reasons) r, json_each(r.value, '$.sites') s
            WHERE r.key = h.subject AND json_extract(s.value, '$.address') = l.address)
        ORDER BY h.id, place)
    WHERE place <= {_MOST_LINES}
    GROUP BY id) found
WHERE found.id = hit.id
"""


def add_confirmations(connection: sqlite3.Connection) -> None:
    """Add to the rows of the temporary table ``hit`` what is known from debug information."""
    if connection.execute("SELECT EXISTS (SELECT 1 FROM main.debug_info)").fetchone()[0]:
        connection.execute(_CONFIRMED)
        connection.execute(_LINES)


def remark(evidence: Mapping[str, Any]) -> str:
    """What a message adds for a row with such evidence; empty where debug information says nothing of it."""
    said = evidence.get("confirmation")
    if not isinstance(said, dict) or said.get("standing") not in ("confirmed", "contradicted"):
        return ""
    counts = [said.get(name) or 0 for name in ("units_with", "units_without", "units_unknown")]
    flag, total = said.get("flag"), sum(counts)
    if said["standing"] == "contradicted":
        return f"; debug symbols contradict: all {total} units were compiled with {flag}"
    units = said.get("units") or []
    example = f", such as {units[0]}" if units else ""
    return f"; debug symbols confirm: {counts[1]} of {total} units were compiled without {flag}{example}"
