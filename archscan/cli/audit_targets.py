"""What the targets of an audit mean: packages that are read, or that a database has."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archscan.cli import scanned

if TYPE_CHECKING:
    import sqlite3

    from archscan.audit import Result, Subject


@contextmanager
def read(
    targets: Sequence[str], db: Path | None, own_rules: tuple[Path, ...], *, whole_source: bool
) -> Iterator[tuple[sqlite3.Connection, list[int]]]:
    """A database in which the targets were read, and the numbers of the packages that they mean."""
    names = [target for target in targets if _is_name(target)]
    files = [target for target in targets if not _is_name(target)]
    if not files:
        with scanned.opened(db or Path("archscan.db")) as connection:
            yield connection, _with_sources(connection, _named(connection, names), whole_source=whole_source)
        return
    with ExitStack() as stack:
        if db is None:
            db = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="archscan-"))) / "audited.db"
        digests = _scanned(_widened(files, whole_source=whole_source), db, own_rules)
        connection = stack.enter_context(scanned.opened(db))
        marks = ", ".join("?" for _ in digests)
        rows = connection.execute(f"SELECT id FROM package WHERE sha256 IN ({marks})", digests)  # noqa: S608 - only marks
        ids = [*(package_id for (package_id,) in rows), *_named(connection, names)]
        yield connection, _with_sources(connection, ids, whole_source=whole_source)


def _is_name(target: str) -> bool:
    """Whether a target is the name of a package or a source, and nothing on disk."""
    return re.fullmatch(r"(?:source:)?[a-z0-9][a-z0-9+.-]*", target) is not None and not os.path.lexists(target)


def _widened(targets: Sequence[str], *, whole_source: bool) -> list[str]:
    """The targets; apt:source:NAME, and apt:NAME where whole sources are wanted, are all that the source builds."""
    from archscan.errors import NoTargetError
    from archscan.sources.apt import binaries_of_source

    found: list[str] = []
    for target in targets:
        name = target.removeprefix("apt:")
        if name == target or not (whole_source or name.startswith("source:")):
            found.append(target)
            continue
        binaries = binaries_of_source(name.removeprefix("source:"))
        if isinstance(binaries, str):
            raise NoTargetError(f"{target}: {binaries}")
        found += [f"apt:{name}" for name in binaries]
    return found


def _scanned(targets: Sequence[str], db: Path, own_rules: tuple[Path, ...]) -> list[str]:
    """The SHA-256 of each package that the targets mean, read into the database whole."""
    import hashlib

    from archscan.errors import NoTargetError
    from archscan.model import unescape
    from archscan.sources.targets import expanded

    with expanded(targets, sys.stdin.buffer) as found:
        if found.unmatched:
            one = found.unmatched[0]
            raise NoTargetError(f"{one.target}: {one.message}")
        paths = [os.fsdecode(unescape(job.path)) for job in found.jobs]
        scanned.read(paths, db, own_rules, workers=len(paths))
        digests = []
        for path in paths:
            with Path(path).open("rb") as data:
                digests.append(hashlib.file_digest(data, "sha256").hexdigest())
    return digests


def _named(connection: sqlite3.Connection, names: Sequence[str]) -> list[int]:
    """The newest packages that bear the names, or are built of sources that do."""
    from archscan.errors import NoTargetError

    found: dict[tuple[str, str, str], int] = {}
    for name in names:
        sql = "SELECT name, architecture, id FROM current_package WHERE {} = ? ORDER BY version_key, id"
        source = name.removeprefix("source:")
        rows = [] if source != name else connection.execute(sql.format("name"), (name,)).fetchall()
        rows = rows or connection.execute(sql.format("source"), (source,)).fetchall()
        if not rows:
            raise NoTargetError(f"{name}: the database has no package or source of that name, nor is it a file here")
        found.update({(name, package, architecture): package_id for package, architecture, package_id in rows})
    return list(dict.fromkeys(found.values()))


def _with_sources(connection: sqlite3.Connection, ids: Sequence[int], *, whole_source: bool) -> list[int]:
    """The packages, and where it is wanted all that the database has of their sources in the same versions."""
    if not whole_source:
        return list(ids)
    marks = ", ".join("?" for _ in ids)
    sql = (
        "SELECT DISTINCT o.id FROM package p JOIN package o ON o.source = p.source "  # noqa: S608 - only marks
        "AND o.source_version IS p.source_version "
        f"AND (o.architecture = p.architecture OR 'all' IN (o.architecture, p.architecture)) WHERE p.id IN ({marks})"
    )
    return [package_id for (package_id,) in connection.execute(sql, tuple(ids))]


def previous(
    stack: ExitStack, connection: sqlite3.Connection, subject: Subject, target: str | None, own_rules: tuple[Path, ...]
) -> Result:
    """What was lost against an older version: the one that is named, else the next older one of the database."""
    from archscan.audit import beside
    from archscan.errors import NoTargetError

    if target is None:
        return beside.previous(connection, subject, connection, beside.older_ids(connection, subject))
    names = [one.name for one in subject.packages]
    if Path(target).is_file() and not target.endswith((".deb", ".udeb", ".ddeb")):
        older = stack.enter_context(scanned.opened(Path(target)))
        ids = [one for name in names for one in _newest(older, name)]
    else:
        older, found = stack.enter_context(read([target], None, own_rules, whole_source=False))
        marks = ", ".join("?" for _ in found)
        rows = older.execute(f"SELECT id, name FROM package WHERE id IN ({marks})", found)  # noqa: S608 - only marks
        ids = [package_id for package_id, name in rows if name in names]
    if not ids:
        raise NoTargetError(f"--previous {target}: has none of {', '.join(names)}")
    return beside.previous(connection, subject, older, ids)


def _newest(connection: sqlite3.Connection, name: str) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM current_package WHERE name = ? ORDER BY version_key DESC LIMIT 1", (name,)
    )
    return [package_id for (package_id,) in rows]
