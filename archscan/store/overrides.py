"""What maintainers say of lintian's tags, as SQL: a table of facts, what judging makes of them, and a view of that."""

from __future__ import annotations

OVERRIDES = """
CREATE TABLE lintian_override (
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    line INTEGER NOT NULL,
    tag TEXT NOT NULL,
    context TEXT NOT NULL,
    comment TEXT NOT NULL,
    architectures TEXT NOT NULL,
    applies INTEGER NOT NULL CHECK (applies IN (0, 1)),
    PRIMARY KEY (package_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX lintian_override_tag ON lintian_override (tag);

ALTER TABLE finding ADD COLUMN overridden INTEGER NOT NULL DEFAULT 0 CHECK (overridden IN (0, 1));
ALTER TABLE occurrence ADD COLUMN overridden INTEGER NOT NULL DEFAULT 0 CHECK (overridden IN (0, 1));

-- Open findings on which the maintainer has a word: `counts` where it overrides, `ignored` says why it does not.
CREATE VIEW overridden_finding AS
SELECT o.*, c.overridden AS counts, json_extract(o.evidence, '$.override.tag') AS tag,
       json_extract(o.evidence, '$.override.context') AS context,
       json_extract(o.evidence, '$.override.comment') AS comment,
       json_extract(o.evidence, '$.override.severity') AS severity_without,
       json_extract(o.evidence, '$.override.ignored') AS ignored
FROM open_finding o
JOIN occurrence c ON c.id = o.occurrence_id
WHERE json_extract(o.evidence, '$.override') IS NOT NULL;
"""
