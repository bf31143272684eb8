"""`archscan bugs` as a person meets it."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archscan.cli import run
from archscan.store.bugs import STATES
from archscan.store.dump import dump
from tests.bugs.facts import NO_PIE, approved, crypto, pack, saved, states
from tests.rules.facts import Object
from tests.triage.facts import judged

ROOT = Path(__file__).parents[2]
PROTOCOL = Object(path="usr/bin/md5", calls=({"function": "main"},))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return saved(judged(pack(), pack("two"), rules=(NO_PIE,)), tmp_path / "a b.db")


def said(capsys: pytest.CaptureFixture[str], db: Path, *words: str, code: int = 0) -> str:
    assert run(["bugs", *words, "--db", str(db)]) == code
    text = capsys.readouterr()
    return text.out if code == 0 else text.err


def test_the_examples_of_the_documentation_run(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/bugs.md").read_text()
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    lines = [line.partition(" #")[0].strip() for line in block.splitlines()]
    assert len(lines) > 8
    for line in lines:
        assert run([*shlex.split(line)[1:], "--db", str(db)]) == 0, line
    assert states(db) == ["sent", "drafted"]
    assert all(f"`{state}`" in text for state in STATES)
    for option in re.findall(r"`(--[a-z-]+)", text):
        helps = [_help(capsys, name) for name in ("draft", "review", "send", "sync", "announcement", "resolve", "show")]
        assert any(option in one for one in helps) or option == "--yes", option


def _help(capsys: pytest.CaptureFixture[str], name: str) -> str:
    assert run(["bugs", name, "--help"]) == 0
    return capsys.readouterr().out


def test_drafting_says_what_it_left_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_protocol = crypto(query="SELECT e.id AS elf_id, 'md5' AS subject, 'RADIUS' AS protocol FROM elf e "
                               "WHERE e.path LIKE '%md5'")  # fmt: skip
    packs = (pack(objects=(*pack().objects, PROTOCOL)), pack("other"))
    db = saved(judged(*packs, rules=(NO_PIE, by_protocol)), tmp_path / "a.db")
    assert run(["triage", "set", "--source", "other", "ignored", "--reason", "r", "--db", str(db)]) == 0
    capsys.readouterr()
    text = said(capsys, db, "draft", "all", "--suite", "sid", "--user", "jane@example.org", "--list")
    assert text.splitlines()[:3] == [
        "campaign all, suite sid: 1 bug drafted",
        "  1 finding not drafted: a protocol mandates it",
        "  1 finding not drafted: decided (archscan triage list)",
    ]
    assert "(uses-md5) tool usr/bin/md5 md5: a protocol mandates it" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["draft", "pie", "--user", "jane@example.org"], "say so: --suite sid"),
        (["draft", "pie", "--suite", "sid"], "say whose usertags"),
        (["draft", "Pie", "--suite", "sid", "--user", "j@example.org"], "expected a name of lower-case letters"),
        (["draft", "pie", "--suite", "sid", "--user", "j\n@x"], "expected an address"),
        (["draft", "pie", "--suite", "sid", "--user", "j@example.org", "--usertag", "a_b"], "expected a usertag"),
        (["show", "7"], "no bug 7"),
        (["send", "pie", "--from", "j@example.org"], "one of --mbox, --sendmail, --smtp and --eml"),
        (["send", "pie", "--mbox", "x"], "say who sends"),
        (["send", "pie", "--from", "j@example.org", "--mbox", "x"], "no campaign 'pie'"),
        (["send", "pie", "--from", "j@example.org", "--smtp", "nowhere"], "expected HOST:PORT"),
        (["send", "pie", "--from", "j@example.org", "--smtp", "m.example.org:25", "--smtp-user", "j"], "ARCHSCAN_SMTP"),
        (["sync", "--look"], "go with --debianbts"),
        (["resolve", "7"], "give --sent or --not-sent"),
        (["announce", "pie", "--url", "x", "--date", "2026-01-01"], "no campaign 'pie'"),
        (["review", "7", "--approve"], "no bug 7"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str], message: str, db: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEBEMAIL", raising=False)
    assert run(["bugs", *words, "--db", str(db)]) in (1, 2, 3)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_person_is_asked_about_each(
    db: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, db, "draft", "pie", "--suite", "sid", "--user", "jane@example.org")
    answers = iter(["a", "s", "upstream knows"])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: next(answers))
    text = said(capsys, db, "review")
    assert "Severity: minor" in text
    assert states(db) == ["approved", "skipped"]
    assert "upstream knows" in said(capsys, db, "show", "2", "--history")
    rows = json.loads(said(capsys, db, "list", "--state", "approved", "--format", "json"))
    assert [(row["id"], row["source"]) for row in rows] == [(1, "tool")]


def test_an_edited_text_comes_from_a_file(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, db, "draft", "pie", "--suite", "sid", "--user", "jane@example.org")
    text = said(capsys, db, "show", "1")
    (tmp_path / "new.txt").write_text(text.replace("What to do", "What may help"))
    said(capsys, db, "review", "1", "--edit", str(tmp_path / "new.txt"))
    assert "What may help" in said(capsys, db, "show", "1")
    (tmp_path / "new.txt").write_text(text.replace("Severity: minor", "Severity: grave"))
    assert "needs a human" in said(capsys, db, "review", "1", "--edit", str(tmp_path / "new.txt"), code=1)


def test_joined_databases_keep_what_one_of_them_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = saved(approved(pack(), pack("two")), tmp_path / "1.db")
    second = saved(approved(pack(), pack("two")), tmp_path / "2.db")
    words = ("send", "pie", "--from", "j@example.org", "--mbox", str(tmp_path / "o"), "--limit", "1", "--yes")
    said(capsys, second, *words)
    for order in ((first, second), (second, first)):
        output = tmp_path / "all.db"
        assert run(["merge", str(output), *map(str, order)]) == 0
        assert states(output) == ["sent", "approved"]
        with closing(sqlite3.connect(output)) as connection:
            kinds = [json.loads(line)[0] for line in dump(connection)]
            assert connection.execute("SELECT count(*) FROM bug_finding").fetchone() == (2,)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert (kinds.count("campaign"), kinds.count("bug"), kinds.count("bug_source")) == (1, 2, 2)
        output.unlink()
    capsys.readouterr()
