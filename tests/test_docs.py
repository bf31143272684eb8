"""What the documents name exists, and what exists is documented."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from archscan.cli import COMMANDS
from archscan.model import Limits
from archscan.store.tables import SCRIPTS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "rules/README.md"])


def _shell_lines(text: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target
    for path in re.findall(r"`((?:archscan|rules|reports|tests|corpus|docs|requirements)/[\w./*-]+)`", text):
        known = list(ROOT.glob(path.rstrip("/")))
        assert known or "uses-rpath" in path or "libthing" in path, path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_has_an_example(command: str) -> None:
    if command != "dump":
        assert f"archscan {command}" in (ROOT / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "-m", "archscan", command, "--help"], capture_output=True, text=True, check=True
    )
    assert "Examples:" in done.stdout
    assert f"archscan {command}" in done.stdout


def test_every_command_and_option_of_the_readme_exists() -> None:
    lines = [line for line in _shell_lines((ROOT / "README.md").read_text()) if line.startswith("archscan ")]
    assert len(lines) > 5
    for line in lines:
        words = shlex.split(line)
        assert words[1] in COMMANDS
        subcommand = [words[2]] if words[1] in ("rules", "catalogue") else []
        done = subprocess.run(
            [sys.executable, "-m", "archscan", words[1], *subcommand, "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        for word in words:
            if word.startswith("-"):
                assert word in done.stdout, (line, word)


def test_make_targets_of_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCUMENTS:
        for target in re.findall(r"`make ([\w-]+)`|^make ([\w-]+)", document.read_text(), re.MULTILINE):
            assert re.search(rf"^{next(filter(None, target))}:", makefile, re.MULTILINE), target


def test_every_limit_is_documented() -> None:
    text = (ROOT / "docs/limits.md").read_text()
    assert set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) == {
        field.name for field in msgspec.structs.fields(Limits)
    }


def test_every_table_and_view_is_documented() -> None:
    text = (ROOT / "docs/database.md").read_text()
    made = set(re.findall(r"CREATE (?:TABLE|VIEW) (\w+)", "".join(SCRIPTS)))
    assert set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) == made


def test_every_reason_code_is_documented() -> None:
    code = "".join(path.read_text() for room in ("elf", "scan") for path in (ROOT / "archscan" / room).rglob("*.py"))
    used = set(re.findall(r'(?:(?:[Rr]eason|not_applicable)\(|Found\(\s*[\w.]+,)\s*"([\w-]+)"', code))
    facts, _ = (ROOT / "docs/reasons.md").read_text().split("## Calls")
    assert used == set(re.findall(r"^\| `([\w-]+)`", facts, re.MULTILINE))


def test_every_reason_of_a_call_is_documented() -> None:
    rooms = [*(ROOT / "archscan/elf").rglob("*.py"), *(ROOT / "archscan/crypto").glob("answer*.py")]
    code = "".join(path.read_text() for path in rooms)
    used = re.findall(r'(?:Unknown\(|Outcome\.UNKNOWN, reason=)"([\w -]+)"\)', code)
    used += re.findall(r'else "([\w-]+)"(?:\)|$)', (ROOT / "archscan/elf/call_sites.py").read_text(), re.MULTILINE)
    used += re.findall(r'reason = "([\w-]+)"', (ROOT / "archscan/elf/call_sites.py").read_text())
    _, calls = (ROOT / "docs/reasons.md").read_text().split("## Calls")
    documented = set(re.findall(r"^\| `([\w -]+)`", calls, re.MULTILINE))
    assert set(used) <= documented, set(used) - documented
    assert not [reason for reason in documented if reason not in code]


def test_the_changelog_counts_right() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    for pattern, files in (
        (r"(\d+) rules", [*ROOT.glob("rules/hardening/*.toml"), *ROOT.glob("rules/crypto/*.toml")]),
        (r"(\d+) saved questions", list(ROOT.glob("reports/*.sql"))),
        (r"catalogue of (\d+) libraries", list(ROOT.glob("rules/catalogue/*.toml"))),
    ):
        match = re.search(pattern, text)
        assert match
        assert int(match[1]) == len(files), pattern
