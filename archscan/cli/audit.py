"""``archscan audit``: the documents that are written about a package before it is let in."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archscan.cli import options

if TYPE_CHECKING:
    import sqlite3

    from archscan.audit import Result, Subject

_EPILOG = """\b
Examples:
  archscan audit sudo_1.9.15p5-3_amd64.deb
  archscan audit apt:cups-daemon --whole-source --template mir-reviewer --promote cups-daemon
  archscan audit openssh --db archive.db --template security --format html -o openssh.html

The exit code is 11 where a package could not be read whole: the document says what is missing.
"""
_PARTLY = 11


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@click.option(
    "--template", type=click.Choice(["mir-reporter", "mir-reviewer", "security"]), default="security", show_default=True
)
@click.option("--promote", metavar="BIN,…", help="Which binaries are to be promoted; the others are named as held.")
@click.option("--whole-source", is_flag=True, help="All binaries that the sources of the targets build.")
@click.option("--previous", metavar="TARGET", help="An older package, folder or database to hold it against.")
@click.option(
    "--index", "indices", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
    help="A Packages file: which component dependencies are in.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["markdown", "html", "json"]), default="markdown", show_default=True
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file, whole or not at all.")
@options.database
@options.rules
@click.pass_context
def audit(
    context: click.Context, targets: tuple[str, ...], template: str, promote: str | None, whole_source: bool,
    previous: str | None, indices: tuple[Path, ...], form: str, output: Path | None, db: Path,
    own_rules: tuple[Path, ...],
) -> int:  # fmt: skip
    """Fill in the form of a main inclusion report, of its review, or of the security team's audit.

    TARGET is a package, a folder of packages, apt:NAME, or the name of a package or source in the database. Without
    --db, packages are read into a database that is gone afterwards. Lines that a person must decide stay TODO.
    """
    from archscan import audit as audits
    from archscan.audit import beside, dependencies
    from archscan.cli.data import data_directory
    from archscan.reports.audits import write
    from archscan.reports.output import replaced, standard_output

    folder = data_directory("reports") / "audit"
    forms = audits.load(folder)
    given = context.get_parameter_source("db") is not click.core.ParameterSource.DEFAULT
    with ExitStack() as stack:
        connection, ids = stack.enter_context(
            _read(targets, db if given else None, own_rules, whole_source=whole_source)
        )
        subject = audits.chosen(connection, ids, tuple(filter(None, (promote or "").split(","))))
        found = audits.results(connection, subject, forms)
        components = dependencies.of_indices(indices) if indices else dependencies.of_database(connection)
        found["dependencies"] = dependencies.dependencies(connection, subject, components)
        found["previous"] = _previous(stack, connection, subject, previous, own_rules)
        found["norm"] = beside.norm(connection)
        document = audits.document(template, forms, subject, found)
        to_file = output is not None and str(output) != "-"
        stream = stack.enter_context(replaced(output)) if to_file and output else standard_output(exact=True)
        write(document, stream, form, folder)
    return _PARTLY if subject.missing else 0


@contextmanager
def _read(
    targets: Sequence[str], db: Path | None, own_rules: tuple[Path, ...], *, whole_source: bool
) -> Iterator[tuple[sqlite3.Connection, list[int]]]:
    """A database in which the targets were read, and the numbers of the packages that they mean."""
    names = [target for target in targets if _is_name(target)]
    files = [target for target in targets if not _is_name(target)]
    if not files:
        with _opened(db or Path("archscan.db")) as connection:
            yield connection, _with_sources(connection, _named(connection, names), whole_source=whole_source)
        return
    with ExitStack() as stack:
        if db is None:
            db = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="archscan-"))) / "audited.db"
        digests = _scanned(_widened(files, whole_source=whole_source), db, own_rules)
        connection = stack.enter_context(_opened(db))
        marks = ", ".join("?" for _ in digests)
        rows = connection.execute(f"SELECT id FROM package WHERE sha256 IN ({marks})", digests)  # noqa: S608 - only marks
        ids = [*(package_id for (package_id,) in rows), *_named(connection, names)]
        yield connection, _with_sources(connection, ids, whole_source=whole_source)


def _is_name(target: str) -> bool:
    """Whether a target is the name of a package or a source, and nothing on disk."""
    import re

    return re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", target) is not None and not os.path.lexists(target)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    from archscan.reports import database

    with database.opened(path) as connection:
        yield connection


def _widened(targets: Sequence[str], *, whole_source: bool) -> list[str]:
    """The targets, each apt:NAME with all that its source builds."""
    from archscan.errors import NoTargetError
    from archscan.sources.apt import binaries_of_source

    found: list[str] = []
    for target in targets:
        if not whole_source or not target.startswith("apt:"):
            found.append(target)
            continue
        binaries = binaries_of_source(target.removeprefix("apt:"))
        if isinstance(binaries, str):
            raise NoTargetError(f"{target}: {binaries}")
        found += [f"apt:{name}" for name in binaries]
    return found


def _scanned(targets: Sequence[str], db: Path, own_rules: tuple[Path, ...]) -> list[str]:
    """The SHA-256 of each package that the targets mean, read into the database whole."""
    import hashlib

    from archscan import scan as flow
    from archscan.cli.data import rule_directories
    from archscan.cli.installed import installed
    from archscan.errors import NoTargetError
    from archscan.model import unescape
    from archscan.sources.targets import expanded

    with expanded(targets, sys.stdin.buffer) as found:
        if found.unmatched:
            one = found.unmatched[0]
            raise NoTargetError(f"{one.target}: {one.message}")
        paths = [os.fsdecode(unescape(job.path)) for job in found.jobs]
        chosen = flow.Options(
            database=db,
            data=rule_directories(own_rules),
            command=shlex.join(["archscan", *sys.argv[1:]]).encode("utf-8", "backslashreplace").decode(),
            workers=min(len(os.sched_getaffinity(0)), len(paths)),
            thorough=True,
            installed=installed,
        )
        flow.scan(paths, chosen, sys.stdin.buffer)
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
        rows = connection.execute(sql.format("name"), (name,)).fetchall()
        rows = rows or connection.execute(sql.format("source"), (name,)).fetchall()
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


def _previous(
    stack: ExitStack, connection: sqlite3.Connection, subject: Subject, target: str | None, own_rules: tuple[Path, ...]
) -> Result:
    """What was lost against an older version: the one that is named, else the next older one of the database."""
    from archscan.audit import beside
    from archscan.errors import NoTargetError

    if target is None:
        return beside.previous(connection, subject, connection, beside.older_ids(connection, subject))
    names = [one.name for one in subject.packages]
    if Path(target).is_file() and not target.endswith((".deb", ".udeb", ".ddeb")):
        older = stack.enter_context(_opened(Path(target)))
        ids = [one for name in names for one in _newest(older, name)]
    else:
        older, found = stack.enter_context(_read([target], None, own_rules, whole_source=False))
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
