import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archscan.cli.query import query
from archscan.cli.report import report
from archscan.errors import ArchscanError, QueryError, StoreError, UsageError


def called(command: object, *arguments: str) -> Result:
    assert command in (query, report)
    result = CliRunner().invoke(query if command is query else report, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("command", [query, report])
def test_help_has_an_example(command: object) -> None:
    result = called(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert "ARCHSCAN_DB" in result.output


def test_query_lists_the_saved_questions_with_their_parameters() -> None:
    result = called(query)
    assert result.exit_code == 0
    assert "who-imports" in result.stdout
    assert "-p symbol: exact name" in result.stdout
    assert "-p limit [500]: how many rows" in result.stdout


def test_query_answers_a_saved_question(filled_path: Path) -> None:
    result = called(query, "who-imports", "-p", "symbol=MD5_sudo", "--format", "json", "--db", str(filled_path))
    assert [row["path"] for row in json.loads(result.stdout)] == ["usr/bin/sudo"]


def test_query_answers_free_sql_with_values(filled_path: Path) -> None:
    sql = "SELECT name, :mark AS mark FROM package WHERE name = :name"
    result = called(
        query, "--sql", sql, "-p", "name=sudo", "-p", "mark=a=b", "--format", "csv", "--db", str(filled_path)
    )
    assert result.stdout == "name,mark\nsudo,a=b\n"


def test_query_says_when_there_are_no_rows(filled_path: Path) -> None:
    result = called(query, "who-imports", "-p", "symbol=none", "--db", str(filled_path))
    assert result.exit_code == 0
    assert result.stderr == "no rows\n"


def test_query_takes_the_database_from_the_environment(filled_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSCAN_DB", str(filled_path))
    assert called(query, "coverage").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["nothing"], UsageError, "no saved question 'nothing'"),
        (["coverage", "--sql", "SELECT 1"], UsageError, "not both"),
        (["who-imports"], QueryError, "give -p symbol=VALUE"),
        (["--sql", "DELETE FROM scan"], QueryError, "--sql: "),
    ],
)
def test_query_refuses_in_one_line(
    arguments: list[str], error: type[ArchscanError], message: str, filled_path: Path
) -> None:
    with pytest.raises(error) as caught:
        called(query, *arguments, "--db", str(filled_path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_query_wants_name_and_value(filled_path: Path) -> None:
    result = called(query, "coverage", "-p", "symbol", "--db", str(filled_path))
    assert result.exit_code == 2
    assert "'symbol': expected NAME=VALUE" in result.stderr


def test_query_finds_own_questions(filled_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "seven.sql").write_text("-- title: T\n-- why: W\nSELECT 7 AS seven", encoding="utf-8")
    result = called(query, "seven", "--queries", str(folder), "--db", str(filled_path))
    assert result.stdout.split() == ["seven", "7"]


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.db"):
        called(report, "json", "--db", str(tmp_path / "none.db"))


@pytest.mark.parametrize(("form", "start"), [("html", "<!DOCTYPE html>"), ("json", "{"), ("csv", "severity,")])
def test_report_writes_the_same_to_a_file_and_to_standard_output(
    form: str, start: str, filled_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"report.{form}"
    common = (form, "--db", str(filled_path), "--time", "2026-05-02T12:00:00Z")
    printed = called(report, *common)
    result = called(report, *common, "-o", str(path))
    assert result.stdout == ""
    assert result.stderr == f"wrote {path}\n"
    assert path.read_text(encoding="utf-8") == printed.stdout
    assert printed.stdout.startswith(start)


def test_report_can_leave_the_time_out(filled_path: Path) -> None:
    assert json.loads(called(report, "json", "--db", str(filled_path), "--time", "").stdout)["generated"] is None


def test_report_knows_its_formats(filled_path: Path) -> None:
    assert called(report, "pdf", "--db", str(filled_path)).exit_code == 2


@pytest.mark.parametrize(("form", "expected"), [("table", b"x\n\\xe9\n"), ("csv", "x\né\n".encode())])
def test_an_output_that_lacks_characters_is_no_failure(form: str, expected: bytes, filled_path: Path) -> None:
    arguments = ["query", "--sql", "SELECT 'é' AS x", "--format", form, "--db", str(filled_path)]
    done = subprocess.run(
        [sys.executable, "-c", "from archscan.cli import main; main()", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (expected, b"", 0)
