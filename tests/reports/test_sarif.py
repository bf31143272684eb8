"""What SARIF says of single findings."""

from __future__ import annotations

import io
import json
import sqlite3
from typing import Any

import pytest

from archscan.model import Severity
from archscan.reports import sarif
from archscan.reports.sarif_places import uri
from archscan.reports.sarif_rules import message, read
from archscan.reports.selection import Selection
from archscan.rules.fold import fingerprint
from tests.reports.conftest import add_elf, add_package, add_rule, insert


def run(connection: sqlite3.Connection) -> Any:
    stream = io.StringIO()
    sarif.write(connection, stream, Selection())
    return json.loads(stream.getvalue())["runs"][0]


def add(connection: sqlite3.Connection, *sites: Any, **more: Any) -> int:
    """A finding of a program with these sites; the number of the object."""
    if not connection.execute("SELECT 1 FROM scan").fetchone():
        for number in range(1, more.pop("scans", 1) + 1):
            insert(
                connection, "scan", id=number, started="2026-05-01T10:00:00Z", finished="2026-05-01T10:00:09Z",
                version="0", extractor="1", rules_digest="d", command="archscan scan", state="finished",
            )  # fmt: skip
        add_rule(connection, "uses-md5", "medium")
    path = more.pop("path", "usr/bin/a b")
    package = add_package(connection, more.pop("package", "tool"))
    elf = add_elf(connection, package, path, build_id="ab" * 20)
    scan, override = more.pop("scan", 1), more.pop("override", None)
    finding = insert(
        connection, "finding", fingerprint=fingerprint("uses-md5", "tool", path, "md5"), rule_id="uses-md5",
        source="tool", path_key=path, subject="md5", severity="medium", confidence="likely", state="open",
        first_scan=scan, last_change=scan,
    )  # fmt: skip
    evidence = {"sites": list(sites), "count": len(sites) or 1, "truncated": False, "override": override}
    insert(
        connection, "occurrence", finding_id=finding, package_id=package, elf_id=elf, rule_id="uses-md5", path=path,
        severity="medium", confidence="likely", message="m", evidence=json.dumps(evidence), first_scan=scan,
        last_scan=scan, overridden=int(bool(override and not override["ignored"])),
    )  # fmt: skip
    return elf


def test_a_place_has_its_file_address_function_object_and_package(empty: sqlite3.Connection) -> None:
    add(empty, {"address": "0x1f40", "function": "main", "symbol": "MD5"}, {"address": "0x2000", "function": None})
    found = run(empty)["results"][0]
    first, second = found["locations"]
    assert first["physicalLocation"] == {
        "artifactLocation": {"uri": "usr/bin/a%20b", "uriBaseId": "tool_1.0-1_amd64"},
        "address": {"kind": "instruction", "fullyQualifiedName": "0x1f40", "absoluteAddress": 0x1F40},
    }
    assert [(one["kind"], one["fullyQualifiedName"]) for one in first["logicalLocations"]] == [
        ("package", "tool"), ("module", "tool/usr/bin/a b"), ("function", "tool/usr/bin/a b#main"),
    ]  # fmt: skip
    assert [one["kind"] for one in second["logicalLocations"]] == ["package", "module"]
    assert "relatedLocations" not in found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (".text+0x10", {"kind": "instruction", "fullyQualifiedName": ".text+0x10", "name": ".text"}),
        ("0xffffffff81000000", {"kind": "instruction", "fullyQualifiedName": "0xffffffff81000000"}),
        ("what", None),
        (7, None),
    ],
)
def test_an_address_that_is_no_number_of_63_bits_is_a_name(
    address: Any, expected: Any, empty: sqlite3.Connection
) -> None:
    add(empty, {"address": address})
    assert run(empty)["results"][0]["locations"][0]["physicalLocation"].get("address") == expected


def test_a_line_of_a_script_is_a_region_of_the_file_itself(empty: sqlite3.Connection) -> None:
    add(empty, {"line": 12, "command": "md5sum"}, {"line": 0})
    places = [one["physicalLocation"] for one in run(empty)["results"][0]["locations"]]
    assert [place.get("region") for place in places] == [{"startLine": 12}, None]


def test_source_lines_come_from_the_evidence_and_from_later_debug_symbols(empty: sqlite3.Connection) -> None:
    lines = [{"address": "0x30", "file": "/usr/src/b c.c", "line": 3}]
    elf = add(empty, {"address": "0x10", "line": "src/a.c:7"}, {"address": "0x20"}, {"lines": lines})
    insert(empty, "own_line", elf_id=elf, address="0x20", file="../x.c", line=9)
    found = run(empty)
    said = [
        (one["id"], one["physicalLocation"]["artifactLocation"]["uri"], one["physicalLocation"]["region"]["startLine"],
         one["message"]["text"])
        for one in found["results"][0]["relatedLocations"]
    ]  # fmt: skip
    assert said == [
        (0, "src/a.c", 7, "source of 0x10: src/a.c:7"),
        (1, "../x.c", 9, "source of 0x20: ../x.c:9"),
        (2, "usr/src/b%20c.c", 3, "source of 0x30: /usr/src/b c.c:3"),
    ]
    assert set(found["originalUriBaseIds"]) == {"SOURCE", "tool_1.0-1_amd64"}


@pytest.mark.parametrize(("ignored", "status"), [(None, "accepted"), ("privileged", "rejected")])
def test_an_override_is_a_suppression_and_one_that_changes_nothing_is_rejected(
    ignored: str | None, status: str, empty: sqlite3.Connection
) -> None:
    word = {"tag": "hardening-no-pie", "context": "", "comment": "on purpose", "line": 1, "severity": "low"}
    add(empty, override={**word, "ignored": ignored})
    (one,) = run(empty)["results"][0]["suppressions"]
    assert (one["kind"], one["status"]) == ("external", status)
    assert one["justification"].startswith("lintian override hardening-no-pie: on purpose")


def test_without_an_override_the_list_is_empty(empty: sqlite3.Connection) -> None:
    add(empty)
    assert run(empty)["results"][0]["suppressions"] == []


def test_what_is_new_is_told_from_the_second_scan_on(empty: sqlite3.Connection) -> None:
    add(empty)
    assert "baselineState" not in run(empty)["results"][0]
    insert(empty, "scan", id=2, started="2026-05-02T10:00:00+00:00", version="0", extractor="1", rules_digest="d",
           command="c", state="running")  # fmt: skip
    add(empty, package="other", path="usr/bin/other", scan=2)
    found = run(empty)
    states = {one["properties"]["package"]: one["baselineState"] for one in found["results"]}
    assert states == {"tool": "unchanged", "other": "new"}
    assert found["invocations"][0]["executionSuccessful"] is False


def test_what_was_not_read_is_a_notification(filled: sqlite3.Connection) -> None:
    notes = run(filled)["invocations"][0]["toolExecutionNotifications"]
    kinds = [note["descriptor"]["id"].partition("/")[0] for note in notes]
    assert kinds.count("problem") == 2
    assert {"not-unpacked", "unknown"} <= set(kinds)
    assert {note["level"] for note in notes if note["descriptor"]["id"].startswith("problem")} == {"error"}


def test_a_rule_says_how_sure_and_how_severe_it_is(empty: sqlite3.Connection) -> None:
    for severity in Severity:
        add_rule(empty, f"rule-{severity}", severity)
    rules = run(empty)["tool"]["driver"]["rules"]
    scores = {rule["properties"]["severity"]: float(rule["properties"]["security-severity"]) for rule in rules}
    assert scores["critical"] > 9 > scores["high"] > 7 > scores["medium"] > 4 > scores["low"] > scores["negligible"] > 0
    assert {rule["properties"]["precision"] for rule in rules} == {"high"}
    assert all("external/cwe/cwe-1" in rule["properties"]["tags"] for rule in rules)
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"] for rule in rules)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("{0}", "{{0}}"),
        ("[a](http://mirror.example.org)", "[a]\\(http://mirror.example.org)"),
        ("]\\(", "]\\\\("),
        ("a[1] (b)", "a[1] (b)"),
    ],
)
def test_a_message_is_no_template_and_no_link(text: str, written: str) -> None:
    assert message(text) == {"text": written}
    assert read(written) == text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usr/bin/a", "usr/bin/a"),
        ("/usr/bin/a", "usr/bin/a"),
        ("//host/a", "host/a"),
        ("c:a", "c%3Aa"),
        ("a?b#c%d", "a%3Fb%23c%25d"),
        ("na\\xefve", "na%EFve"),
        ("\u00e9", "%C3%A9"),
        ("", "."),
    ],
)
def test_a_path_is_a_relative_reference(path: str, expected: str) -> None:
    assert uri(path) == expected
