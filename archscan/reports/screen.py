"""A summary as lines for a terminal, or for a log without one. Colour never carries a meaning alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from archscan.model import PackageStatus
from archscan.reports.cells import shown
from archscan.reports.content import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from rich.console import Console
    from rich.text import Text

    from archscan.reports.content import Row
    from archscan.reports.summary import Summary

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "negligible": "dim"}
_SHOWN_RULES, _SHOWN_PROBLEMS, _SHOWN_ALGORITHMS = 8, 5, 5
_LABEL, _INDENT, _CONTEXT = 14, 2, 14  # columns of the headings at the left; of tables; of the name of a context


def write(summary: Summary, stream: TextIO, width: int | None = None) -> None:
    """Print the summary; ``width`` in columns, by default the terminal's, or 100 where there is none.

    Colour only on a terminal, and not where NO_COLOR is set (https://no-color.org).
    """
    console = console_of(stream, width)
    for line in _lines(summary, console):
        console.print(line, soft_wrap=True)


def console_of(stream: TextIO, width: int | None) -> Console:
    """A console that prints to ``stream`` as it is told, in ``width`` columns, the terminal's, or 100."""
    from rich.console import Console

    if width is None and not stream.isatty() and not os.environ.get("COLUMNS"):
        width = 100
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _lines(summary: Summary, console: Console) -> Iterator[Text]:
    from rich.text import Text

    from archscan.reports.layout import columns, section

    width, gap = console.width, Text()
    yield _headline(summary)
    yield gap
    yield from section(console, "Packages", _packages(summary), width, _LABEL)
    yield gap
    yield from section(console, "Findings", _findings(summary), width, _LABEL)
    if summary.rules:
        yield gap
        yield from columns(_rule_rows(summary.rules), (1, 2), width, _INDENT)
    if summary.worst and sum(summary.counts["packages"].values()) > 1:
        yield gap
        rows = _worst_rows(summary.worst)
        yield from columns(rows, range(1, len(rows[0])), width, _INDENT)
    if summary.weak:
        yield gap
        yield from section(console, "Weak crypto", _weak(summary), width, _LABEL)
        table = _weak_rows(summary, max(3, (width - _LABEL) // _CONTEXT))
        yield from columns(table, range(1, len(table[0])), width, _INDENT)
    if summary.problems:
        yield gap
        yield from section(console, "Problems", [_total(summary.problems)], width, _LABEL)
        yield from columns(_problem_rows(summary.problems), (0,), width, _INDENT)
    blind = list(_blind(summary))
    if blind:
        yield gap
        yield from section(console, "Not examined", blind, width, _LABEL)


def _headline(summary: Summary) -> Text:
    from rich.text import Text

    taken = "" if summary.seconds is None else f" in {_duration(summary.seconds)}"
    style = {"finished": "bold green", "running": "bold"}.get(summary.scan["state"], "bold red")
    return Text.assemble(
        ("archscan ", "bold"), shown(summary.scan["version"]), f": scan {summary.scan['id']} ",
        (summary.scan["state"], style), taken,
    )  # fmt: skip


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, one: str, many: str | None = None) -> str:
    """The number with its noun: ``1 package``, ``2,873 ELF objects``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _packages(summary: Summary) -> Iterator[Text]:
    from rich.text import Text

    packages = summary.counts["packages"]
    total = sum(packages.values())
    if summary.read is not None and summary.known is not None:
        given = count(summary.read + summary.known, "package")
        yield Text(f"{given} in this scan: {summary.read:,} read, {summary.known:,} known already")
    line = Text(f"{count(total, 'package')} in the database, {count(summary.counts['objects'], 'ELF object')}")
    if summary.counts["privileged_files"]:
        line.append(f", {count(summary.counts['privileged_files'], 'file')} with a privilege")
    yield line


def _findings(summary: Summary) -> Iterator[Text]:
    from rich.text import Text

    counts = summary.counts["findings"]
    opened = sum(figures["open"] for figures in counts.values())
    if not opened:
        yield Text("none open")
        return
    new = sum(figures["new"] for figures in counts.values())
    yield Text(f"{opened:,} open, {new:,} of them new in this scan")
    line = Text()
    for severity in SEVERITIES:
        number = counts[severity]["open"]
        line.append("  " if line else "")
        line.append(f"{number:,} {severity}", style=_STYLES[severity] if number else "dim")
    yield line
    overridden = summary.counts["overridden_findings"]
    if overridden:
        yield Text(f"{overridden:,} of the negligible ones by the maintainer's word: archscan query overridden")
    decided = summary.counts["decided_findings"]
    if decided:
        left = opened - decided - overridden
        yield Text(f"{decided:,} decided (archscan triage list), {left:,} to be looked at: archscan triage queue")


def _figure(number: int, style: str = "") -> Text:
    from rich.text import Text

    return Text(f"{number:,}", style=style) if number else Text("-", style="dim")


def _rule_rows(rules: tuple[Row, ...]) -> list[list[Text]]:
    from rich.text import Text

    rows = [[Text(name, style="dim") for name in ("worst", "open", "new", "rule", "")]]
    for rule in rules[:_SHOWN_RULES]:
        worst = f"{rule['by_severity'][rule['severity']]:,} {rule['severity']}"
        severity = Text(worst, style=_STYLES[rule["severity"]])
        name, title = Text(shown(rule["rule"])), Text(shown(rule["title"]), style="dim")
        rows.append([severity, _figure(rule["open"]), _figure(rule["new"]), name, title])
    rest = rules[_SHOWN_RULES:]
    if rest:
        opened, new = (_figure(sum(rule[key] for rule in rest)) for key in ("open", "new"))
        hint = Text("archscan query findings-by-rule", style="dim")
        rows.append([Text("…", style="dim"), opened, new, Text(count(len(rest), "more rule"), style="dim"), hint])
    return rows


def _worst_rows(worst: tuple[Row, ...]) -> list[list[Text]]:
    from rich.text import Text

    used = [severity for severity in SEVERITIES if any(row[severity] for row in worst)]
    rows = [[Text(name, style="dim") for name in ("worst packages", *used)]]
    for row in worst:
        name = " ".join(shown(row[key]) for key in ("package", "version", "architecture"))
        rows.append([Text(name), *(_figure(row[severity], _STYLES[severity]) for severity in used)])
    return rows


def _weak(summary: Summary) -> Iterator[Text]:
    from rich.text import Text

    total = sum(row["total"] for row in summary.weak)
    yield Text(f"{count(total, 'use')} of {count(len(summary.weak), 'weak algorithm')}: archscan query weak-crypto")


def _weak_rows(summary: Summary, most: int) -> list[list[Text]]:
    """Algorithms by contexts; beyond the most frequent ones, and so many contexts, the rest of both together."""
    from rich.text import Text

    sums = {name: sum(row["places"].get(name, 0) for row in summary.weak) for name in summary.contexts}
    few = sorted(sums, key=lambda name: -sums[name])[:most]
    named = [name for name in summary.contexts if name in few]
    others = [name for name in summary.contexts if name not in few]
    rows = [[Text(name, style="dim") for name in ("algorithm", *named, *(["others"] if others else []))]]
    shown_rows, rest = summary.weak[:_SHOWN_ALGORITHMS], summary.weak[_SHOWN_ALGORITHMS:]
    lines = [(shown(row["algorithm"]), [row]) for row in shown_rows]
    if rest:
        lines.append((f"… {len(rest)} more", list(rest)))
    for label, of in lines:
        figures = [sum(row["places"].get(name, 0) for row in of) for name in named]
        figures += [sum(row["places"].get(name, 0) for row in of for name in others)] if others else []
        rows.append([Text(label), *map(_figure, figures)])
    return rows


def _total(problems: tuple[Row, ...]) -> Text:
    from rich.text import Text

    total = sum(row["problems"] for row in problems)
    return Text(f"{count(total, 'problem')} in this scan, so not everything was read", style="yellow")


def _problem_rows(problems: tuple[Row, ...]) -> list[list[Text]]:
    from rich.text import Text

    rows = []
    for row in problems[:_SHOWN_PROBLEMS]:
        example = f"{shown(row['example_target'].rpartition('/')[2])}: {shown(row['example'])}"
        rows.append([_figure(row["problems"]), Text(f"{row['stage']}: {row['kind']}"), Text(example, style="dim")])
    if len(problems) > _SHOWN_PROBLEMS:
        rest = sum(row["problems"] for row in problems[_SHOWN_PROBLEMS:])
        rows.append([_figure(rest), Text("of other kinds"), Text("archscan query problems", style="dim")])
    return rows


def _unread(row: Row) -> str:
    """What was not done with packages, and on whose word."""
    if row["status"] == PackageStatus.SKIPPED:
        return "skipped: by their own lists they hold nothing that facts are about"
    return "not unpacked to the end: by their own lists nothing more was to come that facts are about"


def _blind(summary: Summary) -> Iterator[Text]:
    from rich.text import Text

    packages = summary.counts["packages"]
    partial = [f"{count(packages[s], 'package')} {s}" for s in ("partial", "unreadable") if packages[s]]
    if partial:
        yield Text(", ".join(partial), style="yellow")
    for row in summary.unread:
        yield Text(f"{count(row['packages'], 'package')} {_unread(row)} ({shown(row['reason'])})")
    if summary.nested:
        where = count(summary.nested_packages, "package")
        yield Text(f"{count(summary.nested, 'nested archive')} (zip, jar …) in {where} not opened")
    for text in dict.fromkeys(row["text"] for row in summary.unmeasured):
        rows = [row for row in summary.unmeasured if row["text"] == text]
        names = ", ".join(row["feature"] for row in rows)
        reason = f" ({shown(text)})" if text else ""
        yield Text(f"verdict unknown for up to {count(max(row['objects'] for row in rows), 'object')}: {names}{reason}")
