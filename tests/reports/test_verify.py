"""Every kind of damage to a report is found, named with its place, and ends with 1."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archscan.cli import run
from tests.reports.scans import archscan, worst
from tests.reports.test_formats import FORMATS

Change = Callable[[Any], object]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and a report of each format, of one package with findings and problems."""
    folder = tmp_path_factory.mktemp("reports")
    db = worst(folder / "worst.db")
    for form in FORMATS:
        archscan("report", form, "--db", db, "--package", "sudo", "-o", folder / form)
    return folder


def faults(path: Path, *more: str | Path) -> str:
    """What is wrong with a file."""
    return archscan("report", "--verify", path, *more, code=1)


def _first(value: Any) -> Any:
    return value["runs"][0]["results"][0]


SARIF: dict[str, tuple[Change, str]] = {
    "schema": (lambda v: _first(v).update(level="fatal"), r"/runs/0/results/0/level: .*fatal"),
    "unknown key": (lambda v: v.update(colour=1), r"colour"),
    "rule index": (lambda v: _first(v).update(ruleIndex=999), r"/runs/0/results/0/ruleIndex: is 999, but there are 3"),
    "rule": (lambda v: _first(v).update(ruleId="other"), r"/runs/0/results/0/ruleIndex: .*ruleId says other"),
    "base": (
        lambda v: v["runs"][0].update(originalUriBaseIds={}),
        r"/results/0/locations/0: the uriBaseId sudo_.*not",
    ),
    "fingerprint": (
        lambda v: _first(v)["properties"].update(subject="x"),
        r"/results/0/partialFingerprints: .*parts give",
    ),
    "no fingerprint": (lambda v: _first(v).pop("partialFingerprints"), r"64 hexadecimal digits, this is None"),
    "level": (
        lambda v: _first(v).update(level="none"),
        r"/results/0/level: is none, which is not that of severity high",
    ),
    "lost result": (lambda v: v["runs"][0]["results"].pop(), r"/runs/0/properties: findings is \d+, but there are"),
    "lost notice": (
        lambda v: v["runs"][0]["properties"].update(problems=7),
        r"/runs/0/properties: problems is 7, but there are 0",
    ),
    "two runs": (lambda v: v["runs"].append(v["runs"][0]), r"/runs: archscan writes one run, here are 2"),
    "doubled rule": (
        lambda v: v["runs"][0]["tool"]["driver"]["rules"].append(v["runs"][0]["tool"]["driver"]["rules"][0]),
        r"/rules: .*non-unique",
    ),
}
BILL: dict[str, tuple[Change, str]] = {
    "schema": (lambda v: v["components"][0].update(type="thing"), r"/components/0/type: .*thing"),
    "hash": (lambda v: v["components"][0]["hashes"][0].update(content="00"), r"/components/0/hashes/0"),
    "another hash": (
        lambda v: v["components"][0]["hashes"][0].update(content="0" * 64),
        r"/components/0: the bom-ref deb:.* is not that",
    ),
    "reference": (
        lambda v: v["dependencies"][0].update(dependsOn=["crypto:none"]),
        r"/dependencies/0: no .*crypto:none",
    ),
    "lost asset": (lambda v: v["components"].pop(), r"/dependencies/\d+: no component has the bom-ref crypto:"),
    "doubled": (lambda v: v["components"].append(v["components"][0]), r"/components: .*non-unique"),
    "inner": (lambda v: v["components"][0]["components"].pop(), r"/properties: files is 2, but there are 1"),
    "occurrence": (
        lambda v: v["components"][-1]["evidence"]["occurrences"].pop(),
        r"/properties: occurrences is \d+, but there are",
    ),
}
DOCUMENT: dict[str, tuple[Change, str]] = {
    "schema": (lambda v: v["findings"][0].update(severity="bad"), r"/findings/0/severity: .*bad"),
    "another version": (lambda v: v.update(schema_version="9.9"), r"/schema_version: .*1\.1"),
    "fingerprint": (
        lambda v: v["findings"][0].update(path_key="x"),
        r"/findings/0: the fingerprint is .* parts give",
    ),
    "lost finding": (
        lambda v: v["findings"].pop(),
        r"/counts/findings: the number of open findings is \d, but there are",
    ),
    "doubled finding": (lambda v: v["findings"].append(v["findings"][-1]), r"is there twice"),
    "order": (lambda v: v["findings"].reverse(), r"comes after less severe"),
    "rules": (lambda v: v["rules"].pop(), r"/rules: the sum of open findings is"),
    "files": (lambda v: v["privileged_files"].pop(), r"/counts: privileged_files is 1, but there are 0"),
}


@pytest.mark.parametrize(
    ("form", "change", "expected"),
    [
        pytest.param(form, *one, id=f"{form}-{name}")
        for form, changes in (("sarif", SARIF), ("cyclonedx", BILL), ("json", DOCUMENT))
        for name, one in changes.items()
    ],
)
def test_a_changed_value_is_found(form: str, change: Change, expected: str, reports: Path, tmp_path: Path) -> None:
    value = json.loads((reports / form).read_text())
    change(value)
    path = tmp_path / form
    path.write_text(json.dumps(value))
    assert re.search(expected, faults(path)), faults(path)


@pytest.mark.parametrize(
    ("form", "old", "new", "expected"),
    [
        ("jsonl", '"subject":"pie"', '"subject":"pic"', r"line \d: the fingerprint is"),
        ("jsonl", '"severity":"high"', '"severity":1', r"line 1 /severity: "),
        ("jsonl", '{"severity":"low"', '["severity":"low"', r"line \d: is no JSON"),
        ("jsonl", "\n", "", r"the last line has no end"),
        ("csv", "high,", "=high,", r"line 2: severity: a spreadsheet would run this"),
        ("csv", "high,", "hihg,", r"line 2: 'hihg' is no severity"),
        ("csv", ",sudo,", ",su,", r"line 2: the fingerprint is"),
        ("csv", "\nhigh,", "\nhigh,high,", r"line 2: has 23 cells instead of 22"),
        ("junit", 'tests="', 'tests="1', r"testsuites: tests is 1\d, but there are|line 3.*: tests is 1"),
        ("junit", "<testcase name", "<testcase title", r"line \d+: .*title"),
        ("junit", "<testsuites", "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuites", r"has a document type"),
        ("junit", '"pie"]', '"pic"]', r"line \d+: the fingerprint is"),
        ("junit", "</testsuites>", "", r"line \d+: is no XML"),
        ("junit", 'failures="', 'failures="1', r"failures is 1\d, but there are"),
    ],
)  # fmt: skip
def test_changed_text_is_found(form: str, old: str, new: str, expected: str, reports: Path, tmp_path: Path) -> None:
    text = (reports / form).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / form
    changed = text.rpartition(old) if old == "\n" else text.partition(old)
    path.write_text(changed[0] + new + changed[2], encoding="utf-8")
    assert re.search(expected, faults(path)), faults(path)


@pytest.mark.parametrize("form", FORMATS)
def test_another_hash_is_found(form: str, reports: Path, tmp_path: Path) -> None:
    path = tmp_path / form
    path.write_bytes((reports / form).read_bytes())
    (tmp_path / f"{form}.sha256").write_text(f"{'0' * 64}  {form}\n")
    assert re.search(rf"{form}\.sha256 says SHA-256 0{{64}}, but it is [0-9a-f]{{64}}", faults(path))
    (tmp_path / f"{form}.sha256").write_text("what\n")
    assert "expected a line of sha256sum" in faults(path)


@pytest.mark.parametrize("form", FORMATS)
def test_another_database_is_found(form: str, reports: Path, tmp_path: Path) -> None:
    archscan("report", form, "--db", reports / "worst.db", "--package", "=1+1", "-o", tmp_path / form)
    narrowed = ["--package", "sudo"] if form in ("jsonl", "csv", "junit") else []
    said = (tmp_path / form).read_text()
    if form in ("json", "sarif", "cyclonedx"):
        mark = '\\"packages\\":[\\"=1+1\\"]' if form == "cyclonedx" else '"packages":["=1+1"]'
        assert mark in said
        (tmp_path / form).write_text(said.replace(mark, mark.replace("=1+1", "sudo")))
    found = archscan("report", "--verify", tmp_path / form, "--db", reports / "worst.db", *narrowed, code=1)
    assert re.search(r"is no \w+ of the database|the fingerprint is", found)
    assert re.search(r"is a \w+ that is missing here|the fingerprint is", found)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.jsonl", b"", None),
        ("a.csv", b"", "is empty"),
        ("a", b"what", "is no report of archscan"),
        ("a", b'{"runs":', "is no report of archscan"),
        ("a", b"[" * 100_000, "is no report of archscan"),
        ("a", b"\xff\xfe{", "is no report of archscan"),
        ("a", b'{"bomFormat":' + b"[" * 100_000, "is nested too deep|is no JSON"),
        ("a", b'{"bomFormat":"\xff"}', "is no JSON|not UTF-8"),
        ("a", b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":'
         + b'[{"type":"file","name":"a","components":' * 400 + b"[]" + b"}]" * 400 + b"}", "no bom-ref|nested"),
        ("a", b"severity,\xff", "is not UTF-8 at byte 9"),
        ("a", b"severity,what\n", "the columns are not"),
        ("a", b"<testsuites>", "is no XML"),
        ("a", b"<testsuites>" + b"<a>" * 100_000, "is no XML|:"),
        ("a", b"<!DOCTYPE html><p>", "is for people"),
        ("a", b"<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;'>]><testsuites>&d;</testsuites>", "document type"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_one_clear_error(name: str, data: bytes, expected: str | None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    if expected is None:
        assert "0 occurrences of 0 findings" in archscan("report", "--verify", path)
        return
    code = 2 if "for people" in expected else 1
    assert re.search(expected, archscan("report", "--verify", path, code=code))


def test_many_faults_are_counted(reports: Path, tmp_path: Path) -> None:
    line = (reports / "jsonl").read_text().split("\n")[0]
    path = tmp_path / "many.jsonl"
    path.write_text(f"{line}\n" * 100)
    told = faults(path).splitlines()
    assert len(told) == 21
    assert told[-1].endswith("and 79 more faults")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--verify", str(tmp_path / "none")]) == 1
    assert "none: cannot be read" in capsys.readouterr().err
