"""The page with one box for packages, paths, symbols and findings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.reports.cells import shown
from archscan.serve.search_index import words
from archscan.serve.state import NAME

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.utils.asgi import Request, Response

MOST = 25
"""Rows of each kind that the page shows."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of thing to be found: its title, where its page is, and the rows for ``:words``."""

    title: str
    table: str
    columns: tuple[str, ...]
    sql: str


# Exact names come first: who looks for `sudo` means the package and not one of the hundred with it in the name.
_CHOSEN = "WITH hit AS (SELECT rowid AS id FROM search.{0} WHERE {0} MATCH :words LIMIT 2000)"
KINDS = (
    Kind("Packages", "package", ("package_id", "package", "version", "architecture", "source", "maintainer"),
         _CHOSEN.format("package_words") + """
         SELECT p.id AS package_id, p.name AS package, p.version, p.architecture, p.source, p.maintainer
         FROM hit JOIN package p USING (id)
         ORDER BY p.name <> :text, p.source <> :text, length(p.name), p.name, p.version_key DESC, p.architecture"""),
    Kind("Objects", "elf", ("elf_id", "path", "soname", "package_id", "package", "version", "architecture"),
         _CHOSEN.format("elf_words") + """
         SELECT e.id AS elf_id, e.path, e.soname, p.id AS package_id, p.name AS package, p.version, p.architecture
         FROM hit JOIN elf e USING (id) JOIN package p ON p.id = e.package_id
         ORDER BY e.path <> :text, length(e.path), e.path, p.name, p.version_key DESC, p.architecture"""),
    Kind("Files", "file", ("file_id", "path", "kind", "privilege", "package_id", "package", "version", "architecture"),
         _CHOSEN.format("file_words") + """
         SELECT f.id AS file_id, f.path, f.kind, f.privilege, p.id AS package_id, p.name AS package, p.version,
                p.architecture
         FROM hit JOIN file f USING (id) JOIN package p ON p.id = f.package_id
         WHERE f.kind <> 'elf'
         ORDER BY f.path <> :text, length(f.path), f.path, p.name, p.version_key DESC, p.architecture"""),
    Kind("Symbols", "symbol", ("symbol_id", "symbol", "imported_by"),
         _CHOSEN.format("symbol_words") + """
         SELECT s.id AS symbol_id, s.name AS symbol,
                (SELECT count(*) FROM imported i WHERE i.symbol_id = s.id) AS imported_by
         FROM hit JOIN symbol s USING (id)
         ORDER BY s.name <> :text, length(s.name), s.name"""),
    Kind("Findings", "finding", ("finding_id", "severity", "rule_id", "source", "path_key", "subject", "state"),
         _CHOSEN.format("finding_words") + """
         SELECT f.id AS finding_id, f.severity, f.rule_id, f.source, f.path_key, f.subject, f.state
         FROM hit JOIN finding f USING (id)
         ORDER BY f.state <> 'open', f.source <> :text,
                  CASE f.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3
                  ELSE 4 END, f.rule_id, f.source, f.path_key"""),
)  # fmt: skip


async def search_page(datasette: Datasette, request: Request) -> Response:
    """The answer to ``/-/search?q=…``, as a page, or as JSON with ``format=json``."""
    from datasette.utils.asgi import Response

    text = (request.args.get("q") or "").strip()[:200]
    question = words(text)
    found = [await _found(datasette, kind, question, text) for kind in KINDS] if question else []
    if request.args.get("format") == "json":
        results = {kind["title"].lower(): {"rows": kind["rows"], "more": kind["more"]} for kind in found}
        body = json.dumps({"q": text, "results": results}, ensure_ascii=False)
        return Response(body, content_type="application/json; charset=utf-8")
    shows = {"q": shown(text), "asked": bool(question), "kinds": found, "most": MOST}
    return Response.html(await datasette.render_template("search.html", shows, request=request))


async def _found(datasette: Datasette, kind: Kind, question: str, text: str) -> dict[str, Any]:
    """What there is of a kind: the rows as cells and as values, and whether there are more."""
    from archscan.serve.cells import cell

    names = {"words": question, "text": text}
    answer = await datasette.get_database(NAME).execute(f"{kind.sql} LIMIT {MOST + 1}", names)
    rows = [dict(row) for row in answer.rows]
    path = datasette.urls.path
    return {
        "title": kind.title,
        "table": kind.table,
        "columns": kind.columns,
        "rows": rows[:MOST],
        "cells": [[cell(row[name], name, None, path) or "" for name in kind.columns] for row in rows[:MOST]],
        "more": len(rows) > MOST,
    }
