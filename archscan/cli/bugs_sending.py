"""``archscan bugs send`` and ``resolve``: what lets bugs leave, and what says whether they did."""

from __future__ import annotations

import os
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from archscan.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.bugs.sending import Letter
    from archscan.bugs.smtp import Smtp
    from archscan.bugs.transport import Transport


class _Ways(TypedDict):
    mbox: Path | None
    sendmail: Path | None
    smtp: str | None
    eml: Path | None
    tls: str | None
    smtp_user: str | None


@click.command(epilog="\b\nExamples:\n  archscan bugs send pie --mbox out.mbox --yes\n"
               "  archscan bugs send pie --smtp mail.example.org:587 --smtp-user jane --rate 20 --yes\n"
               "  archscan bugs send pie --eml to-sign/ --yes         # Launchpad wants them signed")  # fmt: skip
@click.argument("name", metavar="CAMPAIGN")
@click.option("--mbox", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Add them to this mbox.")
@click.option("--sendmail", type=click.Path(path_type=Path, dir_okay=False), is_flag=False, metavar="[PROGRAM]",
              flag_value=Path("/usr/sbin/sendmail"), help="Give them to this machine's mail server.")  # fmt: skip
@click.option("--smtp", metavar="HOST:PORT", help="Give them to this mail server.")
@click.option("--tls", type=click.Choice(["starttls", "implicit", "none"]),
              help="How that is encrypted.  [default: starttls, and none on this machine]")  # fmt: skip
@click.option("--smtp-user", metavar="USER", help="Who that wants; the password is ARCHSCAN_SMTP_PASSWORD.")
@click.option("--eml", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write each to a file, to be signed or pasted.")  # fmt: skip
@click.option("--from", "from_", metavar="SENDER", help="Who sends them.  [default: DEBFULLNAME and DEBEMAIL]")
@click.option("--rate", type=click.IntRange(1, 3600), default=60, show_default=True, metavar="N",
              help="At most so many mails an hour.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many now.")
@click.option("--yes", is_flag=True, help="Send them; without, only say what would be sent.")
@options.database
def send(name: str, from_: str | None, rate: int, limit: int | None, yes: bool, db: Path, **ways: Unpack[_Ways]) -> int:
    """Send the approved bugs of CAMPAIGN. The same command continues after whatever stopped it."""
    from archscan.bugs import campaign as campaigns
    from archscan.bugs import mail, sending
    from archscan.errors import BugError
    from archscan.store import open_store

    sender = mail.sender(from_ or _sender())
    with open_store(db, made=False) as database, _transport(ways) as transport:
        connection, clock = database.conn, sending.Clock(lambda: datetime.now(UTC), time.sleep)
        connection.execute("PRAGMA synchronous = FULL")  # what is under way must be on the disk, whatever fails
        of = campaigns.named(connection, name)
        doubts = 0
        for outcome in sending.settled(connection, transport, clock.now()) if yes else ():
            doubts += outcome.bug.state == "sending"
            click.echo(f"bug {outcome.bug.id}: {_shown(outcome.said)}", err=outcome.bug.state == "sending")
        letters = sending.letters(connection, of, transport)
        hindered = [one for one in letters if one.hindrance]
        ready = [one for one in letters if not one.hindrance][:limit]
        for one in hindered:
            click.echo(f"bug {one.bug.id}: not sent: {_shown(one.hindrance)}", err=True)
        if (obstacle := campaigns.obstacle(of, campaigns.size(connection, of), clock.now().date())) and any(
            one.bug.kind != "control" for one in ready
        ):
            raise BugError(obstacle)
        if not yes:
            _preview(ready, str(sender), transport)
            return 0
        failed = doubts
        for outcome in sending.send(connection, ready, sender, transport, clock, 3600 / rate):
            left = outcome.bug.state == "sent"
            failed += not left
            click.echo(f"bug {outcome.bug.id}: {outcome.bug.state}: {_shown(outcome.said)}", err=not left)
        if not ready:
            click.echo("no approved bug is left to send", err=True)
    return 1 if failed else 0


def _shown(text: str) -> str:
    from archscan.reports.cells import shown

    return shown(text)


def _preview(ready: Sequence[Letter], sender: str, transport: Transport) -> None:
    from archscan.reports.screen import count

    for one in ready:
        to = one.to or "a file of its own"
        click.echo(f"bug {one.bug.id}: to {to}, {one.size:,} bytes: {_shown(one.bug.subject)}")
    click.echo(f"{count(len(ready), 'mail')} would leave from {_shown(sender)} by {_shown(transport.name)}; "
               "nothing did: --yes sends")  # fmt: skip


def _sender() -> str:
    from archscan.errors import UsageError

    address = os.environ.get("DEBEMAIL", "")
    if not address:
        raise UsageError("say who sends, with --from 'Jane Doe <jane@example.org>' or DEBEMAIL")
    name = os.environ.get("DEBFULLNAME", "")
    return address if "<" in address or not name else f"{name} <{address}>"


def _transport(ways: _Ways) -> closing[Smtp] | nullcontext[Transport]:
    """The one way out that was given. Raises UsageError."""
    from archscan.bugs import transport
    from archscan.errors import UsageError

    if sum(ways[key] is not None for key in ("mbox", "sendmail", "smtp", "eml")) != 1:
        raise UsageError("say how they leave, with one of --mbox, --sendmail, --smtp and --eml")
    if ways["mbox"] is not None:
        return nullcontext(transport.Mbox(ways["mbox"]))
    if ways["eml"] is not None:
        return nullcontext(transport.Folder(ways["eml"]))
    if ways["sendmail"] is not None:
        return nullcontext(transport.Sendmail(ways["sendmail"]))
    return closing(_smtp(ways))


def _smtp(ways: _Ways) -> Smtp:
    from archscan.bugs.smtp import Server, Smtp, is_loopback
    from archscan.errors import UsageError

    host, _, port = (ways["smtp"] or "").rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"--smtp {ways['smtp']}: expected HOST:PORT, such as mail.example.org:587")
    tls = ways["tls"] or ("none" if is_loopback(host) else "starttls")
    password = os.environ.get("ARCHSCAN_SMTP_PASSWORD", "")
    if ways["smtp_user"] and not password:
        raise UsageError("--smtp-user: expected the password in ARCHSCAN_SMTP_PASSWORD")
    if ways["smtp_user"] and tls == "none" and not is_loopback(host):
        raise UsageError("--tls none: no password is sent to another machine without encryption")
    return Smtp(Server(host=host, port=int(port), tls=tls, user=ways["smtp_user"], password=password))


@click.command(epilog="\b\nExamples:\n  archscan bugs resolve 7 --not-sent")
@click.argument("number", type=int, metavar="BUG")
@click.option("--sent/--not-sent", "sent", default=None, help="Whether it left.")
@options.database
def resolve(number: int, sent: bool | None, db: Path) -> None:
    """Say what became of a BUG that is in doubt, because something ended while it was sent."""
    from archscan.bugs import record, sending
    from archscan.errors import UsageError
    from archscan.store import open_store

    if sent is None:
        raise UsageError("give --sent or --not-sent")
    with open_store(db, made=False) as database, database.atomic():
        one = sending.resolve(database.conn, record.bug(database.conn, number), datetime.now(UTC), sent=sent)
    click.echo(f"bug {one.id}: {one.state}")
