"""Rows of rules: each rule's query run into the temporary table ``hit``, minus what others supersede."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from archscan.errors import QueryError, RuleError
from archscan.model import Confidence, Severity
from archscan.rules.check import OBJECTS, OVERRIDES, checked_columns
from archscan.rules.sandbox import guarded

if TYPE_CHECKING:
    from archscan.rules.load import Rule
    from archscan.rules.plan import Plan


def _vocabulary(words: type[Severity | Confidence]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_TABLES = f"""
CREATE TEMP TABLE hit (
    id INTEGER PRIMARY KEY,
    rule_id TEXT NOT NULL,
    package_id INTEGER NOT NULL,
    elf_id INTEGER,
    file_id INTEGER,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ({_vocabulary(Severity)})),
    confidence TEXT NOT NULL CHECK (confidence IN ({_vocabulary(Confidence)})),
    fix_where TEXT,
    evidence TEXT NOT NULL
);
CREATE TEMP TABLE ruling (id TEXT PRIMARY KEY, family TEXT NOT NULL, whole INTEGER NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE superseding (loser TEXT, winner TEXT, PRIMARY KEY (loser, winner)) WITHOUT ROWID
"""

# What "the facts changed" means for each column that can name the place of a row. SQLite knows nothing of the size of
# `unjudged`; CROSS JOIN has it start there (https://sqlite.org/optoverview.html#crossjoin).
_CHANGED = {
    "elf_id": "IN (SELECT e.id FROM main.unjudged u CROSS JOIN main.elf e ON e.package_id = u.package_id)",
    "file_id": "IN (SELECT f.id FROM main.unjudged u CROSS JOIN main.file f ON f.package_id = u.package_id)",
    "package_id": "IN (SELECT package_id FROM main.unjudged)",
}

_SUPERSEDED = """
DELETE FROM temp.hit WHERE id IN (
    SELECT loser.id
    FROM temp.superseding s
    JOIN temp.hit loser ON loser.rule_id = s.loser
    JOIN temp.hit winner ON winner.rule_id = s.winner AND winner.package_id = loser.package_id
        AND winner.subject = loser.subject AND winner.elf_id IS loser.elf_id
        AND (loser.elf_id IS NOT NULL OR winner.file_id IS loser.file_id))
"""


def collect(connection: sqlite3.Connection, plan: Plan, *, seconds: float) -> None:
    """Fill the temporary tables ``hit``, ``ruling`` and ``superseding``; a query may take ``seconds``.

    Raises RuleError, naming the rule, when a query fails, takes too long, or gives a row that cannot be placed.
    """
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    for rules, whole in ((plan.whole, True), (plan.changed, False)):
        for rule in rules:
            connection.execute("INSERT INTO temp.ruling VALUES (?, ?, ?)", (rule.id, rule.family, whole))
            pairs = ((loser, rule.id) for loser in rule.supersedes)
            connection.executemany("INSERT INTO temp.superseding VALUES (?, ?)", pairs)
            _run(connection, rule, whole=whole, seconds=seconds)
    if connection.execute("SELECT EXISTS (SELECT 1 FROM temp.superseding)").fetchone()[0]:
        connection.execute("CREATE INDEX temp.hit_place ON hit (rule_id, package_id, subject)")
        connection.execute(_SUPERSEDED)


def _run(connection: sqlite3.Connection, rule: Rule, *, whole: bool, seconds: float) -> None:
    statement = _statement(rule, checked_columns(connection, rule), whole=whole)
    values = {"rule": rule.id, "severity": rule.severity, "confidence": rule.confidence}
    try:
        with guarded(connection, seconds, into="hit"):
            connection.execute(statement, values)
    except QueryError as error:
        raise RuleError(f"{rule.origin}: query: {error}") from error
    except sqlite3.IntegrityError as error:
        expected = "expected each row to name a stored object, a subject, and known severities and confidences"
        raise RuleError(f"{rule.origin}: query: {expected}: {error}") from error
    except sqlite3.Error as error:
        raise RuleError(f"{rule.origin}: query: {error}") from error


def _statement(rule: Rule, columns: tuple[str, ...], *, whole: bool) -> str:
    places = [column for column in OBJECTS if column in columns]
    value = {name: f"q.{name}" if name in columns else "NULL" for name in (*OBJECTS, *OVERRIDES)}
    evidence = ", ".join(
        f"{json.dumps(name)}, q.{name}".replace('"', "'")
        for name in columns
        if name not in (*OBJECTS, *OVERRIDES, "subject")
    )
    only = "1" if whole else " OR ".join(f"{place} {_CHANGED[place]}" for place in places)
    # The column names were checked to be plain words; the query is kept to reading by the sandbox.
    return (
        "INSERT INTO temp.hit (rule_id, package_id, elf_id, file_id, subject, severity, confidence, fix_where,"
        " evidence)"
        f" SELECT :rule, coalesce(e.package_id, f.package_id, {value['package_id']}), e.id, coalesce(f.id, e.file_id),"
        f" q.subject, coalesce({value['severity']}, :severity), coalesce({value['confidence']}, :confidence),"
        f" {value['fix_where']}, json_object({evidence})"
        f" FROM (SELECT * FROM (\n{rule.query}\n) WHERE {only}) q"
        f" LEFT JOIN main.elf e ON e.id = {value['elf_id']} LEFT JOIN main.file f ON f.id = {value['file_id']}"
    )
