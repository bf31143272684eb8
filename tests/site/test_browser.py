"""The site as a browser shows it, from files and without a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archscan.site.names import page_file
from tests import browser
from tests.reports.conftest import HOSTILE

pytestmark = pytest.mark.full

READABLE = 4.5  # https://www.w3.org/TR/WCAG22/#contrast-minimum


def pages(site: Path) -> list[str]:
    found = ["index.html", "worst.html", "sources.html", "rules.html", "hardening.html", "crypto.html", "suites.html",
             "maintainers.html", "sets.html", "problems.html", "rule/no-pie.html", "set/flavour.html",
             page_file("component", "bookworm/main"), page_file("maintainer", HOSTILE[0])]  # fmt: skip
    assert all((site / page).is_file() for page in found)
    return found


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True), (400, False), (1280, True)])
def test_every_page_is_quiet_readable_and_no_wider_than_the_window(site: Path, width: int, dark: bool) -> None:
    with browser.opened(site.as_uri(), width=width, dark=dark) as (page, seen):
        for name in pages(site):
            page.goto(f"{site.as_uri()}/{name}")
            assert browser.overflow(page) <= 0, name
            ratio, text = browser.contrasts(page)[0]
            assert ratio >= READABLE, (name, ratio, text)
            assert (browser.background(page) < 60) == dark
            assert page.evaluate("window.hacked") is None
    assert not seen.said
    assert not seen.foreign


def cells(page: object, column: int) -> list[str]:
    found: list[str] = page.evaluate(  # type: ignore[attr-defined]
        "column => [...document.querySelector('table.sortable').tBodies[0].rows]"
        ".filter(row => !row.hidden).map(row => row.cells[column].textContent)", column
    )  # fmt: skip
    return found


def test_tables_are_sorted_and_searched(site: Path) -> None:
    with browser.opened(site.as_uri()) as (page, seen):
        page.goto(f"{site.as_uri()}/worst.html")
        scores = [int(cell.replace(",", "")) for cell in cells(page, 2)]
        for direction in ("descending", "ascending"):
            page.locator("th button", has_text="Score").click()
            found = [int(cell.replace(",", "")) for cell in cells(page, 2)]
            assert found == sorted(scores, reverse=direction == "descending")
            assert page.locator(f"th[aria-sort={direction}]").count() == 1
        page.locator("th button", has_text="Source").click()
        names = cells(page, 0)
        assert names == sorted(names, key=str.lower, reverse=True)
        page.goto(f"{site.as_uri()}/maintainers.html")
        page.locator("label.filter input").fill("team1@")
        assert cells(page, 0) == ["Team 1 <team1@example.org>"]
        assert page.locator("label.filter output").text_content() == " 1 of 9"
    assert not seen.said


def test_sources_are_found(site: Path) -> None:
    with browser.opened(site.as_uri()) as (page, seen):
        page.goto(f"{site.as_uri()}/sources.html")
        assert re.match(r"37 of 37 source packages", page.locator("#found").text_content())
        page.locator("#search").fill("sudo")
        assert cells(page, 0) == ["sudo"]
        assert page.locator("#sources tbody a").first.get_attribute("href") == "json/s/sudo.json"
        page.locator("#search").fill("<script>")
        assert HOSTILE[0] in cells(page, 0)
        for row in page.locator("#sources tbody tr").all():
            address = row.locator("a").first.get_attribute("href")
            assert (site / address).is_file()
        page.locator("#search").fill("team2@")
        assert len(cells(page, 0)) == 10
    assert not seen.said
    assert not seen.foreign


def test_a_page_can_be_read_without_scripts(site: Path) -> None:
    with browser.opened(site.as_uri(), scripts=False) as (page, seen):
        page.goto(f"{site.as_uri()}/worst.html")
        assert page.locator("table.sortable tbody tr").count() == 7
        page.goto(f"{site.as_uri()}/sources.html")
        assert page.get_by_text("Every source is on the page of its").is_visible()
    assert not seen.said


def test_a_page_that_got_old_says_so_itself(site: Path) -> None:
    with browser.opened(site.as_uri()) as (page, _):
        page.goto(f"{site.as_uri()}/index.html")
        assert page.locator("#aged").is_visible()
        assert "Does whatever makes it still run?" in page.locator("#aged").text_content()
