"""Pages in the Chromium of this machine: what it says, asks for and shows is written down."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

# Of everything that shows text of its own: the ratio of its colour and of what is behind it, as WCAG 2 reckons it.
_CONTRASTS = """() => {
  const channel = (part) => (part / 255 <= .03928 ? part / 255 / 12.92 : ((part / 255 + .055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const parsed = (text) => [...text.match(/[\\d.]+/g).map(Number), 1].slice(0, 4);
  const over = (top, under) => [0, 1, 2].map((place) => top[place] * top[3] + under[place] * (1 - top[3]));
  const chain = (element) => (element ? [...chain(element.parentElement), getComputedStyle(element)] : []);
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || !box.height || element.closest("noscript, script, style, svg, .CodeMirror")) {
      continue;
    }
    const styles = chain(element);
    const back = styles.reduce((under, style) => over(parsed(style.backgroundColor), under), [255, 255, 255]);
    const opacity = styles.reduce((product, style) => product * Number(style.opacity), 1);
    const [r, g, b, alpha] = parsed(styles.at(-1).color);
    const front = over([r, g, b, alpha * opacity], back);
    const [high, low] = [light(front), light(back)].sort((left, right) => right - left);
    const text = element.textContent.trim().slice(0, 40);
    found.push([(high + .05) / (low + .05), `${element.tagName} ${element.className}: ${text}`]);
  }
  return found.sort((left, right) => left[0] - right[0]).slice(0, 3);
}"""


class Seen:
    """What a browser met: messages of the console, errors, addresses it asked for, dialogues."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.said: list[str] = []
        self.foreign: list[str] = []

    def watch(self, page: Any) -> None:
        """Write down what happens on a page."""
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text} ({page.url})"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error} ({page.url})"))
        page.on("dialog", self._asked_by)
        page.on("requestfailed", lambda request: self.said.append(f"failed: {request.url}"))
        page.on("request", lambda request: self._asked(request.url))

    def _asked_by(self, dialog: Any) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, address: str) -> None:
        parts = urlsplit(address)
        if not address.startswith(self.origin) and parts.scheme != "data":
            self.foreign.append(address)


@contextmanager
def opened(origin: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Iterator[tuple[Any, Seen]]:
    """A page of a new browser, and what is seen while it is used; its size and colours as given."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        page, seen = context.new_page(), Seen(origin)
        seen.watch(page)
        yield page, seen
        context.close()
        browser.close()


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def contrasts(page: Any) -> list[tuple[float, str]]:
    """The three texts that stand out least, with their contrast."""
    return [(ratio, text) for ratio, text in page.evaluate(_CONTRASTS)]


def background(page: Any) -> float:
    """How light the page is behind everything, from 0 to 255."""
    text: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    parts = [float(part) for part in text[text.index("(") + 1 : -1].split(",")[:3]]
    return sum(parts) / 3
