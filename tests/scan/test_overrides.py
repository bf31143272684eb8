"""Lintian overrides from a package to a report, and against lintian itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from archscan.deb.overrides import overrides
from archscan.model import escape
from corpus.debs import Entry, deb
from tests.scan.scanning import archscan, rows, scan

_WHY = "The interpreter dumps its own memory and starts from it again: that needs a fixed address."
_SURE = "The maintainer is sure. We are not."


@pytest.fixture
def judged(corpus_debs: dict[str, Path], tmp_path: Path) -> Path:
    db = tmp_path / "a.db"
    assert scan(db, corpus_debs["overridden"]) == 0
    return db


def test_an_override_is_told_from_none_and_from_one_that_changes_nothing(judged: Path) -> None:
    found = rows(
        judged,
        "SELECT o.path, o.severity, o.overridden, json_extract(o.evidence, '$.override.ignored'), "
        "json_extract(o.evidence, '$.override.comment') "
        "FROM occurrence o JOIN finding f ON f.id = o.finding_id WHERE f.subject = 'pie' ORDER BY o.path",
    )
    assert found == [
        ("usr/bin/elsewhere", "medium", 0, None, None),
        ("usr/bin/fixed", "negligible", 1, None, _WHY),
        ("usr/bin/linked", "high", 0, "privileged", _SURE),
        ("usr/bin/old-form", "negligible", 1, None, "The old form, without brackets."),
        ("usr/bin/suid", "high", 0, "privileged", _SURE),
        ("usr/lib/overridden/helper", "negligible", 1, None, _WHY),
    ]


def test_the_facts_are_in_the_dump_and_go_with_the_package(judged: Path, corpus_debs: dict[str, Path]) -> None:
    lines = [json.loads(line) for line in archscan("dump", "--db", judged).stdout.splitlines()]
    said = [row for kind, row in lines if kind == "lintian_override"]
    assert [(row["line"], row["tag"], row["applies"]) for row in said][:2] == [
        (3, "hardening-no-pie", 1),
        (4, "hardening-no-pie", 1),
    ]
    assert scan(judged, corpus_debs["overridden"]) == 0
    assert rows(judged, "SELECT count(*) FROM lintian_override") == [(len(said),)]
    assert rows(judged, "SELECT count(DISTINCT tag) FROM overridden_finding") == [(1,)]


def test_the_question_and_the_reports_show_it(judged: Path, tmp_path: Path) -> None:
    answer = json.loads(archscan("query", "--db", judged, "--format", "json", "overridden").stdout)
    assert {row["effect"] for row in answer} == {"overridden", "ignored: privileged"}
    for form in ("html", "json", "csv"):
        assert archscan("report", form, "--db", judged, "-o", tmp_path / form).returncode == 0
        assert _WHY in (tmp_path / form).read_text()
    page = (tmp_path / "html").read_text()
    assert "<td>usr/bin/fixed is not a position-independent executable (overridden by the maintainer)</td>" in page


def test_a_gate_does_not_count_it(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    # The corpus package has findings that stand; what is overridden is counted in the database.
    db = tmp_path / "a.db"
    done = archscan("scan", "-q", "--db", db, "--fail-on", "high", corpus_debs["overridden"])
    assert done.returncode == 10  # the privileged program, which the maintainer has overridden in vain
    assert rows(db, "SELECT DISTINCT severity FROM finding WHERE overridden") == [("negligible",)]


_HINT = re.compile(
    r"^(?P<code>\w): \S+: (?:(?:mismatched|unused)-override )?(?P<text>.*?)(?: \[(?P<file>[^\]:]+):(?P<line>\d+)\])?$"
)


def _lintian(package: Path) -> list[re.Match[str]]:
    done = subprocess.run(
        ["lintian", "--allow-root", "--show-overrides", "--display-info", "--pedantic", str(package)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 2), done.stderr
    return [match for line in done.stdout.splitlines() if (match := _HINT.match(line))]


@pytest.mark.full
def test_lintian_overrides_the_same_files(judged: Path, corpus_debs: dict[str, Path]) -> None:
    assert shutil.which("lintian"), "apt-get install lintian"
    theirs = {
        hint["text"].partition("[")[2].rstrip("]")
        for hint in _lintian(corpus_debs["overridden"])
        if hint["code"] == "O" and hint["text"].startswith("hardening-no-pie ")
    }
    ours = {path for (path,) in rows(judged, "SELECT path FROM overridden_finding")}
    assert ours - theirs == {"usr/bin/old-form"}  # on purpose: docs/overrides.md
    assert theirs <= ours


# Lines as odd as they come; the tags are lintian's own, since it passes over others.
_ODD = """
# comment
hardening-no-pie

 \t foo:  hardening-no-relro \t [usr/bin/x]   more
foo binary:hardening-no-bindnow
binary: no-manual-page * ?
foo   binary  : hardening-no-pie spaced
foo hardening-no-pie without a colon
[amd64]: hardening-no-pie one
[any-amd64 i386]: hardening-no-pie two
[ any ]: hardening-no-pie three
foo [linux-any] binary: hardening-no-pie four
[!i386]: hardening-no-pie five
[!amd64]: hardening-no-pie six
[armhf]: hardening-no-pie seven
[gnu-any-any]: hardening-no-pie eight
foo binary: hardening-no-pie \\\\* [a]
foobar: hardening-no-pie
udeb: hardening-no-pie
#hardening-no-pie nine
hardening-no-pie :ten
: hardening-no-pie eleven
foo:: hardening-no-pie twelve
hardening-no-pie\u00a0thirteen\u2003 x
"""


@pytest.mark.full
def test_lintian_reads_the_same_lines(tmp_path: Path) -> None:
    control = b"Package: foo\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: a\n b\n"
    file = Entry(name=b"./usr/share/lintian/overrides/foo", data=_ODD.encode())
    package = tmp_path / "foo_1_amd64.deb"
    package.write_bytes(deb([Entry(name=b"./control", data=control)], [file]))
    theirs = {
        (int(hint["line"]), escape(hint["text"].rstrip()))
        for hint in _lintian(package)
        if hint["line"] and re.match(r"(?:hardening-|no-manual)", hint["text"])
    }
    ours = {
        (one.line, f"{one.tag} {one.context}".rstrip())
        for one in overrides(_ODD.encode(), "foo", "amd64")
        if one.applies and re.match(r"hardening-|no-manual", one.tag)
    }
    assert ours == theirs
    assert len(ours) > 12
