"""Findings from rules and facts: the flow of judging on one page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from archscan.rules.confirmed import add_confirmations
from archscan.rules.fold import fold
from archscan.rules.hits import collect
from archscan.rules.merge import merge
from archscan.rules.overrides import override
from archscan.rules.plan import plan, record, unchanged
from archscan.rules.releases import settle, settled
from archscan.rules.uses import is_judged, judge

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archscan.rules.load import RuleBook
    from archscan.rules.releases import Named

_WORK = ("hit", "ruling", "superseding", "overriding", "fold", "missed", "touched", "standing", "judged", "change")


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What judging changed: how many findings took which state, and the ids of those that opened."""

    new: int = 0
    reopened: int = 0
    fixed: int = 0
    removed: int = 0
    unchecked: int = 0
    withdrawn: int = 0
    new_ids: tuple[int, ...] = ()
    reopened_ids: tuple[int, ...] = ()


def apply(
    connection: sqlite3.Connection,
    book: RuleBook,
    scan_id: int,
    *,
    changed_only: bool,
    seconds: float = 60.0,
    release: Named | None = None,
) -> Applied:
    """Judge the facts, and say what that changed. All of it is one transaction.

    ``changed_only`` looks at the packages in ``unjudged``, and at all packages with rules that changed since the
    last time; otherwise everything is judged again, with the same result. Other expectations or contexts than last
    time judge everything. ``release`` is said to be that of every package of its distribution. A query may take
    ``seconds``. Raises RuleError.
    """
    changed_only = changed_only and not release and settled(connection, book.promises)
    changed_only = changed_only and is_judged(connection, book.classing)
    if changed_only and unchanged(connection, book) and not _unjudged(connection):
        return Applied()
    with _transaction(connection), _workspace(connection):
        settle(connection, book.distributions, book.promises, whole=not changed_only, release=release)
        # By the same signs the same facts mean the same, and this is the most work of all: so only what changed.
        judge(connection, book.signs, book.classing, whole=not is_judged(connection, book.classing))
        chosen = plan(connection, book, changed_only=changed_only)
        collect(connection, chosen, seconds=seconds)
        override(connection, book)
        add_confirmations(connection)
        fold(connection, {rule.id: rule.message for rule in book.rules})
        merge(connection, chosen, scan_id)
        record(connection, book)
        connection.execute("DELETE FROM unjudged")
        return _applied(connection)


def _unjudged(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM unjudged)").fetchone()[0])


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    if connection.in_transaction:  # the caller's: facts and findings stand or fall together
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextlib.contextmanager
def _workspace(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    finally:
        for table in _WORK:
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _applied(connection: sqlite3.Connection) -> Applied:
    ids: dict[str, list[int]] = {}
    rows = connection.execute("SELECT finding_id, before, after FROM temp.change ORDER BY finding_id")
    for finding, before, after in rows:
        if after != before:
            opened = "new" if before is None else "reopened"
            ids.setdefault(opened if after == "open" else after, []).append(finding)
    return Applied(
        **{state: len(findings) for state, findings in ids.items()},
        new_ids=tuple(ids.get("new", ())),
        reopened_ids=tuple(ids.get("reopened", ())),
    )
