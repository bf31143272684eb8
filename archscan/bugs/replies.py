"""Mails that came back: acknowledgements, copies of our bugs, closings, and what could not be delivered.

Whoever can write to the mailbox can write such mails, so a reply counts only if it names the Message-ID or the
fingerprint of a bug of ours, or a number that one has; nothing in it is ever run, shown or sent as it is.
"""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from archscan.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

_MOST_MAIL = 4 << 20  # bytes of a mail that are looked at
_LONGEST_LINE = 1 << 16
_PR = re.compile(r"([a-z-]{1,40})[ \t]+([1-9][0-9]{0,8})")
_ID = re.compile(r"<archscan\.[0-9a-f]{40}@[A-Za-z0-9.-]{1,255}>")
_FINGERPRINT = re.compile(rb"(?m)^archscan-fp: ([0-9a-f]{64})\r?$")
_LAUNCHPAD = re.compile(r"<?([1-9][0-9]{0,8})@bugs\.launchpad\.net>?")
_STATUS = re.compile(r"status=([A-Za-z' ()]{1,40});")
_VERSION = re.compile(rb"(?m)^Version: ([0-9A-Za-z.+~:-]{1,200})\r?$")

_ACKS = ("ack", "ack-quiet", "ack-maintonly")
_CLOSED = ("closed", "they-closed", "they-closed-control")
_DONE = ("Fix Released", "Invalid", "Opinion", "Expired", "Won't Fix")


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says of a bug. ``kind``: ``ack``, ``report``, ``closed`` or ``bounced``.

    ``names`` are Message-IDs of ours that it answers, ``fingerprint`` that of the bug it quotes whole, ``version`` that
    in which it was closed. ``wontfix``: the tracker says so.
    """

    kind: str
    tracker: str
    number: int | None = None
    names: tuple[str, ...] = ()
    fingerprint: str = ""
    version: str = ""
    wontfix: bool = False


def replies(path: Path) -> Iterator[Reply]:
    """What the mails of a mailbox (mbox(5)) say of bugs; others are passed over. Raises BugError."""
    try:
        for data in _mails(path):
            found = reply(data)
            if found is not None:
                yield found
    except OSError as error:
        raise BugError(f"{path}: cannot be read: {error.strerror}") from error


def _mails(path: Path) -> Iterator[bytes]:
    """The mails of a mailbox, one at a time, the beginning of each where it is very long."""
    lines: list[bytes] = []
    size, blank = 0, True
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            if blank and line.startswith(b"From "):
                if lines:
                    yield b"".join(lines)
                lines, size = [], 0
            elif size < _MOST_MAIL:
                lines.append(line)
                size += len(line)
            blank = line in (b"\n", b"\r\n")
    if lines:
        yield b"".join(lines)


def reply(data: bytes) -> Reply | None:
    """What one mail says; None where it is about no bug."""
    # Of the old policy, which gives headers as they are: the new one parses them, and hostile ones can stop it.
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    names = tuple(dict.fromkeys(_ID.findall(f"{_header(message, 'In-Reply-To')} {_header(message, 'References')}")))
    match = _PR.match(_header(message, "X-Debian-PR-Message"))
    if match:
        return _debian(message, match[1], int(match[2]), names)
    if _header(message, "X-Launchpad-Bug"):
        return _launchpad(message, names)
    if message.get_content_type() == "multipart/report":
        return _bounced(message)
    return None


def _header(message: Message, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())[:4000]


def _debian(message: Message, what: str, number: int, names: tuple[str, ...]) -> Reply | None:
    keywords = _header(message, "X-Debian-PR-Keywords").split()
    if what in _ACKS and names:
        return Reply(kind="ack", tracker="debian", number=number, names=names)
    body = _body(message)
    quoted = _FINGERPRINT.search(body)
    if what in ("report", "report-maintonly", "report-quiet") and quoted:
        return Reply(kind="report", tracker="debian", number=number, fingerprint=quoted[1].decode())
    if what in _CLOSED:
        version = _VERSION.search(body)
        return Reply(kind="closed", tracker="debian", number=number, wontfix="wontfix" in keywords,
                     version=version[1].decode() if version else "")  # fmt: skip
    return None


def _launchpad(message: Message, names: tuple[str, ...]) -> Reply | None:
    places = " ".join(_header(message, name) for name in ("Reply-To", "From", "Sender"))
    number, status = _LAUNCHPAD.search(places), _STATUS.search(_header(message, "X-Launchpad-Bug"))
    quoted = _FINGERPRINT.search(_body(message))
    if not number:
        return None
    said = status[1] if status else ""
    kind = "closed" if said in _DONE else "report"
    return Reply(kind=kind, tracker="launchpad", number=int(number[1]), names=names, wontfix=said == "Won't Fix",
                 fingerprint=quoted[1].decode() if quoted else "")  # fmt: skip


def _bounced(message: Message) -> Reply | None:
    """A report that a mail of ours could not be delivered (RFC 3464)."""
    whole = message.as_bytes()
    if not re.search(rb"(?mi)^Action:[ \t]*failed", whole):
        return None
    names = tuple(dict.fromkeys(_ID.findall(whole.decode("ascii", "replace"))))
    return Reply(kind="bounced", tracker="debian", names=names) if names else None


def _body(message: Message) -> bytes:
    """The text of a mail: of its first part that is one."""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            return payload if isinstance(payload, bytes) else b""
    return b""
