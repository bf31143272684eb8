"""The tables that ``archscan confirm`` fills, and the views that join them with objects, as SQL.

They hang on build ids, not on rows of ``elf``: an object that is read again, or lies in several packages, keeps what
its debug information said.
"""

from __future__ import annotations

# Columns of `elf` that debug information can confirm
CONFIRMABLE = ("stack_protector", "stack_clash", "fortify", "ibt_compiled", "bti_compiled", "pac_compiled")
_FEATURE = "(" + ", ".join(f"'{name}'" for name in CONFIRMABLE) + ")"


def _beside(more: str = "") -> str:
    """The end of a view: what an object shows beside what its units say, with ``more`` columns of the confirmation."""
    shown = " ".join(f"WHEN '{name}' THEN e.{name}" for name in CONFIRMABLE)
    return f"""FROM (
    SELECT o.elf_id, o.package_id, o.path, c.feature, CASE c.feature
            {shown} END AS found,
           c.verdict AS built, c.units_with, c.units_without, c.units_unknown, c.flag,
           json_extract(c.units, '$[0]') AS unit, c.units, {more}o.debug_id, o.debug_file
    FROM built_object o
    JOIN elf e ON e.id = o.elf_id
    JOIN confirmation c ON c.debug_id = o.debug_id);"""


CONFIRMED = f"""
CREATE TABLE debug_info (
    id INTEGER PRIMARY KEY,
    build_id TEXT NOT NULL UNIQUE,
    machine TEXT NOT NULL,
    bits INTEGER NOT NULL,
    filename TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    units INTEGER NOT NULL
) STRICT;

CREATE TABLE producer (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE compile_unit (
    debug_id INTEGER NOT NULL REFERENCES debug_info ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT,
    comp_dir TEXT,
    producer_id INTEGER REFERENCES producer,
    language TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('package', 'toolchain')),
    code INTEGER NOT NULL CHECK (code IN (0, 1)),
    lto INTEGER NOT NULL CHECK (lto IN (0, 1)),
    stack_protector TEXT CHECK (stack_protector IN ('all', 'strong', 'basic', 'explicit', 'none', 'off')),
    stack_clash TEXT CHECK (stack_clash IN ('on', 'none', 'off')),
    cf_protection TEXT,
    branch_protection TEXT,
    pic TEXT,
    optimised TEXT,
    fortify TEXT CHECK (fortify IN ('shown', 'hidden', 'none')),
    PRIMARY KEY (debug_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE confirmation (
    debug_id INTEGER NOT NULL REFERENCES debug_info ON DELETE CASCADE,
    feature TEXT NOT NULL CHECK (feature IN {_FEATURE}),
    verdict TEXT NOT NULL CHECK (verdict IN ('yes', 'partial', 'no', 'n/a', 'unknown')),
    units_with INTEGER NOT NULL,
    units_without INTEGER NOT NULL,
    units_unknown INTEGER NOT NULL,
    flag TEXT,
    units TEXT NOT NULL CHECK (json_valid(units)),
    PRIMARY KEY (debug_id, feature)
) STRICT, WITHOUT ROWID;

CREATE TABLE source_line (
    debug_id INTEGER NOT NULL REFERENCES debug_info ON DELETE CASCADE,
    address TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (debug_id, address)
) STRICT, WITHOUT ROWID;

CREATE VIEW built_object AS
SELECT e.id AS elf_id, e.package_id, e.path, d.id AS debug_id, d.build_id, d.filename AS debug_file, d.units
FROM elf e
JOIN debug_info d ON d.build_id = e.build_id AND d.machine = e.machine AND d.bits = e.bits
WHERE e.kind <> 'debug';

-- `found` is what the object shows, `built` what its compile units say, `standing` how the two go together.
CREATE VIEW confirmed AS
SELECT *, CASE
        WHEN built IN ('n/a', 'unknown') OR found IN ('n/a', 'unknown') THEN 'open'
        WHEN built = found OR (built <> 'yes' AND found <> 'yes') THEN 'confirmed'
        WHEN built = 'partial' THEN 'open'  -- the units without may have had nothing to protect
        ELSE 'contradicted' END AS standing
{_beside()}
"""

STANDINGS = f"""
DROP VIEW confirmed;

-- All places that the verdict on the object names lie in units that do not lack the flag.
ALTER TABLE confirmation ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0 CHECK (elsewhere IN (0, 1));

-- As before, but headers show FORTIFY of any level, and units that list none may lack it: that contradicts nothing.
-- What lies elsewhere is not explained by the units that lack the flag.
CREATE VIEW confirmed AS
SELECT *, CASE
        WHEN built IN ('n/a', 'unknown') OR found IN ('n/a', 'unknown') THEN 'open'
        WHEN elsewhere THEN 'open'
        WHEN built = found OR (built <> 'yes' AND found <> 'yes') THEN 'confirmed'
        WHEN feature = 'fortify' AND found <> 'yes' THEN 'open'
        WHEN built = 'partial' THEN 'open'  -- the units without may have had nothing to protect
        ELSE 'contradicted' END AS standing
{_beside("c.elsewhere, ")}
"""
