import base64
import hashlib
import io
import json
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from archscan.reports import document, html
from tests.reports.conftest import add_package

REPORTS = Path(__file__).parents[2] / "reports"
VOID = {"meta", "br", "img", "input", "link", "hr"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "ul", "li", "a", "span",
    "main", "section", "div", "b", "table", "thead", "tbody", "tr", "th", "td", "code", "svg", "rect", "footer",
    "script",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "aria-label", "href", "id", "class", "scope", "data-severity",
    "data-rule", "viewbox", "aria-hidden", "preserveaspectratio", "x", "width", "height", "type",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of the page: elements, attributes, and the text of each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.stack[-1] if self.stack else "", []).append(data)

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data!r}")


def page(connection: sqlite3.Connection) -> str:
    stream = io.StringIO()
    html.write(connection, stream, "2026-05-02T12:00:00Z", REPORTS)
    return stream.getvalue()


def embedded(parsed: Page) -> Any:
    return json.loads(parsed.texts["script"][0])


def test_nothing_from_a_package_becomes_markup(filled: sqlite3.Connection) -> None:
    parsed = Page(page(filled))
    assert parsed.stack == []
    assert parsed.tags == TAGS
    assert {name for _, name, _ in parsed.attributes} == ATTRIBUTES
    assert len(parsed.texts["script"]) == 2, "a name ended a script early"
    assert len(parsed.texts["style"]) == 1


def test_hostile_names_are_shown_as_they_are(filled: sqlite3.Connection) -> None:
    cells = Page(page(filled)).texts["td"]
    for name in ("<script>alert('x')</script>", "\"'><img src=x onerror=alert(1)>", "\\xe2\\x80\\xaegnp.exe"):
        assert name in cells
    assert "\u202e" not in page(filled)


def test_the_data_block_cannot_be_left(filled: sqlite3.Connection) -> None:
    text = page(filled)
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert block
    assert not set("<>&\u2028\u2029") & set(block[1])
    assert "</script><!--" in json.dumps(json.loads(block[1]))


def test_nothing_is_loaded_from_outside(filled: sqlite3.Connection) -> None:
    parsed = Page(page(filled))
    for tag, name, value in parsed.attributes:
        assert name not in {"src", "srcset", "style"}, (tag, name)
        assert not name.startswith("on")
        if name == "href":
            assert value.startswith("#")
    assert not re.search(r"url\(|@import", "".join(parsed.texts["style"]))
    script = parsed.texts["script"][1]
    assert not re.search(r"fetch|XMLHttp|import\(|innerHTML|outerHTML|insertAdjacent|document\.write|eval", script)


def test_the_policy_allows_the_own_style_and_script_and_nothing_else(filled: sqlite3.Connection) -> None:
    parsed = Page(page(filled))
    policy = next(value for _, name, value in parsed.attributes if name == "content" and "default-src" in value)

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "style-src": digest(parsed.texts["style"][0]),
        "script-src": digest(parsed.texts["script"][1]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_holds_what_the_document_holds(filled: sqlite3.Connection) -> None:
    stream = io.StringIO()
    document.write(filled, stream, None)
    report = json.loads(stream.getvalue())
    data = embedded(Page(page(filled)))["tables"]
    keys = {"crypto": "crypto_uses", "privileges": "privileged_files", "partial": "packages_not_whole"}
    keys |= {"nested": "nested_archives", "weak": "weak_crypto"}
    for name in data:
        key = keys.get(name, name)
        assert len(data[name]["rows"]) == len(report[key]) > 0
    assert [details["fingerprint"] for details in data["findings"]["details"]] == [
        finding["fingerprint"] for finding in report["findings"]
    ]


def test_what_to_do_depends_on_where_it_is_mended(filled: sqlite3.Connection) -> None:
    parsed = Page(page(filled))
    assert embedded(parsed)["rules"]["no-pie"]["fix_for"] == {"rebuild": "rebuild for Rule no-pie"}
    assert "rule.fix_for[details.fix_where] ?? rule.fix" in parsed.texts["script"][1]


def test_every_section_is_reached_from_the_top(filled: sqlite3.Connection) -> None:
    parsed = Page(page(filled))
    sections = {value for tag, name, value in parsed.attributes if (tag, name) == ("section", "id")}
    links = {value[1:] for tag, name, value in parsed.attributes if name == "href"}
    assert links == sections


def test_every_severity_and_verdict_has_its_colour(filled: sqlite3.Connection) -> None:
    style = (REPORTS / "report.css").read_text(encoding="utf-8")
    for name in ("critical", "high", "medium", "low", "negligible", "protected", "partial", "unprotected"):
        assert f".{name} {{" in style


def test_rows_beyond_the_limit_are_left_out_and_counted(
    filled: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = len(embedded(Page(page(filled)))["tables"]["findings"]["rows"])
    monkeypatch.setattr(html, "LIMIT", 4)
    parsed = Page(page(filled))
    assert len(embedded(parsed)["tables"]["findings"]["rows"]) == 4
    assert any(f"The first 4 of {whole} rows" in text for text in parsed.texts["p"])


def test_without_scripts_the_first_rows_are_there(filled: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "STATIC", 3)
    parsed = Page(page(filled))
    assert any("Without scripts only the first 3 of" in text for text in parsed.texts["p"])


def test_an_empty_database_has_its_page(empty: sqlite3.Connection) -> None:
    parsed = Page(page(empty))
    text = " ".join(parsed.texts["p"])
    assert parsed.stack == []
    assert "No scan in this database." in text
    assert "No open findings." in text


def test_the_same_database_gives_the_same_bytes(filled: sqlite3.Connection) -> None:
    assert page(filled) == page(filled)


def test_packages_that_were_not_unpacked_are_counted(filled: sqlite3.Connection) -> None:
    assert "no-candidates" not in page(filled)
    add_package(filled, "docs", "skipped", unread="no-candidates", elf_count=0)
    assert "<td>the whole package</td>" in page(filled)
    assert "no-candidates" in page(filled)
