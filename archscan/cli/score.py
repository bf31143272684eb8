"""``archscan score``: where work should begin."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archscan.cli import options
from archscan.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.triage.score import Score

_EPILOG = """\b
Examples:
  archscan score --top 20
  archscan score sudo cups --explain
  archscan score --seed server.txt --format csv > score.csv

A source package is listed where it has at least one finding of medium severity, or five of low; --all lists every one
that has any. What weighs how much is data: rules/score.toml, explained in rules/README.md.
"""
_NAME = re.compile(r"(?:\* +)?([A-Za-z0-9][A-Za-z0-9+.-]*)(?:\s.*)?")
_MOST_BYTES = 64 << 20


def _today(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date:
    try:
        return datetime.now(UTC).date() if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: expected a day as YYYY-MM-DD") from error


@click.command(epilog=_EPILOG)
@click.argument("sources", nargs=-1, metavar="[SOURCE…]")
@click.option("--explain", is_flag=True, help="Print every summand with its evidence.")
@click.option("--seed", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Names of packages that matter more, one a line, source or binary.")  # fmt: skip
@click.option("--top", type=click.IntRange(1, 10_000_000), metavar="N", help="Only the first N.")
@click.option("--all", "every", is_flag=True, help="Also those with too few findings to be listed.")
@click.option("--today", callback=_today, metavar="DATE", help="As it will be, or was, on that day.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@options.database
@options.rules
def score(
    sources: tuple[str, ...], explain: bool, seed: Path | None, top: int | None, every: bool, today: date, form: str,
    db: Path, own_rules: tuple[Path, ...],
) -> None:  # fmt: skip
    """Rank source packages by how urgent the work on their open findings is, which is not how severe they are.

    Points of all findings that are not decided, counted together, with shares added for privileges, the network,
    importance and age, and taken off for confinement and hardening.
    """
    from archscan.cli.data import rule_directories
    from archscan.errors import NoTargetError
    from archscan.reports import database
    from archscan.triage.score import scores
    from archscan.triage.weights import load_weights

    weights = load_weights(rule_directories(own_rules))
    named = frozenset(_seed(seed)) if seed else frozenset()
    with database.opened(db) as connection:
        found = scores(connection, weights, today, wanted=sources or None, seed=named)
    missing = set(sources) - {one.source for one in found}
    if missing:
        raise NoTargetError(f"no source package {', '.join(sorted(missing))} in the database")
    shown = [one for one in found if sources or every or (one.listed and one.score > 0)][:top]
    _write(shown, form, explain=explain)
    left = len(found) - len(shown)
    if left and not sources:
        click.echo(f"{left:,} more source packages have open findings: --all, or a larger --top", err=True)


def _seed(path: Path) -> list[str]:
    """The names of a seed: words at the beginning of lines, as in germinate's lists too. Raises ArchscanError."""
    from archscan.errors import ArchscanError

    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ArchscanError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise ArchscanError(f"{path}: expected at most {_MOST_BYTES >> 20} MiB of names")
    names = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        match = _NAME.fullmatch(text)
        if text and not match:
            raise ArchscanError(f"{path}:{number}: expected the name of a package, got {text[:40]!a}")
        if match:
            names.append(match[1])
    return names


def _write(found: Sequence[Score], form: str, *, explain: bool) -> None:
    from archscan.reports import answers
    from archscan.reports.output import standard_output
    from archscan.reports.queries import Answer

    stream = standard_output(exact=form != "table")
    if explain and form == "json":
        stream.write(json.dumps([_whole(one) for one in found], ensure_ascii=False, indent=1) + "\n")
        return
    if explain and form == "table":
        stream.writelines(f"{line}\n" for line in _explained(found))
        return
    if explain:
        rows = [(one.source, part.points, part.what, part.evidence) for one in found for part in one.summands]
        answers.write(Answer(("source", "points", "what", "evidence"), iter(rows)), stream, form)
        return
    severities = [str(word) for word in reversed(Severity)]
    columns = ("source", "score", *severities, "decided", "raised", "lowered", "not_read")
    lines = [
        (one.source, one.score, *(one.findings[word] for word in severities), one.decided, ", ".join(one.raised),
         ", ".join(one.lowered), "files" if one.unread else "")
        for one in found
    ]  # fmt: skip
    if not answers.write(Answer(columns, iter(lines)), stream, form) and form == "table":
        click.echo("no rows", err=True)


def _whole(one: Score) -> dict[str, Any]:
    return {
        "source": one.source,
        "score": one.score,
        "findings": one.findings,
        "decided": one.decided,
        "listed": one.listed,
        "summands": [{"points": part.points, "what": part.what, "evidence": part.evidence} for part in one.summands],
    }


def _explained(found: Sequence[Score]) -> list[str]:
    from archscan.reports.cells import shown

    lines: list[str] = []
    for one in found:
        lines += [""] * bool(lines) + [f"{shown(one.source)}  {one.score:,}"]
        width = max((len(part.what) for part in one.summands), default=0)
        lines += [f"{part.points:>9,}  {part.what:{width}}  {shown(part.evidence)}" for part in one.summands]
        lines += ["        0  no open findings"] * (not one.summands)
    return lines
