"""What a CI service is told of packages: what fails, what passes, what was not looked at."""

from __future__ import annotations

import io
import sqlite3
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from archscan.model import Severity
from archscan.reports import junit
from tests.reports.conftest import add_elf, add_finding, add_package, add_rule, insert


def suites(connection: sqlite3.Connection, failing: str = "medium") -> dict[str, ET.Element]:
    stream = io.StringIO()
    junit.write(connection, stream, Severity(failing))
    root = ET.fromstring(stream.getvalue())
    for key in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(key, "")) == sum(int(suite.get(key, "")) for suite in root)
    return {suite.get("name", ""): suite for suite in root}


def results(suite: ET.Element) -> dict[str, str]:
    """Test → what became of it."""
    return {
        case.get("name", "").partition(":")[0]: next((one.tag for one in case if one.tag != "system-out"), "passed")
        for case in suite.iter("testcase")
    }


@pytest.fixture
def one(empty: sqlite3.Connection) -> sqlite3.Connection:
    """A database with rules and a package without findings."""
    insert(empty, "scan", id=1, started="2026-05-01T10:00:00+00:00", finished="2026-05-01T10:01:00+00:00", version="0",
           extractor="1", rules_digest="d", command="c", state="finished")  # fmt: skip
    for name, severity in (("no-pie", "high"), ("not-fortified", "low")):
        add_rule(empty, name, severity)
    return empty


def package(connection: sqlite3.Connection, name: str, **more: Any) -> tuple[int, int]:
    number = add_package(connection, name, **more)
    return number, add_elf(connection, number, f"usr/bin/{name}")


def test_a_package_without_findings_passes_and_says_what_was_looked_at(one: sqlite3.Connection) -> None:
    package(one, "good")
    suite = suites(one)["good 1.0-1 amd64"]
    assert results(suite) == {"read": "passed", "no-pie": "passed", "not-fortified": "passed"}
    assert suite.findtext("testcase/system-out") == "1 objects were looked at; the package is complete"
    assert suite.get("timestamp") == "2026-05-01T10:01:00"
    assert {case.get("classname") for case in suite.iter("testcase")} == {"good:amd64"}


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ("critical", {"no-pie": "passed", "not-fortified": "passed"}),
        ("high", {"no-pie": "failure", "not-fortified": "passed"}),
        ("negligible", {"no-pie": "failure", "not-fortified": "failure"}),
    ],
)
def test_what_is_severe_enough_fails_and_the_rest_is_told(
    failing: str, expected: dict[str, str], one: sqlite3.Connection
) -> None:
    number, elf = package(one, "bad")
    for rule in ("no-pie", "not-fortified"):
        add_finding(one, rule, number, elf, message=f"about {rule}")
    suite = suites(one, failing)["bad 1.0-1 amd64"]
    assert results(suite) == {"read": "passed", **expected}
    for case in suite.iter("testcase"):
        rule = case.get("name", "").partition(":")[0]
        if rule != "read":
            assert f"about {rule}" in "".join(case.itertext())


def test_what_the_maintainer_overrides_passes(one: sqlite3.Connection) -> None:
    number, elf = package(one, "meant")
    word = {"tag": "t", "context": "", "comment": "c", "line": 1, "severity": "high", "ignored": None}
    add_finding(one, "no-pie", number, elf, override=word)
    suite = suites(one)["meant 1.0-1 amd64"]
    assert results(suite)["no-pie"] == "passed"
    assert "overridden by the maintainer" in "".join(suite.itertext())


@pytest.mark.parametrize("status", ["partial", "skipped"])
def test_what_was_not_read_whole_proves_nothing(status: str, one: sqlite3.Connection) -> None:
    number, elf = package(one, "half", status=status)
    add_finding(one, "no-pie", number, elf)
    found = results(suites(one)["half 1.0-1 amd64"])
    assert found == {"read": "passed", "no-pie": "failure", "not-fortified": "skipped"}


def test_problems_are_one_error_with_all_of_them(one: sqlite3.Connection) -> None:
    number, _ = package(one, "broken", status="partial")
    for path in ("a", "b"):
        insert(one, "problem", scan_id=1, package_id=number, target="x.deb", path=path, stage="elf", kind="truncated",
               message="ends early")  # fmt: skip
    suite = suites(one)["broken 1.0-1 amd64"]
    (error,) = suite.iter("error")
    assert error.get("message") == "elf: truncated: a: ends early and 1 more"
    assert (error.text or "").splitlines() == [
        "1 objects were looked at; the package is partial",
        "elf: truncated: a: ends early",
        "elf: truncated: b: ends early",
    ]


def test_what_could_not_be_read_at_all_has_a_suite(one: sqlite3.Connection) -> None:
    add_package(one, None, "unreadable", version=None, version_key=None, source=None, architecture=None, elf_count=0)
    insert(one, "problem", scan_id=1, target="gone.deb", stage="source", kind="missing", message="is not there")
    found = suites(one)
    assert results(found["archscan"]) == {"read": "error"}
    assert results(found["pool/None_1.0-1_amd64.deb"])["read"] == "error"
    assert results(found["pool/None_1.0-1_amd64.deb"])["no-pie"] == "skipped"
