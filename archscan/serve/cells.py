"""A value of the database as a cell: text that cannot be anything but text, and links along the database's own ways."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup, escape

from archscan.reports.cells import shown
from archscan.serve.state import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 1_000
"""Characters of a cell that are shown; all of them are in its row as JSON."""

_ROWS = {
    "package_id": "package", "elf_id": "elf", "file_id": "file", "finding_id": "finding", "finding": "finding",
    "occurrence_id": "occurrence", "scan_id": "scan", "first_scan": "scan", "last_scan": "scan", "last_change": "scan",
    "rule_id": "rule", "rule": "rule", "symbol_id": "symbol", "service_id": "service", "use_id": "crypto_use",
    "call_site_id": "call_site", "decision_id": "decision", "algorithm": "algorithm", "unit_id": "file",
    "named_file_id": "file", "profile_file_id": "file", "index_id": "archive_index", "debug_id": "debug_info",
    "producer_id": "producer",
}  # fmt: skip
"""Columns whose values are keys of a table, in tables, views and answers."""

_CHOSEN = {
    "source": ("package", "source"), "package": ("package", "name"), "fingerprint": ("finding", "fingerprint"),
    "soname": ("elf", "soname"), "build_id": ("elf", "build_id"), "maintainer": ("package", "maintainer"),
}  # fmt: skip
"""Columns whose values choose rows of a table."""


def cell(value: object, column: str, table: str | None, path: Callable[[str], str]) -> Markup | None:
    """The cell's markup; None where Datasette shows the value as well. ``path`` makes an address of a path here."""
    if isinstance(value, dict):  # a key with the label of its row
        key, label = value.get("value"), value.get("label")
        if key is None or column not in _ROWS:
            return escape(text(label if key is None else key))
        return _row(key, column, path, None if label == key else text(label))
    if value is None or isinstance(value, bytes):
        return None
    if column in _ROWS and _ROWS[column] != table:
        return _row(value, column, path)
    if column in _CHOSEN and value != "" and len(str(value)) <= LONGEST:
        chosen, by = _CHOSEN[column]
        address = path(f"/{NAME}/{chosen}?{by}__exact={quote(str(value), safe='')}")
        return Markup('<a href="{}">{}</a>').format(address, text(value))
    return escape(text(value))


def _row(key: object, column: str, path: Callable[[str], str], label: str | None = None) -> Markup:
    if len(str(key)) > LONGEST:
        return escape(text(key))
    address = path(f"/{NAME}/{_ROWS[column]}/{tilde(str(key))}")
    link = Markup('<a href="{}">{}</a>').format(address, text(key) if label is None else label or "(no name)")
    return link if label is None else link + Markup("&nbsp;<em>{}</em>").format(key)


def text(value: object) -> str:
    """The value as one line of text that reorders nothing, and is not longer than a reader can use."""
    whole = str(value) if value is not None else ""
    return shown(whole) if len(whole) <= LONGEST else f"{shown(whole[:LONGEST])}… ({len(whole):,} characters)"


def tilde(key: str) -> str:
    """A key as Datasette has it in addresses (its "tilde encoding")."""
    from datasette.utils import tilde_encode

    return str(tilde_encode(key))
