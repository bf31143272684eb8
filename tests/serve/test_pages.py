"""What Datasette answers: pages, facets, links, the search, the questions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest

from archscan.reports import queries
from archscan.reports.cells import plain
from archscan.serve.layout import columns, layout
from archscan.serve.saved import with_defaults
from archscan.serve.state import NAME
from tests.reports.conftest import HOSTILE, SCRIPT
from tests.serve.conftest import REPORTS, Served

QUESTIONS = queries.load([REPORTS])
LOOK = layout(REPORTS / "serve" / "tables.toml")
VALUES = {"symbol": "MD5_*", "soname": "libc.so.*", "algorithm": "md5", "feature": "stack_protector", "name": "*"}


class Page(HTMLParser):
    """Elements with their attributes, links with their text, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str]:
        links = (found["href"] for tag, found in self.elements if tag == "a" and "href" in found)
        return [link.removeprefix("http://localhost") for link in links]


def known(served: Served) -> dict[str, list[str]]:
    with closing(sqlite3.connect(served.path)) as connection:
        return columns(connection)


def check(text: str) -> Page:
    """Nothing of a package became an element, or an address elsewhere."""
    page = Page(text)
    assert not {tag for tag, _ in page.elements} & {"img", "iframe", "object", "embed"}
    for tag, found in page.elements:
        assert not [name for name in found if name.startswith("on")], (tag, found)
        for name in ("src", "href", "action"):
            address = found.get(name, "/")
            inside = address.startswith(("/", "?", "#", "http://localhost/")) or address == ""
            assert inside or address.startswith("https://datasette.io"), (tag, address)
    assert "\u202e" not in text
    return page


@pytest.mark.full
def test_every_table_and_view_has_a_page_on_which_hostile_names_are_text(served: Served) -> None:
    for table in known(served):
        answer = served.get(f"/{NAME}/{table}")
        assert answer.status_code == 200, table
        page = check(answer.text)
        if table not in LOOK.first.hidden and table != "unjudged":
            assert f"{table}" in page.text


def test_hostile_names_are_shown_as_they_are(served: Served) -> None:
    text = check(served.get(f"/{NAME}/package").text).text
    for name in HOSTILE[:4]:
        assert name in text
    assert "\\xe2\\x80\\xaegnp.exe" in text


def test_a_name_of_a_megabyte_is_cut(served: Served) -> None:
    answer = served.get(
        f"/{NAME}?{urlencode({'sql': f'SELECT hex(zeroblob({1 << 19})) AS source, :p AS p', 'p': 'y'})}"
    )
    assert answer.status_code == 200
    assert len(answer.text) < 40_000
    assert "(1,048,576 characters)" in answer.text


def test_columns_are_described_and_facets_shown(served: Served) -> None:
    text = served.get(f"/{NAME}/finding").text
    page = Page(text)
    assert "names the same fault in the next version, too" in page.text
    for facet in ("rule_id", "state", "severity"):
        assert f'data-column="{facet}"' in text
    assert f"/{NAME}/finding?state=open" in page.links
    assert "what a rule says of a source package" in page.text


def test_from_a_finding_to_its_package_to_its_object(served: Served) -> None:
    (row,) = served.json(f"/{NAME}/occurrence.json?_shape=array&elf_id__notnull=1&_size=1")
    page = Page(served.get(f"/{NAME}/finding/{row['finding_id']}").text)
    assert f"/{NAME}/occurrence?finding_id={row['finding_id']}" in page.links
    assert f"/{NAME}/rule/{row['rule_id']}" in page.links
    page = Page(served.get(f"/{NAME}/occurrence?finding_id={row['finding_id']}").text)
    for table, key in (("package", row["package_id"]), ("elf", row["elf_id"]), ("finding", row["finding_id"])):
        address = f"/{NAME}/{table}/{key}"
        assert address in page.links
        assert served.get(address).status_code == 200
    page = Page(served.get(f"/{NAME}/undecided_finding").text)
    assert {f"/{NAME}/package/1", f"/{NAME}/elf/1", f"/{NAME}/finding/1"} <= set(page.links)


def test_links_of_hostile_names_lead_to_them(served: Served) -> None:
    links = Page(served.get(f"/{NAME}/open_finding").text).links
    address = f"/{NAME}/package?source__exact={quote(SCRIPT, safe='')}"
    assert address in links
    rows = served.json(address.replace("/package?", "/package.json?_shape=array&"))
    assert {row["source"] for row in rows} == {SCRIPT}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_gives_what_the_command_line_gives(name: str, served: Served) -> None:
    question = QUESTIONS[name]
    given = {one.name: VALUES.get(one.name, "sudo") for one in question.parameters if one.default is None}
    with (
        closing(sqlite3.connect(served.path)) as connection,
        queries.run(connection, question, given) as answer,
    ):
        wanted = [[plain(value) for value in row] for row in answer.rows]
    address = f"{name}-question" if name in known(served) else name
    found = served.json(f"/{NAME}/{address}.json?{urlencode({**given, '_shape': 'arrays'})}")
    assert found["rows"] == wanted
    assert wanted


def test_a_question_shows_its_parameters_with_their_defaults(served: Served) -> None:
    page = Page(served.get(f"/{NAME}/rule-precision").text)
    inputs = {found.get("name"): found.get("value") for tag, found in page.elements if tag == "input"}
    assert inputs["rule"] == "*"
    assert inputs["least"] == "1"
    assert ":least is only rules with so many verdicts" in page.text


def test_a_parameter_that_was_emptied_stays_empty() -> None:
    question = QUESTIONS["rule-precision"]
    assert with_defaults(question, b"rule=&x=%26") == b"rule=&x=%26&least=1"
    assert with_defaults(question, b"rule=a&least=3") == b"rule=a&least=3"


def test_every_question_has_one_group() -> None:
    placed = [name for names in LOOK.groups.values() for name in names]
    assert sorted(placed) == sorted(QUESTIONS)


def test_the_layout_names_what_exists(served: Served) -> None:
    there = known(served)
    for table, names in {**LOOK.facets, **{table: [name] for table, name in LOOK.labels.items()}}.items():
        assert set(names) <= set(there[table]), table
    for table, (_, key) in LOOK.search.items():
        assert key in there[table], table
    assert set(LOOK.first.tables) | set(LOOK.first.hidden) <= set(there)


def test_the_search_finds_packages_paths_symbols_and_findings(served: Served) -> None:
    found = served.json("/-/search?q=sudo&format=json")["results"]
    assert [row["package"] for row in found["packages"]["rows"]] == ["sudo"]
    assert found["objects"]["rows"][0]["path"] == "usr/bin/sudo"
    assert "etc/unit/sudo" in {row["path"] for row in found["files"]["rows"]}
    assert {row["source"] for row in found["findings"]["rows"]} == {"sudo"}
    found = served.json("/-/search?q=MD5_s&format=json")["results"]
    assert "MD5_sudo" in {row["symbol"] for row in found["symbols"]["rows"]}
    found = served.json("/-/search?q=bin/sud&format=json")["results"]
    assert {row["path"] for row in found["objects"]["rows"]} == {"usr/bin/sudo"}
    assert not found["symbols"]["rows"]


@pytest.mark.parametrize(
    "text", ['"', "a AND", "*", "NEAR(", "' OR 1", "\x00", "-", SCRIPT, "x" * 5_000, "{a b}: c", ""]
)
def test_the_search_takes_any_text(text: str, served: Served) -> None:
    for address in (f"/-/search?{urlencode({'q': text})}", f"/{NAME}/package?{urlencode({'_search': text})}"):
        answer = served.get(address)
        assert answer.status_code == 200, address
        check(answer.text)


def test_tables_have_the_same_search(served: Served) -> None:
    for table in ("package", "elf", "symbol", "import"):
        page = Page(served.get(f"/{NAME}/{table}?_search=nothingthatisthere").text)
        assert any(found.get("name") == "_search" for tag, found in page.elements if tag == "input"), table
        assert "0 rows" in page.text
    rows = served.json(f"/{NAME}/undecided_finding.json?_shape=array&_search=sud")
    assert {row["source"] for row in rows} == {"sudo"}


def test_the_first_page_says_how_old_and_how_whole_the_answers_are(served: Served) -> None:
    page = check(served.get("/").text)
    assert "days old. Does it still run?" in page.text
    assert f"/{NAME}/undecided_finding" in page.links
    assert f"/{NAME}/rule-precision" in page.links
    assert "2 problems" in page.text


def test_nothing_can_be_written(served: Served) -> None:
    before = served.path.read_bytes()
    for sql in ("DELETE FROM finding", "WITH a AS (SELECT 1) INSERT INTO setting SELECT 1, 2 FROM a",
                "PRAGMA journal_mode = DELETE", "ATTACH 'x' AS y"):  # fmt: skip
        answer = served.get(f"/{NAME}.json?{urlencode({'sql': sql})}")
        assert answer.status_code == 400, sql
    assert served.path.read_bytes() == before
    assert [path.name for path in served.path.parent.iterdir()] == [served.path.name]


def test_a_browser_may_load_only_what_is_here(served: Served) -> None:
    headers = served.get(f"/{NAME}/package").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_name_that_somebody_else_made_lead_here_gets_nothing(served: Served) -> None:
    answer = served.get("/", headers={"host": "evil.example.org"})
    assert answer.status_code == 421
    assert "sudo" not in answer.text
    assert served.get("/", headers={"host": "LOCALHOST:8001"}).status_code == 200
    assert served.get("/", headers={"host": "[::1]:8001"}).status_code == 200
