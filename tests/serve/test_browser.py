"""What ``archscan serve`` shows in a browser: the program itself answers, as for a visitor."""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import browser
from tests.serve.test_command import started

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.full

PAGES = (
    "", "archscan", "archscan/finding", "archscan/package", "archscan/package/1", "archscan/elf", "archscan/elf/1",
    "archscan/undecided_finding", "archscan/undecided_finding?_search=script", "archscan/rule-precision",
    "archscan/weak-crypto", "-/search", "-/search?q=script", "archscan?sql=select+*+from+package", "archscan/rule",
)  # fmt: skip


@contextmanager
def server(hostile: Path, temporary: Path) -> Iterator[str]:
    with started(hostile, temporary) as process:
        assert process.stdout
        match = re.match(r"(http://127\.0\.0\.1:\d+/) ", process.stdout.readline())
        assert match
        try:
            yield match[1]
        finally:
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=30)
    assert not error


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_every_page_is_quiet_readable_and_no_wider_than_the_window(
    hostile: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    with server(hostile, tmp_path) as origin, browser.opened(origin, width=width, dark=dark) as (page, seen):
        for name in PAGES:
            page.goto(f"{origin}{name}")
            assert browser.overflow(page) <= 0, name
            ratio, text = browser.contrasts(page)[0]
            assert ratio >= 4.5 or "Powered by" in text, (name, ratio, text)
            assert (browser.background(page) < 60) == dark, name
        assert not seen.said
        assert not seen.foreign


def test_a_visitor_searches_sorts_and_follows_links(hostile: Path, tmp_path: Path) -> None:
    with server(hostile, tmp_path) as origin, browser.opened(origin) as (page, seen):
        page.goto(origin)
        page.locator("#q").fill("bin/sudo")
        page.keyboard.press("Enter")
        page.wait_for_url("**/-/search?q=bin%2Fsudo")
        page.get_by_role("link", name="sudo", exact=True).first.click()
        page.wait_for_load_state()
        assert re.search(r"/archscan/(package|elf)\?\w+__exact=sudo$", page.url)
        page.goto(f"{origin}archscan/finding")
        page.locator("th.col-severity a").first.click()
        page.wait_for_url("**_sort=severity*")
        found = page.locator("td.col-severity").all_text_contents()
        assert found == sorted(found)
        page.get_by_role("link", name="open", exact=True).first.click()
        page.wait_for_url("**state=open*")
        assert set(page.locator("td.col-state").all_text_contents()) == {"open"}
        page.goto(f"{origin}archscan/finding/1")
        page.locator("a[href*='occurrence?finding_id=1']").click()
        page.locator("td.col-package_id a").first.click()
        page.wait_for_url("**/archscan/package/1")
        page.locator("a[href*='elf?package_id=1']").click()
        page.locator("td.col-id a").first.click()
        page.wait_for_url("**/archscan/elf/1")
        page.goto(f"{origin}archscan/rule-precision")
        page.locator("input[name=least]").fill("5")
        page.get_by_role("button", name="Run SQL").click()
        page.wait_for_url("**least=5*")
        assert page.get_by_text("0 results").is_visible()
        assert not seen.said
        assert not seen.foreign
