"""The words of bugs: inert whatever packages call things, never too long, evidence never broken."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from archscan.bugs import campaign as campaigns
from archscan.bugs import drafting, mail, record, review, text
from archscan.bugs.checks import MOST_BYTES, checked
from archscan.bugs.evidence import table
from archscan.errors import BugError
from archscan.model import escape
from tests.bugs.facts import FROM, NO_PIE, NOW, TEMPLATES, campaign, crypto, drafted, found, pack
from tests.rules.facts import Object, rule
from tests.triage.facts import judged

HOSTILE = "a\n affects ubuntu/x\nControl: severity -1 grave\n.\n\r\nFrom me\x1b[31m\u202e<script>\x00"
LONG = "x" * 1_000_000


def hostile(target: str) -> list[record.Bug]:
    names = (HOSTILE, LONG, " affects ubuntu/x", "-- ", "é" * 3000)
    objects = tuple(
        Object(path=escape(f"usr/bin/{number}{name}"), columns={"kind": "executable", "pie": "no"},
               calls=({**dict.fromkeys(("function", "symbol", "argument"), escape(name)), "address": f"0x{number}"},))
        for number, name in enumerate(names)
    )  # fmt: skip
    packs = pack(objects=objects, maintainer=escape(f"{HOSTILE} <evil@example.org\n>"))
    connection = judged(packs, rules=(NO_PIE, crypto()))
    with connection:
        kept = campaigns.keep(connection, campaign(), NOW)
        drafting.draft(connection, text.templates(TEMPLATES), kept, found(connection, target=target).matters, NOW)
    return record.bugs(connection)


@pytest.mark.parametrize("target", ["debian", "launchpad", "upstream"])
def test_hostile_names_are_inert(target: str) -> None:
    for one in hostile(target):
        assert checked(one.text, one.target, one.kind)
        assert not set("\x1b\u202e\x00\r") & set(one.text)
        body = one.text.split("\n\n", 1)[1]
        assert "\nControl:" not in body
        assert "\nFrom " not in body
        commands = [line.split()[0] for line in body.splitlines() if line.startswith((" ", "\t"))]
        assert commands == (["affects", "status", "importance", "tag", "done"] if target == "launchpad" else [])
        data = mail.wire(mail.message(one, mail.sender(FROM), "submit@bugs.debian.org", NOW, "<a@example.org>"))
        head = data.split(b"\r\n\r\n")[0]
        assert b"affects" not in head
        assert max(map(len, data.split(b"\r\n"))) <= 998
        read = email.message_from_bytes(data, policy=email.policy.default)
        assert read["To"] == "submit@bugs.debian.org"
        plain = read.get_body()
        assert plain is not None
        assert plain.get_content().replace("\r\n", "\n") == body  # nothing is wrapped on its way


def test_a_long_table_is_cut_with_a_count_and_attached_whole() -> None:
    objects = tuple(
        Object(path=f"usr/lib/tool/{number:05}/{'d' * 60}", columns={"kind": "executable", "pie": "no"})
        for number in range(1500)
    )
    (one,) = record.bugs(drafted(pack(objects=objects)))
    assert len(one.text.encode()) <= MOST_BYTES
    shown = sum(line.startswith("/usr/lib/tool") for line in one.text.splitlines())
    assert 200 < shown < 1500
    assert f"… and {1500 - shown} of 1500 more; all of them are attached." in one.text
    assert sum(line.startswith("/usr/lib/tool") for line in one.attached.splitlines()) == 1500
    message = mail.message(one, mail.sender(FROM), "submit@bugs.debian.org", NOW, "<a@example.org>")
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "evidence.txt"
    assert attachment.get_content() == one.attached
    again = mail.message(one, mail.sender(FROM), "submit@bugs.debian.org", NOW, "<a@example.org>")
    assert mail.wire(message) == mail.wire(again)


def test_prose_is_wrapped_and_evidence_is_not() -> None:
    path = "usr/lib/x86_64-linux-gnu/" + "long-folder/" * 8 + "program"
    (one,) = record.bugs(drafted(pack(objects=(Object(path=path, columns={"kind": "executable", "pie": "no"}),))))
    lines = one.text.splitlines()
    assert [line for line in lines if line.startswith(f"/{path[:100]}")]
    assert any(path in line and line.startswith("dpkg-deb") for line in lines)
    start = lines.index("archscan reads the binaries of sid. In tool 1.0-1 it found: is loaded at")
    assert max(len(line) for line in lines[start : lines.index("Where")]) <= 72


def test_the_words_of_a_rule_are_prose_wherever_its_lines_end() -> None:
    (one,) = record.bugs(drafted(pack(), rules=(rule(fix="Do this\nand that.\n\nThen\nrest."),)))
    assert "\nDo this and that.\n\nThen rest.\n" in one.text


def test_a_line_of_the_file_itself_is_a_number() -> None:
    script = "SELECT f.id AS file_id, 'md5' AS subject, 'usr/bin/tool:42' AS line FROM file f"
    made = found(judged(pack(), rules=(crypto(query=script),)))
    assert table(made.matters[0].found)[1][0].split()[:2] == ["/usr/bin/tool", "42"]


def test_a_place_is_told_once_for_all_processors() -> None:
    made = found(judged(pack(), pack(architecture="arm64"), rules=(NO_PIE,)))
    heading, rows = table(made.matters[0].found)
    assert heading.split() == ["path", "what", "in"]
    assert [row.split() for row in rows] == [["/usr/bin/tool", "pie", "tool", "(amd64", "arm64)"]]


def test_an_attribute_of_a_template_is_cut_and_cleaned() -> None:
    environment = text.templates(TEMPLATES)
    printed = environment.from_string("{{ a }}|{{ a | wrap }}").render(a=HOSTILE + LONG)
    assert len(printed) < 8000
    assert not set("\x1b\u202e\x00\r") & set(printed)
    assert "\n" not in printed.partition("|")[0]


def one_bug() -> tuple[Any, record.Bug]:
    connection = drafted(pack())
    return connection, record.bug(connection, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Severity: minor", "Severity: important", "what is above needs a human"),
        ("Severity: minor", "severity:  GRAVE", "what is above needs a human"),
        ("Severity: minor", "Severity: minor\nTags: patch security", "whether a bug is one of security"),
        ("Severity: minor", "Severity: minor\nControl: tags -1 + security", "needs a human"),
        ("Severity: minor", "Severity: minor\nControl: severity -1 serious", "needs a human"),
        ("Source: tool\n", "", "expected `Source:`"),
        ("Subject: ", "Title: ", "expected `Subject: …`"),
        ("What to do", "What \x1b[31m to do", "acts on terminals"),
        ("What to do", "y" * 1000, "mail servers would break it"),
        ("What to do", "word \n" * 10_000, "trackers take"),
        ("archscan-fp:", "fp:", "must stay"),
        ("Subject: ", "Subject: " + "z" * 300, "longer than 250"),
    ],
)
def test_an_edited_text_must_not_say_what_takes_a_human(old: str, new: str, message: str) -> None:
    connection, one = one_bug()
    assert old in one.text
    with pytest.raises(BugError, match=message):
        drafting.edited(connection, one, one.text.replace(old, new, 1), NOW)
    assert record.bug(connection, 1).text == one.text


@pytest.mark.parametrize("command", [" security yes", "\timportance critical", " private yes", " importance high"])
def test_launchpad_commands_that_take_a_human_are_refused(command: str) -> None:
    _, one = one_bug()
    with pytest.raises(BugError, match="needs a human"):
        checked(f"{one.text}\n{command}\n", "launchpad", "report")


def test_what_was_put_into_the_database_by_hand_does_not_leave() -> None:
    connection, one = one_bug()
    with connection:
        connection.execute("UPDATE bug SET text = replace(text, 'Severity: minor', 'Severity: critical')")
    with pytest.raises(BugError, match="needs a human"):
        review.approve(connection, record.bug(connection, 1), NOW)
    grave = msgspec.structs.replace(one, text=one.text.replace("Severity: minor", "Severity: critical"))
    with pytest.raises(BugError, match="needs a human"):
        mail.message(grave, mail.sender(FROM), "a@example.org", datetime.now(UTC), "<a@example.org>")


def test_names_in_other_scripts_arrive() -> None:
    item = Object(path="usr/bin/größe", columns={"kind": "executable", "pie": "no"})
    (one,) = record.bugs(drafted(pack(objects=(item,)), rules=(rule(title="Is ärgerlich"),)))
    message = mail.message(one, mail.sender("Žofie <z@example.org>"), "submit@bugs.debian.org", NOW, "<a@example.org>")
    data = mail.wire(message)
    assert data.isascii()
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert read["Subject"] == "tool: is ärgerlich"
    assert "/usr/bin/größe" in read.get_content()
    assert str(read["From"]) == "Žofie <z@example.org>"
