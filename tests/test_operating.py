"""What operators are given works: units are sound, the cron line stops where it should, documented options exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archscan.cli import COMMANDS
from tests.scan.scanning import archscan
from tests.sources.mirrors import mirror

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/systemd"
UNITS = ("archscan.service", "archscan.timer")
analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """The units, for a program that exists on this machine."""
    program = shutil.which("true")
    assert program
    for name in UNITS:
        text = (FOLDER / name).read_text().replace("/usr/bin/archscan", program)
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in UNITS]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})


@analyze
def test_systemd_finds_nothing_wrong_with_the_units(units: list[str]) -> None:
    done = _run("systemd-analyze", "verify", "--man=no", *units)
    ours = [line for line in done.stderr.splitlines() if "archscan" in line]  # not of other units of this machine
    assert (done.returncode, ours) == (0, [])
    broken = Path(units[0])
    broken.write_text(broken.read_text() + "OOMPolicy=sometimes\n")
    assert "sometimes" in _run("systemd-analyze", "verify", "--man=no", str(broken)).stderr  # it would have said so


@analyze
def test_the_service_is_as_closed_as_the_page_says(units: list[str]) -> None:
    done = _run("systemd-analyze", "security", "--offline=true", "--no-pager", units[0])
    if "unrecognized option" in done.stderr:
        pytest.skip("no systemd-analyze that looks at files")
    match = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert match, done.stderr
    assert float(match[1]) < 2.5


@analyze
def test_the_service_may_call_what_the_children_confine_themselves_with(units: list[str]) -> None:
    (line,) = re.findall(r"^SystemCallFilter=(.*)$", Path(units[0]).read_text(), re.MULTILINE)
    groups: dict[str, set[str]] = {}
    for text in _run("systemd-analyze", "syscall-filter").stdout.splitlines():
        if text.startswith("@"):
            groups[text.split()[0]] = set()
        elif text.strip() and not text.strip().startswith("#") and groups:
            groups[list(groups)[-1]].add(text.split()[0])

    def calls(word: str) -> set[str]:
        if not word.startswith("@"):
            return {word}
        return set().union(*map(calls, groups[word]))

    allowed = set().union(*map(calls, line.split()))
    needed = (
        "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp prctl setpgid prlimit64 wait4 clone"
    )
    needed += (
        " fork pidfd_open pidfd_send_signal kill setitimer madvise socketpair sendmsg recvmsg execve fsync fallocate"
    )
    assert set(needed.split()) <= allowed


def _cron_line(**places: Path) -> tuple[str, str]:
    """User and command of the line, with other places than it names."""
    (line,) = (line for line in (FOLDER / "archscan.cron").read_text().splitlines() if line.startswith("30 1 "))
    fields = line.split(maxsplit=6)
    assert "%" not in line  # cron makes a new line of it
    command = fields[6]
    for before, after in (("/srv/mirror/debian", places["mirror"]), ("/var/log/archscan", places["log"]),
                          ("/srv/www", places["www"])):  # fmt: skip
        assert before in command
        command = command.replace(before, str(after))
    return fields[5], command


@pytest.mark.parametrize(("what", "report"), [("broken", True), ("missing", False)])
def test_the_cron_line_goes_on_only_where_the_scan_finished(
    what: str, report: bool, corpus_debs: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("bin", "log", "www"):
        (tmp_path / name).mkdir()
    program = tmp_path / "bin" / "archscan"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m archscan "$@"\n')
    program.chmod(0o755)
    made = mirror(tmp_path / "mirror", [corpus_debs["no-pie"], corpus_debs["hardened"]])
    if what == "missing":
        shutil.rmtree(made.dists)
    else:
        next(made.folder.glob("pool/**/no-pie_*.deb")).unlink()
    user, command = _cron_line(mirror=made.folder, log=tmp_path / "log", www=tmp_path / "www")
    assert user == "archscan"
    environment = dict(os.environ, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", PYTHONPATH=str(ROOT))
    environment["ARCHSCAN_DB"] = str(tmp_path / "a.db")
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == report, done.stderr
    assert (tmp_path / "www" / "archscan.html").exists() == report
    assert (tmp_path / "log" / "scan.log").exists()


def test_every_command_and_option_that_operators_are_told_exists() -> None:
    text = (ROOT / "docs/operating.md").read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    lines += [
        line.partition("=")[2] for line in (FOLDER / UNITS[0]).read_text().splitlines() if line.startswith("Exec")
    ]
    lines += (FOLDER / "archscan.cron").read_text().splitlines()
    told = [call for line in lines for call in re.findall(r"\barchscan (\w+)([^|&#)]*)", line.replace("/usr/bin/", ""))]
    told = [(command, rest) for command, rest in told if command in COMMANDS]
    assert {"scan", "query", "report"} <= {command for command, _ in told}
    for command in {command for command, _ in told}:
        known = archscan(command, "--help").stdout
        for option in {word for one, rest in told if one == command for word in rest.split() if word.startswith("-")}:
            assert re.search(rf"(^|[\s,]){option}\b", known), (command, option)


def test_the_page_names_what_there_is() -> None:
    text = (ROOT / "docs/operating.md").read_text()
    for path in FOLDER.iterdir():
        assert f"`docs/systemd/{path.name}`" in text
    assert set(re.findall(r"`docs/systemd/([\w.]+)`", text)) == {path.name for path in FOLDER.iterdir()}
