"""Messages: a bug as a mail whose headers nobody can add to, and whose lines no server has to break."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

import msgspec

from archscan.bugs.checks import address, checked, subject_and_body
from archscan.errors import BugError

if TYPE_CHECKING:
    from archscan.bugs.record import Bug

# Headers are folded where the standard wants it; names in Message-IDs are not words that may be encoded.
_POLICY = SMTP.clone(max_line_length=78)

SUBMIT = "submit@bugs.debian.org"
MANY = "maintonly@bugs.debian.org"
"""Where bugs go of which there are many: to the maintainer, and to no mailing list."""

LAUNCHPAD = "new@bugs.launchpad.net"
CONTROL = "control@bugs.debian.org"


class Sender(msgspec.Struct, frozen=True):
    """Who sends: a name, which may be empty, and an address."""

    name: str
    address: str

    def __str__(self) -> str:
        """As a header has it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def sender(text: str) -> Sender:
    """The sender that ``Name <address>`` or a plain address means. Raises BugError."""
    name, less, rest = text.strip().rpartition("<")
    if not less:
        return Sender("", address(text.strip()))
    if not rest.endswith(">") or not name.isprintable():
        raise BugError(f"expected a sender such as Jane Doe <jane@example.org>, got {text[:80]!a}")
    return Sender(name.strip().strip('"').strip(), address(rest[:-1].strip()))


def recipient(one: Bug, *, many: bool) -> str:
    """The address a bug is sent to; ``many`` where its campaign is one that had to be announced."""
    if one.recipient:
        return address(one.recipient)
    if one.target == "debian":
        return MANY if many else SUBMIT
    if one.target == "launchpad":
        return LAUNCHPAD
    raise BugError(f"bug {one.id} goes upstream, to a tracker that archscan does not know: --eml DIR writes its text")


def message_id(one: Bug, from_: Sender) -> str:
    """The Message-ID of a bug: always the same for what it is about, so that a second copy is known to be one."""
    return f"<archscan.{one.fingerprint[:40]}@{from_.address.partition('@')[2]}>"


def message(one: Bug, from_: Sender, to: str, at: datetime, name: str) -> EmailMessage:
    """The mail of a bug, with ``name`` as its Message-ID. Raises BugError for what may not leave."""
    subject, body = subject_and_body(checked(one.text, one.target, one.kind))
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(from_.name, addr_spec=from_.address)
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = name
    mail["X-Archscan-Fingerprint"] = one.fingerprint
    # Never 8bit, which not every server takes; never base64, in which nobody sees pseudo-headers.
    mail.set_content(body, charset="utf-8", cte="7bit" if body.isascii() else "quoted-printable")
    if one.attached and one.target == "debian":
        mail.add_attachment(one.attached, subtype="plain", charset="utf-8", filename="evidence.txt",
                            cte="quoted-printable")  # fmt: skip
        mail.set_boundary(f"archscan-{one.fingerprint[:40]}")  # the same bytes whenever it is made
    return mail


def wire(mail: EmailMessage) -> bytes:
    """The mail as it goes over the wire, with CR LF; no line is longer than 998 bytes."""
    data = mail.as_bytes(policy=_POLICY)
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    return data
