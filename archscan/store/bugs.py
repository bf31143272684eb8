"""Bugs that are drafted, sent and read back, as SQL: campaigns, what each bug is about, and all that happened to it."""

from __future__ import annotations

STATES = ("drafted", "approved", "skipped", "sending", "sent", "acked", "filed", "closed", "failed")
"""How far a bug has come. ``sending`` without a process that sends: in doubt, somebody has to say whether it left."""

LEFT = ("sending", "sent", "acked", "filed", "closed")
"""States of what left this machine, or may have."""

KINDS = ("report", "team", "control")
"""A bug; one mail to a team with a list of its packages; or a mail about a bug that is filed already."""

TARGETS = ("debian", "launchpad", "upstream")
"""Where a bug is filed."""

SEVERITIES = ("wishlist", "minor", "normal")
"""What archscan says by itself; anything above takes a human."""


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


BUGS = f"""
-- `rules`, `sources`: globs of the families and source packages it is about; `usertags`: with blanks between; `most`:
-- the highest severity; `team_from`: from how many packages on a maintainer gets one mail instead of so many bugs.
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> '' AND name NOT GLOB '*[^a-z0-9.+-]*'),
    rules TEXT NOT NULL,
    sources TEXT NOT NULL,
    suite TEXT NOT NULL,
    target TEXT CHECK (target IN ({_words(TARGETS)})),
    user TEXT NOT NULL,
    usertags TEXT NOT NULL,
    copies TEXT NOT NULL DEFAULT '',
    most TEXT NOT NULL CHECK (most IN ({_words(SEVERITIES)})),
    team_from INTEGER NOT NULL,
    made TEXT NOT NULL,
    announcement TEXT,
    announced TEXT CHECK (announced IS NULL OR date(announced, '+0 days') IS announced),
    CHECK ((announcement IS NULL) = (announced IS NULL))
) STRICT;

-- `fingerprint`: of what it is about, so that no second one is made; `text`: subject, pseudo-headers and body as they
-- are sent, `attached`: the evidence that found no room in it; `digest`: of the text that was drafted, which is not
-- that of `text` once somebody edited it. `number`: that of the tracker. `about`: of a mail about a bug, that bug.
CREATE TABLE bug (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE CHECK (length(fingerprint) = 64),
    campaign_id INTEGER NOT NULL REFERENCES campaign,
    kind TEXT NOT NULL CHECK (kind IN ({_words(KINDS)})),
    about INTEGER REFERENCES bug,
    target TEXT NOT NULL CHECK (target IN ({_words(TARGETS)})),
    recipient TEXT,
    source TEXT NOT NULL,
    family TEXT NOT NULL,
    version TEXT,
    severity TEXT NOT NULL CHECK (severity IN ({_words(SEVERITIES)})),
    maintainer TEXT NOT NULL DEFAULT '',
    human TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ({_words(STATES)})),
    text TEXT NOT NULL,
    attached TEXT NOT NULL DEFAULT '',
    digest TEXT NOT NULL,
    drafted TEXT NOT NULL,
    message_id TEXT UNIQUE,
    sender TEXT,
    sent TEXT,
    transport TEXT,
    number INTEGER CHECK (number > 0),
    CHECK (kind <> 'control' OR about IS NOT NULL),
    CHECK (state IN ('drafted', 'approved', 'skipped', 'failed') OR message_id IS NOT NULL)
) STRICT;
CREATE INDEX bug_campaign ON bug (campaign_id, state);
CREATE INDEX bug_number ON bug (target, number) WHERE number IS NOT NULL;

-- What a bug speaks of: one of a source package, a family of rules and a place to mend is never reported again.
CREATE TABLE bug_source (
    source TEXT NOT NULL,
    family TEXT NOT NULL,
    place TEXT NOT NULL CHECK (place IN ('package', 'toolchain')),
    bug_id INTEGER NOT NULL REFERENCES bug ON DELETE CASCADE,
    PRIMARY KEY (source, family, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX bug_source_bug ON bug_source (bug_id);

CREATE TABLE bug_finding (
    bug_id INTEGER NOT NULL REFERENCES bug ON DELETE CASCADE,
    fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64),
    PRIMARY KEY (bug_id, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX bug_finding_fingerprint ON bug_finding (fingerprint);

CREATE TABLE bug_event (
    id INTEGER PRIMARY KEY,
    bug_id INTEGER NOT NULL REFERENCES bug ON DELETE CASCADE,
    at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_words(STATES)})),
    note TEXT NOT NULL CHECK (length(note) <= 2000)
) STRICT;
CREATE INDEX bug_event_bug ON bug_event (bug_id);
CREATE TRIGGER bug_event_changed BEFORE UPDATE ON bug_event BEGIN
    SELECT RAISE(ABORT, 'bug_event: is never changed; add another');
END;

-- What a tracker said last of a bug, ours or not. Lists are JSON; versions as the tracker writes them.
CREATE TABLE known_bug (
    tracker TEXT NOT NULL CHECK (tracker IN ({_words(TARGETS)})),
    number INTEGER NOT NULL CHECK (number > 0),
    source TEXT NOT NULL,
    subject TEXT NOT NULL,
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    fixed_versions TEXT NOT NULL CHECK (json_valid(fixed_versions)),
    found_versions TEXT NOT NULL CHECK (json_valid(found_versions)),
    read TEXT NOT NULL,
    PRIMARY KEY (tracker, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_bug_source ON known_bug (source);
"""
