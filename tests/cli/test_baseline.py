"""`archscan baseline` as a person meets it, and what takes only what somebody has reviewed."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from archscan.baseline import FACETS
from archscan.cli import reviewed, run
from archscan.errors import UsageError
from tests.cli.test_triage import Terminal
from tests.rules.facts import Object, Pack, rule
from tests.triage.facts import judged

ROOT = Path(__file__).parents[2]
TOOL = Object(columns={"kind": "executable", "pie": "no"})
ROOTED = Object(path="usr/bin/root", columns={"kind": "executable", "pie": "no"}, privilege="setuid root")
HOSTILE = "usr/bin/\x1b[31m\u202e<b>]]>\n=1+1"
RULES = (rule(severity="low"),)


def _put(path: Path, *objects: Object, version: str = "1.0-1", also: tuple[Pack, ...] = ()) -> None:
    """The database, made or written anew, with one package of these objects."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as file:
        judged(Pack(objects=objects, version=version), *also, rules=RULES).backup(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.baseline"


@pytest.fixture
def terminal(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal on a database whose packages are reviewed."""
    db = tmp_path / "a.db"
    _put(db, TOOL)
    made = Terminal(db, capsys)
    made("baseline", "write", "-o", str(file))
    return made


def _check(terminal: Terminal, file: Path, *options: str) -> tuple[int, str]:
    code = run(["baseline", "check", str(file), "--db", str(terminal.db), *options])
    return code, terminal.capsys.readouterr().out


def test_what_is_as_reviewed_is_nothing(terminal: Terminal, file: Path) -> None:
    assert _check(terminal, file) == (0, "")
    assert terminal("baseline", "write") == file.read_text()


def test_a_new_privileged_program_is_other_until_it_is_accepted(terminal: Terminal, file: Path) -> None:
    _put(terminal.db, TOOL, ROOTED)
    code, said = _check(terminal, file)
    assert code == 10
    assert "+ privileged tool:amd64 usr/bin/root setuid root, mode 0755\n" in said
    done = terminal("baseline", "accept", str(file), "--by", "jane", "--reason", "needs port 80")
    assert done == "3 lines added, 0 removed; 1 finding accepted\n"
    assert _check(terminal, file) == (0, "")
    note = f"# needs port 80 (jane, {datetime.now(UTC).date()})\nprivileged tool:amd64 usr/bin/root"
    assert note in file.read_text()
    (row,) = terminal.rows("triage", "list")
    assert (row["state"], row["authority"], row["reason"]) == ("accepted", "jane", "needs port 80")
    assert [row["path_key"] for row in terminal.rows("triage", "queue")] == ["usr/bin/tool"]
    assert len(terminal.rows("query", "findings", "-p", "decided=*")) == 2  # nothing hides a privileged program
    assert "usr/bin/root" in terminal("query", "findings")


def test_what_is_gone_goes_with_its_reason(terminal: Terminal, file: Path) -> None:
    _put(terminal.db, TOOL, ROOTED)
    terminal("baseline", "accept", str(file), "--by", "jane", "--reason", "r")
    _put(terminal.db, TOOL, version="1.0-2")
    code, said = _check(terminal, file)
    assert code == 10
    assert "- privileged tool:amd64 usr/bin/root" in said
    assert said.count("versions") == 2
    terminal("baseline", "accept", str(file), "--by", "jane", "--reason", "dropped", "--only", "*usr/bin/root*")
    assert "root" not in file.read_text()
    assert _check(terminal, file)[1] == "- versions tool:amd64 - 1.0-1\n+ versions tool:amd64 - 1.0-2\n"


def test_a_part_is_accepted_alone(terminal: Terminal, file: Path) -> None:
    _put(terminal.db, TOOL, ROOTED)
    done = terminal("baseline", "accept", str(file), "--by", "j", "--reason", "r", "--only", "hardening *")
    assert done == "1 line added, 0 removed; 0 findings accepted\n"
    assert terminal.rows("triage", "list") == []
    assert {line.split()[1] for line in _check(terminal, file)[1].splitlines()} == {"findings", "privileged"}
    before = file.read_bytes()
    said = terminal("baseline", "accept", str(file), "--by", "j", "--reason", "r", "--only", "crypto *", code=3)
    assert "no line that is new or gone fits" in said
    assert file.read_bytes() == before


def test_a_finding_that_is_also_elsewhere_stays_open(terminal: Terminal, file: Path) -> None:
    """One finding of two packages of a source, of which the baseline has one."""
    terminal("baseline", "write", "-o", str(file), "--package", "tool")
    _put(terminal.db, TOOL, ROOTED, also=(Pack(name="other", source="tool", objects=(ROOTED,)),))
    done = terminal("baseline", "accept", str(file), "--by", "j", "--reason", "r")
    assert "0 findings accepted" in done
    assert "stays open: it is open in other:amd64 1.0-1, too" in done
    assert terminal.rows("triage", "list") == []


def test_reasons_and_selection_survive_another_write(terminal: Terminal, file: Path) -> None:
    terminal("baseline", "write", "-o", str(file), "--facets", "hardening,packages", "--no-versions")
    text = file.read_text().replace("\nhardening tool", "\n# old code,\n#  to be dropped\nhardening tool")
    assert text.count("#") == 2
    file.write_text(text)
    terminal("baseline", "write", "-o", str(file))
    assert file.read_text() == text
    assert "Versions: no" in text
    _put(terminal.db)
    assert run(["baseline", "write", "-o", str(file), "--db", str(terminal.db)]) == 0
    assert "1 reasons went with their lines" in terminal.capsys.readouterr().err
    assert "#" not in file.read_text()


def test_a_broken_file_changes_nothing(terminal: Terminal, file: Path) -> None:
    _put(terminal.db, TOOL, ROOTED)
    broken = file.read_text() + "no line\n"
    file.write_text(broken)
    number = broken.count("\n")
    for words in (
        ["check", str(file)],
        ["accept", str(file), "--by", "j", "--reason", "r"],
        ["write", "-o", str(file)],
    ):
        said = terminal("baseline", *words, code=1)
        assert said.startswith(f"archscan: {file}:{number}: 'no line': expected a facet")
        assert said.count("\n") == 1
    assert file.read_text() == broken
    assert terminal.rows("triage", "list") == []


def test_what_cannot_be_written_decides_nothing(
    terminal: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(terminal.db, TOOL, ROOTED)
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "cannot be written" in terminal("baseline", "accept", str(file), "--by", "j", "--reason", "r", code=1)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert terminal.rows("triage", "list") == []


@pytest.mark.parametrize("form", ["text", "markdown", "json", "junit"])
def test_every_form_is_inert_and_has_what_is_other(form: str, terminal: Terminal, file: Path) -> None:
    _put(terminal.db, TOOL, Object(path=HOSTILE, columns={"pie": "no"}, privilege="setuid"))
    code, said = _check(terminal, file, "--format", form)
    assert code == 10
    assert not set(said) & {"\x1b", "\u202e"}
    assert "setuid" in said
    if form == "text":
        assert all(line[:2] in ("+ ", "- ") for line in said.splitlines())
    elif form == "markdown":
        assert "<b>" not in said.replace("\\<b\\>", "")
    elif form == "json":
        changes = json.loads(said)["changes"]
        assert {one["change"] for one in changes} == {"new"}
        assert next(one["findings"] for one in changes if one["facet"] == "findings")
    else:
        tree = etree.fromstring(said.encode())
        etree.XMLSchema(etree.parse(ROOT / "docs/junit.xsd")).assertValid(tree)
        assert tree.get("failures") == "3"
        assert tree.find(".//testsuite[@name='baseline privileged']/testcase[@name='tool:amd64']/failure") is not None
        assert tree.find(".//testsuite[@name='baseline versions']/testcase[@name='tool:amd64']/failure") is None


def test_the_report_goes_to_a_file(terminal: Terminal, file: Path, tmp_path: Path) -> None:
    assert _check(terminal, file, "--format", "junit", "-o", str(tmp_path / "x.xml")) == (0, "")
    assert etree.parse(tmp_path / "x.xml").getroot().get("failures") == "0"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["write", "--facets", "nothing"], 2, "expected some of packages"),
        (["write", "--package", "none"], 3, "no package is chosen"),
        (["write", "--package", "a\nFacets: x"], 2, "each in one line"),
        (["check", "missing"], 1, "cannot be read"),
        (["accept", "missing", "--by", " ", "--reason", "r"], 2, "say with --by who accepts"),
        (["check", "missing", "--max-age", "14d"], 2, "--require-reviewed"),
        (["check", "missing", "--max-age", "soon", "--require-reviewed", "R"], 2, "expected a number of days"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], code: int, message: str, terminal: Terminal) -> None:
    assert message in re.sub(r"\s+", " ", terminal("baseline", *words, code=code))


def test_only_a_reviewed_baseline_counts(terminal: Terminal, file: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "REVIEWED"
    required = ("--require-reviewed", str(manifest), "--max-age", "14d")
    assert "cannot be read" in terminal("baseline", "check", str(file), *required, code=1)
    assert run(["baseline", "review", str(file), "--by", "jane", "-o", str(manifest)]) == 0
    assert terminal.capsys.readouterr().out == "1 file reviewed by 'jane'\n"
    assert _check(terminal, file, *required)[0] == 0
    file.write_text(file.read_text().replace("pie: no", "pie: none"))
    assert terminal("baseline", "check", str(file), *required, code=1) == (
        f"archscan: {manifest}: server.baseline is modified\n"
    )
    other = tmp_path / "other.baseline"
    other.write_text(file.read_text())
    assert "other.baseline is not reviewed" in terminal("baseline", "check", str(other), *required, code=1)


def test_only_reviewed_rules_judge(terminal: Terminal, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "crypto"
    mine.mkdir(parents=True)
    context = mine.parent / "algorithms.toml"
    manifest = tmp_path / "mine" / "REVIEWED"
    rules = ("--rules", str(mine.parent))
    required = ("--require-reviewed", str(manifest), "--max-age", "14d")
    assert run(["rules", "review", *rules, "--by", "jane", "-o", str(manifest)]) == 0
    apply = ("rules", "apply", *rules, *required)
    terminal("rules", "apply", *rules, *required)
    terminal("rules", "apply", *required)  # the rules that come with archscan alone are reviewed, too
    context.write_text("")
    for words in (apply, ("scan", str(tmp_path), *rules, *required)):
        assert "algorithms.toml is not reviewed" in terminal(*words, code=1)
    context.unlink()
    text = manifest.read_text()
    manifest.write_text(text.replace("archscan:hardening/no-pie.toml", "archscan:hardening/no-pies.toml"))
    said = terminal(*apply, code=1)
    assert "archscan:hardening/no-pie.toml is not reviewed; archscan:hardening/no-pies.toml is missing" in said


@pytest.mark.parametrize(("days", "words"), [(14, None), (15, "15 days old"), (28, "28 days old"), (29, "refused")])
def test_an_old_review_nags_then_blocks(
    days: int, words: str | None, file: Path, terminal: Terminal, tmp_path: Path
) -> None:
    manifest = tmp_path / "REVIEWED"
    reviewed.write(manifest, None, (file,), "jane")
    today = date.fromisoformat(re.findall("Reviewed: (.*)", manifest.read_text())[0])
    later = today + timedelta(days=days)
    if words == "refused":
        with pytest.raises(Exception, match="more than 28 are too many"):
            reviewed.require(manifest, 14, None, None, (file,), later)
        return
    reviewed.require(manifest, 14, None, None, (file,), later)
    said = terminal.capsys.readouterr().err
    assert (words or "") in said
    assert bool(said.strip()) == bool(words)
    with pytest.raises(UsageError, match="no less than"):
        reviewed.require(manifest, 14, 13, None, (file,), later)


def test_the_examples_of_the_documentation_run(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs/baselines.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines() if line.startswith("archscan ")]
    assert len(lines) > 6
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSCAN_DB", str(terminal.db))
    _put(terminal.db, TOOL, ROOTED)
    for line in lines:
        words = shlex.split(line)[1:]
        if words[0] != "scan":
            assert run(words) in (0, 10), line
    assert all(f"| `{facet}` |" in text for facet in FACETS)
