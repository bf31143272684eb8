"""Databases with drafts: packages put in by hand, judged, and made into bugs of a campaign."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archscan.bugs import campaign as campaigns
from archscan.bugs import drafting, record, review
from archscan.bugs.campaign import Campaign
from archscan.bugs.drafting import Drafted
from archscan.bugs.material import Asked, Material, material
from archscan.bugs.suite import Suite
from archscan.bugs.text import templates
from archscan.rules.load import Rule
from tests.rules.facts import Object, Pack, rule
from tests.triage.facts import judged

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "reports" / "bugs"
NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
FROM = "Jane Doe <jane@example.org>"

SID = Suite("sid", published=False)
NO_PIE = rule(title="Is loaded at a fixed address (no PIE)", why="Whoever corrupts memory knows where code lies. " * 4,
              fix="Let the default flags through.")  # fmt: skip
BAD = Object(columns={"kind": "executable", "pie": "no"})


def crypto(**changes: Any) -> Rule:
    """A rule that finds calls of weak algorithms, whatever for."""
    plain: dict[str, Any] = {
        "title": "Computes MD5", "category": "crypto", "severity": "high",
        "query": "SELECT w.elf_id, w.algorithm AS subject, w.symbol, w.library, w.function, w.address "
                 "FROM crypto_use w WHERE w.strength = 'weak' AND w.evidence = 'call'",
        "message": "{path} computes {subject}",
    }  # fmt: skip
    return rule("uses-md5", **{**plain, **changes})


def pack(name: str = "tool", **changes: Any) -> Pack:
    """A package with a program that is no PIE."""
    return Pack(**{"name": name, "objects": (BAD,), "maintainer": f"{name} <{name}@example.org>", **changes})


def campaign(**changes: Any) -> Campaign:
    """A campaign of the suite sid."""
    plain: dict[str, Any] = {"name": "pie", "suite": "sid", "user": "jane@example.org", "usertags": ("pie",)}
    return Campaign(**{**plain, **changes})


def found(connection: sqlite3.Connection, of: Suite = SID, **asked: Any) -> Material:
    """What bugs are made of, and what is left."""
    return material(connection, of, Asked(**asked), NOW.date())


def reasons(made: Material) -> list[str]:
    """Why findings were left, of those that were looked at."""
    return sorted(one.reason for one in made.left)


def draft(connection: sqlite3.Connection, now: datetime = NOW, **changes: Any) -> Drafted:
    """Drafts of everything there is."""
    made = found(connection)
    with connection:
        kept = campaigns.keep(connection, campaign(**changes), now)
        return drafting.draft(connection, templates(TEMPLATES), kept, made.matters, now)


def drafted(*packs: Pack, rules: tuple[Rule, ...] = (NO_PIE,), **changes: Any) -> sqlite3.Connection:
    """A database with drafts."""
    connection = judged(*packs, rules=rules)
    draft(connection, **changes)
    return connection


def approved(*packs: Pack, **changes: Any) -> sqlite3.Connection:
    """A database in which all drafts are approved."""
    connection = drafted(*packs, **changes)
    with connection:
        for one in record.bugs(connection, "b.state = 'drafted'"):
            review.approve(connection, one, NOW, anyway=True)
    return connection


def saved(connection: sqlite3.Connection, path: Path) -> Path:
    """The database as a file."""
    with closing(sqlite3.connect(path)) as file:
        connection.backup(file)
    return path


def states(path: Path) -> list[str]:
    """The states of all bugs of a database that is a file, in their order."""
    with closing(sqlite3.connect(path)) as file:
        return [state for (state,) in file.execute("SELECT state FROM bug ORDER BY id")]
