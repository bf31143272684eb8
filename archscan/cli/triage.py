"""``archscan triage``: what is decided about findings, and what has to be looked at."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from archscan.cli import options
from archscan.model import Severity
from archscan.store.decisions import DEFERRED_DAYS, STATES, WITH_VERSION

if TYPE_CHECKING:
    import sqlite3

    from archscan.triage.decision import Decision
    from archscan.triage.standings import Table

_EPILOG = """\b
Examples:
  archscan triage queue --severity low                      # what needs a look, worst first, and why
  archscan triage set 48 needed --reason "signs updates"
  archscan triage set 8b60fae0 released 1.2-3 --release debian/bookworm
  archscan triage set --rule no-pie --source grub2 waiver --reason "boot code" --authority jane@example.org
  archscan triage list
  archscan triage export -o decisions.txt                   # to keep in git; triage import reads it again

What the states mean, and which decision counts, is in docs/triage.md.
"""

_format = click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table",
                       show_default=True)  # fmt: skip
_days = click.option("--deferred-days", "days", type=click.IntRange(0, 36_500), default=DEFERRED_DAYS,
                     show_default=True, help="How long a deferred finding rests that has no --until.")  # fmt: skip


def _date(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: expected a day as YYYY-MM-DD") from error


_today = click.option("--today", callback=_date, metavar="DATE", help="As it will be, or was, on that day.")


@click.group(epilog=_EPILOG)
def triage() -> None:
    """Decide about findings, and say which need a look."""


class _Given(TypedDict):
    rule: str | None
    source: str | None
    package: str | None
    path: str | None
    versions: str | None
    release: str | None
    reason: str
    authority: str
    until: date | None


@triage.command(
    "set",
    epilog=f"\b\nSTATE is one of {', '.join(STATES[:6])},\n{', '.join(STATES[6:])}.\n"
    "pending and released are followed by the version that mends it.\n\n"
    '\b\nExamples:\n  archscan triage set 48 57 ignored --reason "a test program"\n'
    "  archscan triage set 48 deferred --until 2027-03-01\n"
    "  archscan triage set --rule 'no-*' --path 'usr/lib/debug/*' false-positive --reason \"no code\"",
)
@click.argument("words", nargs=-1, required=True, metavar="[FINDING…] STATE [VERSION]")
@click.option("--rule", metavar="GLOB", help="Instead of FINDING: all findings of these rules,")
@click.option("--source", metavar="GLOB", help="… of these source packages,")
@click.option("--package", metavar="GLOB", help="… in these binary packages,")
@click.option("--path", metavar="GLOB", help="… at these paths; * also stands for slashes.")
@click.option("--version", "versions", metavar="RANGE", help="Only in these versions, such as '>= 1.2, << 2.0'.")
@click.option("--release", metavar="RELEASE", help="Only in this release (debian/bookworm, bookworm) or suite.")
@click.option("--reason", default="", help="Why; ignored, false-positive and waiver need one.")
@click.option(
    "--authority",
    default="",
    envvar="ARCHSCAN_AUTHORITY",
    show_envvar=True,
    help="Who decides, or works on it; waiver and in-progress need one.",
)
@click.option("--until", callback=_date, metavar="DATE", help="The last day on which this holds.")
@options.database
def set_decision(words: tuple[str, ...], db: Path, **given: Unpack[_Given]) -> None:
    """Decide about each FINDING, or about all that the globs select, also in future scans.

    FINDING is a number, or six and more digits of a fingerprint, as `archscan triage queue` and `archscan query
    findings` show them. Decisions are never changed or deleted: a later one takes the place of an earlier one.
    """
    from archscan.store import open_store
    from archscan.triage.record import decide

    findings, state, version = _split(words)
    now = datetime.now(UTC)
    with open_store(db, made=False) as database:
        connection = database.conn
        last = connection.execute("SELECT coalesce(max(id), 0) FROM decision").fetchone()[0]
        with database.atomic():
            wanted = _decisions(connection, findings, state, version, given)
            made = [decide(connection, one, now) for one in wanted]
        for line in _effects(connection, len(made), last, now.date()):
            click.echo(line)


def _split(words: tuple[str, ...]) -> tuple[tuple[str, ...], str, str | None]:
    """FINDINGs, STATE and VERSION."""
    if len(words) > 1 and words[-2] in WITH_VERSION:
        return words[:-2], words[-2], words[-1]
    if words[-1] not in STATES:
        raise click.UsageError(f"{words[-1]!r}: expected as the last word a state: {', '.join(STATES)}")
    if words[-1] in WITH_VERSION:
        raise click.UsageError(f"{words[-1]}: expected the version after it, as in `{words[-1]} 1.2-3`")
    return words[:-1], words[-1], None


def _decisions(
    connection: sqlite3.Connection, findings: tuple[str, ...], state: str, version: str | None, given: _Given
) -> list[Decision]:
    from archscan.errors import UsageError
    from archscan.reports.finding import named
    from archscan.triage.decision import Decision
    from archscan.triage.standings import is_privileged

    globs: dict[str, Any] = {name: given[name] for name in ("rule", "source", "package", "path")}
    if globs["path"]:
        globs["path"] = globs["path"].lstrip("/")
    if bool(findings) == any(value is not None for value in globs.values()):
        raise UsageError("give either FINDINGs, or --rule, --source, --package and --path")
    plain: dict[str, Any] = {
        "state": state, "version": version, "versions": given["versions"], "release": given["release"],
        "reason": given["reason"].strip(), "authority": given["authority"].strip(),
        "until": given["until"].isoformat() if given["until"] else None,
    }  # fmt: skip
    if not findings:
        return [Decision(**globs, **plain)]
    found = {row["fingerprint"]: row for row in (named(connection, name) for name in findings)}
    for row in found.values():
        if state != "needs-triage" and not plain["authority"] and is_privileged(connection, row["id"]):
            raise UsageError(f"finding {row['id']} is about a privileged program; say who decides with --authority")
    return [Decision(fingerprint=one, **plain) for one in found]


def _effects(connection: sqlite3.Connection, made: int, last: int, today: date) -> list[str]:
    from archscan.reports.screen import count
    from archscan.triage.standings import effects

    lines = []
    decided, reasons = effects(connection, last, today)
    lines.append(f"{count(made, 'decision')} made: {count(decided, 'open finding')} decided")
    lines += [f"{count(number, 'open finding')} not: {reason}" for reason, number in reasons.items()]
    if not decided and not reasons:
        lines.append("no finding that is open now is meant; what later scans find may be")
    return lines


@triage.command("list")
@click.option("--all", "every", is_flag=True, help="Also what was replaced or has expired.")
@_days
@_today
@_format
@options.database
def list_decisions(every: bool, days: int, today: date | None, form: str, db: Path) -> None:
    """List the decisions in force, the newest first, and how many open findings each decides."""
    from archscan.reports import database
    from archscan.triage.standings import listed

    with database.opened(db) as connection:
        _print(listed(connection, _day(today), days, every=every), form)


@triage.command("queue")
@click.option(
    "--severity",
    type=click.Choice([str(word) for word in Severity]),
    default="negligible",
    show_default=True,
    help="The least severity to list.",
)
@click.option("--rule", metavar="GLOB", default="*", help="Only findings of these rules.")
@click.option("--source", metavar="GLOB", default="*", help="Only findings of these source packages.")
@click.option("--limit", type=click.IntRange(1, 10_000_000), default=50, show_default=True, help="How many at most.")
@_days
@_today
@_format
@options.database
def list_queue(
    severity: str, rule: str, source: str, limit: int, days: int, today: date | None, form: str, db: Path
) -> None:
    """List the open findings that need a look, worst first: new ones, and those that are back, and why."""
    from archscan.reports import database
    from archscan.triage.standings import Asked, queue

    asked = Asked(rule=rule, source=source, severity=Severity(severity), limit=limit)
    with database.opened(db) as connection:
        columns, rows = queue(connection, asked, _day(today), days)
    _print((columns, rows[:limit]), form)
    if len(rows) > limit:
        click.echo(f"the first {limit:,}; there are more: --limit, --severity, --rule, --source", err=True)


@triage.command("export")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output.")
@options.database
def export_decisions(output: Path | None, db: Path) -> None:
    """Write all decisions as text that can live in git: sorted, a paragraph each."""
    from archscan.reports import database
    from archscan.reports.output import replaced, standard_output
    from archscan.triage.record import decisions
    from archscan.triage.text import text

    with database.opened(db) as connection:
        if output is None:
            standard_output(exact=True).writelines(text(decisions(connection)))
            return
        with replaced(output) as stream:
            stream.writelines(text(decisions(connection)))


@triage.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE")
@options.database
def import_decisions(file: Path, db: Path) -> None:
    """Add the decisions of FILE (- for standard input) that are not there yet; all of them, or none."""
    from archscan.errors import DecisionError
    from archscan.reports.screen import count
    from archscan.store import open_store
    from archscan.triage.record import add
    from archscan.triage.text import MOST_BYTES, parsed

    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DecisionError(f"{file}: cannot be read: {error.strerror}") from error
    found = parsed(str(file), data)
    with open_store(db, made=False) as database, database.atomic():
        added = add(database.conn, found)
    click.echo(f"{count(added, 'decision')} added, {len(found) - added:,} known already")


def _day(today: date | None) -> date:
    return today or datetime.now(UTC).date()


def _print(table: Table, form: str) -> None:
    from archscan.reports import answers
    from archscan.reports.output import standard_output
    from archscan.reports.queries import Answer

    columns, rows = table
    count = answers.write(Answer(columns, iter(rows)), standard_output(exact=form != "table"), form)
    if count == 0 and form == "table":
        click.echo("no rows", err=True)
