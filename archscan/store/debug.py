"""Debug information into the database, and what of it the database has a use for."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import msgspec

from archscan.model import Asked, CompileUnit, DebugInfo, Problem
from archscan.store.confirmed import CONFIRMABLE
from archscan.store.places import UNNAMED
from archscan.store.writer import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

_SETTINGS = ("stack_protector", "stack_clash", "cf_protection", "branch_protection", "pic", "optimised", "fortify")

# Sites of verdicts that a finding is about, addresses of calls and uses, and where functions without a name begin.
# A place that a verdict on FORTIFY names is an unchecked call, but for the one that proves level 3.
_ADDRESSES = f"""
SELECT e.build_id, json_extract(s.value, '$.address') AS address,
       iif(r.key = 'fortify' AND instr(coalesce(json_extract(s.value, '$.name'), '_chk'), '_chk'), NULL, r.key) AS about
FROM elf e, json_each(e.reasons) r, json_each(r.value, '$.sites') s
WHERE e.build_id IS NOT NULL AND e.kind <> 'debug' AND e.id IN (SELECT elf_id FROM occurrence)
  AND json_extract(s.value, '$.address') GLOB '0x*'
UNION
SELECT e.build_id, c.address, NULL FROM call_site c JOIN elf e ON e.id = c.elf_id WHERE e.build_id IS NOT NULL
UNION
SELECT e.build_id, u.address, NULL FROM crypto_use u JOIN elf e ON e.id = u.elf_id
WHERE e.build_id IS NOT NULL AND u.address GLOB '0x*'
UNION
SELECT e.build_id, '0x' || substr(c.function, 5), NULL FROM call_site c JOIN elf e ON e.id = c.elf_id
WHERE e.build_id IS NOT NULL AND c.function {UNNAMED}
UNION
SELECT e.build_id, '0x' || substr(u.function, 5), NULL FROM crypto_use u JOIN elf e ON e.id = u.elf_id
WHERE e.build_id IS NOT NULL AND u.function {UNNAMED}
UNION
SELECT e.build_id, '0x' || substr(j.value, 5), NULL
FROM crypto_use u JOIN elf e ON e.id = u.elf_id, json_each(u.context_evidence, '$.called_by') j
WHERE e.build_id IS NOT NULL AND j.value {UNNAMED}
"""


def debug_wanted(conn: sqlite3.Connection) -> dict[str, Asked]:
    """The build id of every object that debug information can be about → what is asked of it."""
    # What is not linked yet has debug information that would have to be relocated first.
    rows = conn.execute(
        "SELECT DISTINCT build_id FROM elf WHERE build_id IS NOT NULL "
        "AND kind NOT IN ('debug', 'relocatable', 'kernel-module')"
    )
    known = [identity for (identity,) in rows]
    addresses: dict[str, set[str]] = {identity: set() for identity in known}
    sites: dict[str, dict[str, list[str]]] = {identity: {} for identity in known}
    for identity, address, about in conn.execute(_ADDRESSES):
        if identity in addresses:
            addresses[identity].add(address)
            if about in CONFIRMABLE:
                sites[identity].setdefault(about, []).append(address)
    return {
        identity: Asked(
            addresses=tuple(sorted(addresses[identity])),
            sites={name: tuple(places) for name, places in sites[identity].items()},
        )
        for identity in known
    }


def write_debug(db: Database, info: DebugInfo, filename: str) -> int:
    """Store the debug information of one object, and have its packages judged again; gives the objects it is about.

    Of several files with one build id the one with the most units is kept, of equal ones the first by their digest
    and name, whichever came first.
    """
    with transaction(db.conn):
        found = db.execute(
            "SELECT -units, sha256, filename, path, id FROM debug_info WHERE build_id = ?", [info.build_id]
        )
        earlier = found.fetchone()
        mine = (-len(info.units), info.sha256, filename, info.path)
        # The same file again may be read with other wishes, or by a newer archscan.
        if earlier and earlier[:4] < mine and earlier[1] != info.sha256:
            return _objects(db.conn, earlier[4])
        if earlier and earlier[1] == info.sha256:
            filename, path = min((filename, info.path), (earlier[2], earlier[3]))
        else:
            path = info.path
        if earlier:
            db.execute("DELETE FROM debug_info WHERE id = ?", [earlier[4]])
        values = [info.build_id, info.machine, info.bits, filename, path, info.sha256, len(info.units)]
        cursor = db.execute(
            "INSERT INTO debug_info (build_id, machine, bits, filename, path, sha256, units) VALUES "
            "(?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        debug_id = int(cursor.lastrowid or 0)
        _write_units(db.conn, debug_id, info.units)
        _write_rest(db.conn, debug_id, info)
        db.execute(
            "INSERT OR IGNORE INTO unjudged (package_id) SELECT package_id FROM built_object WHERE debug_id = ?",
            [debug_id],
        )
        return _objects(db.conn, debug_id)


def _objects(conn: sqlite3.Connection, debug_id: int) -> int:
    return int(conn.execute("SELECT count(*) FROM built_object WHERE debug_id = ?", [debug_id]).fetchone()[0])


def _write_units(conn: sqlite3.Connection, debug_id: int, units: tuple[CompileUnit, ...]) -> None:
    texts = sorted({unit.producer for unit in units if unit.producer is not None})
    conn.executemany("INSERT OR IGNORE INTO producer (text) VALUES (?)", [(text,) for text in texts])
    found = conn.execute(
        "SELECT p.text, p.id FROM json_each(?) j CROSS JOIN producer p ON p.text = j.value", [json.dumps(texts)]
    )
    known: dict[str, int] = dict(found.fetchall())
    conn.executemany(
        "INSERT INTO compile_unit (debug_id, position, name, comp_dir, producer_id, language, origin, code, lto, "
        f"{', '.join(_SETTINGS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (debug_id, unit.position, unit.name, unit.comp_dir, known.get(unit.producer or ""), unit.language,
             unit.origin, unit.code, unit.lto, *(getattr(unit, name) for name in _SETTINGS))
            for unit in units
        ],
    )  # fmt: skip


def _write_rest(conn: sqlite3.Connection, debug_id: int, info: DebugInfo) -> None:
    conn.executemany(
        "INSERT INTO confirmation (debug_id, feature, verdict, units_with, units_without, units_unknown, flag, units, "
        "elsewhere) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (debug_id, row.feature, row.verdict.value, row.units_with, row.units_without, row.units_unknown, row.flag,
             msgspec.json.encode(row.units).decode(), row.elsewhere)
            for row in info.confirmations
        ],
    )  # fmt: skip
    conn.executemany(
        "INSERT OR IGNORE INTO source_line (debug_id, address, file, line, name) VALUES (?, ?, ?, ?, ?)",
        [(debug_id, row.address, row.file, row.line, row.name) for row in info.lines],
    )


def write_problems(db: Database, scan_id: int, target: str, problems: tuple[Problem, ...]) -> None:
    """Note what could not be read of a file that is no package to be judged."""
    with transaction(db.conn):
        db.conn.executemany(
            "INSERT INTO problem (scan_id, target, path, stage, kind, message) VALUES (?, ?, ?, ?, ?, ?)",
            [(scan_id, target, row.path, row.stage.value, row.kind.value, row.message) for row in problems],
        )
