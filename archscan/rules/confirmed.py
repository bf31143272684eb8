"""What debug information says of the objects of hits: the unit and the missing flag, or that a hit is contradicted.

It is added to the rows of every rule whose subject is a feature that debug information can confirm, so that no rule
need know of it. A hit that is contradicted stays, with the lowest confidence: somebody should look why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archscan.store.places import UNNAMED, line_of, name_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_MOST_LINES = 16
_AS_JSON = "json_object('address', {s}.address, 'file', {s}.file, 'line', {s}.line)"

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
    SELECT id, json_group_array(json(said)) AS lines
    FROM (
        SELECT id, said, row_number() OVER (PARTITION BY id ORDER BY length(address), address) AS number
        FROM (SELECT p.id, p.address, {line_of("p.elf_id", "p.address", _AS_JSON)} AS said FROM (
            SELECT DISTINCT h.id, h.elf_id, json_extract(s.value, '$.address') AS address
            FROM temp.hit h
            CROSS JOIN main.elf e ON e.id = h.elf_id
            CROSS JOIN json_each(e.reasons) r ON r.key = h.subject
            CROSS JOIN json_each(r.value, '$.sites') s) p)
        WHERE said IS NOT NULL
        ORDER BY id, number)
    WHERE number <= {_MOST_LINES}
    GROUP BY id) found
WHERE found.id = hit.id
"""

# The line of the address that a row names itself, and what debug symbols call a function that has no name. The function
# stays as it was scanned, as what the row is about is found by it again.
_LINE = f"""
UPDATE temp.hit SET evidence = json_set(evidence, '$.line', found.line)
FROM (
    SELECT p.id, {line_of("p.elf_id", "p.address")} AS line
    FROM (SELECT h.id, h.elf_id, json_extract(h.evidence, '$.address') AS address FROM temp.hit h
          WHERE json_type(h.evidence, '$.address') = 'text' AND json_type(h.evidence, '$.line') IS NULL) p) found
WHERE found.id = hit.id AND found.line IS NOT NULL
"""
_NAMED = f"""
UPDATE temp.hit SET evidence = json_set(evidence, '$.named', found.name)
FROM (
    SELECT p.id, {name_of("p.elf_id", "'0x' || substr(p.function, 5)")} AS name
    FROM (SELECT h.id, h.elf_id, json_extract(h.evidence, '$.function') AS function FROM temp.hit h
          WHERE json_type(h.evidence, '$.function') = 'text' AND json_type(h.evidence, '$.named') IS NULL) p
    WHERE p.function {UNNAMED}) found
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
