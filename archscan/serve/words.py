"""What each table, view and column holds, as docs/database.md and docs/columns.md say it, for whoever sees them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from archscan.errors import ArchscanError

if TYPE_CHECKING:
    from pathlib import Path

_ROW = re.compile(r"^\| (?P<names>`\w+`(?:, `\w+`)*) \| (?P<text>.+?) \|$", re.MULTILINE)
_SECTION = re.compile(r"^## (?:`(?P<table>\w+)`|.+)$", re.MULTILINE)
_LINK = re.compile(r" \(\[[^\]]*\]\([^)]*\)\)|\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`([^`]*)`")


class Words(msgspec.Struct, frozen=True):
    """The sentence for each table and view; for each column its sentence, by table, and by name for all tables."""

    tables: dict[str, str]
    columns: dict[str, dict[str, str]]
    everywhere: dict[str, str]

    def column(self, table: str, column: str) -> str | None:
        """What a column of a table holds; None where nothing is said."""
        return self.columns.get(table, {}).get(column) or self.everywhere.get(column)


def words(docs: Path) -> Words:
    """The sentences in the folder ``docs``. Raises ArchscanError where the documents cannot be read."""
    try:
        tables = (docs / "database.md").read_text(encoding="utf-8")
        columns = (docs / "columns.md").read_text(encoding="utf-8")
    except OSError as error:
        raise ArchscanError(f"{docs}: archscan is not installed whole: {error}") from error
    sections = _SECTION.split(columns)  # text, then name (None: of all tables) and text of each section
    found: dict[str, dict[str, str]] = {}
    for table, text in zip(sections[1::2], sections[2::2], strict=True):
        found.setdefault(table or "", {}).update(_rows(text))
    return Words(_rows(tables), found, found.pop("", {}))


def _rows(text: str) -> dict[str, str]:
    rows: dict[str, str] = {}
    for match in _ROW.finditer(text):
        for name in _CODE.findall(match["names"]):
            rows[name] = _plain(match["text"])
    return rows


def _plain(text: str) -> str:
    """The sentence without the marks of Markdown: links that only lead further are left out."""
    return _CODE.sub(r"\1", _LINK.sub(lambda match: match[1] or "", text)).replace(r"\|", "|")
