"""The command line as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from archscan.cli import COMMANDS
from tests.scan.scanning import ARCHSCAN, archscan, rows


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = archscan("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)
    assert "10 findings" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan"],
        ["nothing"],
        ["scan", "x", "--jobs", "0"],
        ["scan", "x", "--all"],
        ["scan", "x", "--limit", "x=1"],
        ["scan", "x", "--limit", "ratio=²"],
        ["scan", "x", "--limit", "ratio=" + 5000 * "9"],
        ["scan", "x", "--limit", "deadline=1"],
        ["scan", "x", "--deadline", "nan"],
        ["scan", "x", "--deadline", "inf"],
        ["scan", "x", "--memory", "99999999999999999999"],
    ],
)
def test_wrong_usage_is_a_code_of_its_own(arguments: list[str]) -> None:
    done = archscan(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    done = archscan(command, "--help")
    assert done.returncode == 0
    assert f"  archscan {command}" in done.stdout.partition("Example")[2]


def test_quiet_prints_nothing(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    done = archscan("scan", "-q", "--db", tmp_path / "a.db", corpus_debs["hardened"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_summary_goes_to_stdout_and_the_rest_to_stderr(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    done = archscan("scan", "--db", tmp_path / "a.db", corpus_debs["no-pie"])
    assert "no-pie" in done.stdout
    assert done.stderr == ""  # progress comes every few seconds, and this took less


def test_the_environment_names_the_database(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    environment = {**os.environ, "ARCHSCAN_DB": str(tmp_path / "env.db")}
    subprocess.run([*ARCHSCAN, "scan", "-q", str(corpus_debs["hardened"])], env=environment, check=True)
    assert rows(tmp_path / "env.db", "SELECT count(*) FROM package") == [(1,)]


def test_a_list_on_standard_input(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    names = [os.fsencode(corpus_debs[name]) for name in ("hardened", "no-pie", "hardened")]
    for separator in (b"\n", b"\0"):
        db = tmp_path / f"{separator[0]}.db"
        assert archscan("scan", "-q", "--db", db, "-", stdin=separator.join(names)).returncode == 0
        assert rows(db, "SELECT count(*) FROM package") == [(2,)]


def test_globs_and_folders(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    folder = corpus_debs["hardened"].parent
    assert archscan("scan", "-q", "--db", tmp_path / "a.db", folder / "no-*.deb").returncode == 0
    found = rows(tmp_path / "a.db", "SELECT count(*) FROM package")[0][0]
    assert found == len(list(folder.glob("no-*.deb")))


def test_names_that_are_no_text(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/caf\xe9\n.deb"
    Path(os.fsdecode(odd)).write_bytes(corpus_debs["hardened"].read_bytes())
    db = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9?#%.db"))
    command = [*map(os.fsencode, ARCHSCAN), b"scan", b"--db", os.fsencode(db), odd]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rows(db, "SELECT filename FROM package") == [("caf\\xe9\\x0a.deb",)]


def test_a_list_with_a_byte_that_no_name_has(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    names = b"a\0b\n" + os.fsencode(corpus_debs["hardened"]) + b"\n"
    done = archscan("scan", "-q", "--db", tmp_path / "a.db", "-", stdin=names)
    assert done.returncode in (3, 11)
    assert "Traceback" not in done.stderr


def test_inspect_prints_verdicts_and_says_what_is_no_elf_file(
    corpus_objects: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    good = corpus_objects["hardened"]["usr/bin/hardened"]
    done = archscan("inspect", good)
    assert done.returncode == 0
    assert "relro              full" in done.stdout
    (document,) = json.loads(archscan("inspect", "--format", "json", good).stdout)
    assert document["pie"] == "yes"
    text = tmp_path / "text"
    text.write_text("text")
    done = archscan("inspect", text, good)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_query_and_reports_of_a_scan(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    archscan("scan", "-q", "--db", db, corpus_debs["no-pie"])
    done = archscan("query", "--db", db, "--format", "json", "--sql", "SELECT name FROM package")
    assert json.loads(done.stdout) == [{"name": "no-pie"}]
    assert archscan("query", "--db", db, "--sql", "DELETE FROM package").returncode == 1
    assert archscan("query", "--db", db, "no-such-question").returncode == 2
    for form in ("html", "json", "csv"):
        assert archscan("report", form, "--db", db, "-o", tmp_path / form).returncode == 0
        assert "no-pie" in (tmp_path / form).read_text()
    assert archscan("dump", "--db", db).stdout.startswith('["package"')


def test_rules_apply_changes_nothing_after_a_scan(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    archscan("scan", "-q", "--db", db, *corpus_debs.values())
    before = archscan("dump", "--db", db).stdout
    done = archscan("rules", "apply", "--db", db)
    assert "0 findings new" in done.stdout
    assert archscan("dump", "--db", db).stdout == before
    assert archscan("rules", "check").returncode == 0
    assert archscan("rules", "show", "no-pie").returncode == 0
    assert archscan("rules", "show", "no-such-rule").returncode == 3
    assert archscan("catalogue", "show", "MD5_Update").returncode == 0


def test_a_broken_rule_is_one_line_and_makes_no_database(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "house"
    folder.mkdir(parents=True)
    (folder / "bad.toml").write_text('id = "bad"\n')
    done = archscan("scan", "--db", tmp_path / "a.db", "--rules", tmp_path / "mine", corpus_debs["hardened"])
    assert done.returncode == 1
    assert "bad.toml" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "a.db").exists()


def test_a_name_too_long_to_keep_is_a_limit(tmp_path: Path) -> None:
    (tmp_path / "empty.c").write_text("int f(void) { return 1; }\n")
    (tmp_path / "flags").write_text(f"-Wl,-soname,{'x' * 70_000}")
    built = tmp_path / "long.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "@flags", "-o", built, "empty.c"], cwd=tmp_path, check=True)
    done = archscan("inspect", built)
    assert done.returncode == 1
    assert "a name of 70000 characters" in done.stderr
    assert done.stderr.count("\n") == 1
