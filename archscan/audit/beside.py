"""What an audit holds a package against: its previous version, and the other objects of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from archscan.audit.answer import Answer, Result, Table
from archscan.audit.results import MOST_ROWS, answered
from archscan.audit.subject import Subject
from archscan.compare import Effect, differences, state_of

_CHANGE = ("package", "facet", "path", "subject", "old", "new")
_NORM = ("feature", "here", "elsewhere", "objects elsewhere")
_FEATURES = ("pie", "relro", "bind_now", "stack_protector", "fortify", "nx", "stack_clash")
_FEW = 100  # objects of other sources, below which no share is worth saying
_OWN = "(SELECT DISTINCT source FROM package WHERE id IN temp.audited)"


def previous(
    connection: sqlite3.Connection, subject: Subject, older: sqlite3.Connection | None, ids: Sequence[int]
) -> Result:
    """What got worse since the packages with these numbers in ``older``; undecided where there is none."""
    if older is None or not ids:
        said = "not decidable here: no previous version was given with --previous, and the database has none"
        return answered("previous", Answer.UNDECIDED, said, Table(columns=_CHANGE, rows=(), total=0))
    before = state_of(older, "previous", ids)
    names = {key[0] for key in before.packages}
    after = state_of(connection, "audited", [one.id for one in subject.packages if one.name in names])
    counts = dict.fromkeys(Effect, 0)
    rows = []
    for change in differences(before, after):
        counts[change.effect] += 1
        if change.effect == Effect.WORSE:
            rows.append(tuple(str(getattr(change, name) or "") for name in _CHANGE))
    versions = ", ".join(sorted({known.version for known in before.packages.values()}))
    table = Table(columns=_CHANGE, rows=tuple(rows[:MOST_ROWS]), total=len(rows))
    if rows:
        return answered("previous", Answer.YES, f"yes, since {versions}", table)
    if counts[Effect.NOT_COMPARED]:
        said = f"not decidable here: nothing seen since {versions}, but not all of it could be compared"
        return answered("previous", Answer.UNDECIDED, said, table)
    said = f"nothing since {versions} ({counts[Effect.BETTER]} better, {counts[Effect.CHANGED]} other)"
    return answered("previous", Answer.NONE, said, table)


def older_ids(connection: sqlite3.Connection, subject: Subject) -> list[int]:
    """The numbers of the next older packages of the same names that the database has; empty where it has none."""
    found = []
    for one in subject.packages:
        row = connection.execute(
            "SELECT o.id FROM package p JOIN package o ON o.name = p.name AND o.architecture IS p.architecture "
            "AND o.version_key < p.version_key WHERE p.id = ? AND o.status IN ('complete', 'partial') "
            "ORDER BY o.version_key DESC LIMIT 1",
            (one.id,),
        ).fetchone()
        if row:
            found.append(int(row[0]))
    return found


def norm(connection: sqlite3.Connection) -> Result:
    """How many objects have each protection here, and of the other sources' objects of the same kinds."""
    rows = []
    for feature in _FEATURES:
        here = _share(connection, feature, "IN")
        there = _share(connection, feature, "NOT IN")
        if here[1] and there[1] >= _FEW:
            rows.append((feature, f"{here[0]} of {here[1]}", f"{100 * there[0] / there[1]:.1f} %", str(there[1])))
    table = Table(columns=_NORM, rows=tuple(rows), total=len(rows))
    said = "" if rows else f"fewer than {_FEW} objects of other sources are in the database"
    return answered("norm", Answer.SHOWN, said, table)


def _share(connection: sqlite3.Connection, feature: str, within: str) -> tuple[int, int]:
    """How many objects have a protection, of those for which it means anything and that could be judged."""
    good = "'full', 'partial'" if feature == "relro" else "'yes', 'partial'"
    kinds = "(SELECT DISTINCT kind FROM elf WHERE package_id IN temp.audited)"
    sql = (
        f"SELECT sum(e.{feature} IN ({good})), count(*) FROM elf e JOIN current_package p ON p.id = e.package_id "
        f"WHERE e.kind IN {kinds} AND e.{feature} NOT IN ('n/a', 'unknown') AND p.source {within} {_OWN}"
    )
    if within == "IN":
        sql = (
            f"SELECT sum(e.{feature} IN ({good})), count(*) FROM elf e "
            "WHERE e.package_id IN temp.audited AND e.kind NOT IN ('debug', 'core') "
            f"AND e.{feature} NOT IN ('n/a', 'unknown')"
        )
    yes, every = connection.execute(sql).fetchone()
    return int(yes or 0), int(every)
