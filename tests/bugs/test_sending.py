"""Real mail servers that die, and processes of ours that are killed: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import email
import email.policy
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archscan.bugs import campaign as campaigns
from archscan.bugs import mail, record, sending
from archscan.bugs.smtp import Server, Smtp
from archscan.bugs.transport import Folder, Mbox, Outgoing, Sendmail, _entry, _torn
from archscan.cli import run
from archscan.errors import BugError
from tests.bugs.facts import FROM, NOW, ROOT, approved, pack, saved, states
from tests.sources.servers import authority

PACKS = tuple(pack(f"tool{number}") for number in range(3))


@contextmanager
def server(folder: Path, *arguments: str) -> Iterator[int]:
    """The port of a mail server that puts what it takes into the folder."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.bugs.server", str(folder), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def taken(folder: Path) -> list[str]:
    """The fingerprints of the mails that servers took, in their order."""
    return [re.findall(r"^archscan-fp: (\w+)\r?$", path.read_text(), re.MULTILINE)[0]
            for path in sorted(folder.glob("*.eml"))]  # fmt: skip


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return saved(approved(*PACKS), tmp_path / "a.db")


def send(db: Path, *words: str) -> int:
    return run(["bugs", "send", "pie", "--from", FROM, "--rate", "3600", "--yes", "--db", str(db), *words])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


def test_every_bug_arrives_once_and_a_second_run_sends_none(db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    with server(folder) as port:
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 0
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 0
    assert len(taken(folder)) == len(set(taken(folder))) == 3
    assert states(db) == ["sent"] * 3
    first = email.message_from_bytes((folder / "0000.eml").read_bytes(), policy=email.policy.default)
    assert first["X-Envelope"] == "jane@example.org submit@bugs.debian.org"
    assert (first["To"], first["From"]) == ("submit@bugs.debian.org", FROM)
    assert first["Message-ID"] == f"<archscan.{taken(folder)[0][:40]}@example.org>"
    assert first.get_content().splitlines()[:2] == ["Source: tool0", "Version: 1.0-1"]


@pytest.mark.parametrize(
    ("point", "after", "left", "arrived"),
    [
        ("rcpt", "1", ["sent", "approved", "approved"], 1),
        ("after-data", "0", ["sending", "approved", "approved"], 1),
        pytest.param("after-data", "2", ["sent", "sent", "sending"], 3, marks=pytest.mark.full),
        pytest.param("later", "1", ["sent", "approved", "approved"], 1, marks=pytest.mark.full),
        ("refuse", "1", ["sent", "failed", "failed"], 1),
    ],
)
def test_a_server_that_fails_half_way_costs_no_bug_and_doubles_none(
    point: str, after: str, left: list[str], arrived: int, db: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "in"
    with server(folder, point, after) as port:
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 1
    assert states(db) == left
    assert len(taken(folder)) == arrived
    assert "Traceback" not in capsys.readouterr().err
    with server(folder) as port:
        code = send(db, "--smtp", f"127.0.0.1:{port}")
    said = capsys.readouterr().err
    assert ("in doubt" in said) == ("sending" in left)  # named, and not sent again
    assert code == (1 if "sending" in left else 0)
    assert len(taken(folder)) == len(set(taken(folder))) == 3 - left.count("failed")
    for place, state in enumerate(left, 1):
        if state == "sending":
            assert run(["bugs", "resolve", str(place), "--sent", "--db", str(db)]) == 0
    assert set(states(db)) <= {"sent", "failed"}


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a server is told that encrypts and wants a password, which this process has, as it has its authority."""
    made = authority(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    monkeypatch.setenv("ARCHSCAN_SMTP_PASSWORD", "a pass word")
    certificate, key = map(str, made.server)
    return ["--certificate", certificate, "--key", key, "--user", "jane", "--password", "a pass word"]


@pytest.mark.parametrize(
    ("tls", "more", "word"), [("starttls", [], "a pass word: ü"), ("implicit", ["--implicit"], "ASCII")]
)
def test_servers_that_want_a_password_get_it_encrypted(
    tls: str, more: list[str], word: str, db: Path, tmp_path: Path, secured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    monkeypatch.setenv("ARCHSCAN_SMTP_PASSWORD", word)
    with server(folder, *secured[:-1], word, *more) as port:
        where = ["--smtp", f"127.0.0.1:{port}", "--tls", tls]
        assert send(db, *where) == 1  # the server wants to know who we are
        assert states(db) == ["approved"] * 3
        assert send(db, *where, "--smtp-user", "jane") == 0
    assert len(taken(folder)) == 3
    assert states(db) == ["sent"] * 3


@pytest.mark.parametrize("wrong", ["authority", "password", "plain"])
def test_nothing_is_sent_to_a_server_that_is_not_the_one_meant(
    wrong: str, db: Path, tmp_path: Path, secured: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if wrong == "authority":
        monkeypatch.delenv("SSL_CERT_FILE")
    if wrong == "password":
        monkeypatch.setenv("ARCHSCAN_SMTP_PASSWORD", "another")
    with server(tmp_path / "in", *([] if wrong == "plain" else secured)) as port:
        assert send(db, "--smtp", f"127.0.0.1:{port}", "--tls", "starttls", "--smtp-user", "jane") == 1
    said = capsys.readouterr().err
    assert f"bug 1: approved: 127.0.0.1:{port}: " in said
    assert "b'" not in said
    assert "Traceback" not in said
    assert "another" not in said
    assert taken(tmp_path / "in") == []
    assert states(db) == ["approved"] * 3


@pytest.mark.parametrize("size", [0, pytest.param(6 << 20, marks=pytest.mark.full)])
def test_a_server_that_dies_while_it_is_given_a_mail(
    size: int, db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(db)) as file, file:
        file.execute("UPDATE bug SET attached = ? WHERE id = 1", ("evidence\n" * (size // 9),))
    folder = tmp_path / "in"
    with server(folder, "in-data") as port:
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 1
    assert taken(folder) == []
    # A long one was still under way, so the server cannot have it; of a short one nobody can know.
    assert states(db)[0] in (("approved",) if size else ("sending", "approved"))
    assert states(db)[1:] == ["approved"] * 2
    if states(db)[0] == "sending":
        assert run(["bugs", "resolve", "1", "--not-sent", "--db", str(db)]) == 0
    with server(folder) as port:
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 0
    assert len(set(taken(folder))) == len(taken(folder)) == 3


def _killed_when(is_due: Callable[[], bool], db: Path, port: int) -> None:
    """Run the command in a process, and kill that when it is due."""
    words = ["--from", FROM, "--rate", "3600", "--yes", "--db", str(db), "--smtp", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "archscan", "bugs", "send", "pie", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not is_due() and process.poll() is None:
            assert time.monotonic() < until
            os.sched_yield()
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    ("point", "arrived"), [pytest.param("stall-rcpt", 0, marks=pytest.mark.full), ("stall-after-data", 1)]
)
def test_killed_while_a_server_thinks(
    point: str, arrived: int, db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    with server(folder, point) as port:
        _killed_when((folder / "stalled").exists, db, port)
    assert states(db) == ["sending", "approved", "approved"]
    with server(folder) as port:
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 1
        assert "bug 1: in doubt" in capsys.readouterr().err
        assert len(taken(folder)) == 2 + arrived
        assert run(["bugs", "resolve", "1", "--sent" if arrived else "--not-sent", "--db", str(db)]) == 0
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 0
    assert len(set(taken(folder))) == len(taken(folder)) == 3
    assert states(db) == ["sent"] * 3


@pytest.mark.full
@pytest.mark.parametrize("delay", [number / 40 for number in range(8, 48)])
def test_killed_at_any_moment(delay: float, db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    with server(folder) as port:
        until = time.monotonic() + delay
        _killed_when(lambda: time.monotonic() > until, db, port)
        found = states(db)
        arrived = taken(folder)
        assert found.count("sent") <= len(arrived) <= found.count("sent") + found.count("sending")
        send(db, "--smtp", f"127.0.0.1:{port}")
        for place, state in enumerate(states(db), 1):
            if state == "sending":
                name = record_of(db, place).fingerprint
                answer = "--sent" if name in taken(folder) else "--not-sent"
                assert run(["bugs", "resolve", str(place), answer, "--db", str(db)]) == 0
        assert send(db, "--smtp", f"127.0.0.1:{port}") == 0
    assert len(set(taken(folder))) == len(taken(folder)) == 3


def record_of(db: Path, number: int) -> record.Bug:
    with closing(sqlite3.connect(db)) as file:
        return record.bug(file, number)


class _Dying(Mbox):
    """Writes so many bytes of a mail, and then the process is gone."""

    def __init__(self, path: Path, written: int | None) -> None:
        super().__init__(path)
        self.written = written

    def send(self, mail: Outgoing, /) -> str:
        with self.path.open("ab") as file:
            file.write(_entry(mail)[: self.written])
        os._exit(9)


def _forked(work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] != 0


@pytest.mark.parametrize("written", [0, 3, 600, None])
def test_an_mbox_is_made_whole_after_a_kill(written: int | None, db: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mbox"
    assert send(db, "--mbox", str(out), "--limit", "1") == 0
    before = out.read_bytes()

    def work() -> None:
        with closing(sqlite3.connect(db, isolation_level=None)) as connection:
            of, transport = campaigns.named(connection, "pie"), _Dying(out, written)
            ready = sending.letters(connection, of, transport)
            list(sending.send(connection, ready, mail.sender(FROM), transport, _clock(), 0))

    _forked(work)
    assert states(db) == ["sent", "sending", "approved"]
    code = send(db, "--mbox", str(out))
    if code:  # nothing of it is in the file: whether somebody took it out, nobody knows
        assert written == 0
        assert run(["bugs", "resolve", "2", "--not-sent", "--db", str(db)]) == 0
        assert send(db, "--mbox", str(out)) == 0
    content = out.read_bytes()
    assert content.startswith(before)
    assert len(re.findall(rb"(?m)^archscan-fp: ", content)) == 3
    assert len(set(re.findall(rb"(?m)^Message-ID: (.*)$", content))) == 3
    assert len(re.findall(rb"(?m)^From ", content)) == 3
    assert states(db) == ["sent"] * 3


def _clock(times: list[float] | None = None) -> sending.Clock:
    now = [NOW]

    def sleep(seconds: float) -> None:
        if times is not None:
            times.append(seconds)
        now[0] += timedelta(seconds=seconds)

    def tell() -> datetime:
        now[0] += timedelta(seconds=1)
        return now[0]

    return sending.Clock(tell, sleep)


def test_mails_keep_their_distance_also_across_runs(tmp_path: Path) -> None:
    connection = approved(*PACKS)
    of, waited = campaigns.named(connection, "pie"), list[float]()
    clock = _clock(waited)
    folder = tmp_path / "in"
    with server(folder) as port, closing(Smtp(Server(host="127.0.0.1", port=port, tls="none"))) as transport:
        for _ in range(3):
            ready = sending.letters(connection, of, transport)[:1]
            list(sending.send(connection, ready, mail.sender(FROM), transport, clock, 60.0))
    assert waited[0] == 0
    assert all(50 < seconds <= 60 for seconds in waited[1:])
    assert len(taken(folder)) == 3


@pytest.mark.parametrize(("tls", "user"), [("starttls", None), ("none", "jane")])
def test_a_server_without_encryption_or_passwords_gets_nothing(tls: str, user: str | None, tmp_path: Path) -> None:
    connection = approved(*PACKS)
    folder = tmp_path / "in"
    with (
        server(folder) as port,
        closing(Smtp(Server(host="127.0.0.1", port=port, tls=tls, user=user, password="p"))) as transport,
    ):
        ready = sending.letters(connection, campaigns.named(connection, "pie"), transport)
        done = list(sending.send(connection, ready, mail.sender(FROM), transport, _clock(), 0))
    assert [(one.bug.state, one.stops) for one in done] == [("approved", True)]
    assert taken(folder) == []


def test_nothing_leaves_without_yes(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mbox"
    assert run(["bugs", "send", "pie", "--from", FROM, "--mbox", str(out), "--db", str(db)]) == 0
    said = capsys.readouterr().out
    assert "bug 1: to submit@bugs.debian.org" in said
    assert "3 mails would leave" in said
    assert not out.exists()
    assert states(db) == ["approved"] * 3


# --- the rules of campaigns ---


def test_more_than_ten_have_to_be_announced_a_week_before(tmp_path: Path) -> None:
    connection = approved(*(pack(f"tool{number}") for number in range(11)))
    of = campaigns.named(connection, "pie")
    number, today = campaigns.size(connection, of), NOW.date()
    assert number == 11
    assert "have to be announced first" in campaigns.obstacle(of, number, today)
    assert campaigns.obstacle(of, 10, today) == ""
    told = campaigns.announced(of, "https://lists.example.org/1", today - timedelta(days=6), today)
    assert "may be sent from 2026-06-02 on" in campaigns.obstacle(told, number, today)
    told = campaigns.announced(of, "https://lists.example.org/1", today - timedelta(days=7), today)
    assert campaigns.obstacle(told, number, today) == ""
    with pytest.raises(BugError, match="expected a day that was"):
        campaigns.announced(of, "https://lists.example.org/1", today + timedelta(days=1), today)
    with pytest.raises(BugError, match="expected the address"):
        campaigns.announced(of, "https://x/\r\nTo: y", today, today)
    letters = sending.letters(connection, of, Mbox(tmp_path / "o"))
    assert {letter.to for letter in letters} == {"maintonly@bugs.debian.org"}


def test_the_eleventh_cannot_sneak_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = saved(approved(*(pack(f"tool{number}") for number in range(11))), tmp_path / "a.db")
    out = tmp_path / "out.mbox"
    with closing(sqlite3.connect(db)) as file, file:
        file.execute("UPDATE bug SET state = 'drafted' WHERE id = 11")
    assert send(db, "--mbox", str(out)) == 0  # ten are free
    assert run(["bugs", "review", "11", "--approve", "--db", str(db)]) == 0
    assert send(db, "--mbox", str(out)) == 1
    assert "has 11 bugs" in capsys.readouterr().err
    assert states(db)[10] == "approved"
    assert len(re.findall(rb"(?m)^From ", out.read_bytes())) == 10


def test_what_is_mended_or_has_another_version_meanwhile_stays(tmp_path: Path) -> None:
    from tests.rules.facts import Object
    from tests.triage.facts import judged

    connection = approved(*PACKS)
    judged(pack("tool0", version="2.0-1", objects=(Object(),)), pack("tool1", version="2.0-1"), into=connection,
           scan=2)  # fmt: skip
    hindered = [
        one.hindrance for one in sending.letters(connection, campaigns.named(connection, "pie"), Mbox(tmp_path / "o"))
    ]
    assert hindered[0].startswith("nothing of it is open any more")
    assert hindered[1] == "the suite has 2.0-1 of tool1 now, not 1.0-1; draft again"
    assert hindered[2] == ""


# --- other ways out ---


def test_launchpad_goes_to_files_only(tmp_path: Path) -> None:
    connection = approved(*PACKS)
    with connection:
        connection.execute("UPDATE bug SET target = 'launchpad'")
    of = campaigns.named(connection, "pie")
    assert all("--eml DIR" in one.hindrance for one in sending.letters(connection, of, Mbox(tmp_path / "o")))
    transport = Folder(tmp_path / "out")
    ready = sending.letters(connection, of, transport)
    done = list(sending.send(connection, ready, mail.sender(FROM), transport, _clock(), 60))
    assert [one.bug.state for one in done] == ["sent"] * 3
    written = sorted((tmp_path / "out").iterdir())
    assert len(written) == 3
    message = email.message_from_bytes(written[0].read_bytes(), policy=email.policy.default)
    assert message["To"] == "new@bugs.launchpad.net"


@pytest.mark.parametrize(
    ("script", "state"), [("cat > {out}", "sent"), ("exit 75", "approved"), ("kill -9 $$", "sending")]
)
def test_sendmail_says_by_its_exit_code_what_it_did(script: str, state: str, tmp_path: Path) -> None:
    program, out = tmp_path / "sendmail", tmp_path / "mail"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\n{script.format(out=out)}\n')
    program.chmod(0o755)
    connection = approved(pack())
    transport = Sendmail(program)
    ready = sending.letters(connection, campaigns.named(connection, "pie"), transport)
    (done,) = sending.send(connection, ready, mail.sender(FROM), transport, _clock(), 0)
    assert record.bug(connection, 1).state == state
    assert (tmp_path / "words").read_text() == "-i -f jane@example.org -- submit@bugs.debian.org\n"
    assert done.stops == (state != "sent")


def test_an_address_that_is_none_is_refused() -> None:
    for text in ("a\nBcc: b@example.org", "Jane <x>", "x@y\r\n", "Jane\n <jane@example.org>", "<a@b> c", ""):
        with pytest.raises(BugError):
            mail.sender(text)


@pytest.mark.parametrize("before", [b"", b"From a\nX: y\n\nbody\n\nmore\n\n"])
def test_what_is_torn_is_found_at_every_byte(before: bytes) -> None:
    entry = b"From me\nSubject: x\n\nFrom is quoted\n\ntext\n\n"
    for size in range(1, len(entry)):
        assert _torn(before + entry[:size], entry) == size
    assert _torn(before, entry) == 0
    assert _torn(before + b"From other\n\nbody\n\n", entry) == 0
