"""What archives publish, as SQL: their indices, which package is in which suite, and which package is current."""

from __future__ import annotations

ARCHIVES = """
-- A Packages or Sources file (architecture `source`) as it was met last.
CREATE TABLE archive_index (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    suite TEXT NOT NULL,
    component TEXT NOT NULL,
    architecture TEXT NOT NULL,
    base TEXT NOT NULL,
    date TEXT,
    valid_until TEXT,
    signed_by TEXT,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    packages INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    problems INTEGER NOT NULL DEFAULT 0,
    first_scan INTEGER NOT NULL REFERENCES scan,
    last_scan INTEGER NOT NULL REFERENCES scan,
    UNIQUE (origin, suite, component, architecture)
) STRICT;

ALTER TABLE publication ADD COLUMN index_id INTEGER REFERENCES archive_index ON DELETE CASCADE;
ALTER TABLE publication ADD COLUMN size INTEGER;
ALTER TABLE publication ADD COLUMN source TEXT;
ALTER TABLE publication ADD COLUMN source_version TEXT;
ALTER TABLE publication ADD COLUMN version_key TEXT;
-- `gone`: its index does not name it any more, that is, last_scan is less than that of its index. `superseded`: the
-- suite also has a newer version of it. It stands here and not in a view, because it is asked for every object.
ALTER TABLE publication ADD COLUMN standing TEXT NOT NULL DEFAULT 'current'
    CHECK (standing IN ('current', 'superseded', 'gone'));
DROP INDEX publication_name;
CREATE UNIQUE INDEX publication_place ON publication (name, architecture, version, sha256, index_id);
CREATE INDEX publication_index ON publication (index_id);
DROP INDEX publication_package;
CREATE INDEX publication_package ON publication (package_id, standing);

CREATE TABLE source_package (
    origin TEXT NOT NULL,
    suite TEXT NOT NULL,
    component TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    maintainer TEXT,
    uploaders TEXT,
    vcs_browser TEXT,
    vcs TEXT,
    first_scan INTEGER NOT NULL REFERENCES scan,
    last_scan INTEGER NOT NULL REFERENCES scan,
    PRIMARY KEY (origin, suite, component, name, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_package_name ON source_package (name);

-- One row for each place of a package, read or not. `until` is the last scan that met it, where it is gone.
CREATE VIEW published AS
SELECT b.id AS publication_id, i.id AS index_id, i.origin, b.suite, b.component, i.architecture AS index_architecture,
       b.section, b.priority, b.name, b.version, b.architecture, b.source, b.source_version, b.size, b.sha256,
       b.filename, b.standing, f.started AS since, CASE WHEN b.standing = 'gone' THEN l.started END AS until,
       b.package_id, p.status
FROM publication b
LEFT JOIN archive_index i ON i.id = b.index_id
JOIN scan f ON f.id = b.first_scan
JOIN scan l ON l.id = b.last_scan
LEFT JOIN package p ON p.id = b.package_id;

-- The newest version of each package, architecture and suite; of packages that no index ever named, the newest of all.
DROP VIEW current_package;
CREATE VIEW current_package AS
SELECT * FROM package p
WHERE p.name IS NOT NULL AND CASE
    WHEN EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id)
    THEN EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id AND b.standing = 'current')
    ELSE NOT EXISTS (
        SELECT 1 FROM package n
        WHERE n.name = p.name AND n.architecture IS p.architecture
          AND (n.version_key > p.version_key OR (n.version_key = p.version_key AND n.sha256 > p.sha256)))
    END;
"""
