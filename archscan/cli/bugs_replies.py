"""``archscan bugs sync``: what became of bugs, and what to say to that."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from archscan.cli import options


@click.command(epilog="\b\nExamples:\n  archscan bugs sync --mbox replies.mbox\n"
               "  archscan bugs sync --debianbts --look\n"
               "  archscan bugs sync --status bugs.json")  # fmt: skip
@click.option("--mbox", "mailboxes", type=click.Path(path_type=Path, dir_okay=False), multiple=True, metavar="FILE",
              help="Mails that came back: acknowledgements, copies, closings.")  # fmt: skip
@click.option("--status", "files", type=click.Path(path_type=Path, dir_okay=False), multiple=True, metavar="FILE",
              help="What trackers say, as JSON.")  # fmt: skip
@click.option("--debianbts", is_flag=True, help="Ask the Debian bug tracking system (extra `bugs`).")
@click.option("--bts-url", metavar="URL", help="Another SOAP server to ask.")
@click.option("--look", is_flag=True, help="Ask also for open bugs of source packages with drafts.")
@options.database
def sync(
    mailboxes: tuple[Path, ...], files: tuple[Path, ...], debianbts: bool, bts_url: str | None, look: bool, db: Path
) -> None:
    """Read what became of bugs, and draft what to say to that: close, where all of a bug is fixed, or found.

    Proposals are drafts, to be reviewed and sent as others. Without an option, only they are made.
    """
    from archscan.bugs import campaign as campaigns
    from archscan.bugs import proposals, reading, tracker
    from archscan.bugs.replies import replies
    from archscan.bugs.text import templates
    from archscan.cli.data import data_directory
    from archscan.errors import UsageError
    from archscan.reports.cells import shown
    from archscan.reports.screen import count
    from archscan.store import open_store

    if (bts_url or look) and not debianbts:
        raise UsageError("--bts-url and --look go with --debianbts")
    asked = tracker.debian(bts_url) if debianbts else None
    statuses = [one for file in files for one in tracker.read(file)]
    mails = [one for file in mailboxes for one in replies(file)]
    now, environment = datetime.now(UTC), templates(data_directory("reports") / "bugs")
    with open_store(db, made=False) as database:
        connection = database.conn
        with database.atomic():
            told = list(reading.take(connection, mails, now))
        if asked is not None:
            statuses += reading.ask(connection, asked, campaigns.campaigns(connection), look=look)
        with database.atomic():
            told += reading.learn(connection, statuses, now)
            proposed = list(proposals.propose(connection, environment, now))
    for line in (*told, *proposed):
        click.echo(shown(line))
    read = f"{count(len(mails), 'reply', 'replies')} and {count(len(statuses), 'status', 'statuses')} read"
    click.echo(f"{read}, {count(len(told), 'change')}, {count(len(proposed), 'proposal')}", err=not (told or proposed))
