"""Every format, of a real scan and of the worst names: valid by the official schema, inert, the same when read."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import ComponentType
from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from archscan.errors import StoreError
from archscan.reports import database
from archscan.reports.sarif_rules import message, read
from archscan.reports.verify import reading
from tests.reports import scans
from tests.reports.conftest import fill, new_database
from tests.reports.scans import archscan

DOCS = Path(__file__).parents[2] / "docs"
FORMATS = ("json", "jsonl", "csv", "sarif", "junit", "cyclonedx")
# What makes a terminal do something, or is not seen.
ACTIVE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


class Written:
    """A database, and the reports of it by format."""

    def __init__(self, db: Path, folder: Path) -> None:
        self.db, self.folder = db, folder
        for form in FORMATS:
            archscan("report", form, "--db", db, "-o", folder / form, "--sha256", "--time", "2026-05-02T12:00:00Z")

    def text(self, form: str) -> str:
        return (self.folder / form).read_text(encoding="utf-8")

    def value(self, form: str) -> Any:
        return json.loads(self.text(form))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.db)) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def real(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("real")
    return Written(scans.scanned(corpus_debs, folder / "real.db"), folder)


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("bad")
    return Written(scans.worst(folder / "bad.db"), folder)


@pytest.fixture(params=["real", "bad"])
def written(request: pytest.FixtureRequest) -> Written:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Written)
    return found


def findings(written: Written) -> list[tuple[Any, ...]]:
    return written.rows("SELECT fingerprint, rule_id, path, message, severity, package FROM open_finding")


def test_sarif_follows_its_official_schema(written: Written) -> None:
    schema = reading.sarif_schema()
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/")
    assert len(schema["definitions"]) == 52
    Draft4Validator.check_schema(schema)
    Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER).validate(written.value("sarif"))


def test_cyclonedx_follows_its_official_schema(written: Written) -> None:
    schemas = reading.bill_schemas()
    # They call each other by the names of the files that the library has.
    names = list(schemas) + [name.replace(".schema", ".SNAPSHOT.schema") for name in schemas]
    known = [(name, Resource.from_contents(schemas[name.replace(".SNAPSHOT", "")], DRAFT7)) for name in names]
    registry: Registry[Any] = Registry().with_resources(known)
    main = schemas["http://cyclonedx.org/schema/bom-1.6.schema.json"]
    Draft7Validator(main, registry=registry).validate(written.value("cyclonedx"))


def test_json_and_lines_follow_our_schema(written: Written) -> None:
    schema = json.loads((DOCS / "report.schema.json").read_text())
    whole = written.value("json")
    Draft202012Validator(schema).validate(whole)
    lines = [json.loads(line) for line in written.text("jsonl").split("\n")[:-1]]
    assert lines == whole["findings"]
    assert whole["schema_version"] == schema["properties"]["schema_version"]["const"]


def test_junit_follows_its_schema(written: Written) -> None:
    schema = etree.XMLSchema(etree.parse(DOCS / "junit.xsd"))
    parser = etree.XMLParser(huge_tree=True)
    schema.assertValid(etree.fromstring(written.text("junit").encode(), parser))


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_in_a_file_acts_on_a_terminal(written: Written, form: str) -> None:
    assert not ACTIVE.search(written.text(form))


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_written_is_verified(written: Written, form: str) -> None:
    done = archscan("report", "--verify", written.folder / form, "--db", written.db)
    assert done.startswith(f"{written.folder / form}: {form}: ")
    assert "SHA-256 agrees; the database says the same" in done


def test_sarif_says_all_and_nothing_else(written: Written) -> None:
    run = written.value("sarif")["runs"][0]
    found = sorted(
        (one["partialFingerprints"]["archscanFinding/v1"], one["ruleId"], one["properties"]["path"] or "",
         read(one["message"]["text"]), one["properties"]["severity"], one["properties"]["package"])
        for one in run["results"]
    )  # fmt: skip
    expected = sorted((a, b, c or "", read(message(d)["text"]), e, f) for a, b, c, d, e, f in findings(written))
    assert found == expected
    assert all(run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])


def test_cyclonedx_is_read_by_its_library_and_says_all(written: Written) -> None:
    bill = Bom.from_json(written.value("cyclonedx"))  # type: ignore[attr-defined]
    packages = [one for one in bill.components if one.type != ComponentType.CRYPTOGRAPHIC_ASSET]
    assert sorted((one.name, one.version) for one in packages) == sorted(
        written.rows("SELECT name, version FROM current_package")
    )
    files = [file for one in packages for file in one.components]
    assert sorted(one.name for one in files) == sorted(
        path for (path,) in written.rows("SELECT e.path FROM elf e JOIN current_package p ON p.id = e.package_id")
    )
    assert {"md5", "sha1"} <= {one.name for one in bill.components if one.type == ComponentType.CRYPTOGRAPHIC_ASSET}


def test_junit_is_read_by_another_library_and_says_all(written: Written) -> None:
    parsed = JUnitXml.fromstring(written.text("junit").encode())
    texts = []
    for suite in parsed:
        for case in suite:
            texts += [one.text for one in case.result if isinstance(one, (Error, Failure)) and one.text]
            assert len(case.result) <= 1
            assert not any(isinstance(one, Skipped) and one.text for one in case.result)
            texts += [case.system_out] if case.system_out else []
    said = {digest for text in texts for digest in re.findall(r"\[([0-9a-f]{64}) \[", text)}
    assert said == {row[0] for row in findings(written)}


def test_csv_runs_nothing(written: Written) -> None:
    before = csv.field_size_limit(1 << 28)
    try:
        rows = list(csv.DictReader(io.StringIO(written.text("csv"), newline="")))
    finally:
        csv.field_size_limit(before)
    assert [row["fingerprint"] for row in rows] == [one["fingerprint"] for one in written.value("json")["findings"]]
    assert not [
        cell for row in rows for cell in row.values() if cell.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_database_gives_the_same_bytes(real: Written, form: str, tmp_path: Path) -> None:
    again = tmp_path / form
    archscan("report", form, "--db", real.db, "-o", again, "--time", "2026-05-02T12:00:00Z")
    assert again.read_bytes() == (real.folder / form).read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_database_gives_a_valid_report(form: str, tmp_path: Path) -> None:
    new_database(tmp_path / "empty.db").close()
    path = tmp_path / f"empty.{form}"
    archscan("report", form, "--db", tmp_path / "empty.db", "-o", path)
    assert "the database says the same" in archscan("report", "--verify", path, "--db", tmp_path / "empty.db")


def test_a_surrogate_that_another_program_stored_is_one_line(tmp_path: Path) -> None:
    with closing(new_database(tmp_path / "odd.db")) as connection:
        fill(connection)
        connection.execute("UPDATE occurrence SET message = CAST(x'eda080' AS TEXT)")
        connection.commit()
    for form in ("jsonl", "sarif", "junit", "csv", "json"):
        done = archscan("report", form, "--db", tmp_path / "odd.db", "-o", tmp_path / form, code=1)
        assert re.fullmatch("archscan: .*odd.db: Could not decode.*\n", done), done
    with pytest.raises(StoreError), database.opened(tmp_path / "odd.db") as connection:
        connection.execute("SELECT message FROM occurrence").fetchall()
