"""Mails that come back, in the shape that debbugs and Launchpad give them; the texts are ours."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archscan.bugs import campaign as campaigns
from archscan.bugs import mail, proposals, reading, record, sending
from archscan.bugs.replies import replies, reply
from archscan.bugs.text import templates
from archscan.bugs.tracker import Status, read
from archscan.bugs.transport import Mbox
from archscan.errors import BugError
from tests.bugs.facts import FROM, NOW, TEMPLATES, approved, draft, pack
from tests.rules.facts import Object
from tests.triage.facts import judged

ACK = """\
From: "Debian Bug Tracking System" <owner@bugs.debian.org>
To: Jane Doe <jane@example.org>
Subject: Bug#{number}: Acknowledgement ({subject})
Message-ID: <handler.{number}.B.17103869452234129.ack@bugs.debian.org>
References: {name}
X-Debian-PR-Message: {what} {number}
X-Debian-PR-Package: src:{source}
X-Debian-PR-Source: {source}
Reply-To: {number}@bugs.debian.org
Date: Thu, 04 Jun 2026 03:33:04 +0000

Thank you for filing a new Bug report with Debian.
"""
CLOSED = """\
From: owner@bugs.debian.org (Debian Bug Tracking System)
To: Some Maintainer <m@example.org>
Subject: Bug#{number}: marked as done ({subject})
X-Debian-PR-Message: closed {number}
X-Debian-PR-Package: src:{source}
X-Debian-PR-Keywords: {keywords}
Content-Type: multipart/mixed; boundary="=_x"

--=_x
Content-Type: text/plain

Your message dated Thu, 4 Jun 2026
has caused the Debian Bug report #{number}, regarding {subject} to be marked as done.
Version: {version}
--=_x--
"""
LAUNCHPAD = """\
From: Jane Doe <{number}@bugs.launchpad.net>
Reply-To: Bug {number} <{number}@bugs.launchpad.net>
Subject: [Bug {number}] [NEW] {subject}
X-Launchpad-Bug: distribution=ubuntu; sourcepackage={source}; status={status}; importance=Low; assignee=None;

Public bug reported:

archscan-fp: {fingerprint}
"""
BOUNCE = """\
From: MAILER-DAEMON@mail.example.org
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain

It was not delivered.
--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; submit@bugs.debian.org
Action: failed
Status: 5.1.1
--=_b
Content-Type: text/rfc822-headers

Message-ID: {name}
--=_b--
"""


def sent(tmp_path: Path, *names: str) -> sqlite3.Connection:
    """A database whose bugs were sent."""
    connection = approved(*(pack(name) for name in names))
    transport = Mbox(tmp_path / "sent.mbox")
    ready = sending.letters(connection, campaigns.named(connection, "pie"), transport)
    clock = sending.Clock(lambda: NOW, lambda _: None)
    assert [one.bug.state for one in sending.send(connection, ready, mail.sender(FROM), transport, clock, 0)]
    return connection


def written(form: str, one: record.Bug, **values: Any) -> str:
    plain = {"name": one.message_id, "source": one.source, "subject": one.subject, "fingerprint": one.fingerprint,
             "number": 1000 + one.id, "what": "ack", "keywords": "", "version": "1.0-2", "status": "New"}  # fmt: skip
    return form.format(**{**plain, **values})


def taken(connection: sqlite3.Connection, tmp_path: Path, *mails: str) -> list[str]:
    box = tmp_path / "replies.mbox"
    box.write_text("".join(f"From x Thu Jun  4 03:33:04 2026\n{text}\n" for text in mails))
    with connection:
        return list(reading.take(connection, replies(box), NOW))


def learned(connection: sqlite3.Connection, *found: Status) -> list[str]:
    with connection:
        told = list(reading.learn(connection, found, NOW))
        return [*told, *proposals.propose(connection, templates(TEMPLATES), NOW)]


def status(one: record.Bug, **values: Any) -> Status:
    plain: dict[str, Any] = {"tracker": "debian", "number": 1000 + one.id, "source": one.source, "subject": one.subject,
                             "done": False, "message_id": one.message_id or ""}  # fmt: skip
    return Status(**{**plain, **values})


def test_an_acknowledgement_gives_the_number(tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool", "two")
    first, second = record.bugs(connection)
    assert taken(connection, tmp_path, written(ACK, first), written(ACK, second, what="ack-maintonly")) == [
        "bug 1: is #1001", "bug 2: is #1002"]  # fmt: skip
    assert [(one.state, one.number) for one in record.bugs(connection)] == [("acked", 1001), ("acked", 1002)]
    assert taken(connection, tmp_path, written(ACK, first)) == []  # read again
    assert "was it sent twice" in taken(connection, tmp_path, written(ACK, first, number=77))[0]
    assert record.bug(connection, 1).number == 1001


@pytest.mark.parametrize("what", ["ack-info", "report", "nonsense", "ack 5 6"])
def test_other_mails_of_the_tracker_say_nothing(what: str, tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    taken(connection, tmp_path, written(ACK, record.bug(connection, 1), what=what))
    assert record.bug(connection, 1).state == "sent" or what == "ack 5 6"


def test_an_acknowledgement_ends_a_doubt(tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    with connection:
        connection.execute("UPDATE bug SET state = 'sending'")
    assert taken(connection, tmp_path, written(ACK, record.bug(connection, 1))) == [
        "bug 1: is #1001; it is in doubt no more"
    ]


def test_a_bug_that_another_database_sent_is_not_sent_again(tmp_path: Path) -> None:
    connection = approved(pack())
    one = record.bug(connection, 1)
    told = taken(connection, tmp_path, written(ACK, one, what="report") + f"archscan-fp: {one.fingerprint}\n")
    assert told == ["bug 1: is #1001; another database sent it, or it left after all: it will not be sent again"]
    assert record.bug(connection, 1).state == "acked"
    connection = approved(pack())
    one = record.bug(connection, 1)
    name = mail.message_id(one, mail.sender(FROM))
    with connection:
        connection.execute("UPDATE bug SET message_id = ?", (name,))
    assert "will not be sent again" in learned(connection, status(one, message_id=name))[0]


def test_what_was_closed_and_what_came_back(tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool", "two")
    first, second = record.bugs(connection)
    assert taken(connection, tmp_path, written(ACK, first), written(CLOSED, first), written(BOUNCE, second)) == [
        "bug 1: is #1001",
        "bug 1: #1001 was closed in 1.0-2",
        "bug 2: came back: it could not be delivered; see why, and approve it again",
    ]
    assert [one.state for one in record.bugs(connection)] == ["closed", "failed"]


def test_launchpad_is_known_by_the_fingerprint(tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    with connection:
        connection.execute("UPDATE bug SET target = 'launchpad'")
    one = record.bug(connection, 1)
    assert taken(connection, tmp_path, written(LAUNCHPAD, one)) == ["bug 1: is #1001"]
    assert taken(connection, tmp_path, written(LAUNCHPAD, one, status="Fix Released")) == ["bug 1: #1001 was closed"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"X-Debian-PR-Message: ack 99999999999999999999\n\n",
        b"X-Debian-PR-Message: ack 5\nReferences: <archscan.zz@x>\n\n",
        b"X-Debian-PR-Message: \x1b[31mack\n\n",
        b"Content-Type: multipart/report; boundary=\n\nAction: failed\n",
        b"Content-Type: " + b"multipart/mixed;boundary=a" * 9 + b"\n\n--a\n" * 50,
        b"X-Launchpad-Bug: status=New;\nFrom: x@bugs.launchpad.net\n\n",
        b"Subject: " + b"A" * 3_000_000 + b"\n\n",
        b"X-Debian-PR-Message: report 5\nContent-Type: text/plain; charset=nonsense\n"
        b"Content-Transfer-Encoding: base64\n\n!!!\n",
    ],
)
def test_hostile_mails_say_nothing(data: bytes) -> None:
    assert reply(data) is None


def test_a_mailbox_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BugError, match="cannot be read"):
        list(replies(tmp_path / "none"))
    (tmp_path / "junk").write_bytes(bytes(range(256)) * 1000)
    assert list(replies(tmp_path / "junk")) == []


# --- proposals ---


def fixed(connection: sqlite3.Connection, version: str = "1.1-1") -> None:
    judged(pack(version=version, objects=(Object(),)), into=connection, scan=2)


def controls(connection: sqlite3.Connection) -> list[record.Bug]:
    return record.bugs(connection, "b.kind = 'control'")


def test_close_is_proposed_where_all_is_fixed(tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    one = record.bug(connection, 1)
    assert learned(connection, status(one)) == ["bug 1: #1001 is open"]
    fixed(connection)
    assert learned(connection) == ["bug 1 (#1001): 1.1-1 is without it: close drafted as bug 2"]
    assert learned(connection) == []
    (control,) = controls(connection)
    assert (control.state, control.recipient) == ("drafted", "1001-done@bugs.debian.org")
    assert control.text.split("\n\n")[1] == "Source: tool\nVersion: 1.1-1"


@pytest.mark.parametrize("state", ["removed", "withdrawn", "unchecked", "open"])
def test_close_is_proposed_for_fixed_only(state: str, tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    with connection:
        connection.execute("UPDATE finding SET state = ?", (state,))
    learned(connection, status(record.bug(connection, 1)))
    assert controls(connection) == []


@pytest.mark.parametrize("done", [True, False])
def test_nothing_is_proposed_where_it_is_wontfix_or_nobody_asked(done: bool, tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    one = record.bug(connection, 1)
    fixed(connection)
    taken(connection, tmp_path, written(ACK, one))
    assert "what the tracker says is not known" in learned(connection)[0]
    learned(connection, status(one, tags=("wontfix",), done=done))
    assert controls(connection) == []


@pytest.mark.parametrize(
    ("current", "fixed_in", "found_in", "is_proposed"),
    [
        ("1.1-1", ("tool/1.1-1",), (), True),
        ("1.2-1", ("1.1-1",), ("1.0-1",), True),
        ("1.1-1", ("tool/1.2-1",), (), False),  # the suite does not have it yet
        ("1.2-1", ("1.1-1",), ("tool/1.2-1",), False),  # it is said already
        ("1.1-1", (), (), True),
        (None, (), (), False),  # closed without a version, and this is the one that it was found in
    ],
)
def test_found_is_proposed_instead_of_reopen(
    current: str | None, fixed_in: tuple[str, ...], found_in: tuple[str, ...], is_proposed: bool, tmp_path: Path
) -> None:
    connection = sent(tmp_path, "tool")
    one = record.bug(connection, 1)
    if current:
        judged(pack(version=current), into=connection, scan=2)
    told = learned(connection, status(one, done=True, fixed_versions=fixed_in, found_versions=found_in))
    assert len(controls(connection)) == is_proposed
    if is_proposed:
        assert f"{current} has it still: found drafted as bug 2" in told[1]
        (control,) = controls(connection)
        assert control.recipient == "control@bugs.debian.org"
        assert control.text.split("\n\n")[1] == f"found 1001 tool/{current}\nthanks"
        assert "reopen" not in control.text


def test_a_proposal_leaves_like_any_bug(tmp_path: Path) -> None:
    connection = sent(tmp_path, "tool")
    learned(connection, status(record.bug(connection, 1)))
    fixed(connection)
    learned(connection)
    with connection:
        record.step(connection, controls(connection)[0], "approved", "", NOW)
    transport = Mbox(tmp_path / "more.mbox")
    (ready,) = sending.letters(connection, campaigns.named(connection, "pie"), transport)
    assert (ready.to, ready.hindrance) == ("1001-done@bugs.debian.org", "")
    learned(connection, status(record.bug(connection, 1), tags=("wontfix",)))
    (held,) = sending.letters(connection, campaigns.named(connection, "pie"), transport)
    assert "wontfix" in held.hindrance
    assert draft(connection, NOW + timedelta(days=1)).dropped == ()


# --- statuses in a file ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON"),
        ("{}", "expected a list of bugs"),
        ("[1]", "bug 1: expected an object"),
        ('[{"bug_num": true}]', "bug_num: expected a number"),
        ('[{"bug_num": 99999999999999}]', "bug_num: expected a number"),
        ('[{"bug_num": 5, "tracker": "x"}]', "tracker: expected one of debian, launchpad, upstream"),
        ("[" * 100_000, "expected JSON"),
    ],
)
def test_a_wrong_file_of_statuses_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(BugError, match=message):
        read(tmp_path / "s.json")


def test_statuses_may_be_written_in_several_ways(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(
        '[{"bug_num": 5, "package": "src:tool", "done": "Jane", "tags": "wontfix help",'
        '"fixed_versions": "tool/1 tool/2"},'
        '{"number": 6, "tracker": "launchpad", "status": "Won\'t Fix", "title": "x"}]'
    )
    first, second = read(tmp_path / "s.json")
    assert (first.source, first.done, first.wontfix, first.fixed_versions) == ("tool", True, True, ("tool/1", "tool/2"))
    assert (second.done, second.wontfix, second.subject) == (True, True, "x")
