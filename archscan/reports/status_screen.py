"""The status as lines for a terminal, or for a mail of cron. Colour never carries a meaning alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.reports.cells import shown
from archscan.reports.screen import console_of, count
from archscan.reports.status import STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from rich.console import Console
    from rich.text import Text

    from archscan.reports.content import Row
    from archscan.reports.status import Status

_LABEL, _INDENT = 14, 2
_STYLES = {"complete": "green", "failed": "red", "partial": "yellow", "stale": "yellow", "waiting": "yellow"}
_TITLES = {"failed": "failed", "partial": "read in part"}


def write(one: Status, stream: TextIO, width: int | None = None) -> None:
    """Print the status; ``width`` in columns, by default the terminal's, or 100 where there is none."""
    console = console_of(stream, width)
    for line in _lines(one, console):
        console.print(line, soft_wrap=True)


def _lines(one: Status, console: Console) -> Iterator[Text]:
    from rich.text import Text

    from archscan.reports.layout import columns, section

    gap = Text()
    yield from section(console, "Last scan", _scan(one), console.width, _LABEL)
    if one.archives:
        yield gap
        rows = _archive_rows(one)
        yield from columns(rows, range(3, len(rows[0])), console.width, _INDENT)
        yield gap
        yield from section(console, "Indices", _indices(one), console.width, _LABEL)
    rest = list(_rest(one))
    if rest:
        yield gap
        yield from section(console, "Packages", rest, console.width, _LABEL)
    if one.confinement:
        yield gap
        lines = [Text(shown(text)) for text in one.confinement]
        yield from section(console, "Confinement", lines, console.width, _LABEL)


def _scan(one: Status) -> Iterator[Text]:
    from rich.text import Text

    if one.scan is None:
        yield Text("none yet", style="yellow")
        return
    state = str(one.scan["state"])
    words = {"killed": "ended without a word: the same command continues",
             "interrupted": "interrupted: the same command continues",
             "running": f"running, process {one.writer}"}  # fmt: skip
    style = "bold green" if state == "finished" else "bold" if state == "running" else "bold red"
    yield Text.assemble(f"{one.scan['id']} by archscan {shown(one.scan['version'])}, begun {one.scan['started']}: ",
                        (words.get(state, state), style))  # fmt: skip
    if one.writer and state != "running":
        yield Text(f"process {one.writer} is writing to the database")
    if one.age is None:
        yield Text("no scan has come to its end", style="yellow")
    else:
        yield Text(f"the last that came to its end did so {_age(one.age)} ago, {one.finished}")
    if one.lacking:
        what = f"{count(one.lacking, 'problem')} of what it was to read, beside packages"
        yield Text(f"{what}: archscan query problem-list", style="red")


def _age(days: float) -> str:
    if days < 2:
        return f"{max(0.0, days * 24):.1f} hours"
    return f"{days:.1f} days"


def _archive_rows(one: Status) -> list[list[Text]]:
    from rich.text import Text

    heads = ("suite", "component", "arch", "packages", "MB", *STATES)
    rows = [[Text(name, style="dim") for name in heads]]
    for row in one.archives:
        names = (row["suite"], row["component"], row["architecture"])
        rows.append([*(Text(shown(name)) for name in names), *_figures(row["packages"], row["bytes"], row["states"])])
    packages, size = (sum(pair[number] for pair in one.total.values()) for number in (0, 1))
    label = [Text(text, style="bold") for text in ("all", "each once", "")]
    rows.append([*label, *_figures(packages, size, one.total)])
    return rows


def _figures(packages: int, size: int, states: Mapping[str, tuple[int, int]]) -> Iterator[Text]:
    from rich.text import Text

    yield Text(f"{packages:,}")
    yield Text(_megabytes(size))
    for state in STATES:
        number = states.get(state, (0, 0))[0]
        yield Text(f"{number:,}", style=_STYLES.get(state, "")) if number else Text("-", style="dim")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}" if size >= 10_000_000 else f"{size / 1e6:,.1f}"


def _indices(one: Status) -> Iterator[Text]:
    from rich.text import Text

    for row in one.archives:
        yield Text(f"{shown(row['suite'])} {shown(row['component'])} {shown(row['architecture'])}: {_index(row)}",
                   style="" if row["signed_by"] else "yellow")  # fmt: skip


def _index(row: Row) -> str:
    parts = [f"of {row['date']}" if row["date"] else "without a date"]
    if row["valid_until"]:
        parts.append(f"valid until {row['valid_until']}")
    parts.append(f"signed by {shown(row['signed_by'])}" if row["signed_by"] else "the signature was not checked")
    return ", ".join(parts)


def _rest(one: Status) -> Iterator[Text]:
    from rich.text import Text

    for state, kinds in (("failed", one.failed), ("partial", one.partial)):
        if kinds:
            yield Text(f"{_TITLES[state]}: {_listed(kinds)}; archscan query problem-list", style=_STYLES[state])
    if one.unread:
        yield Text(f"not unpacked to the end: {_listed(one.unread)}")
    waiting, size = one.total.get("waiting", (0, 0))
    if waiting:
        yield Text(f"{count(waiting, 'package')} of {_megabytes(size)} MB not read yet", style="yellow")
    if one.no_index:
        listed = _listed({state: one.no_index[state][0] for state in STATES if state in one.no_index})
        yield Text(f"of no index: {listed}")
    if one.left:
        yield Text(f"{count(one.left, 'package')} in the database left their suites")


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {shown(name)}" for name, number in numbers.items())
