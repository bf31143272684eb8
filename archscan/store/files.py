"""What files say that are no ELF objects, as SQL: services, configuration, confinement, scripts. Names are public."""

from __future__ import annotations

from archscan.store.places import line_of, named

FILES = f"""
-- What a file is for (docs/files.md) and, of a script, what runs it.
ALTER TABLE file ADD COLUMN what TEXT;
ALTER TABLE file ADD COLUMN interpreter TEXT;
CREATE INDEX file_what ON file (what) WHERE what IS NOT NULL;

CREATE TABLE directive (
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    section TEXT,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (file_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX directive_name ON directive (name);

CREATE TABLE service (
    id INTEGER PRIMARY KEY,
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('service', 'socket', 'timer', 'path', 'mount', 'other-unit', 'init', 'cron',
        'inetd', 'dbus', 'autostart')),
    scope TEXT NOT NULL CHECK (scope IN ('system', 'user')),
    user TEXT,
    grp TEXT,
    dynamic INTEGER NOT NULL CHECK (dynamic IN (0, 1)),
    schedule TEXT,
    activates TEXT,
    line INTEGER NOT NULL
) STRICT;
CREATE INDEX service_package ON service (package_id);
CREATE INDEX service_file ON service (file_id);
CREATE INDEX service_name ON service (name);

CREATE TABLE service_program (
    service_id INTEGER NOT NULL REFERENCES service ON DELETE CASCADE,
    position INTEGER NOT NULL,
    directive TEXT NOT NULL,
    path TEXT NOT NULL,
    arguments TEXT NOT NULL,
    flags TEXT NOT NULL,
    PRIMARY KEY (service_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_program_path ON service_program (path);

CREATE TABLE listener (
    service_id INTEGER NOT NULL REFERENCES service ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    family TEXT NOT NULL,
    address TEXT,
    port INTEGER,
    PRIMARY KEY (service_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX listener_port ON listener (port) WHERE port IS NOT NULL;

CREATE TABLE profile (
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('apparmor', 'selinux')),
    name TEXT NOT NULL,
    attachment TEXT,
    mode TEXT NOT NULL CHECK (mode IN ('enforce', 'complain', 'unconfined', 'kill', 'prompt', 'disabled', 'unknown')),
    line INTEGER NOT NULL,
    PRIMARY KEY (file_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE script_call (
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    what TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (file_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX script_call_what ON script_call (what);

CREATE TABLE endpoint (
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    url TEXT NOT NULL,
    PRIMARY KEY (file_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_material (
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT,
    PRIMARY KEY (file_id, position)
) STRICT, WITHOUT ROWID;

-- Scripts that dpkg runs; their files are named DEBIAN/postinst and so on. `own` is what no tool generated.
CREATE TABLE maintainer_script (
    file_id INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    name TEXT NOT NULL,
    interpreter TEXT,
    lines INTEGER NOT NULL,
    own_lines INTEGER NOT NULL,
    tools TEXT NOT NULL CHECK (json_valid(tools)),
    sha256 TEXT NOT NULL,
    own_sha256 TEXT,
    own TEXT NOT NULL
) STRICT;
CREATE INDEX maintainer_script_package ON maintainer_script (package_id);

-- Every path of a package, one a line, packed with zlib; `members` is how many were met, folders included.
CREATE TABLE contents (
    package_id INTEGER PRIMARY KEY REFERENCES package ON DELETE CASCADE,
    members INTEGER NOT NULL,
    paths BLOB NOT NULL
) STRICT;

ALTER TABLE crypto_use ADD COLUMN line INTEGER;
DROP VIEW weak_use;
CREATE VIEW weak_use AS
SELECT u.id AS use_id, u.elf_id, u.file_id, u.call_site_id, u.algorithm, a.family, u.role,
       coalesce(u.direction, c.direction) AS direction, u.library, u.symbol, u.evidence, u.function, u.address,
       u.line, u.argument, u.confidence AS seen, coalesce(c.context, 'unknown') AS context, c.protocol, c.because,
       CASE WHEN u.evidence = 'data' OR 'possible' IN (u.confidence, coalesce(c.confidence, 'possible')) THEN 'possible'
            WHEN 'likely' IN (u.confidence, c.confidence) THEN 'likely' ELSE 'certain' END AS sure
FROM crypto_use u
LEFT JOIN algorithm a ON a.name = u.algorithm
LEFT JOIN crypto_context c ON c.use_id = u.id
LEFT JOIN elf e ON e.id = u.elf_id
WHERE u.strength = 'weak'
  AND (u.library IS NOT 'ambiguous' OR e.kind IN ('plugin', 'shared-library'));

-- Of a script, or what else is no object, the line is in the file itself.
DROP VIEW use_place;
CREATE VIEW use_place AS
SELECT u.id AS use_id, {named("u.elf_id", "u.function")} AS function, coalesce({line_of("u.elf_id", "u.address")},
       (SELECT f.path || ':' || u.line FROM file f WHERE f.id = u.file_id)) AS line
FROM crypto_use u;
"""
