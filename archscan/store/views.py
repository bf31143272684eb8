"""The views of an archscan database, as SQL: what people query first. Names are public, as those of the tables."""

from __future__ import annotations

PROTECTIONS = (
    "pie",
    "bind_now",
    "stack_protector",
    "fortify",
    "nx",
    "stack_clash",
    "ibt_marked",
    "ibt_compiled",
    "shstk_marked",
    "bti_marked",
    "bti_compiled",
    "pac_marked",
    "pac_compiled",
)

VIEWS = (
    """
-- The newest version of each package and architecture. Packages whose control file could not be read have no name.
CREATE VIEW current_package AS
SELECT * FROM package p
WHERE p.name IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM package n
    WHERE n.name = p.name AND n.architecture IS p.architecture
      AND (n.version_key > p.version_key OR (n.version_key = p.version_key AND n.sha256 > p.sha256))
);

CREATE VIEW open_finding AS
SELECT f.id AS finding_id, o.id AS occurrence_id, o.rule_id, r.title, r.category, o.severity, o.confidence,
       f.source, p.name AS package, p.version, p.architecture, o.path, f.subject, o.message, o.fix_where,
       f.fingerprint, o.evidence, o.package_id, o.elf_id, o.file_id
FROM finding f
JOIN occurrence o ON o.finding_id = f.id
JOIN current_package p ON p.id = o.package_id
LEFT JOIN rule r ON r.id = o.rule_id
WHERE f.state = 'open' AND o.unchecked = 0;

CREATE VIEW package_summary AS
SELECT p.id AS package_id, p.name, p.version, p.architecture, p.source, p.status, p.elf_count,
       (SELECT count(*) FROM file f WHERE f.package_id = p.id AND f.privilege IS NOT NULL) AS privileged_files,
       (SELECT count(*) FROM problem b WHERE b.package_id = p.id) AS problems,
       (SELECT count(*) FROM occurrence o WHERE o.package_id = p.id AND o.severity = 'critical') AS critical,
       (SELECT count(*) FROM occurrence o WHERE o.package_id = p.id AND o.severity = 'high') AS high,
       (SELECT count(*) FROM occurrence o WHERE o.package_id = p.id AND o.severity = 'medium') AS medium,
       (SELECT count(*) FROM occurrence o WHERE o.package_id = p.id AND o.severity = 'low') AS low,
       (SELECT count(*) FROM occurrence o WHERE o.package_id = p.id AND o.severity = 'negligible') AS negligible
FROM package p;

CREATE VIEW hardening_summary AS
"""
    + "\nUNION ALL\n".join(
        f"SELECT '{name}' AS feature, p.architecture, e.{name} AS verdict, count(*) AS objects "
        f"FROM elf e JOIN current_package p ON p.id = e.package_id GROUP BY p.architecture, e.{name}"
        for name in (*PROTECTIONS, "relro")
    )
    + ";\n"
)
