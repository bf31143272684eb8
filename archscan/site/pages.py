"""The pages: what each shows, cut to what a browser opens at once; the templates are in ``reports/site``."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup, escape

from archscan import __version__
from archscan.reports.cells import shown
from archscan.site.names import page_file, source_file
from archscan.site.packages import SEVERITIES, Source, as_json
from archscan.site.tallies import Counts
from archscan.store.metrics import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from archscan.reports.content import Row
    from archscan.reports.status import Status
    from archscan.site.folder import Folder
    from archscan.site.options import Options
    from archscan.site.sets import PackageSet
    from archscan.site.tallies import Tallies
    from archscan.site.trends import Figures, Point, Trend

MOST_ROWS = 1_000
"""Rows of a table; a page says how many it leaves out, and where they are."""

_MOST_OF_RULE, _MOST_OF_SCOPE = 250, 500
_TOP = 25
_LONGEST = 300
_NOBODY = "(nobody)"


class Pages(msgspec.Struct, kw_only=True):
    """Everything that pages are made of."""

    folder: Folder
    templates: Path
    now: datetime
    options: Options
    sources: dict[str, Source]
    tallies: Tallies
    figures: Figures
    scopes: list[str]
    status: Status
    problems: list[Row]
    rules: dict[str, Row]
    sets: list[PackageSet]
    _environment: Any = None

    def write(self) -> None:
        """Write all of them."""
        self._environment = _environment(self.templates)
        self._static()
        worst = sorted(self.sources.values(), key=lambda source: (*source.rank, source.name))
        self._index(worst)
        self._page("worst.html", "worst", "The worst packages", rows=self._rows(s for s in worst if s.total))
        self._page("hardening.html", "hardening", "Hardening", **self._scope("all"), scope="all")
        self._page("crypto.html", "crypto", "Weak cryptography", **self._scope("all"), scope="all")
        self._rules_pages()
        self._scope_pages(worst)
        self._maintainer_pages(worst)
        self._set_pages()
        self._page("problems.html", "problems", "What could not be read", problems=self.problems)
        self._index_data()
        self._page("sources.html", "sources", "Source packages")

    def about(self) -> dict[str, Any]:
        """What the manifest says of the site."""
        return {
            "generated": self._generated(), "archscan": __version__, "scan": self.status.scan,
            "last_finished": self.status.finished, "sources": len(self.sources), "open": dict(self._severities()),
        }  # fmt: skip

    def _generated(self) -> str:
        return self.now.isoformat(timespec="seconds").replace("+00:00", "Z")

    def _severities(self) -> list[tuple[str, int]]:
        return list(zip(SEVERITIES, self.tallies.whole.open, strict=True))

    def _page(self, name: str, template: str, title: str, **values: Any) -> None:
        up = "../" * name.count("/")
        text = self._environment.get_template(f"{template}.html.j2").render(
            title=title, up=up, generated=self._generated(), stale_days=self.options.stale_days, version=__version__,
            status=self.status, severities=SEVERITIES, has_sets=bool(self.sets), has_scopes=bool(self.scopes),
            most=MOST_ROWS, **values,
        )  # fmt: skip
        self.folder.write(name, text)

    def _static(self) -> None:
        for name in ("site.css", "site.js"):
            self.folder.write_bytes(name, (self.templates / "static" / name).read_bytes())
        self.folder.write_bytes("json/source.schema.json", (self.templates / "source.schema.json").read_bytes())

    def _index(self, worst: Sequence[Source]) -> None:
        suites = [scope for scope in self.scopes if "/" not in scope]
        self._page(
            "index.html", "index", "The archive at a glance", whole=self.tallies.whole, sources=len(self.sources),
            packages=sum(len(source.packages) for source in self.sources.values()),
            with_findings=sum(1 for source in self.sources.values() if source.total),
            worst=self._rows(worst[:_TOP]).rows, problems=sum(row["problems"] for row in self.problems),
            suites=[(suite, page_file("suite", suite), self.tallies.scopes.get(suite, Counts())) for suite in suites],
            sets=[self._set_row(one) for one in self.sets], trends=self.figures.hardening("all", FEATURES)[:6],
        )  # fmt: skip

    def _rows(self, sources: Iterable[Source], counts: dict[str, Counts] | None = None, most: int = MOST_ROWS) -> Rows:
        chosen = list(sources)
        of_each = counts or {}
        return Rows([_row(one, of_each.get(one.name)) for one in chosen[:most]], len(chosen) - most)

    def _scope(self, scope: str) -> dict[str, Any]:
        matrix = self.figures.matrix(scope)
        contexts = sorted({context for row in matrix.values() for context in row if context})
        return {
            "trends": self.figures.hardening(scope, FEATURES), "weak": self.figures.weak(scope), "matrix": matrix,
            "contexts": contexts, "newest": self.figures.newest(scope),
        }  # fmt: skip

    def _rules_pages(self) -> None:
        listed = []
        for rule in sorted({*self.rules, *self.tallies.rules}):
            row = self.rules.get(rule) or _unknown(rule)
            counts, of_source = self.tallies.rule(rule), self.tallies.rules.get(rule, {})
            sources = sorted(
                (self.sources[name] for name in of_source),
                key=lambda source: (*(-number for number in of_source[source.name].open), source.name),
            )
            shown_row = {**row, "counts": counts, "sources": len(of_source), "page": page_file("rule", rule)}
            listed.append(shown_row)
            self._page(
                shown_row["page"], "rule", rule, rule=shown_row, rows=self._rows(sources, of_source, _MOST_OF_RULE),
                references=json.loads(row["refs"]), fix_for=json.loads(row["fix_for"] or "{}"),
            )  # fmt: skip
        listed.sort(key=lambda row: (*(-number for number in row["counts"].open), row["id"]))
        self._page("rules.html", "rules", "Rules", rules=listed)

    def _scope_pages(self, worst: Sequence[Source]) -> None:
        listed = []
        for scope in self.scopes:
            suite, _, component = scope.partition("/")
            page = page_file("component" if component else "suite", scope)
            counts, of_source = self.tallies.scopes.get(scope, Counts()), self.tallies.of_scope.get(scope, {})
            archives = [row for row in self.status.archives if row["suite"] == suite
                        and component in ("", row["component"])]  # fmt: skip
            listed.append({"scope": scope, "page": page, "counts": counts, "is_suite": not component})
            parts = [(other, page_file("component", other)) for other in self.scopes if other.startswith(f"{scope}/")]
            rows = self._rows((one for one in worst if one.name in of_source), of_source, _MOST_OF_SCOPE)
            self._page(page, "scope", scope, scope=scope, counts=counts, rows=rows, archives=archives, parts=parts,
                       **self._scope(scope))  # fmt: skip
        self._page("suites.html", "suites", "Suites and components", scopes=listed)

    def _maintainer_pages(self, worst: Sequence[Source]) -> None:
        grouped: dict[str, list[Source]] = defaultdict(list)
        for source in worst:
            grouped[source.maintainer or _NOBODY].append(source)
        listed: list[Row] = []
        for name, sources in grouped.items():
            page = page_file("maintainer", name)
            opened = [sum(source.open[rank] for source in sources) for rank in range(len(SEVERITIES))]
            found = [source for source in sources if source.has_findings]
            clean = [(source.name, source_file(source.name)) for source in sources if not source.has_findings]
            listed.append({"name": name, "page": page, "open": opened, "sources": len(sources), "found": len(found)})
            self._page(page, "maintainer", name, rows=self._rows(found), clean=sorted(clean), open=opened)
        listed.sort(key=lambda row: (*(-number for number in row["open"]), row["name"]))
        self._page("maintainers.html", "maintainers", "Maintainers", maintainers=listed[: 5 * MOST_ROWS],
                   left_out=len(listed) - 5 * MOST_ROWS)  # fmt: skip

    def _set_row(self, one: PackageSet) -> Row:
        concerned = [member for member in one.members if member.source.total]
        unsupported = {member.source.name for member in concerned if member.supported is False}
        return {
            "name": one.name, "page": page_file("set", one.name), "origin": one.origin, "members": len(one.members),
            "missing": len(one.missing), "unsupported": len(unsupported),
            "untold": len({member.source.name for member in concerned if member.supported is None}),
            "supported": len({member.source.name for member in concerned if member.supported}),
        }  # fmt: skip

    def _set_pages(self) -> None:
        for one in self.sets:
            by_source: dict[str, list[str]] = defaultdict(list)
            standings: dict[bool | None, dict[str, Source]] = {False: {}, None: {}, True: {}}
            for member in one.members:
                by_source[member.source.name].append(member.name)
                if member.source.total:
                    standings[member.supported][member.source.name] = member.source
            tables = {
                word: self._rows(sorted(standings[key].values(), key=lambda source: (*source.rank, source.name)))
                for key, word in ((False, "unsupported"), (None, "untold"), (True, "supported"))
            }
            self._page(page_file("set", one.name), "set", one.name, set=self._set_row(one), tables=tables,
                       binaries=by_source, missing=one.missing)  # fmt: skip
        self._page("sets.html", "sets", "Package sets", sets=[self._set_row(one) for one in self.sets])

    def _index_data(self) -> None:
        maintainers: dict[str, int] = {}
        rows = []
        for source in sorted(self.sources.values(), key=lambda one: one.name):
            maintainer = maintainers.setdefault(source.maintainer or _NOBODY, len(maintainers))
            rows.append([text(source.name), maintainer, source.score, *source.open, source.decided,
                         *_strange(source.name)])  # fmt: skip
        pages = [[text(name), page_file("maintainer", name)] for name in maintainers]
        data = as_json({"severities": SEVERITIES, "maintainers": pages, "sources": rows})
        self.folder.write("sources.js", f"window.archscanSources = {data};\n")


def _row(source: Source, counts: Counts | None) -> Row:
    of = counts or source
    return {
        "name": source.name, "json": source_file(source.name), "maintainer": source.maintainer or _NOBODY,
        "maintainer_page": page_file("maintainer", source.maintainer or _NOBODY),
        "numbers": (source.score, *of.open, of.decided, of.overridden),
    }  # fmt: skip


class Rows(msgspec.Struct, frozen=True):
    """Rows of a table, and how many more there are (0 or less: none)."""

    rows: list[Row]
    left_out: int


def _strange(name: str) -> list[str]:
    """The file of a source where the script cannot tell it from the name."""
    file = source_file(name)
    return [file] if file.startswith("json/_/") else []


def _unknown(rule: str) -> Row:
    words = dict.fromkeys(("title", "category", "severity", "confidence", "why", "fix", "fix_for"), "")
    return {
        "id": rule,
        **words,
        "title": "A rule of another rule book",
        "refs": "[]",
        "judged": None,
        "precision": None,
    }


def text(value: object) -> object:
    """What a template prints: text of packages as one line that reorders nothing and has an end."""
    if isinstance(value, str) and not isinstance(value, Markup):
        cut = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
        return shown(cut)
    return value


def cells(numbers: Iterable[int]) -> Markup:
    """Cells of a table for numbers; they are most of a site."""
    made = "".join(f"<td>{number:,}</td>" if number else '<td class="z">0</td>' for number in numbers)
    return Markup(made)  # noqa: S704  # of numbers alone


def longest(trends: Iterable[Trend]) -> tuple[Point, ...]:
    """The points of the trend that has most."""
    return max((trend.points for trend in trends), key=len)


def prose(value: str) -> Markup:
    """Text of rules, which may be long."""
    return escape(shown(value))


def _environment(templates: Path) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=text,
    )  # fmt: skip
    environment.filters.update(prose=prose, cells=cells, longest=longest)
    return environment
