"""Where the addresses of objects come from in their sources, as SQL: tables, and the views that reports read.

What `archscan confirm` was told hangs on the debug information, and so on a build id. What an object says itself hangs
on its row of ``elf``, and goes with it when its package is read again.
"""

from __future__ import annotations

# A label of ours for a function that no table names: `sub_` and where it begins (elf/program).
UNNAMED = "GLOB 'sub_[0-9a-f]*'"


def line_of(elf: str, address: str, shown: str = "{s}.file || ':' || {s}.line") -> str:
    """SQL for ``file:line`` of an address of an object: what `confirm` was told, else what the object says itself.

    ``shown`` says it in another way, with ``{s}`` for the row. Both values name their table where they are columns. It
    asks the tables, not the view over both, which SQLite would put together anew for every row.
    """
    own = f"SELECT {shown.format(s='o')} FROM own_line o WHERE o.elf_id = {elf} AND o.address = {address}"
    return f"coalesce(({_told(elf, address, shown.format(s='s'))} AND s.line IS NOT NULL), ({own}))"


def name_of(elf: str, address: str) -> str:
    """SQL for the name of the symbol that holds an address of an object, as debug symbols have it.

    Of stripped objects alone: others name their functions themselves, and one may be called like a label of ours.
    """
    return f"({_told(elf, address, 's.name')} AND s.name IS NOT NULL AND x.stripped)"


def _told(elf: str, address: str, shown: str) -> str:
    return f"""SELECT {shown} FROM elf x
        JOIN debug_info d ON d.build_id = x.build_id AND d.machine = x.machine AND d.bits = x.bits
        JOIN source_line s ON s.debug_id = d.id AND s.address = {address}
        WHERE x.id = {elf} AND x.kind <> 'debug'"""


def named(elf: str, function: str) -> str:
    """SQL for the name that symbols give a function of an object, or what it was scanned with."""
    name = name_of(elf, f"'0x' || substr({function}, 5)")
    return f"CASE WHEN {function} {UNNAMED} THEN coalesce({name}, {function}) ELSE {function} END"


PLACES = f"""
-- A place of data has a name and no line, so that both may be unknown now.
ALTER TABLE source_line RENAME TO source_line_before;
CREATE TABLE source_line (
    debug_id INTEGER NOT NULL REFERENCES debug_info ON DELETE CASCADE,
    address TEXT NOT NULL,
    file TEXT,
    line INTEGER,
    name TEXT,
    PRIMARY KEY (debug_id, address),
    CHECK ((file IS NULL) = (line IS NULL)),
    CHECK (coalesce(file, name) IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO source_line (debug_id, address, file, line)
SELECT debug_id, address, file, line FROM source_line_before;
DROP TABLE source_line_before;

CREATE TABLE own_line (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    address TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (elf_id, address)
) STRICT, WITHOUT ROWID;

-- One line for an address of an object: what `confirm` was told, else what the object says itself.
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
SELECT u.id AS use_id, {named("u.elf_id", "u.function")} AS function, {line_of("u.elf_id", "u.address")} AS line
FROM crypto_use u;

CREATE VIEW call_place AS
SELECT c.id AS call_site_id, {named("c.elf_id", "c.function")} AS function, {line_of("c.elf_id", "c.address")} AS line
FROM call_site c;
"""
