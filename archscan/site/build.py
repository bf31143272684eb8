"""The site on one page: what is read, and what is written of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.reports import content
from archscan.reports.status import status
from archscan.site.findings import by_source, decided, whereabouts
from archscan.site.folder import replaced
from archscan.site.names import source_file
from archscan.site.packages import Source, current
from archscan.site.pages import Pages
from archscan.site.sets import names, package_sets
from archscan.site.tallies import Tallies
from archscan.site.tracked import encoded
from archscan.site.trends import Figures
from archscan.triage.score import scores

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime
    from pathlib import Path

    from archscan.site.findings import Whereabouts
    from archscan.site.folder import Folder
    from archscan.site.options import Options
    from archscan.triage.weights import Weights


def build(
    connection: sqlite3.Connection, target: Path, options: Options, weights: Weights, templates: Path, now: datetime
) -> tuple[int, int]:
    """How many files and bytes the site has that is ``target`` now.

    ``templates`` is the folder with the templates, ``now`` a time with its zone. Raises ArchscanError.
    """
    supported = frozenset(names(options.supported)) if options.supported else None
    known = current(connection)
    sets = package_sets(options.sets, known, supported)
    for one in scores(connection, weights, now.date()):
        if one.source in known.sources:
            known.sources[one.source].score = one.score
    tallies = Tallies()
    with replaced(target) as folder:
        _sources(connection, folder, known.sources, tallies, now, whereabouts(connection, known))
        places = {place for source in known.sources.values() for place in source.places}
        scopes = {suite for suite, _ in places} | {"/".join(place) for place in places}
        pages = Pages(
            folder=folder, templates=templates, now=now, options=options, sources=known.sources, tallies=tallies,
            figures=Figures(connection, scopes), scopes=sorted(scopes), status=status(connection, now),
            problems=list(content.rows(connection, _PROBLEMS)), rules=_rules(connection), sets=sets,
        )  # fmt: skip
        pages.write()
        folder.finish(pages.about())
    return folder.files, folder.bytes


_PROBLEMS = """
SELECT stage, kind, count(*) AS problems, count(DISTINCT package_id) AS packages, max(message) AS example
FROM problem GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
_RULES = """
SELECT r.id, r.title, r.category, r.severity, r.confidence, r.why, r.fix, r.fix_for, r.refs, p.judged, p.right, p.wrong,
       p.precision
FROM rule r LEFT JOIN rule_precision p ON p.rule_id = r.id ORDER BY r.id
"""


def _rules(connection: sqlite3.Connection) -> dict[str, content.Row]:
    """The rules by id, with what verdicts say of them."""
    return {row["id"]: row for row in content.rows(connection, _RULES)}


def _sources(
    connection: sqlite3.Connection, folder: Folder, sources: dict[str, Source], tallies: Tallies, now: datetime,
    where: Whereabouts,
) -> None:  # fmt: skip
    """Write the file of each source package while its findings go by, and count them."""
    left = dict(sources)
    for name, findings in by_source(connection, decided(connection, now.date())):
        source = left.pop(name, None)
        if source is None:  # all its packages are of the past, and somebody has still to judge that
            continue
        tallies.add(source, findings, where)
        folder.write_bytes(source_file(name), encoded(source, findings))
    for name, source in left.items():
        folder.write_bytes(source_file(name), encoded(source, ()))
