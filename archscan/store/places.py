"""Where the addresses of objects come from in their sources, as SQL: tables, and the views that reports read.

What `archscan confirm` was told hangs on the debug information, and so on a build id. What an object says itself hangs
on its row of ``elf``, and goes with it when its package is read again.
"""

from __future__ import annotations

# A label of ours for a function that no table names: `sub_` and where it begins (elf/program).
UNNAMED = "GLOB 'sub_[0-9a-f]*'"


def _named(table: str) -> str:
    """The name that symbols give the function of a row, or the one it was scanned with."""
    return f"""CASE WHEN {table}.function {UNNAMED} THEN coalesce((
        SELECT s.name FROM source_place s
        WHERE s.elf_id = {table}.elf_id AND s.address = '0x' || substr({table}.function, 5) AND s.name IS NOT NULL
    ), {table}.function) ELSE {table}.function END"""


def _line(table: str) -> str:
    return f"""(SELECT s.file || ':' || s.line FROM source_place s
        WHERE s.elf_id = {table}.elf_id AND s.address = {table}.address AND s.line IS NOT NULL)"""


PLACES = f"""
-- A place of data has a name and no line, so that both may be unknown now.
CREATE TABLE source_line_now (
    debug_id INTEGER NOT NULL REFERENCES debug_info ON DELETE CASCADE,
    address TEXT NOT NULL,
    file TEXT,
    line INTEGER,
    name TEXT,
    PRIMARY KEY (debug_id, address),
    CHECK ((file IS NULL) = (line IS NULL)),
    CHECK (coalesce(file, name) IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO source_line_now (debug_id, address, file, line) SELECT debug_id, address, file, line FROM source_line;
DROP TABLE source_line;
ALTER TABLE source_line_now RENAME TO source_line;

CREATE TABLE own_line (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    address TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (elf_id, address)
) STRICT, WITHOUT ROWID;

-- One row for an address of an object: what `confirm` was told, else what the object says itself.
CREATE VIEW source_place AS
SELECT e.id AS elf_id, s.address, s.file, s.line, s.name
FROM elf e
JOIN debug_info d ON d.build_id = e.build_id AND d.machine = e.machine AND d.bits = e.bits
JOIN source_line s ON s.debug_id = d.id
WHERE e.kind <> 'debug'
UNION ALL
SELECT o.elf_id, o.address, o.file, o.line, NULL
FROM own_line o
WHERE NOT EXISTS (
    SELECT 1 FROM elf e
    JOIN debug_info d ON d.build_id = e.build_id AND d.machine = e.machine AND d.bits = e.bits
    JOIN source_line s ON s.debug_id = d.id
    WHERE e.id = o.elf_id AND s.address = o.address AND s.line IS NOT NULL);

-- `function` by its name in debug symbols where the object has none, `line` as `file:line`.
CREATE VIEW use_place AS
SELECT u.id AS use_id, {_named("u")} AS function, {_line("u")} AS line
FROM crypto_use u;

CREATE VIEW call_place AS
SELECT c.id AS call_site_id, {_named("c")} AS function, {_line("c")} AS line
FROM call_site c;
"""
