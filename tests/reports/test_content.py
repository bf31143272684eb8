import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from archscan.reports import content, document, spreadsheet
from archscan.store import columns, views
from tests.reports.conftest import add_package

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def report(connection: sqlite3.Connection, generated: str | None = "2026-05-02T12:00:00Z") -> Any:
    stream = io.StringIO()
    document.write(connection, stream, generated)
    return json.loads(stream.getvalue())


def sheet(connection: sqlite3.Connection) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    spreadsheet.write(connection, stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_is_strict_everywhere() -> None:
    def objects(part: Any) -> list[dict[str, Any]]:
        if isinstance(part, list):
            return [found for item in part for found in objects(item)]
        if not isinstance(part, dict):
            return []
        inner = [found for value in part.values() for found in objects(value)]
        return [part, *inner] if isinstance(part.get("properties"), dict) else inner

    assert len(objects(SCHEMA)) > 10
    for part in objects(SCHEMA):
        assert part["additionalProperties"] is False
        assert sorted(part["required"]) == sorted(part["properties"])


def test_a_filled_database_follows_the_schema(filled: sqlite3.Connection) -> None:
    found = report(filled)
    Draft202012Validator(SCHEMA).validate(found)
    assert all(found[key] for key in found), "a list without items would prove nothing"


def test_an_empty_database_follows_the_schema(empty: sqlite3.Connection) -> None:
    found = report(empty, None)
    Draft202012Validator(SCHEMA).validate(found)
    assert found["scan"] is None


def test_the_schema_refuses_a_key_too_many(filled: sqlite3.Connection) -> None:
    found = report(filled)
    found["findings"][0]["colour"] = "red"
    with pytest.raises(ValidationError, match="colour"):
        Draft202012Validator(SCHEMA).validate(found)


def test_the_features_are_the_columns_of_the_database(empty: sqlite3.Connection) -> None:
    assert set(content.FEATURES) == {*views.PROTECTIONS, "relro", *columns.LATER}


def test_the_figures_are_those_of_the_database(filled: sqlite3.Connection) -> None:
    found = report(filled)
    assert found["counts"]["objects"] == filled.execute("SELECT count(*) FROM elf").fetchone()[0]
    assert sum(found["counts"]["packages"].values()) == filled.execute("SELECT count(*) FROM package").fetchone()[0]
    opened = filled.execute("SELECT count(*) FROM finding WHERE state = 'open'").fetchone()[0]
    assert sum(tally["open"] for tally in found["counts"]["findings"].values()) == opened
    assert len({finding["fingerprint"] for finding in found["findings"]}) == opened
    assert {use["uses"] for use in found["crypto_uses"]} == {2}


def test_what_the_maintainer_overrides_is_marked_with_the_comment(filled: sqlite3.Connection) -> None:
    found = report(filled)
    marked = [finding for finding in found["findings"] if finding["overridden"]]
    assert {finding["subject"] for finding in marked} == {"overridden"}
    assert len(marked) == found["counts"]["overridden_findings"] > 0
    comments = {row["subject"]: row["override_comment"] for row in sheet(filled) if row["package"] == "sudo"}
    assert (comments["overridden"], comments["ignored"], comments["pie"]) == ("Comment sudo", "Comment sudo", "")
    assert {row["overridden"] for row in sheet(filled)} == {"yes", "no"}


def test_the_worst_comes_first(filled: sqlite3.Connection) -> None:
    found = [finding["severity"] for finding in report(filled)["findings"]]
    assert found == sorted(found, key=content.SEVERITIES.index)


def test_each_finding_says_what_to_do_where_it_is_to_be_mended(filled: sqlite3.Connection) -> None:
    found = {(row["rule"], row["fix_where"]): row["fix"] for row in report(filled)["findings"]}
    assert found["no-pie", "rebuild"] == "rebuild for Rule no-pie"
    assert found["no-pie", "toolchain"] == "fix Rule no-pie"
    assert found["not-fortified", None] == "fix Rule not-fortified"
    assert {row["fix"] for row in sheet(filled) if row["rule"] == "no-pie"} == {
        found["no-pie", where] for where in ("rebuild", "toolchain")
    }
    filled.execute("DELETE FROM rule WHERE id = 'no-pie'")
    assert {row["fix"] for row in report(filled)["findings"] if row["rule"] == "no-pie"} == {None}


def test_the_findings_of_a_rule_are_counted_by_severity(filled: sqlite3.Connection) -> None:
    filled.execute("UPDATE finding SET severity = 'low' WHERE rule_id = 'no-pie' AND fix_where = 'rebuild'")
    for rule in report(filled)["rules"]:
        assert sum(rule["by_severity"].values()) == rule["open"]
        assert rule["by_severity"][rule["severity"]] > 0
    counted = next(rule["by_severity"] for rule in report(filled)["rules"] if rule["rule"] == "no-pie")
    assert counted == {"critical": 0, "high": 3, "medium": 0, "low": 3, "negligible": 0}


def test_only_current_packages_are_reported(filled: sqlite3.Connection) -> None:
    before = len(report(filled)["findings"])
    filled.execute(
        "INSERT INTO package SELECT 900, replace(sha256, substr(sha256, 1, 4), 'zzzz'), name, '2.0-1', '2.0-1',"
        " architecture, variant, source, source_version, control_section, control_priority, essential, maintainer,"
        " size, installed_size, filename, control, built, extractor, facts, status, 0, NULL FROM package"
        " WHERE name = 'sudo'"
    )
    found = report(filled)
    assert len(found["findings"]) < before
    assert not [use for use in found["crypto_uses"] if use["package"] == "sudo"]


def test_the_same_database_gives_the_same_bytes(filled: sqlite3.Connection) -> None:
    first, second = io.StringIO(), io.StringIO()
    document.write(filled, first, "2026-05-02")
    document.write(filled, second, "2026-05-02")
    assert first.getvalue() == second.getvalue()


def test_the_spreadsheet_has_a_row_for_each_occurrence(filled: sqlite3.Connection) -> None:
    rows = sheet(filled)
    assert list(rows[0]) == list(spreadsheet.COLUMNS)
    assert [row["fingerprint"] for row in rows] == [finding["fingerprint"] for finding in report(filled)["findings"]]


def test_the_spreadsheet_runs_nothing(filled: sqlite3.Connection) -> None:
    cells = [cell for row in sheet(filled) for cell in row.values()]
    assert "'=cmd|' /C calc'!A0" in cells
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]


def test_an_empty_database_gives_an_empty_spreadsheet(empty: sqlite3.Connection) -> None:
    assert sheet(empty) == []


def test_packages_that_were_not_unpacked_are_counted_by_reason(filled: sqlite3.Connection) -> None:
    partial = len(report(filled)["packages_not_whole"])
    for name in ("docs", "more-docs"):
        add_package(filled, name, "skipped", unread="no-candidates", elf_count=0)
    add_package(filled, "script", "complete", unread="no-more-candidates", elf_count=0)
    found = report(filled)
    assert found["packages_unread"] == [
        {"reason": "no-candidates", "status": "skipped", "packages": 2, "bytes": 2000},
        {"reason": "no-more-candidates", "status": "complete", "packages": 2, "bytes": 2000},
    ]
    assert len(found["packages_not_whole"]) == partial
    assert found["counts"]["packages"]["skipped"] == 2
