"""What is other between two states is said, and nothing else; what one of them does not know is not held against it."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from archscan.cli import run
from corpus.debs import Entry, deb
from tests.deb.building import CONTROL
from tests.scan.scanning import archscan, scan

SYSCTL = Entry(name=b"./usr/lib/sysctl.d/thing.conf", data=b"kernel.sysrq = 1\n")
SCRIPT = b"#!/bin/sh\nset -e\nchmod 700 /var/lib/thing\n"


def _package(
    folder: Path, version: str, *entries: Entry, scripts: Iterable[tuple[str, bytes]] = (), name: str = "thing"
) -> Path:
    control = CONTROL.replace(b"Package: thing", b"Package: " + name.encode()).replace(
        b"Version: 1", b"Version: " + version.encode()
    )
    files = [Entry(name=b"./control", data=control)]
    files += [Entry(name=b"./" + word.encode(), data=text, mode=0o755) for word, text in scripts]
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}_{version}_amd64.deb"
    path.write_bytes(deb(files, entries, data_compression="zst"))
    return path


def _compared(old: Path, new: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):  # in this process, as starting another takes longer than comparing
        code = run(["compare", str(old), str(new), "--format", "json", *options])
    return code, json.loads(stream.getvalue())["changes"] if stream.getvalue() else []


def _said(changes: Sequence[dict[str, Any]]) -> set[tuple[str, str | None, str, str | None, str | None, str]]:
    names = ("facet", "path", "subject", "old", "new", "effect")
    return {tuple(change[name] for name in names) for change in changes}


@pytest.fixture
def objects(corpus_objects: dict[str, dict[str, Path]]) -> tuple[bytes, bytes]:
    """A program without PIE, and one with everything."""
    hardened = next(path for name, path in corpus_objects["hardened"].items() if name.startswith("usr/bin/"))
    return corpus_objects["no-pie"]["usr/bin/no-pie"].read_bytes(), hardened.read_bytes()


def test_lost_hardening_is_worse_and_won_is_better(tmp_path: Path, objects: tuple[bytes, bytes]) -> None:
    weak, strong = (Entry(name=b"./usr/bin/x", data=data, mode=0o755) for data in objects)
    good, bad = _package(tmp_path / "a", "1", strong), _package(tmp_path / "b", "2", weak)
    code, changes = _compared(good, bad)
    assert code == 10
    assert ("hardening", "usr/bin/x", "pie", "yes", "no", "worse") in _said(changes)
    code, changes = _compared(bad, good)
    assert ("hardening", "usr/bin/x", "pie", "no", "yes", "better") in _said(changes)
    assert not [change for change in changes if change["facet"] == "hardening" and change["effect"] == "worse"]


def test_a_new_object_is_one_change_and_its_verdicts_are_none(tmp_path: Path, objects: tuple[bytes, bytes]) -> None:
    old = _package(tmp_path / "a", "1")
    new = _package(tmp_path / "b", "2", Entry(name=b"./usr/bin/x", data=objects[1], mode=0o755))
    _, changes = _compared(old, new)
    assert {change["facet"] for change in changes if change["path"] == "usr/bin/x"} <= {"objects", "findings"}
    assert ("objects", "usr/bin/x", "object", None, "pie", "changed") in _said(changes)


def test_a_new_privilege_is_worse_and_one_that_is_gone_better(tmp_path: Path) -> None:
    plain, rights = (Entry(name=b"./usr/bin/x", data=b"#!/bin/sh\n", mode=mode) for mode in (0o755, 0o4755))
    old, new = _package(tmp_path / "a", "1", plain), _package(tmp_path / "b", "2", rights)
    code, changes = _compared(old, new)
    assert code == 10
    assert ("privileges", "usr/bin/x", "privilege", None, "setuid", "worse") in _said(changes)
    code, changes = _compared(new, old)
    assert (code, "better" in {change["effect"] for change in changes}) == (0, True)


def test_settings_scripts_and_files_are_told_with_what_is_other(tmp_path: Path) -> None:
    changed = Entry(name=SYSCTL.name, data=b"kernel.sysrq = 0\n")
    extra = Entry(name=b"./usr/share/thing/new-2.dat", data=b"x")
    moved = (Entry(name=b"./usr/share/thing-1/data", data=b"x"), Entry(name=b"./usr/share/thing-2/data", data=b"x"))
    old = _package(tmp_path / "a", "1", SYSCTL, moved[0], scripts=[("postinst", SCRIPT)])
    new = _package(tmp_path / "b", "2", changed, extra, moved[1],
                   scripts=[("postinst", SCRIPT.replace(b"700", b"777"))])  # fmt: skip
    code, changes = _compared(old, new)
    said = _said(changes)
    assert ("settings", "usr/lib/sysctl.d/thing.conf", "sysctl: kernel.sysrq", "1", "0", "changed") in said
    assert ("files", None, "files", None, "usr/share/thing/new-2.dat", "changed") in said
    script = next(change for change in changes if change["facet"] == "scripts")
    assert "-chmod 700 /var/lib/thing" in script["detail"]
    assert "+chmod 777 /var/lib/thing" in script["detail"]
    assert code in (0, 10)


def test_a_file_that_moved_into_usr_is_the_same(tmp_path: Path) -> None:
    old = _package(tmp_path / "a", "1", Entry(name=b"./lib/sysctl.d/thing.conf", data=SYSCTL.data))
    new = _package(tmp_path / "b", "2", SYSCTL)
    _, changes = _compared(old, new)
    assert {change["facet"] for change in changes} == {"packages"}


def test_equal_states_have_no_difference(tmp_path: Path) -> None:
    _package(tmp_path / "a", "1", SYSCTL)
    assert _compared(tmp_path / "a", tmp_path / "a") == (0, [])


def test_packages_that_one_state_has_alone_are_said_once(tmp_path: Path) -> None:
    _package(tmp_path / "a", "1", SYSCTL, name="gone")
    _package(tmp_path / "b", "1", SYSCTL, name="new")
    code, changes = _compared(tmp_path / "a", tmp_path / "b")
    assert (code, _said(changes)) == (0, {("packages", None, "package", "1", None, "changed"),
                                          ("packages", None, "package", None, "1", "changed")})  # fmt: skip


def test_what_one_state_has_not_read_is_not_held_against_it(tmp_path: Path) -> None:
    old, new = _package(tmp_path / "a", "1", SYSCTL), _package(tmp_path / "b", "2")
    for path, facts in ((old, "elf,files"), (new, "elf")):
        assert scan(path.with_suffix(".db"), "--thorough", "--facts", facts, path) == 0
    code, changes = _compared(old.with_suffix(".db"), new.with_suffix(".db"))
    assert code == 0
    assert {change["facet"] for change in changes} == {"packages"}
    assert ("packages", None, "files: the new state has not read any", None, None, "not-compared") in _said(changes)


def test_of_a_package_that_was_not_read_whole_nothing_counts_as_gone(tmp_path: Path) -> None:
    old, new = _package(tmp_path / "a", "1", SYSCTL), _package(tmp_path / "b", "2")
    for path in (old, new):
        assert scan(path.with_suffix(".db"), "--thorough", path) == 0
    connection = sqlite3.connect(new.with_suffix(".db"))
    with connection:
        connection.execute("UPDATE package SET status = 'partial'")
    connection.close()
    _, changes = _compared(old.with_suffix(".db"), new.with_suffix(".db"))
    assert [change for change in changes if change["facet"] != "packages"] == []
    assert "not-compared" in {change["effect"] for change in changes}


def test_only_one_effect_is_shown_and_the_exit_code_stays(tmp_path: Path) -> None:
    plain, rights = (Entry(name=b"./usr/bin/x", data=b"#!/bin/sh\n", mode=mode) for mode in (0o755, 0o4755))
    old, new = _package(tmp_path / "a", "1", plain), _package(tmp_path / "b", "2", rights, SYSCTL)
    code, changes = _compared(old, new, "--only", "better")
    assert (code, changes) == (10, [])
    _, changes = _compared(old, new, "--only", "worse")
    assert {change["effect"] for change in changes} == {"worse"}


def test_text_and_markdown_are_inert(tmp_path: Path) -> None:
    name = "./etc/sysctl.d/<b>|`x`\x1b[31m\u202e.conf".encode()
    old, new = _package(tmp_path / "a", "1"), _package(tmp_path / "b", "2", Entry(name=name, data=b"a = <i>|x|</i>\n"))
    for form in ("text", "markdown"):
        shown = archscan("compare", old, new, "--format", form).stdout
        assert "sysctl" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        if form == "markdown":
            assert "<b>" not in shown.replace("\\<b\\>", "")
            assert all(
                line.count(" | ") == 5 for line in shown.splitlines() if line.startswith("| ") and "path" not in line
            )


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    package = _package(tmp_path / "a", "1")
    (tmp_path / "text").write_text("no database")
    for old, new, code, text in (
        (package, tmp_path / "missing", 3, "missing"),
        (tmp_path / "text", package, 1, "no SQLite database"),
        ("suite:none", package, 1, "no such database"),
    ):
        done = archscan("compare", old, new, "--db", tmp_path / "none.db")
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert text in done.stderr


def test_two_suites_of_one_database_are_compared(tmp_path: Path) -> None:
    """The database holds both versions; each suite has one of them, and packages of its own."""
    changed = Entry(name=SYSCTL.name, data=b"kernel.sysrq = 0\n")
    _package(tmp_path / "a", "1", SYSCTL)
    _package(tmp_path / "a", "2", changed)
    _package(tmp_path / "a", "1", SYSCTL, name="only")
    db = tmp_path / "a.db"
    assert scan(db, tmp_path / "a") == 0
    connection = sqlite3.connect(db)
    with connection:
        for suite, name, version in (("old", "thing", "1"), ("new", "thing", "2"), ("new", "only", "1")):
            connection.execute(
                "INSERT INTO publication (suite, component, name, version, architecture, sha256, filename, package_id, "
                "first_scan, last_scan) SELECT ?, 'main', name, version, architecture, sha256, filename, id, 1, 1 "
                "FROM package WHERE name = ? AND version = ?", (suite, name, version))  # fmt: skip
    connection.close()
    done = archscan("compare", "suite:old", "suite:new", "--db", db, "--format", "json")
    said = _said(json.loads(done.stdout)["changes"])
    assert ("settings", "usr/lib/sysctl.d/thing.conf", "sysctl: kernel.sysrq", "1", "0", "changed") in said
    assert ("packages", None, "package", None, "1", "changed") in said
    missing = archscan("compare", "suite:old", "suite:none", "--db", db)
    assert (missing.returncode, "no package of a suite 'none'" in missing.stderr) == (3, True)
