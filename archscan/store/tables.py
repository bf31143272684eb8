"""The tables of an archscan database, as SQL. Names are public: see docs/database.md.

One text a migration; a published text is never changed, a new one is appended (``schema.MIGRATIONS``).
"""

from __future__ import annotations

from archscan.store.archives import ARCHIVES
from archscan.store.bugs import BUGS
from archscan.store.columns import COLUMNS
from archscan.store.confirmed import CONFIRMED, STANDINGS
from archscan.store.contexts import CONTEXTS
from archscan.store.decisions import DECISIONS
from archscan.store.figures import FIGURES
from archscan.store.files import FILES
from archscan.store.imports import IMPORTS
from archscan.store.overrides import OVERRIDES
from archscan.store.places import PLACES
from archscan.store.promises import PROMISES
from archscan.store.questions import QUESTIONS
from archscan.store.reviews import REVIEWS
from archscan.store.started import STARTED
from archscan.store.unread import UNREAD
from archscan.store.views import PROTECTIONS, VIEWS

_VERDICT = "('yes', 'partial', 'no', 'n/a', 'unknown')"

FACTS = f"""
CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    finished TEXT,
    version TEXT NOT NULL,
    extractor TEXT NOT NULL,
    rules_digest TEXT NOT NULL,
    command TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted', 'failed'))
) STRICT;

CREATE TABLE package (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    name TEXT,
    version TEXT,
    version_key TEXT,
    architecture TEXT,
    variant TEXT,
    source TEXT,
    source_version TEXT,
    control_section TEXT,
    control_priority TEXT,
    essential INTEGER CHECK (essential IN (0, 1)),
    maintainer TEXT,
    size INTEGER NOT NULL,
    installed_size INTEGER,
    filename TEXT NOT NULL,
    control TEXT CHECK (control IS NULL OR json_valid(control)),
    built TEXT,
    extractor TEXT NOT NULL,
    facts TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('complete', 'partial', 'unreadable', 'skipped')),
    elf_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX package_name ON package (name, architecture, version_key);
CREATE INDEX package_source ON package (source);

CREATE TABLE relation (
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    op TEXT CHECK (op IN ('<<', '<=', '=', '>=', '>>')),
    version TEXT
) STRICT;
CREATE INDEX relation_package ON relation (package_id);
CREATE INDEX relation_name ON relation (name, kind);

CREATE TABLE publication (
    id INTEGER PRIMARY KEY,
    suite TEXT NOT NULL,
    component TEXT NOT NULL,
    section TEXT,
    priority TEXT,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    filename TEXT NOT NULL,
    package_id INTEGER REFERENCES package ON DELETE SET NULL,
    first_scan INTEGER NOT NULL REFERENCES scan,
    last_scan INTEGER NOT NULL REFERENCES scan
) STRICT;
CREATE INDEX publication_sha256 ON publication (sha256);
CREATE INDEX publication_package ON publication (package_id);
CREATE INDEX publication_name ON publication (suite, component, name, architecture);

CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    path TEXT NOT NULL,
    path_key TEXT NOT NULL,
    mode INTEGER,
    owner TEXT,
    grp TEXT,
    size INTEGER,
    kind TEXT NOT NULL
        CHECK (kind IN ('elf', 'static-archive', 'archive', 'hardlink', 'symlink', 'regular', 'other')),
    link TEXT,
    privilege TEXT,
    privilege_source TEXT CHECK (privilege_source IN ('tar', 'pax', 'postinst')),
    CHECK ((privilege IS NULL) = (privilege_source IS NULL))
) STRICT;
CREATE INDEX file_package ON file (package_id, path);
CREATE INDEX file_privilege ON file (privilege) WHERE privilege IS NOT NULL;

CREATE TABLE elf (
    id INTEGER PRIMARY KEY,
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    file_id INTEGER REFERENCES file ON DELETE CASCADE,
    path TEXT NOT NULL,
    path_key TEXT NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    size INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'executable', 'pie', 'static-executable', 'static-pie', 'shared-library', 'runnable-library', 'plugin',
        'loader', 'relocatable', 'kernel-module', 'debug', 'core', 'firmware')),
    machine TEXT NOT NULL,
    bits INTEGER NOT NULL CHECK (bits IN (32, 64)),
    endian TEXT NOT NULL CHECK (endian IN ('little', 'big')),
    language TEXT NOT NULL,
    build_id TEXT,
    soname TEXT,
    interpreter TEXT,
    stripped INTEGER NOT NULL CHECK (stripped IN (0, 1)),
    {" ".join(f"{name} TEXT NOT NULL CHECK ({name} IN {_VERDICT})," for name in PROTECTIONS)}
    relro TEXT NOT NULL CHECK (relro IN ('full', 'partial', 'none', 'n/a', 'unknown')),
    textrel INTEGER NOT NULL,
    wx_segments INTEGER NOT NULL,
    rpath TEXT,
    runpath TEXT,
    fortified_calls INTEGER NOT NULL,
    fortifiable_calls INTEGER NOT NULL,
    reasons TEXT NOT NULL CHECK (json_valid(reasons))
) STRICT;
CREATE INDEX elf_package ON elf (package_id, path);
CREATE INDEX elf_file ON elf (file_id);
CREATE INDEX elf_soname ON elf (soname) WHERE soname IS NOT NULL;
CREATE INDEX elf_build_id ON elf (build_id) WHERE build_id IS NOT NULL;

CREATE TABLE needed (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    position INTEGER NOT NULL,
    soname TEXT NOT NULL,
    PRIMARY KEY (elf_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX needed_soname ON needed (soname);

CREATE TABLE component (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    ecosystem TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT,
    evidence TEXT NOT NULL
) STRICT;
CREATE INDEX component_elf ON component (elf_id);
CREATE INDEX component_name ON component (ecosystem, name);

CREATE TABLE symbol (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE import (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    symbol_id INTEGER NOT NULL REFERENCES symbol,
    version TEXT,
    library TEXT
) STRICT;
CREATE INDEX import_elf ON import (elf_id);
CREATE INDEX import_symbol ON import (symbol_id);

CREATE TABLE export (
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    symbol_id INTEGER NOT NULL REFERENCES symbol,
    version TEXT
) STRICT;
CREATE INDEX export_elf ON export (elf_id);
CREATE INDEX export_symbol ON export (symbol_id);

CREATE TABLE call_site (
    id INTEGER PRIMARY KEY,
    elf_id INTEGER NOT NULL REFERENCES elf ON DELETE CASCADE,
    address TEXT NOT NULL,
    function TEXT,
    library TEXT,
    symbol TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('value', 'set', 'runtime', 'forwarded', 'unknown')),
    value TEXT,
    reason TEXT
) STRICT;
CREATE INDEX call_site_elf ON call_site (elf_id);
CREATE INDEX call_site_symbol ON call_site (symbol);

CREATE TABLE algorithm (
    name TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    strength TEXT NOT NULL CHECK (strength IN ('weak', 'ok', 'none')),
    note TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE crypto_use (
    id INTEGER PRIMARY KEY,
    elf_id INTEGER REFERENCES elf ON DELETE CASCADE,
    file_id INTEGER REFERENCES file ON DELETE CASCADE,
    call_site_id INTEGER REFERENCES call_site ON DELETE CASCADE,
    algorithm TEXT NOT NULL,
    strength TEXT NOT NULL CHECK (strength IN ('weak', 'ok', 'none')),
    role TEXT NOT NULL CHECK (role IN (
        'hash', 'hmac', 'cipher', 'sign', 'verify', 'kdf', 'password', 'tls', 'certificate-fingerprint', 'checksum',
        'prng', 'lookup', 'provider', 'any')),
    direction TEXT CHECK (direction IN ('generate', 'verify')),
    library TEXT,
    symbol TEXT,
    evidence TEXT NOT NULL CHECK (evidence IN (
        'import', 'call', 'data', 'constant', 'instruction', 'language', 'script', 'config')),
    confidence TEXT NOT NULL CHECK (confidence IN ('certain', 'likely', 'possible')),
    function TEXT,
    address TEXT,
    argument TEXT,
    context_evidence TEXT CHECK (context_evidence IS NULL OR json_valid(context_evidence)),
    CHECK (elf_id IS NOT NULL OR file_id IS NOT NULL)
) STRICT;
CREATE INDEX crypto_use_elf ON crypto_use (elf_id);
CREATE INDEX crypto_use_file ON crypto_use (file_id);
CREATE INDEX crypto_use_call_site ON crypto_use (call_site_id);
CREATE INDEX crypto_use_algorithm ON crypto_use (algorithm, role);

CREATE TABLE crypto_context (
    use_id INTEGER NOT NULL REFERENCES crypto_use ON DELETE CASCADE,
    context TEXT NOT NULL,
    confidence TEXT NOT NULL CHECK (confidence IN ('certain', 'likely', 'possible'))
) STRICT;
CREATE INDEX crypto_context_use ON crypto_context (use_id);

CREATE TABLE expectation (
    id INTEGER PRIMARY KEY,
    feature TEXT NOT NULL,
    distribution TEXT NOT NULL,
    release TEXT,
    architecture TEXT,
    language TEXT,
    kind TEXT,
    since TEXT,
    value TEXT NOT NULL,
    note TEXT
) STRICT;

CREATE TABLE problem (
    id INTEGER PRIMARY KEY,
    scan_id INTEGER NOT NULL REFERENCES scan,
    package_id INTEGER REFERENCES package ON DELETE CASCADE,
    target TEXT NOT NULL,
    path TEXT,
    stage TEXT NOT NULL CHECK (stage IN (
        'source', 'deb', 'control', 'data', 'elf', 'crypto', 'child', 'store')),
    kind TEXT NOT NULL CHECK (kind IN (
        'missing', 'unreadable', 'not-a-deb', 'truncated', 'corrupt', 'unsupported', 'limit', 'mismatch', 'crash',
        'timeout', 'memory', 'killed', 'internal')),
    message TEXT NOT NULL
) STRICT;
CREATE INDEX problem_package ON problem (package_id);
CREATE INDEX problem_scan ON problem (scan_id);

CREATE TABLE metric (
    scan_id INTEGER NOT NULL REFERENCES scan,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (scan_id, scope, name)
) STRICT, WITHOUT ROWID;
"""

JUDGEMENT = """
CREATE TABLE rule (
    id TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    title TEXT NOT NULL,
    category TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('negligible', 'low', 'medium', 'high', 'critical')),
    confidence TEXT NOT NULL CHECK (confidence IN ('certain', 'likely', 'possible')),
    scope TEXT NOT NULL CHECK (scope IN ('object', 'package', 'archive')),
    supersedes TEXT NOT NULL CHECK (json_valid(supersedes)),
    query TEXT NOT NULL,
    message TEXT NOT NULL,
    why TEXT NOT NULL,
    fix TEXT NOT NULL,
    refs TEXT NOT NULL CHECK (json_valid(refs)),
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE CHECK (length(fingerprint) = 64),
    rule_id TEXT NOT NULL,
    source TEXT NOT NULL,
    path_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('negligible', 'low', 'medium', 'high', 'critical')),
    confidence TEXT NOT NULL CHECK (confidence IN ('certain', 'likely', 'possible')),
    state TEXT NOT NULL CHECK (state IN ('open', 'fixed', 'removed', 'withdrawn', 'unchecked')),
    first_scan INTEGER NOT NULL REFERENCES scan,
    last_change INTEGER NOT NULL REFERENCES scan,
    fix_where TEXT
) STRICT;
CREATE INDEX finding_rule ON finding (rule_id, state);
CREATE INDEX finding_source ON finding (source, state);

CREATE TABLE occurrence (
    id INTEGER PRIMARY KEY,
    finding_id INTEGER NOT NULL REFERENCES finding ON DELETE CASCADE,
    package_id INTEGER NOT NULL REFERENCES package ON DELETE CASCADE,
    elf_id INTEGER REFERENCES elf ON DELETE SET NULL,
    file_id INTEGER REFERENCES file ON DELETE SET NULL,
    rule_id TEXT NOT NULL,
    path TEXT,
    severity TEXT NOT NULL CHECK (severity IN ('negligible', 'low', 'medium', 'high', 'critical')),
    confidence TEXT NOT NULL CHECK (confidence IN ('certain', 'likely', 'possible')),
    fix_where TEXT,
    message TEXT NOT NULL,
    evidence TEXT NOT NULL CHECK (json_valid(evidence)),
    unchecked INTEGER NOT NULL DEFAULT 0 CHECK (unchecked IN (0, 1)),
    first_scan INTEGER NOT NULL REFERENCES scan,
    last_scan INTEGER NOT NULL REFERENCES scan
) STRICT;
CREATE UNIQUE INDEX occurrence_place ON occurrence (finding_id, package_id, coalesce(path, ''));
CREATE INDEX occurrence_package ON occurrence (package_id);
CREATE INDEX occurrence_elf ON occurrence (elf_id);
CREATE INDEX occurrence_file ON occurrence (file_id);

CREATE TABLE decision (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT,
    selector TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    authority TEXT NOT NULL,
    made TEXT NOT NULL,
    until TEXT,
    version TEXT,
    release TEXT,
    evidence_digest TEXT,
    CHECK ((fingerprint IS NULL) <> (selector IS NULL))
) STRICT;
CREATE INDEX decision_fingerprint ON decision (fingerprint);

-- Packages whose facts changed since the rules last looked at them; written with the facts, in one transaction,
-- so that a run killed between facts and findings is judged by the next one.
CREATE TABLE unjudged (
    package_id INTEGER PRIMARY KEY REFERENCES package ON DELETE CASCADE
) STRICT;
"""

SCRIPTS = (
    FACTS,
    JUDGEMENT,
    VIEWS,
    OVERRIDES,
    PROMISES,
    CONFIRMED,
    COLUMNS,
    STANDINGS,
    CONTEXTS,
    PLACES,
    UNREAD,
    ARCHIVES,
    IMPORTS,
    FIGURES,
    QUESTIONS,
    FILES,
    DECISIONS,
    STARTED,
    REVIEWS,
    BUGS,
)
"""Everything, for an empty database that only lives in memory; files are brought up to date by ``schema.migrate``."""
