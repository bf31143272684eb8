"""Which rules must look at every package, and which only at those whose facts changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from archscan.rules.load import Rule

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from archscan.rules.load import RuleBook


class Plan(msgspec.Struct, frozen=True):
    """``whole`` rules judge all packages, ``changed`` rules the unjudged ones, ``gone`` ids left the book."""

    whole: tuple[Rule, ...]
    changed: tuple[Rule, ...]
    gone: tuple[str, ...]


class _Recorded(msgspec.Struct, frozen=True):
    digest: str
    links: tuple[str, ...]


def plan(connection: sqlite3.Connection, book: RuleBook, *, changed_only: bool) -> Plan:
    """What is to be run, from the rules that the database was judged with last."""
    recorded = _recorded(connection)
    current = {rule.id: rule for rule in book.rules}
    gone = tuple(sorted(recorded.keys() - current.keys()))
    if not changed_only:
        return Plan(whole=book.rules, changed=(), gone=gone)
    stale = {
        rule.id
        for rule in book.rules
        if rule.scope == "archive" or rule.id not in recorded or recorded[rule.id].digest != rule.digest
    }
    links = [(name, link) for name, old in recorded.items() for link in old.links]
    links += [(rule.id, link) for rule in book.rules for link in _links(rule.family, rule.supersedes)]
    whole = _reached(stale | set(gone), links)
    return Plan(
        whole=tuple(rule for rule in book.rules if rule.id in whole),
        changed=tuple(rule for rule in book.rules if rule.id not in whole),
        gone=gone,
    )


def unchanged(connection: sqlite3.Connection, book: RuleBook) -> bool:
    """Whether the database was judged last with just these rules."""
    return {name: old.digest for name, old in _recorded(connection).items()} == {
        rule.id: rule.digest for rule in book.rules
    }


def record(connection: sqlite3.Connection, book: RuleBook) -> None:
    """Make table ``rule`` say what the book says."""
    names = json.dumps([rule.id for rule in book.rules])
    connection.execute("DELETE FROM rule WHERE id NOT IN (SELECT value FROM json_each(?))", (names,))
    connection.executemany(
        "INSERT OR REPLACE INTO rule (id, family, title, category, severity, confidence, scope, supersedes, query, "
        "message, why, fix, fix_for, refs, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(rule.id, rule.family, rule.title, rule.category, rule.severity, rule.confidence, rule.scope),
                json.dumps(rule.supersedes),
                *(rule.query, rule.message, rule.why, rule.fix),
                json.dumps(rule.fix_for, ensure_ascii=False),
                json.dumps(rule.references, ensure_ascii=False),
                rule.digest,
            )
            for rule in book.rules
        ),
    )


def _recorded(connection: sqlite3.Connection) -> Mapping[str, _Recorded]:
    rows = connection.execute("SELECT id, digest, family, supersedes FROM rule")
    return {name: _Recorded(digest, _links(family, json.loads(others))) for name, digest, family, others in rows}


def _links(family: str, supersedes: Iterable[str]) -> tuple[str, ...]:
    # Rules that share a family share occurrences, and a superseding rule takes rows from another: they can
    # only be judged together. The prefix keeps families and ids apart.
    return (f"family:{family}", *supersedes)


def _reached(start: set[str], links: Iterable[tuple[str, str]]) -> set[str]:
    neighbours: dict[str, set[str]] = {}
    for one, other in links:
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)
    reached, frontier = set(start), list(start)
    while frontier:
        new = neighbours.get(frontier.pop(), set()) - reached
        reached |= new
        frontier.extend(new)
    return reached
