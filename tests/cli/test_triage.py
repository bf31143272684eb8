"""`archscan triage` and `archscan score` as a person meets them."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archscan.cli import run
from archscan.store.decisions import STATES
from tests.rules.facts import Object, Pack, rule
from tests.triage.facts import judged

ROOT = Path(__file__).parents[2]
HOSTILE = "=cmd|' /C calc'!A0 \x1b[31m\u202e<script>\nState: released 1"
OBJECTS = (
    Object(columns={"kind": "executable", "pie": "no"}),
    Object(path="usr/bin/other", columns={"kind": "executable", "pie": "no"}),
    Object(path="usr/bin/root", columns={"kind": "executable", "pie": "no"}, privilege="setuid root"),
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "a b?.db"
    made = judged(Pack(objects=OBJECTS), rules=(rule(severity="low"),))
    with closing(sqlite3.connect(path)) as file:
        made.backup(file)
    return path


class Terminal:
    """The command line on one database."""

    def __init__(self, db: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.db, self.capsys = db, capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert run([*arguments, "--db", str(self.db)]) == code
        said = self.capsys.readouterr()
        return said.out if code == 0 else said.err

    def rows(self, *arguments: str) -> list[dict[str, object]]:
        found = json.loads(self(*arguments, "--format", "json"))
        assert isinstance(found, list)
        return found

    def finding(self, path: str) -> str:
        return next(str(row["finding"]) for row in self.rows("triage", "queue") if row["path_key"] == path)


@pytest.fixture
def terminal(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(db, capsys)


def test_a_finding_is_decided_and_asked_for_no_more(terminal: Terminal) -> None:
    number = terminal.finding("usr/bin/tool")
    said = terminal("triage", "set", number, "ignored", "--reason", "a test program")
    assert said == "1 decision made: 1 open finding decided\n"
    assert [row["path_key"] for row in terminal.rows("triage", "queue")] == ["usr/bin/other", "usr/bin/root"]
    assert [row["path_key"] for row in terminal.rows("query", "findings")] == ["usr/bin/other", "usr/bin/root"]
    every = terminal.rows("query", "findings", "-p", "decided=*")
    assert [row["decided"] for row in every if row["path_key"] == "usr/bin/tool"] == ["ignored"]
    (row,) = terminal.rows("triage", "list")
    assert (row["state"], row["reason"], row["decides"], row["due"]) == ("ignored", "a test program", 1, 0)
    assert "  decided: ignored on 20" in terminal("explain", number)
    assert json.loads(terminal("explain", number, "--format", "json"))["decisions"][0]["state"] == "ignored"


def test_a_selector_spares_privileged_programs(terminal: Terminal) -> None:
    root = terminal.finding("usr/bin/root")
    said = terminal("triage", "set", "--path", "/usr/bin/*", "false-positive", "--reason", "none here")
    assert said.splitlines() == [
        "1 decision made: 2 open findings decided",
        "1 open finding not: only a decision on the finding itself, with an authority, counts about a privileged "
        "program",
    ]
    (left,) = terminal.rows("triage", "queue")
    assert str(left["why"]).startswith("needs-triage (privileged)")
    assert "say who decides with --authority" in terminal("triage", "set", root, "ignored", "--reason", "r", code=2)
    terminal("triage", "set", root, "ignored", "--reason", "r", "--authority", "jane")
    assert terminal.rows("triage", "queue") == []
    (shown,) = terminal.rows("query", "findings")  # shown all the same, and marked
    assert (shown["path_key"], shown["decided"]) == ("usr/bin/root", "ignored")


def test_released_takes_a_version(terminal: Terminal) -> None:
    number = terminal.finding("usr/bin/tool")
    assert "expected the version after it" in terminal("triage", "set", number, "released", code=2)
    terminal("triage", "set", number, "released", "1.0-1")
    row = next(row for row in terminal.rows("triage", "queue") if str(row["finding"]) == number)
    assert row["why"] == "needs-triage (not-fixed): 1.0-1 has it still"
    assert str(row["decision"]).startswith("released 1.0-1 on 20")


def test_a_deferral_ends(terminal: Terminal) -> None:
    number = terminal.finding("usr/bin/tool")
    terminal("triage", "set", number, "deferred")
    assert len(terminal.rows("triage", "queue")) == 2
    assert len(terminal.rows("triage", "queue", "--deferred-days", "0")) == 3
    assert len(terminal.rows("triage", "queue", "--today", "2100-01-01")) == 3
    assert terminal.rows("query", "needs-triage") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["48"], "expected as the last word a state: DNE"),
        (["needed"], "give either FINDINGs, or --rule"),
        (["48", "needed"], "no finding 48"),
        (["zz", "needed"], "expected the number of a finding"),
        (["1", "needed", "--rule", "x"], "give either FINDINGs, or --rule"),
        (["3", "ignored"], "reason: expected one"),
        (["--rule", "x", "waiver", "--reason", "r"], "authority: expected one"),
        (["--rule", "x", "needed", "--version", "1"], "versions: expected relations"),
        (["1", "needed", "--until", "soon"], "expected a day as YYYY-MM-DD"),
    ],
)
def test_wrong_decisions_say_what_was_expected_and_change_nothing(
    arguments: list[str], message: str, db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["triage", "set", *arguments, "--db", str(db)]) in (1, 2, 3)
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT count(*) FROM decision").fetchone() == (0,)


def test_decisions_live_in_a_file(terminal: Terminal, tmp_path: Path) -> None:
    terminal("triage", "set", terminal.finding("usr/bin/tool"), "ignored", "--reason", HOSTILE)
    terminal("triage", "set", "--rule", "no-*", "waiver", "--reason", "r", "--authority", HOSTILE, "--version", "<<2")
    first, second = tmp_path / "one.txt", tmp_path / "two.txt"
    terminal("triage", "export", "-o", str(first))
    assert terminal("triage", "export").encode() == first.read_bytes()
    made = judged(Pack(objects=OBJECTS), rules=(rule(severity="low"),))
    other = Terminal(tmp_path / "other.db", terminal.capsys)
    with closing(sqlite3.connect(other.db)) as file:
        made.backup(file)
    assert other("triage", "import", str(first)) == "2 decisions added, 0 known already\n"
    assert other("triage", "import", str(first)) == "0 decisions added, 2 known already\n"
    other("triage", "export", "-o", str(second))
    assert second.read_bytes() == first.read_bytes()
    assert other.rows("triage", "queue") == terminal.rows("triage", "queue")


def test_a_broken_file_names_its_line_and_changes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal("triage", "set", "--rule", "x", "needed")
    good = terminal("triage", "export")
    file = tmp_path / "decisions.txt"
    file.write_text(good.replace("Rule: x", "Rule: y") + "\nRule: z\nState: done\nMade: 2026-01-01\n")
    said = terminal("triage", "import", str(file), code=1)
    assert said.startswith(f"archscan: {file}:8: State: expected one of DNE")
    assert said.count("\n") == 1
    assert terminal("triage", "export") == good
    assert "cannot be read" in terminal("triage", "import", str(tmp_path / "missing"), code=1)


@pytest.mark.parametrize("command", [["triage", "list"], ["query", "decisions"]])
def test_hostile_text_is_inert_everywhere(command: list[str], terminal: Terminal) -> None:
    terminal("triage", "set", terminal.finding("usr/bin/tool"), "deferred", "--reason", HOSTILE, "--authority", HOSTILE)
    for text in (terminal(*command), terminal("triage", "queue", "--deferred-days", "0")):
        assert not set("\x1b\u202e") & set(text)
        assert "\nState" not in text
    (row,) = csv.DictReader(io.StringIO(terminal(*command, "--format", "csv")))
    assert row["reason"].startswith("'=cmd")
    assert terminal.rows(*command)[0]["reason"] == HOSTILE
    page = terminal.db.with_suffix(".html")
    terminal("report", "html", "-o", str(page))
    assert "<script>\n" not in page.read_text()


def test_the_examples_of_the_documentation_run(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs/triage.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines() if line.startswith("archscan ")]
    assert len(lines) > 10
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.txt").write_text("tool\n")
    for line in lines:
        words = shlex.split(line)[1:]
        if words[0] != "scan":
            assert run([*words, "--db", str(terminal.db)]) == 0, line
    assert all(f"`{state}" in text for state in STATES)
    (example,) = re.findall(r"```\n(Format: .*?)```", text, re.DOTALL)
    (tmp_path / "example.txt").write_text(example)
    other = Terminal(tmp_path / "other.db", terminal.capsys)
    with closing(sqlite3.connect(other.db)) as file:
        judged().backup(file)
    other("triage", "import", str(tmp_path / "example.txt"))
    assert other("triage", "export") == example


def test_every_state_is_in_the_help(terminal: Terminal) -> None:
    assert run(["triage", "set", "--help"]) == 0
    said = terminal.capsys.readouterr().out
    assert all(state in said for state in STATES)


def test_a_missing_database_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["list"], ["queue"], ["export"], ["set", "--rule", "x", "needed"]):
        assert run(["triage", *words, "--db", str(tmp_path / "none.db")]) == 1
        assert "there is no such database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_scores_are_sums_that_are_told(terminal: Terminal) -> None:
    (row,) = terminal.rows("score", "--all", "--today", "2026-01-02")
    assert (row["source"], row["score"], row["low"]) == ("tool", 60, 3)
    (whole,) = terminal.rows("score", "tool", "--explain", "--today", "2026-01-02")
    summands = whole["summands"]
    assert isinstance(summands, list)
    assert sum(part["points"] for part in summands) == whole["score"] == 60
    text = terminal("score", "tool", "--explain", "--today", "2026-01-02")
    assert text.splitlines()[0] == "tool  60"
    assert "setuid, +100 %" in text
    assert "apparmor: not read" in text
    lines = list(csv.DictReader(io.StringIO(terminal("score", "tool", "--explain", "--format", "csv"))))
    assert sum(int(line["points"]) for line in lines) == terminal.rows("score", "tool")[0]["score"]
    assert terminal.rows("score") == []  # three of low severity
    assert "no source package nothing" in terminal("score", "nothing", code=3)


def test_a_seed_raises(terminal: Terminal, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.write_text("# what a server has\n\n * tool # the tool\nother (why)\n")
    (row,) = terminal.rows("score", "--all", "--seed", str(seed))
    assert "seed" in str(row["raised"])
    seed.write_text("tool\n\x1b[31m\n")
    said = terminal("score", "--seed", str(seed), code=1)
    assert f"{seed}:2: expected the name of a package" in said
    assert "\x1b" not in said
