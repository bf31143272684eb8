"""The pages and files of a site: what they say, that it is true, and that hostile names are only text in them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from archscan.errors import ArchscanError
from archscan.site.folder import MANIFEST
from archscan.site.names import page_file, source_file
from tests.reports.conftest import HOSTILE
from tests.site.conftest import NOW, built

VOID = {"meta", "br", "input", "link", "circle", "polyline"}
SEVERITIES = ("critical", "high", "medium", "low", "negligible")


class Page(HTMLParser):
    """Elements, links, the cells of tables by row, all text."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "td" in self.stack or "th" in self.stack:
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data!r}")


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def document(site: Path, source: str) -> Any:
    return json.loads((site / source_file(source)).read_bytes())


def test_nothing_of_a_package_becomes_markup(site: Path) -> None:
    known = set(
        "html head meta title link script body header nav a main p h1 h2 ul li b div table thead tbody tr th td "
        "svg polyline circle details summary footer dl dt dd span code label input output".split()
    )
    for path in pages(site):
        page = Page(path)
        assert {tag for tag, _ in page.elements} <= known, path
        for tag, found in page.elements:
            assert not [name for name in found if name.startswith("on") or name == "style"], (path, tag)
        assert "\u202e" not in page.text


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    for path in pages(site):
        for tag, found in Page(path).elements:
            address = found.get("href") or found.get("src")
            if address:
                assert not re.match(r"\w+:|//", address), (path, address)
                assert (path.parent / address).is_file(), (path, tag, address)


def test_pages_allow_their_own_script_and_style_and_nothing_else(site: Path) -> None:
    for path in pages(site):
        (policy,) = [found["content"] for tag, found in Page(path).elements if "http-equiv" in found]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
        assert not re.search(r"<script(?![^>]*src=)|<style", path.read_text(encoding="utf-8"))
    script = (site / "site.js").read_text(encoding="utf-8")
    assert not re.search(r"fetch|XMLHttp|import\(|innerHTML|outerHTML|insertAdjacent|document\.write|eval", script)


def test_hostile_names_are_shown_as_they_are(site: Path) -> None:
    cells = {cell for row in Page(site / "worst.html").rows for cell in row}
    for name in (*HOSTILE[:4], "\\xe2\\x80\\xaegnp.exe"):
        assert name in cells
    data = (site / "sources.js").read_text(encoding="ascii")
    assert not set("<>&") & set(data)


def test_every_source_has_a_document_by_the_schema(site: Path, hostile_archive: Path) -> None:
    schema = json.loads((site / "json/source.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    with closing(sqlite3.connect(hostile_archive)) as connection:
        sources = {name for (name,) in connection.execute("SELECT DISTINCT source FROM current_package")}
    found = {}
    for path in site.glob("json/*/*.json"):
        one = json.loads(path.read_bytes())
        validator.validate(one)
        assert path == site / source_file(one["source"])
        found[one["source"]] = one
    assert set(found) == sources
    assert len((site / source_file("clean2")).read_bytes()) < 400


def test_a_document_says_what_the_database_says(site: Path, hostile_archive: Path) -> None:
    one = document(site, "sudo")
    with closing(sqlite3.connect(hostile_archive)) as connection:
        left = connection.execute("""
            SELECT f.severity, f.fingerprint FROM finding f
            WHERE f.source = 'sudo' AND f.id IN (SELECT finding_id FROM undecided_finding) AND NOT f.overridden
        """).fetchall()
        every = connection.execute("SELECT count(*) FROM finding WHERE source = 'sudo' AND state = 'open'").fetchone()
    assert sum(one["open"].values()) == len(left)
    assert {row["fingerprint"] for row in one["findings"] if "standing" not in row} == {name[:16] for _, name in left}
    assert one["decided"] == 1
    assert one["overridden"] == 1
    assert [row.get("standing") for row in one["findings"]].count("false-positive") == 1
    assert len(one["findings"]) + one["left_out"] == every[0]
    assert one["places"] == ["bookworm/main"]


def test_decided_findings_are_not_counted_as_open_anywhere(site: Path) -> None:
    (row,) = [row for row in Page(site / "worst.html").rows if row[0] == "sudo"]
    one = document(site, "sudo")
    assert [int(cell) for cell in row[3:8]] == [one["open"].get(word, 0) for word in SEVERITIES]
    assert row[8:] == ["1", "1"]
    whole = json.loads((site / MANIFEST).read_bytes())["open"]
    documents = [json.loads(path.read_bytes()) for path in site.glob("json/*/*.json")]
    for word in SEVERITIES:
        assert whole[word] == sum(one["open"].get(word, 0) for one in documents)


def test_a_rule_has_its_counts_its_precision_and_its_texts(site: Path) -> None:
    text = " ".join(Page(site / "rule/not-fortified.html").text.split())
    assert "6 source packages with" in text
    assert "It was right in 0.0 % of 1 verdict (0 right, 1 wrong)." in text
    assert "why Rule not-fortified" in text
    assert "fix Rule not-fortified" in text


def test_suites_and_components_have_what_is_in_them(site: Path) -> None:
    main = Page(site / page_file("component", "bookworm/main"))
    universe = Page(site / page_file("component", "bookworm/universe"))
    sources = {row[0] for row in main.rows}
    assert "sudo" in sources
    assert HOSTILE[0] not in sources
    assert HOSTILE[0] in {row[0] for row in universe.rows}
    suite = Page(site / page_file("suite", "bookworm"))
    assert {"sudo", HOSTILE[0]} <= {row[0] for row in suite.rows}
    (pie,) = [row for row in suite.rows if row[0] == "pie" and len(row) == 6]
    assert pie[2:] == ["75.00", "+25.00", "75", "100"]
    (md5,) = [row for row in suite.rows if row[0] == "md5" and len(row) == 3]
    assert md5[1:] == ["9", "4"]


def test_a_set_names_what_nobody_supports(site: Path, hostile_archive: Path, tmp_path: Path) -> None:
    page = Page(site / "set/flavour.html")
    assert "3 packages, from flavour.txt." in page.text
    unsupported, supported = page.text.split("Supported packages with open findings")
    assert "odd" in unsupported
    assert "sudo" in supported
    assert "nowhere" in supported.split("Not in the database")[1]
    assert (site / page_file("set", "task server")).is_file()
    names = tmp_path / "flavour.txt"
    names.write_text("sudo\nodd\n")
    only = tmp_path / "supported.txt"
    only.write_text("odd\n")
    other = built(hostile_archive, tmp_path / "out", sets=(("flavour", names),), supported=only)
    unsupported, supported = Page(other / "set/flavour.html").text.split("Supported packages with open findings")
    assert "sudo" in unsupported
    assert "odd" in supported


def test_a_maintainer_finds_all_sources(site: Path) -> None:
    page = Page(site / page_file("maintainer", "Team 1 <team1@example.org>"))
    assert "odd" in {row[0] for row in page.rows}
    linked = {found["href"] for tag, found in page.elements if tag == "a"}
    assert {f"../{source_file(f'clean{number}')}" for number in range(1, 30, 3)} <= linked


def test_what_nobody_makes_any_more_is_seen(site: Path, hostile_archive: Path, tmp_path: Path) -> None:
    assert "Does it still run?" not in Page(site / "index.html").text
    late = built(hostile_archive, tmp_path / "late", NOW + timedelta(days=30))
    for path in pages(late):
        assert "32 days old when this was made" in Page(path).text, path


def test_the_same_database_makes_the_same_site(site: Path, hostile_archive: Path, tmp_path: Path) -> None:
    names = tmp_path / "flavour.txt"
    names.write_text("# ours\nsudo\nclean1\nodd\nnowhere\n")
    again = built(hostile_archive, tmp_path / "again", sets=(("flavour", names),))
    for path in (path for path in site.rglob("*") if path.is_file()):
        assert (again / path.relative_to(site)).read_bytes() == path.read_bytes(), path


def test_the_manifest_counts_right(site: Path) -> None:
    manifest = json.loads((site / MANIFEST).read_bytes())
    files = [path for path in site.rglob("*") if path.is_file() and path.name != MANIFEST]
    assert manifest["files"] == len(files)
    assert manifest["bytes"] == sum(path.stat().st_size for path in files)
    assert manifest["sources"] == len(list(site.glob("json/*/*.json")))


def test_an_old_site_is_replaced_and_a_foreign_folder_is_not(hostile_archive: Path, tmp_path: Path) -> None:
    target = built(hostile_archive, tmp_path / "site")
    built(hostile_archive, target, NOW + timedelta(days=1))
    assert json.loads((target / MANIFEST).read_bytes())["generated"].startswith("2026-05-05")
    mine = target / "rule" / "mine.txt"
    mine.write_text("mine")
    with pytest.raises(ArchscanError, match="move away what is not of the site"):
        built(hostile_archive, target)
    assert mine.read_text() == "mine"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years")
    with pytest.raises(ArchscanError, match="holds other files than a site"):
        built(hostile_archive, foreign)
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
    assert not list(tmp_path.glob(".*.part*"))
