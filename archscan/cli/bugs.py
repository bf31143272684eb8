"""``archscan bugs``: bugs drafted, reviewed, sent and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from archscan.cli import options
from archscan.cli.bugs_replies import sync
from archscan.cli.bugs_sending import resolve, send
from archscan.store.bugs import STATES

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from archscan.bugs.campaign import Campaign
    from archscan.bugs.drafting import Drafted
    from archscan.bugs.material import Left, Material
    from archscan.bugs.record import Bug

_EPILOG = """\b
Examples:
  archscan bugs draft pie --rule no-pie --suite sid --user jane@example.org
  archscan bugs review                                  # one after the other
  archscan bugs announcement pie                        # for more than ten
  archscan bugs announce pie --url https://lists.example.org/1 --date 2026-05-01
  archscan bugs send pie --mbox out.mbox --from "Jane Doe <jane@example.org>" --yes
  archscan bugs sync --mbox replies.mbox

Nothing leaves without --yes. What is done for whom, and in which order, is in docs/bugs.md.
"""


@click.group(epilog=_EPILOG)
def bugs() -> None:
    """Draft bugs from findings, review and send them, and read what became of them."""


class _Campaign(TypedDict):
    rule: str | None
    source: str | None
    target: str | None
    user: str | None
    usertags: tuple[str, ...]
    copies: tuple[str, ...]
    most: str | None
    team_from: int | None


@bugs.command(epilog="\b\nExamples:\n  archscan bugs draft pie --rule no-pie --suite sid --user jane@example.org\n"
              "  archscan bugs draft pie                       # again, after another scan")  # fmt: skip
@click.argument("name", metavar="CAMPAIGN")
@click.option("--rule", metavar="GLOB", help="Only families of rules that fit.")
@click.option("--source", metavar="GLOB", help="Only source packages that fit.")
@click.option("--suite", metavar="SUITE", help="The development suite, where the database cannot tell it.")
@click.option("--user", envvar="DEBEMAIL", show_envvar=True, metavar="ADDRESS", help="Whose usertags they get.")
@click.option("--usertag", "usertags", multiple=True, metavar="TAG", help="Instead of the name of the campaign.")
@click.option("--cc", "copies", multiple=True, metavar="ADDRESS", help="Who gets a copy (X-Debbugs-CC).")
@click.option("--severity", "most", type=click.Choice(["wishlist", "minor", "normal"]), help="At most so severe.")
@click.option("--team-from", type=click.IntRange(2, 10_000), metavar="N",
              help="From so many packages on a maintainer gets one mail with a list.  [default: 5]")  # fmt: skip
@click.option("--to", "target", type=click.Choice(["debian", "launchpad", "upstream"]),
              help="Where to, instead of what the version tells.")  # fmt: skip
@click.option("--possible", is_flag=True, help="Also of findings that are only possible.")
@click.option("--list", "listed", is_flag=True, help="Also name each finding that is not drafted.")
@options.database
@options.rules
def draft(
    name: str, suite: str | None, possible: bool, listed: bool, db: Path, own_rules: tuple[Path, ...],
    **given: Unpack[_Campaign],
) -> None:  # fmt: skip
    """Make drafts of CAMPAIGN, or bring them up to date, and say why other findings have none.

    One bug for each source package and family of rules, of what is open in the suite's current version.
    """
    from archscan.bugs import campaign as campaigns
    from archscan.bugs import suite as suites
    from archscan.bugs.drafting import draft as drafted
    from archscan.bugs.material import Asked, material
    from archscan.bugs.text import templates
    from archscan.cli.data import data_directory, rule_directories
    from archscan.rules.load import load
    from archscan.store import open_store

    book, now = load(rule_directories(own_rules)), datetime.now(UTC)
    environment = templates(data_directory("reports") / "bugs")
    with open_store(db, made=False) as database:
        connection = database.conn
        before = campaigns.campaign(connection, name)
        found = suites.suite(connection, book.distributions, suite or (before.suite if before else None))
        wanted = _campaign(before, name, found.name, given)
        caps = {rule.id: rule.bug for rule in book.rules if rule.bug}
        asked = Asked(rules=wanted.rules, sources=wanted.sources, caps=caps, most=wanted.most, target=wanted.target,
                      possible=possible)  # fmt: skip
        made = material(connection, found, asked, now.date())
        with database.atomic():
            kept = campaigns.keep(connection, wanted, now)
            done = drafted(connection, environment, kept, made.matters, now)
        _say(connection, kept, made, done, listed=listed)


def _campaign(before: Campaign | None, name: str, suite: str, given: _Campaign) -> Campaign:
    """The campaign as it is asked for: what is not given stays as it was."""
    import msgspec
    from click.core import ParameterSource

    from archscan.bugs.campaign import Campaign, checked
    from archscan.errors import UsageError

    values: dict[str, Any] = {"rules": given["rule"], "sources": given["source"], "suite": suite}
    values |= {key: given[key] for key in ("target", "user", "usertags", "copies", "most", "team_from")}
    values = {key: value for key, value in values.items() if value not in (None, ())}
    if before is not None:
        if click.get_current_context().get_parameter_source("user") is ParameterSource.ENVIRONMENT:
            values.pop("user", None)  # it is who makes a campaign, not who looks at it later
        return checked(msgspec.structs.replace(before, **values))
    if "user" not in values:
        raise UsageError("say whose usertags the bugs get, with --user ADDRESS or DEBEMAIL")
    return checked(Campaign(name=name, **{"usertags": (name,), **values}))


def _say(connection: sqlite3.Connection, of: Campaign, made: Material, done: Drafted, *, listed: bool) -> None:
    from archscan.bugs import campaign as campaigns
    from archscan.bugs import record
    from archscan.bugs.material import REASONS, counted
    from archscan.reports.screen import count

    left = (*made.left, *done.reported)
    told = [f"{count(len(done.new), 'bug')} drafted"]
    names = {"anew": "written anew", "same": "as before", "edited": "edited by hand, and left so",
             "dropped": "skipped, with nothing left to report"}  # fmt: skip
    told += [f"{len(getattr(done, key)):,} {text}" for key, text in names.items() if getattr(done, key)]
    click.echo(f"campaign {of.name}, suite {of.suite}: {', '.join(told)}")
    for reason, number in counted(left, made.slight):
        click.echo(f"  {count(number, 'finding')} not drafted: {REASONS[reason]}")
    if any(one.reason == "rebuild" for one in left) or made.slight.get("rebuild"):
        click.echo("  the list of rebuilds: archscan query rebuilds")
    for one in left if listed else [one for one in left if one.reason == "placeless"]:
        click.echo(_left(one))
    for text in done.unwritten:
        click.echo(f"  no text could be made: {_shown(text)}")
    unsent = record.bugs(connection, "b.campaign_id = ? AND b.state IN ('drafted', 'approved')", (of.id,))
    for bug in unsent:
        if bug.human:
            click.echo(f"  bug {bug.id} needs a human: {bug.human}")
    number = campaigns.size(connection, of) + sum(bug.state == "drafted" for bug in unsent)
    if obstacle := campaigns.obstacle(of, number, datetime.now(UTC).date()):
        click.echo(f"if all are approved: {obstacle}")


def _left(one: Left) -> str:
    from archscan.bugs.evidence import cut
    from archscan.bugs.material import REASONS

    place = cut(f"{one.source} {one.path} {one.subject}")
    return f"  finding {one.finding} ({one.rule}) {place}: {REASONS[one.reason]}"


@bugs.command("list", epilog="\b\nExamples:\n  archscan bugs list --state approved")
@click.option("--campaign", "name", metavar="CAMPAIGN", help="Only of this campaign.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@options.database
def list_bugs(name: str | None, state: str | None, form: str, db: Path) -> None:
    """List the bugs with their states and numbers."""
    from archscan.bugs import record
    from archscan.reports import answers, database
    from archscan.reports.output import standard_output
    from archscan.reports.queries import Answer

    columns = ("id", "campaign", "state", "target", "number", "severity", "source", "version", "family", "subject",
               "human")  # fmt: skip
    with database.opened(db) as connection:
        found = record.bugs(
            connection, "c.name = coalesce(?, c.name) AND b.state = coalesce(?, b.state)", (name, state)
        )
    rows = [tuple(getattr(one, column) for column in columns) for one in found]
    if (
        answers.write(Answer(columns, iter(rows)), standard_output(exact=form != "table"), form) == 0
        and form == "table"
    ):
        click.echo("no bugs", err=True)


@bugs.command(epilog="\b\nExamples:\n  archscan bugs show 3 --history")
@click.argument("number", type=int, metavar="BUG")
@click.option("--history", is_flag=True, help="What happened to it, too.")
@click.option("--attached", is_flag=True, help="The evidence that found no room in the text, instead of that.")
@options.database
def show(number: int, history: bool, attached: bool, db: Path) -> None:
    """Print the text of a draft as it would be sent."""
    from archscan.bugs import record
    from archscan.reports import database
    from archscan.reports.output import standard_output

    with database.opened(db) as connection:
        one = record.bug(connection, number)
        events = record.history(connection, number) if history else []
    out = standard_output(exact=True)
    out.write(one.attached if attached else one.text)
    out.writelines(f"{at} {state}{f': {_shown(said)}' if said else ''}\n" for at, state, said in events)


def _shown(text: str) -> str:
    from archscan.reports.cells import shown

    return shown(text)


@bugs.command(epilog="\b\nExamples:\n  archscan bugs review\n  archscan bugs review 3 4 --approve\n"
              '  archscan bugs review 5 --skip "upstream knows"\n'
              "  archscan bugs review 6 --edit better.txt")  # fmt: skip
@click.argument("numbers", type=int, nargs=-1, metavar="[BUG…]")
@click.option("--campaign", "name", metavar="CAMPAIGN", help="Those of a campaign that wait for it.")
@click.option("--approve", is_flag=True, help="They may be sent.")
@click.option("--skip", metavar="REASON", help="They are not to be sent.")
@click.option("--edit", "file", type=click.File("r", encoding="utf-8"), metavar="FILE",
              help="Take the text of the file (- for standard input) for that of the bug.")  # fmt: skip
@click.option("--anyway", is_flag=True, help="Though a bug of the same source package is near.")
@options.database
def review(
    numbers: tuple[int, ...], name: str | None, approve: bool, skip: str | None, file: Any, anyway: bool, db: Path
) -> int:
    """Approve, skip or edit drafts; without an option, ask about each that waits."""
    from archscan.bugs import drafting, record
    from archscan.bugs import review as reviewing
    from archscan.errors import BugError, UsageError
    from archscan.store import open_store

    if sum((approve, skip is not None, file is not None)) > 1:
        raise UsageError("give one of --approve, --skip and --edit")
    with open_store(db, made=False) as database:
        connection, now = database.conn, datetime.now(UTC)
        chosen = [record.bug(connection, number) for number in numbers]
        if not chosen:
            chosen = record.bugs(connection, "b.state = 'drafted' AND c.name = coalesce(?, c.name)", (name,))
        if file is not None and len(chosen) != 1:
            raise UsageError("--edit: give the one BUG whose text that is")
        refused = 0
        for one in chosen:
            try:
                with database.atomic():
                    if file is not None:
                        done = drafting.edited(connection, one, file.read(), now)
                    elif skip is not None:
                        done = reviewing.skip(connection, one, skip, now)
                    elif approve:
                        done = reviewing.approve(connection, one, now, anyway=anyway)
                    elif (answer := _asked(connection, one)) is None:
                        return 0
                    else:
                        done = answer
            except BugError as error:
                refused += 1
                click.echo(f"archscan: {_shown(str(error))}", err=True)
                continue
            click.echo(f"bug {done.id}: {done.state}")
        if not chosen:
            click.echo("no draft waits for review", err=True)
    return 1 if refused else 0


def _asked(connection: sqlite3.Connection, one: Bug) -> Bug | None:
    """What somebody at the terminal says about a draft: the bug afterwards, None for no more."""
    from archscan.bugs import drafting
    from archscan.bugs import review as reviewing
    from archscan.errors import BugError

    while True:
        click.echo(f"\n--- bug {one.id}, campaign {one.campaign}, to {one.target}\n{one.text}---")
        if one.human:
            click.echo(f"needs a human: {one.human}")
        for alike in reviewing.near(connection, one):
            click.echo(f"may be known: {_shown(alike)}")
        answer = click.prompt("[a]pprove, [s]kip, [e]dit, [l]ater, [q]uit", type=click.Choice(list("aselq")),
                              show_choices=False)  # fmt: skip
        now = datetime.now(UTC)
        try:
            if answer == "a":
                return reviewing.approve(connection, one, now, anyway=True)  # what is near was shown
            if answer == "s":
                return reviewing.skip(connection, one, click.prompt("why", default="", show_default=False), now)
            if answer == "e" and (written := click.edit(one.text, extension=".txt")) is not None:
                one = drafting.edited(connection, one, written, now)
        except BugError as error:
            click.echo(f"{error}", err=True)
        if answer in "lq":
            return one if answer == "l" else None


@bugs.command(epilog="\b\nExamples:\n  archscan bugs announcement pie --sources Sources.xz")
@click.argument("name", metavar="CAMPAIGN")
@click.option("--sources", "files", type=click.Path(path_type=str), multiple=True, metavar="FILE",
              help="Sources indices for the list of maintainers, instead of what scans read.")  # fmt: skip
@options.database
def announcement(name: str, files: tuple[str, ...], db: Path) -> None:
    """Print the announcement of a campaign for debian-devel, with the list of packages that dd-list makes."""
    from archscan.bugs.announcement import announcement as written
    from archscan.cli.data import data_directory
    from archscan.reports import database
    from archscan.reports.output import standard_output

    with database.opened(db) as connection:
        standard_output(exact=True).write(written(connection, data_directory("reports") / "bugs", name, files))


@bugs.command(epilog="\b\nExamples:\n  archscan bugs announce pie --url https://lists.example.org/1 --date 2026-05-01")
@click.argument("name", metavar="CAMPAIGN")
@click.option("--url", required=True, metavar="URL", help="Where it can be read.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), required=True, metavar="DATE", help="When it was sent."
)
@options.database
def announce(name: str, url: str, day: datetime, db: Path) -> None:
    """Record that a campaign was announced; its bugs may be sent a week later."""
    from archscan.bugs import campaign as campaigns
    from archscan.store import open_store

    now = datetime.now(UTC)
    with open_store(db, made=False) as database, database.atomic():
        found = campaigns.announced(campaigns.named(database.conn, name), url, day.date(), now.date())
        campaigns.keep(database.conn, found, now)
        number = campaigns.size(database.conn, found)
        said = campaigns.obstacle(found, max(number, campaigns.FREE + 1), now.date()) or "its bugs may be sent"
    click.echo(f"recorded; {said}")


for command in (send, resolve, sync):
    bugs.add_command(command)
