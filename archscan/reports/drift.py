"""What is other than a baseline, as people and programs read it: text, Markdown, JSON, JUnit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TextIO

from archscan.baseline import Drift, Fact
from archscan.reports import json_stream, junit
from archscan.reports.cells import shown
from archscan.reports.changes import escaped

_MOST_SHOWN = 1_000  # characters of a line, in text


def write(difference: Drift, stream: TextIO, form: str, name: str) -> None:
    """Write the difference in a form of ``FORMS``; ``name`` is the baseline's."""
    FORMS[form](difference, stream, name)


def totals(difference: Drift) -> str:
    """The numbers as a line for the terminal."""
    return f"{len(difference.new):,} new, {len(difference.gone):,} gone, {len(difference.kept):,} as reviewed"


def _marked(difference: Drift) -> Iterator[tuple[str, Fact]]:
    """Each line with its mark; what changed stands together: of a path first what is gone."""
    marked = [*(("-", fact) for fact in difference.gone), *(("+", fact) for fact in difference.new)]
    return iter(sorted(marked, key=lambda one: (one[1].facet, one[1].package, one[1].path, one[0] == "+", one[1].text)))


def _text(difference: Drift, stream: TextIO, _name: str) -> None:
    for mark, fact in _marked(difference):
        line = shown(fact.line)
        more = f"… ({len(line):,} characters)" if len(line) > _MOST_SHOWN else ""
        stream.write(f"{mark} {line[:_MOST_SHOWN]}{more}\n")


def _markdown(difference: Drift, stream: TextIO, name: str) -> None:
    stream.write(f"# {escaped(name)}\n\n{totals(difference)}\n")
    for facet, some in groupby(_marked(difference), key=lambda one: one[1].facet):
        stream.write(f"\n## {escaped(facet)}\n\n| | package | path | what |\n|---|---|---|---|\n")
        for mark, fact in some:
            cells = ({"+": "new", "-": "gone"}[mark], fact.package, fact.path, fact.text)
            stream.write(f"| {' | '.join(map(escaped, cells))} |\n")


def _json(difference: Drift, stream: TextIO, name: str) -> None:
    changes = (
        {
            "change": {"+": "new", "-": "gone"}[mark],
            "facet": fact.facet,
            "package": fact.package,
            "path": fact.path,
            "text": fact.text,
            "findings": list(fact.findings),
        }
        for mark, fact in _marked(difference)
    )
    said = [("baseline", name), ("reviewed", len(difference.kept)), ("changes", changes)]
    json_stream.write(json_stream.Members(said), stream)
    stream.write("\n")


def _junit(difference: Drift, stream: TextIO, name: str) -> None:
    """A suite for each facet and in it a test for each package, which fails where a line is new or gone."""
    facets: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for fact in difference.kept:
        facets[fact.facet].setdefault(fact.package, [])
    for mark, fact in _marked(difference):
        facets[fact.facet].setdefault(fact.package, []).append(f"{mark} {fact.path} {fact.text}")
    suites = [
        junit.Suite(f"baseline {facet}", f"baseline.{facet}", (("baseline", name),),
                    tuple(_case(package, lines) for package, lines in sorted(packages.items())))
        for facet, packages in sorted(facets.items())
    ]  # fmt: skip
    junit.write_suites(lambda: suites, stream, None)


def _case(package: str, lines: Sequence[str]) -> junit.Case:
    if not lines:
        return junit.Case(package)
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return junit.Case(package, "failure", f"{lines[0][: junit.MOST_SHOWN]}{more}", tuple(lines))


FORMS: dict[str, Callable[[Drift, TextIO, str], None]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "junit": _junit,
}
"""What each form is written by."""
