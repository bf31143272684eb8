"""What releases promise, as SQL: the tables that rules/expectations fills, and the view that rules join."""

from __future__ import annotations

from archscan.store.views import PROTECTIONS

FEATURES = (*PROTECTIONS, "relro")
"""What can be promised: columns of ``elf``."""

KINDS = {
    "program": ("executable", "pie"),
    "static": ("static-executable", "static-pie"),
    "library": ("shared-library", "runnable-library", "plugin", "loader"),
}
"""Kinds of objects as promises tell them apart, with the values of ``elf.kind``."""

FIX_WHERE = ("rebuild", "build-flag", "linker-script", "assembler", "toolchain")
"""Where a fault is mended; ``toolchain``: nothing in the package can help."""


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_KIND = " ".join(f"WHEN e.kind IN ({_words(kinds)}) THEN '{name}'" for name, kinds in KINDS.items())
_KEY = f"""{{0}}.feature = word.name AND {{0}}.distribution = r.distribution AND {{0}}.architecture = p.architecture
    AND {{0}}.machine = e.machine AND {{0}}.language = e.language AND {{0}}.kind = CASE {_KIND} END"""

PROMISES = f"""
ALTER TABLE expectation ADD COLUMN machine TEXT;
ALTER TABLE expectation ADD COLUMN until TEXT;
ALTER TABLE expectation ADD COLUMN level INTEGER;
ALTER TABLE expectation ADD COLUMN fix_where TEXT CHECK (fix_where IN ({_words(FIX_WHERE)}));
ALTER TABLE expectation ADD COLUMN source TEXT;
CREATE UNIQUE INDEX expectation_place ON expectation (feature, distribution, architecture, language, kind, since);

ALTER TABLE rule ADD COLUMN fix_for TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(fix_for));

CREATE TABLE package_release (
    package_id INTEGER PRIMARY KEY REFERENCES package ON DELETE CASCADE,
    distribution TEXT,
    release TEXT,
    said TEXT NOT NULL CHECK (said IN ('given', 'publication', 'version', 'field', 'default')),
    toolchain TEXT,
    horizon TEXT
) STRICT;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each object and feature, so that a rule can join it without losing objects that nothing was promised.
-- x is what the toolchain had when the package was built, y what the release's has. No view that is a join may stand
-- to the right of a LEFT JOIN without being computed whole (https://sqlite.org/optoverview.html#flattening).
CREATE VIEW promised AS
WITH feature (name) AS (VALUES {", ".join(f"('{name}')" for name in (*FEATURES, "textrel", "wx_segments"))})
SELECT e.id AS elf_id, word.name AS feature,
       coalesce(x.value <> 'no', 0) AS in_force,
       coalesce(x.value = 'no' OR x.value IS NULL, 1) AND coalesce(y.value <> 'no', 0) AND r.toolchain IS NOT NULL
           AS rebuild,
       CASE WHEN x.value <> 'no' THEN x.fix_where
            WHEN y.value <> 'no' THEN iif(r.toolchain IS NULL, NULL, 'rebuild')
            ELSE y.fix_where END AS fix_where,
       iif(x.value <> 'no', x.value, y.value) AS value,
       iif(x.value <> 'no', x.level, y.level) AS level,
       nullif(iif(x.value <> 'no', x.since, y.since), '') AS since,
       iif(x.value <> 'no', x.release, y.release) AS release,
       iif(x.value <> 'no', x.source, y.source) AS source
FROM elf e
CROSS JOIN feature word
LEFT JOIN package p ON p.id = e.package_id
LEFT JOIN package_release r ON r.package_id = e.package_id
LEFT JOIN expectation x ON {_KEY.format("x")} AND x.since <= r.toolchain
    AND (x.until IS NULL OR x.until > r.toolchain)
LEFT JOIN expectation y ON {_KEY.format("y")} AND (r.horizon IS NULL OR y.since <= r.horizon)
    AND CASE WHEN r.horizon IS NULL THEN y.until IS NULL ELSE y.until IS NULL OR y.until > r.horizon END;

-- What to do about each occurrence: the rule's text for the place where it is to be mended, else its text for all.
CREATE VIEW advice AS
SELECT o.id AS occurrence_id, o.finding_id, o.rule_id, o.fix_where,
       coalesce((SELECT j.value FROM json_each(r.fix_for) j WHERE j.key = o.fix_where), r.fix) AS fix
FROM occurrence o JOIN rule r ON r.id = o.rule_id;
"""
