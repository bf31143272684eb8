"""What somebody decided about findings, as SQL: one table that only grows, and the one place that says which counts.

docs/triage.md tells the same to people, with the precedence as a table.
"""

from __future__ import annotations

STATES = (
    "DNE",
    "needs-triage",
    "needed",
    "in-progress",
    "not-affected",
    "ignored",
    "deferred",
    "pending",
    "released",
    "false-positive",
    "waiver",
    "accepted",
)
"""What can be decided: the states of the Ubuntu CVE tracker, and three more."""

SELECTED = ("rule", "source", "package", "path")
"""What a selector can name, each as a glob."""

TRUE_STATES = ("needed", "in-progress", "pending", "released")
"""States that say that the finding is right."""

FALSE_STATES = ("false-positive", "not-affected")
"""States that say that it is wrong."""

WITH_VERSION = ("pending", "released")
"""States that name the version which mends it."""

REASONED = ("ignored", "false-positive", "waiver")
"""States that say why."""

SIGNED = ("in-progress", "waiver")
"""States that say who: who works on it, who allows it."""

DEFERRED_DAYS = 30
"""How long a finding stays deferred that nobody gave a date."""

COLUMNS = (
    "fingerprint",
    "selector",
    "state",
    "reason",
    "authority",
    "made",
    "until",
    "version",
    "release",
    "evidence_digest",
    "versions",
    "about",
    "version_key",
    "from_key",
    "below_key",
)
"""The columns of ``decision`` but its id: what a decision is, wherever it is copied to."""

MAX_TEXT = 2_000
"""Characters that a text of a decision may have."""


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# Of a selector, the part that has no wildcard is looked up by an index; only where none has one is every finding tried.
def _about(only: str = "1") -> str:
    return f"""
about AS MATERIALIZED (
    SELECT t.id AS decision_id, f.id AS finding_id FROM target t CROSS JOIN finding f ON f.fingerprint = t.fingerprint
    WHERE {only}
    UNION ALL
    SELECT t.id, f.id FROM target t CROSS JOIN finding f ON f.source = t.source
    WHERE t.source_is_name AND f.rule_id GLOB t.rule AND {only}
    UNION ALL
    SELECT t.id, f.id FROM target t CROSS JOIN finding f ON f.rule_id = t.rule
    WHERE NOT t.source_is_name AND t.rule_is_name AND f.source GLOB t.source AND {only}
    UNION ALL
    SELECT t.id, f.id FROM target t CROSS JOIN finding f
    WHERE t.fingerprint IS NULL AND NOT t.source_is_name AND NOT t.rule_is_name AND f.rule_id GLOB t.rule
      AND f.source GLOB t.source AND {only})
"""


_TARGETS = """
target AS MATERIALIZED (
    SELECT d.*, row_number() OVER (ORDER BY d.made, d.id) AS age,
           coalesce(json_extract(d.selector, '$.rule'), '*') AS rule,
           coalesce(json_extract(d.selector, '$.source'), '*') AS source,
           coalesce(json_extract(d.selector, '$.package'), '*') AS package,
           coalesce(json_extract(d.selector, '$.path'), '*') AS path,
           d.selector IS NOT NULL AND coalesce(json_extract(d.selector, '$.source'), '*') NOT GLOB '*[*?[]*'
               AS source_is_name,
           d.selector IS NOT NULL AND coalesce(json_extract(d.selector, '$.rule'), '*') NOT GLOB '*[*?[]*'
               AS rule_is_name
    FROM last_decision d)
"""

# A package is of the release that its versions, fields or suites tell, or of the one suite that has it.
_RELEASE = """
(t.release IS NULL OR t.release = r.release OR t.release = r.distribution || '/' || r.release
 OR EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id AND b.standing = 'current')
    AND NOT EXISTS (SELECT 1 FROM publication b WHERE b.package_id = p.id AND b.standing = 'current'
                    AND b.suite <> t.release AND b.suite NOT GLOB t.release || '[-/]*'))
"""

PRIVILEGED = """
(o.rule_id GLOB 'privileged-*' OR o.rule_id IN (SELECT u.id FROM rule u WHERE u.family GLOB 'privileged-*')
 OR coalesce(o.elf_id IN (SELECT x.elf_id FROM privileged_object x), 0)
 OR coalesce(o.file_id IN (SELECT x.id FROM file x WHERE x.privilege IS NOT NULL), 0))
"""
"""Whether an occurrence ``o`` is about a program, or another file, that runs with more rights than its caller."""


def standing(today: str = "date('now')", days: str = str(DEFERRED_DAYS), only: str = "1") -> str:
    """A SELECT of the open occurrences about which somebody decided, each with the decision in force.

    ``today`` and ``days`` are SQL for a date and for how long a deferred finding rests; views take the defaults.
    ``only`` is a condition on the findings, ``f``. ``because`` is NULL where the finding is decided, else why it is to
    be looked at all the same: ``asked`` (so it was decided), ``expired``, ``privileged``, ``changed``, ``deferred``,
    ``not-fixed``.
    """
    return f"""
WITH {_TARGETS},
{_about(f"+f.state = 'open' AND {only}")},
placed AS MATERIALIZED (
    SELECT o.id AS occurrence_id, t.id AS decision_id, t.age, t.release IS NULL AS everywhere,
           t.fingerprint IS NULL AS by_selector, t.authority = '' AS unsigned,
           coalesce(t.until < {today} AND t.state <> 'deferred', 0) AS expired, {PRIVILEGED} AS privileged
    FROM about a
    CROSS JOIN target t ON t.id = a.decision_id
    CROSS JOIN occurrence o ON o.finding_id = a.finding_id
    CROSS JOIN current_package p ON p.id = o.package_id
    LEFT JOIN package_release r ON r.package_id = p.id
    WHERE o.unchecked = 0 AND {_RELEASE}
      AND (t.from_key IS NULL OR p.version_key >= t.from_key)
      AND (t.below_key IS NULL OR p.version_key < t.below_key)
      AND (t.fingerprint IS NOT NULL OR p.name GLOB t.package AND coalesce(o.path, '') GLOB t.path)),
ranked AS (
    SELECT *, privileged AND (by_selector OR unsigned) AS powerless, row_number() OVER (
        PARTITION BY occurrence_id
        ORDER BY expired, privileged AND (by_selector OR unsigned), by_selector, everywhere, age DESC) AS place
    FROM placed)
SELECT o.finding_id, o.id AS occurrence_id, o.package_id, o.severity, o.overridden, d.id AS decision_id, d.state,
       d.reason, d.authority, d.made, d.until, d.version, d.release, d.versions, g.by_selector, g.privileged,
       p.version AS package_version,
       CASE WHEN g.expired THEN 'expired'
            WHEN g.powerless THEN 'privileged'
            WHEN d.state = 'needs-triage' OR d.state NOT IN ({_words(STATES)}) THEN 'asked'
            WHEN d.evidence_digest IS NOT NULL AND o.digest IS NOT NULL
                 AND instr(' ' || d.evidence_digest || ' ', ' ' || o.digest || ' ') = 0 THEN 'changed'
            WHEN d.state = 'deferred' AND iif(d.until IS NULL,
                 {today} >= date(substr(d.made, 1, 10), '+' || {days} || ' days'), {today} > d.until) THEN 'deferred'
            WHEN d.state IN ({_words(WITH_VERSION)}) AND p.version_key >= d.version_key THEN 'not-fixed' END AS because
FROM ranked g
CROSS JOIN decision d ON d.id = g.decision_id
CROSS JOIN occurrence o ON o.id = g.occurrence_id
CROSS JOIN package p ON p.id = o.package_id
WHERE g.place = 1
"""


def closed(stands: str) -> str:
    """The table expression ``closed``: findings of ``stands``, a ``standing``, of which all that is open is decided."""
    return f"""
closed AS MATERIALIZED (
    SELECT s.finding_id FROM {stands} s GROUP BY s.finding_id
    HAVING count(*) FILTER (WHERE s.because IS NULL) >= (
        SELECT count(*) FROM occurrence o JOIN current_package p ON p.id = o.package_id
        WHERE o.finding_id = s.finding_id AND o.unchecked = 0))
"""


def _refused(when: str, what: str) -> str:
    return f"SELECT RAISE(ABORT, 'decision: {what}') WHERE {when};"


_SELECTOR = f"""NEW.selector IS NOT NULL AND (
        NOT json_valid(NEW.selector) OR json_type(NEW.selector) <> 'object' OR NEW.selector = '{{}}'
        OR EXISTS (SELECT 1 FROM json_each(NEW.selector) j
                   WHERE j.type <> 'text' OR length(j.value) NOT BETWEEN 1 AND {MAX_TEXT}
                         OR j.key NOT IN ({_words(SELECTED)})))"""
_LONG = " OR ".join(
    f"length(coalesce(NEW.{name}, '')) > {MAX_TEXT}" for name in ("reason", "authority", "about", "evidence_digest")
)

_REFUSED = "\n    ".join(
    _refused(when, what)
    for when, what in (
        (f"NEW.state NOT IN ({_words(STATES)})", "unknown state"),
        (
            "NEW.fingerprint IS NOT NULL AND (length(NEW.fingerprint) <> 64 OR NEW.fingerprint GLOB '*[^0-9a-f]*')",
            "expected a fingerprint of 64 hexadecimal digits",
        ),
        (_SELECTOR, "expected a selector as JSON, with rule, source, package or path"),
        (
            "NEW.made NOT GLOB '[0-9][0-9][0-9][0-9]*' OR NEW.made GLOB '*[^0-9T:. Z+-]*' OR length(NEW.made) > 40",
            "expected a time when it was made",
        ),
        ("NEW.until IS NOT NULL AND date(NEW.until, '+0 days') IS NOT NEW.until", "expected YYYY-MM-DD as until"),
        (
            f"NEW.state IN ({_words(WITH_VERSION)}) AND (NEW.version IS NULL OR NEW.version_key IS NULL)"
            f" OR NEW.state NOT IN ({_words(WITH_VERSION)}) AND NEW.version IS NOT NULL",
            "expected the version that is pending or released, with its key, and no other",
        ),
        (
            "NEW.versions IS NOT NULL AND NEW.from_key IS NULL AND NEW.below_key IS NULL",
            "expected the keys of the range of versions",
        ),
        (f"NEW.state IN ({_words(REASONED)}) AND NEW.reason = ''", "expected a reason"),
        (f"NEW.state IN ({_words(SIGNED)}) AND NEW.authority = ''", "expected an authority"),
        (_LONG, "a text is too long"),
    )
)

DECISIONS = f"""
-- `versions` is a range as dpkg compares versions, `from_key` and `below_key` what it is as keys; `version_key` is that
-- of `version`; `about` is what the finding was, for people.
ALTER TABLE decision ADD COLUMN versions TEXT;
ALTER TABLE decision ADD COLUMN about TEXT;
ALTER TABLE decision ADD COLUMN version_key TEXT;
ALTER TABLE decision ADD COLUMN from_key TEXT;
ALTER TABLE decision ADD COLUMN below_key TEXT;

-- What the evidence of a finding comes to that somebody decided about (archscan/rules/digests.py).
ALTER TABLE occurrence ADD COLUMN digest TEXT;

CREATE TRIGGER decision_made BEFORE INSERT ON decision BEGIN
    {_REFUSED}
END;
CREATE TRIGGER decision_changed BEFORE UPDATE ON decision BEGIN
    SELECT RAISE(ABORT, 'decision: is never changed; add another');
END;
CREATE TRIGGER decision_deleted BEFORE DELETE ON decision BEGIN
    SELECT RAISE(ABORT, 'decision: is never deleted; add another');
END;

-- Of each target (a finding or a selector, a release, a range of versions) what was decided last.
CREATE VIEW last_decision AS
SELECT id, {", ".join(COLUMNS)}
FROM (SELECT d.*, row_number() OVER (
          PARTITION BY fingerprint, selector, release, versions ORDER BY made DESC, id DESC) AS place
      FROM decision d)
WHERE place = 1;

-- Open findings about which somebody decided, one row an occurrence: `because` says why it is to be looked at again.
CREATE VIEW finding_standing AS
{standing()};

-- Findings of which every open occurrence is decided, with the states; those about a privileged program are not hidden.
CREATE VIEW decided_finding AS
SELECT s.finding_id, group_concat(DISTINCT s.state) AS states, max(s.made) AS made, max(s.privileged) AS privileged
FROM finding_standing s GROUP BY s.finding_id
HAVING count(*) FILTER (WHERE s.because IS NULL) >= (
    SELECT count(*) FROM occurrence o JOIN current_package p ON p.id = o.package_id
    WHERE o.finding_id = s.finding_id AND o.unchecked = 0);

-- Open findings that nobody decided about, or that are to be looked at again: of the columns of open_finding.
CREATE VIEW undecided_finding AS
SELECT o.* FROM open_finding o
WHERE o.occurrence_id NOT IN (SELECT s.occurrence_id FROM finding_standing s WHERE s.because IS NULL);

-- How often a rule was right, by the last verdict on each of its findings, whatever became of it.
CREATE VIEW rule_precision AS
WITH {_TARGETS},
{_about()},
verdict_of AS (
    SELECT f.rule_id, t.state, row_number() OVER (
        PARTITION BY f.id ORDER BY t.fingerprint IS NULL, t.made DESC, t.id DESC) AS place
    FROM about a CROSS JOIN target t ON t.id = a.decision_id CROSS JOIN finding f ON f.id = a.finding_id
    WHERE t.state IN ({_words((*TRUE_STATES, *FALSE_STATES))})
      AND (t.fingerprint IS NOT NULL OR EXISTS (
          SELECT 1 FROM occurrence o JOIN package p ON p.id = o.package_id
          WHERE o.finding_id = f.id AND p.name GLOB t.package AND coalesce(o.path, '') GLOB t.path)))
SELECT rule_id, count(*) AS judged, sum(state IN ({_words(TRUE_STATES)})) AS right,
       sum(state IN ({_words(FALSE_STATES)})) AS wrong,
       round(1.0 * sum(state IN ({_words(TRUE_STATES)})) / count(*), 3) AS precision
FROM verdict_of WHERE place = 1
GROUP BY rule_id;
"""
