"""Columns of ``elf`` that came after the first ones, as SQL, and views over all verdicts and privileges.

The first columns stand in a migration that is published, so later ones are added here.
"""

from __future__ import annotations

from archscan.store.views import PROTECTIONS

LATER = ("separate_code", "clang_cfi", "safe_stack", "glibcxx_assertions")
"""Further columns with a verdict; nothing promises them, and a lack of them is no fault by itself."""

_ADDED = "\n".join(
    f"ALTER TABLE elf ADD COLUMN {name} TEXT NOT NULL DEFAULT 'unknown' "
    f"CHECK ({name} IN ('yes', 'partial', 'no', 'n/a', 'unknown'));"
    for name in LATER
)
_VERDICTS = "\nUNION ALL\n".join(
    f"SELECT id AS elf_id, package_id, '{name}' AS feature, {name} AS verdict, "
    f"json_extract(reasons, '$.{name}.code') AS reason, json_extract(reasons, '$.{name}.text') AS text FROM elf"
    for name in (*PROTECTIONS, "relro", *LATER)
)

COLUMNS = f"""
{_ADDED}
ALTER TABLE elf ADD COLUMN sanitizers TEXT;
CREATE INDEX elf_sanitizers ON elf (sanitizers) WHERE sanitizers IS NOT NULL;
CREATE INDEX file_granting ON file (package_id, link) WHERE kind = 'hardlink' AND privilege IS NOT NULL;

-- One row for each object and column with a verdict.
CREATE VIEW verdict AS
{_VERDICTS};

DROP VIEW hardening_summary;
CREATE VIEW hardening_summary AS
SELECT v.feature, p.architecture, v.verdict, count(*) AS objects
FROM verdict v JOIN current_package p ON p.id = v.package_id
GROUP BY v.feature, p.architecture, v.verdict;

-- Objects that run with more rights than their caller, by their own name or by that of a hard link to them. Two parts,
-- because an OR of the two would have SQLite look at all files of a package for each of its objects.
CREATE VIEW privileged_object AS
SELECT e.id AS elf_id, e.package_id, f.id AS file_id, f.path AS privileged_path, f.privilege,
       f.privilege_source AS granted_by
FROM elf e JOIN file f ON f.id = e.file_id
WHERE f.privilege IS NOT NULL
UNION ALL
SELECT e.id, e.package_id, f.id, f.path, f.privilege, f.privilege_source
FROM elf e
JOIN file o ON o.id = e.file_id
JOIN file f ON f.package_id = o.package_id AND f.link = o.path
WHERE o.privilege IS NULL AND f.kind = 'hardlink' AND f.privilege IS NOT NULL;
"""
