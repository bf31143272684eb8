"""Differences in every form: valid by its schema, inert, and with what is other in it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from lxml import etree

from archscan.compare import Change, Effect
from archscan.reports.changes import FORMS, totals, write
from archscan.reports.selection import Selection
from archscan.reports.verify import reading, verified

DOCS = Path("docs")
HOSTILE = "\x1b[31m<b>|`{0}`](x) \u202e]]>\n=1+1 \x00\ufffe"
CHANGES = (
    Change(package="a", architecture="amd64", facet="hardening", path="usr/bin/x", subject="pie", old="yes", new="no",
           effect=Effect.WORSE),
    Change(package="a", architecture="amd64", facet="hardening", path="usr/bin/y", subject="nx", old="no", new="yes",
           effect=Effect.BETTER),
    Change(package="a", architecture="amd64", facet="packages", path=None, subject="files", old=None, new=None,
           effect=Effect.NOT_COMPARED),
    Change(package="a", architecture="amd64", facet="scripts", path="DEBIAN/postinst", subject="s", old="1", new="2",
           effect=Effect.CHANGED, detail="-rm a\n+rm b\x1b[0m"),
    Change(package="b", architecture=None, facet="settings", path=HOSTILE, subject=HOSTILE, old=None, new=HOSTILE * 9,
           effect=Effect.CHANGED),
)  # fmt: skip


def _written(form: str, only: str | None = None) -> str:
    stream = io.StringIO()
    counts = write(iter(CHANGES), stream, form, ("old.db", HOSTILE), only)
    assert totals(counts) == "1 worse, 1 better, 2 otherwise changed, 1 not compared"
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_no_form_has_what_a_terminal_acts_on(form: str) -> None:
    text = _written(form)
    assert not set(text) & {"\x1b", "\u202e", "\x00"}
    assert "postinst" in text


@pytest.mark.parametrize("form", FORMS)
def test_one_effect_alone_can_be_shown(form: str) -> None:
    text = _written(form, "better")
    assert "usr/bin/y" in text
    assert "usr/bin/x" not in text


def test_sarif_follows_its_schema_and_names_what_failed() -> None:
    log = json.loads(_written("sarif"))
    Draft4Validator(reading.sarif_schema()).validate(log)
    results = log["runs"][0]["results"]
    assert [one["kind"] for one in results] == ["fail", "informational", "open", "informational", "informational"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in results)
    assert len({one["partialFingerprints"]["archscanChange/v1"] for one in results}) == len(results)


def test_junit_follows_its_schema_and_fails_where_something_got_worse() -> None:
    tree = etree.fromstring(_written("junit").encode())
    etree.XMLSchema(etree.parse(DOCS / "junit.xsd")).assertValid(tree)
    assert (tree.get("failures"), tree.get("skipped")) == ("1", "1")
    failure = tree.find(".//testcase[@name='hardening']/failure")
    assert failure is not None
    assert "usr/bin/x" in (failure.get("message") or "")


@pytest.mark.parametrize(
    ("form", "right", "wrong", "fault"),
    [
        ("sarif", '"level":"warning"', '"level":"none"', "/runs/0/results/0/level: is none, and the effect is worse"),
        ("sarif", '"ruleIndex":2', '"ruleIndex":3', "ruleIndex: 3 is the rule"),
        ("junit", 'failures="1"', 'failures="2"', "failures is 2"),
    ],
)
def test_verify_knows_them_and_what_is_wrong(form: str, right: str, wrong: str, fault: str, tmp_path: Path) -> None:
    path, text = tmp_path / form, re.sub(r'": (?=[\w"])', '":', _written(form))
    path.write_text(text)
    assert verified(path, None, Selection(), DOCS).faults == ()
    assert right in text
    path.write_text(text.replace(right, wrong, 1))
    (found, *_) = verified(path, None, Selection(), DOCS).faults
    assert fault in found


def test_json_has_all_that_is_known() -> None:
    said = json.loads(_written("json"))
    assert said["old"] == "old.db"
    assert [one["subject"] for one in said["changes"]][:4] == ["pie", "nx", "files", "s"]
    assert said["changes"][4]["new"] == HOSTILE * 9


def test_markdown_has_one_row_for_each_change() -> None:
    rows = [line for line in _written("markdown").splitlines() if line.startswith("| ")]
    assert len([row for row in rows if not row.startswith("| effect")]) == len(CHANGES)
