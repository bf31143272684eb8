"""What debug information says of the objects of hits: the unit and the missing flag, or that a hit is contradicted.

It is added to the rows of every rule whose subject is a feature that debug information can confirm, so that no rule
need know of it. A hit that is contradicted stays, with the lowest confidence: somebody should look why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archscan.store.places import UNNAMED

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

# The lines of the places that a verdict names.
_LINES = f"""
UPDATE temp.hit SET evidence = json_set(evidence, '$.lines', json(found.lines))
FROM (
    SELECT id, json_group_array(json_object('address', address, 'file', file, 'line', line)) AS lines
    FROM (
        SELECT h.id, l.address, l.file, l.line,
               row_number() OVER (PARTITION BY h.id ORDER BY length(l.address), l.address) AS place
        FROM temp.hit h
        JOIN main.elf e ON e.id = h.elf_id
        JOIN main.source_place l ON l.elf_id = h.elf_id
        WHERE l.line IS NOT NULL AND EXISTS (
            SELECT 1 FROM json_each(e.reasons) r, json_each(r.value, '$.sites') s
            WHERE r.key = h.subject AND json_extract(s.value, '$.address') = l.address)
        ORDER BY h.id, place)
    WHERE place <= {_MOST_LINES}
    GROUP BY id) found
WHERE found.id = hit.id
"""

# The line of the address that a row names itself, and what debug symbols call a function that has no name. The function
# stays as it was scanned, as what the row is about is found by it again.
_LINE = """
UPDATE temp.hit SET evidence = json_set(evidence, '$.line', found.line)
FROM (
    SELECT h.id, (
        SELECT s.file || ':' || s.line FROM main.source_place s
        WHERE s.elf_id = h.elf_id AND s.address = json_extract(h.evidence, '$.address') AND s.line IS NOT NULL) AS line
    FROM temp.hit h
    WHERE json_type(h.evidence, '$.address') = 'text' AND json_type(h.evidence, '$.line') IS NULL) found
WHERE found.id = hit.id AND found.line IS NOT NULL
"""
_NAMED = f"""
UPDATE temp.hit SET evidence = json_set(evidence, '$.named', found.name)
FROM (
    SELECT h.id, (
        SELECT s.name FROM main.source_place s
        WHERE s.elf_id = h.elf_id AND s.address = '0x' || substr(json_extract(h.evidence, '$.function'), 5)
          AND s.name IS NOT NULL) AS name
    FROM temp.hit h
    WHERE json_extract(h.evidence, '$.function') {UNNAMED} AND json_type(h.evidence, '$.named') IS NULL) found
WHERE found.id = hit.id AND found.name IS NOT NULL
"""


def add_confirmations(connection: sqlite3.Connection) -> None:
    """Add to the rows of the temporary table ``hit`` what is known from debug information."""
    told, said = (
        connection.execute(f"SELECT EXISTS (SELECT 1 FROM main.{table})").fetchone()[0]
        for table in ("debug_info", "own_line")
    )
    if told:
        connection.execute(_CONFIRMED)
        connection.execute(_NAMED)
    if told or said:
        connection.execute(_LINES)
        connection.execute(_LINE)


def remark(evidence: Mapping[str, Any]) -> str:
    """What a message adds for a row with such evidence; empty where debug information says nothing of it."""
    said = evidence.get("confirmation")
    if not isinstance(said, dict) or said.get("standing") not in ("confirmed", "contradicted"):
        return _place(evidence)
    counts = [said.get(name) or 0 for name in ("units_with", "units_without", "units_unknown")]
    flag, total = said.get("flag"), sum(counts)
    if said["standing"] == "contradicted":
        return f"; debug symbols contradict: all {total} units were compiled with {flag}"
    units = said.get("units") or []
    example = f", such as {units[0]}" if units else ""
    return f"; debug symbols confirm: {counts[1]} of {total} units were compiled without {flag}{example}"


def _place(evidence: Mapping[str, Any]) -> str:
    """The source line of the place that a row names, and the function around it where the object does not name it."""
    line, named = evidence.get("line"), evidence.get("named")
    around = f"{'in ' if line else '; in '}{named}" if isinstance(named, str) else ""
    return f"; {line} {around}".rstrip() if isinstance(line, str) else around
