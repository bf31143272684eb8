"""Reports that are about a part: the same in every format, and what is left out is left out everywhere."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archscan.errors import NoTargetError
from archscan.model import Severity
from archscan.reports import content, document, junit, lines, spreadsheet
from archscan.reports.selection import Selection, narrow
from tests.reports.conftest import add_elf, add_finding, add_package
from tests.reports.scans import archscan


def findings(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    stream = io.StringIO()
    lines.write(connection, stream)
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [(row["package"], row["rule"], row["severity"]) for row in rows]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(packages=("sudo",)),
        Selection(sources=("su*",)),
        Selection(packages=("sudo", "=cmd*")),
        Selection(severity=Severity.MEDIUM),
        Selection(new=True),
        Selection(packages=("sudo",), severity=Severity.HIGH, new=True),
    ],
    ids=lambda selection: selection.words(),
)
def test_a_selection_is_what_one_would_choose_of_everything(selection: Selection, filled: sqlite3.Connection) -> None:
    def meant(row: content.Row) -> bool:
        names = {"sudo": {"sudo"}, "su*": {"sudo"}, "=cmd*": {"=cmd|' /C calc'!A0"}}
        wanted = set().union(*(names[name] for name in (*selection.packages, *selection.sources)))
        enough = (
            not selection.severity
            or Severity(row["severity"]) in list(Severity)[list(Severity).index(selection.severity) :]
        )
        return (not wanted or row["package"] in wanted) and enough and (not selection.new or row["new"])

    expected = [(row["package"], row["rule"], row["severity"]) for row in content.findings(filled, 2) if meant(row)]
    narrow(filled, selection)
    assert findings(filled) == expected
    assert expected
    counts = content.counts(filled, 2)
    assert sum(tally["open"] for tally in counts["findings"].values()) == len(expected)
    assert sum(rule["open"] for rule in content.rules(filled, 2)) == len(expected)


def test_a_package_is_alone_in_every_list(filled: sqlite3.Connection) -> None:
    narrow(filled, Selection(packages=("sudo",)))
    stream = io.StringIO()
    document.write(filled, stream, None, Selection(packages=("sudo",)))
    found: Any = json.loads(stream.getvalue())
    assert found["selection"] == {"sources": [], "packages": ["sudo"], "severity": None, "new": False}
    for name, rows in found.items():
        if isinstance(rows, list):
            assert {row["package"] for row in rows if "package" in row} <= {"sudo"}, name
    assert found["counts"]["packages"] == {"complete": 1, "partial": 0, "unreadable": 0, "skipped": 0}
    assert found["counts"]["objects"] == 2
    assert sum(row["protected"] + row["partial"] + row["unprotected"] + row["not_applicable"] + row["unknown"]
               for row in found["hardening"] if row["feature"] == "pie") == 2  # fmt: skip
    assert [suite.name for suite in junit.suites(filled, Severity.LOW)] == ["sudo 1.0-1 amd64"]
    sheet = io.StringIO()
    spreadsheet.write(filled, sheet)
    assert {row["package"] for row in csv.DictReader(io.StringIO(sheet.getvalue()))} == {"sudo"}


def test_an_older_package_of_the_chosen_source_does_not_become_current(filled: sqlite3.Connection) -> None:
    old = add_package(filled, "moved", source="before")
    add_finding(filled, "no-pie", old, add_elf(filled, old, "usr/bin/moved"))
    add_package(filled, "moved", source="after", version="2.0-1", version_key="2.0-1")
    narrow(filled, Selection(sources=("before",)))
    assert findings(filled) == []
    assert content.counts(filled, 2)["findings"]["high"]["open"] == 0


def test_what_no_package_is_called_is_an_error(filled: sqlite3.Connection) -> None:
    with pytest.raises(NoTargetError, match="no package in the database matches 'nobody'"):
        narrow(filled, Selection(packages=("nobody",)))


def test_the_file_stays_as_it_is(filled_path: Path) -> None:
    before = filled_path.read_bytes()
    archscan("report", "json", "--db", filled_path, "--package", "sudo", "--new", "-o", filled_path.with_name("out"))
    assert filled_path.read_bytes() == before
    with closing(sqlite3.connect(filled_path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_temp_master").fetchone() == (0,)


def test_the_page_says_what_it_is_about(filled_path: Path) -> None:
    out = filled_path.with_name("out.html")
    archscan("report", "html", "--db", filled_path, "--package", "s*", "--severity", "low", "-o", out)
    assert "Only package s*, findings of severity low and above." in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cyclonedx", "--new"], "cyclonedx has none"),
        (["cyclonedx", "--severity", "low"], "cyclonedx has none"),
        (["sarif", "--fail-on", "low"], "--fail-on is for junit"),
        (["sarif", "--sha256"], "--sha256 needs -o FILE"),
        (["sarif", "json"], "give one FORMAT, not 2"),
        (["pdf"], "'pdf' is not one of"),
        ([], "Missing argument"),
    ],
)
def test_what_would_have_no_effect_is_an_error(arguments: list[str], expected: str, filled_path: Path) -> None:
    assert expected in archscan("report", *arguments, "--db", filled_path, code=2)
