"""What Datasette calls: functions for connections, cells, the search page, and what every answer must have.

Datasette finds the methods by name (https://docs.datasette.io/en/0.65.5/plugin_hooks.html); their arguments, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from datasette import hookimpl

from archscan.reports.queries import add_functions
from archscan.serve.cells import cell
from archscan.serve.guard import guarded_app
from archscan.serve.pages import search_page
from archscan.serve.saved import with_defaults
from archscan.serve.search_index import words
from archscan.serve.state import NAME

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from datasette.app import Datasette
    from markupsafe import Markup

    from archscan.reports.queries import Question
    from archscan.serve.guard import App

_MAPPED = 1 << 40


class Plugin:
    """The hooks for one ``Datasette``; others in the process are left alone."""

    def __init__(self, indices: Path, questions: Mapping[str, Question], hosts: frozenset[str] | None,
                 front: Callable[[], dict[str, Any]]) -> None:  # fmt: skip
        """``questions`` are by their name in addresses; ``front`` gives what the first page shows."""
        self.__name__ = __name__  # Datasette lists plugins by it
        self._indices = indices
        self._questions = questions
        self._hosts = hosts
        self._front = front

    @hookimpl(trylast=True)
    def prepare_connection(self, conn: sqlite3.Connection, database: str) -> None:
        """Our functions and the indices of the search; ``escape_fts`` is Datasette's own, in our way."""
        if database != NAME:
            return
        add_functions(conn)
        conn.create_function("escape_fts", 1, lambda text: words(str(text or "")) or '""', deterministic=True)
        conn.execute("ATTACH ? AS search", (f"file:{quote(bytes(self._indices))}?immutable=1",))
        conn.execute(f"PRAGMA mmap_size = {_MAPPED}")
        conn.execute("PRAGMA query_only = ON")

    @hookimpl
    def render_cell(self, value: Any, column: str, table: str | None, database: str, datasette: Datasette
                    ) -> Markup | None:  # fmt: skip
        """The cell, escaped, with links."""
        return cell(value, column, table, datasette.urls.path) if database == NAME else None

    @hookimpl
    def asgi_wrapper(self) -> Callable[[App], App]:
        """What is asked of every request and given with every answer."""
        return lambda app: guarded_app(app, self._hosts, self._filled)

    def _filled(self, path: str, query: bytes) -> bytes:
        folder, _, name = path.rpartition("/")
        question = self._questions.get(name.partition(".")[0])
        return with_defaults(question, query) if question and folder.endswith(f"/{NAME}") else query

    @hookimpl
    def register_routes(self) -> list[tuple[str, Any]]:
        """The search."""
        return [(r"^/-/search$", search_page)]

    @hookimpl
    def extra_css_urls(self, datasette: Datasette) -> list[str]:
        """The style for small screens and dark ones."""
        return [datasette.urls.path("/-/archscan/serve.css")]

    @hookimpl
    def extra_template_vars(self, view_name: str) -> dict[str, Any]:
        """What the first page shows."""
        return {"front": self._front()} if view_name == "index" else {}

    @hookimpl
    def menu_links(self, datasette: Datasette) -> list[dict[str, str]]:
        """The search, from everywhere."""
        return [{"href": datasette.urls.path("/-/search"), "label": "Search"}]
