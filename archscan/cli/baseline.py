"""``archscan baseline``: a reviewed text of what packages are, held against what they are now."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from archscan.cli import options, reviewed

if TYPE_CHECKING:
    from archscan.baseline import Baseline, Selection

_EPILOG = """\b
Examples:
  archscan scan apt:sudo apt:openssh-server
  archscan baseline write -o server.baseline
  archscan baseline check server.baseline --format junit -o baseline.xml
  archscan baseline accept server.baseline --by jane@example.org --reason "sudo 1.9.16, read"
  archscan baseline accept server.baseline --by jane@example.org --reason "not used" --only 'listeners *'

The exit code of check is 10 where anything is other than reviewed. docs/baselines.md has the form of the file.
"""
_OTHER = 10


@click.group(epilog=_EPILOG)
def baseline() -> None:
    """Keep a reviewed text of what packages are in version control, and say what is other now."""


class _Given(TypedDict):
    suite: str | None
    packages: tuple[str, ...]
    sources: tuple[str, ...]
    facets: tuple[str, ...]
    versions: bool | None


def _facets(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    from archscan.baseline import FACETS

    words = tuple(word.strip() for word in value.split(",")) if value else ()
    unknown = [word for word in words if word not in FACETS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r}: expected some of {', '.join(FACETS)}")
    return tuple(facet for facet in FACETS if facet in words)


@baseline.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output.")
@click.option("--suite", metavar="SUITE", help="Only packages that this suite publishes.")
@click.option("--package", "packages", multiple=True, metavar="GLOB", help="Only these packages. May be repeated.")
@click.option("--source", "sources", multiple=True, metavar="GLOB", help="Only of these sources. May be repeated.")
@click.option("--facets", callback=_facets, metavar="FACET[,FACET]", help="What to write.  [default: all]")
@click.option("--versions/--no-versions", default=None, help="With the versions of packages, or without.")
@options.database
def write(output: Path | None, db: Path, **given: Unpack[_Given]) -> None:
    """Write what the packages of the database are as a sorted text for review, one fact a line.

    Of a FILE that is there already, the selection stays where no option says otherwise, and so do the reasons above
    lines that are still true.
    """
    from archscan.baseline import Baseline, facts, read, text
    from archscan.baseline.text import with_reasons
    from archscan.reports import database
    from archscan.reports.output import replaced, standard_output

    known = read(output) if output is not None and output.is_file() else None
    selection = _selection(given, known)
    with database.opened(db) as connection:
        found = facts(connection, str(db), selection)
    reasons = with_reasons(known.reasons, found) if known else {}
    made = Baseline(selection, found, reasons)
    if output is None:
        standard_output(exact=True).writelines(text(made))
        return
    with replaced(output) as stream:
        stream.writelines(text(made))
    lost = len(known.reasons) - len(reasons) if known else 0
    also = f"; {lost:,} reasons went with their lines" if lost else ""
    click.echo(f"archscan: {len(found):,} lines{also}", err=True)


def _selection(given: _Given, known: Baseline | None) -> Selection:
    """What is asked for, or else what the file says that is there, or else everything."""
    from archscan.baseline import FACETS, Selection

    before = known.selection if known else Selection(facets=tuple(FACETS))
    words = (given["suite"] or "", *given["packages"], *given["sources"])
    if any(not word.isprintable() or word != word.strip() for word in words):
        raise click.UsageError("--suite, --package, --source: expected names or globs, each in one line")
    return Selection(
        suite=given["suite"] or before.suite,
        packages=given["packages"] or before.packages,
        sources=given["sources"] or before.sources,
        facets=given["facets"] or before.facets,
        versions=before.versions if given["versions"] is None else given["versions"],
    )


@baseline.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "junit"]), default="text",
              show_default=True)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file, whole or not at all.")
@options.database
@reviewed.baseline
def check(file: Path, form: str, output: Path | None, db: Path) -> int:
    """Say what is other than FILE has it: + is new, - is gone. The exit code is 10 where anything is."""
    from archscan.baseline import drift, facts, read
    from archscan.reports import database
    from archscan.reports.drift import totals
    from archscan.reports.drift import write as written
    from archscan.reports.output import replaced, standard_output

    known = read(file)
    with database.opened(db) as connection:
        difference = drift(known, facts(connection, str(db), known.selection))
    with ExitStack() as stack:
        to_file = output is not None and str(output) != "-"
        stream = stack.enter_context(replaced(output)) if to_file and output else standard_output(exact=form != "text")
        written(difference, stream, form, file.name)
    click.echo(f"archscan: {totals(difference)}", err=True)
    return _OTHER if difference else 0


@baseline.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--by", "who", required=True, envvar="ARCHSCAN_AUTHORITY", show_envvar=True, help="Who accepts.")
@click.option("--reason", required=True, help="Why; it stands above each line that is new.")
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Only lines that fit, from their facet on. May be repeated."
)
@options.database
def accept(file: Path, who: str, reason: str, only: tuple[str, ...], db: Path) -> None:
    """Take what is other into FILE, and decide about the findings among it: their state is then accepted."""
    from archscan.baseline import drift, facts, read, text
    from archscan.baseline.acceptance import Review, accepted, decided
    from archscan.baseline.drift import chosen
    from archscan.errors import NoTargetError
    from archscan.reports.output import replaced
    from archscan.reports.screen import count
    from archscan.store import open_store

    who, reason = who.strip(), reason.strip()
    if not who or not reason:
        raise click.UsageError("say with --by who accepts, and with --reason why")
    review = Review(who, reason, datetime.now(UTC))
    known = read(file)
    with open_store(db, made=False) as database, database.atomic():
        now = facts(database.conn, str(db), known.selection)
        taken = chosen(drift(known, now), only)
        if only and not taken:
            raise NoTargetError(f"{file}: no line that is new or gone fits {' or '.join(only)}")
        done = accepted(database.conn, known, now, taken, review)
        decided(database.conn, done.decided, review)
        with replaced(file) as stream:  # before the decisions are kept: what fails here leaves findings open
            stream.writelines(text(done.baseline))
    lines = f"{count(len(taken.new), 'line')} added, {len(taken.gone):,} removed"
    click.echo(f"{lines}; {count(len(done.decided), 'finding')} accepted")
    for mark, why in done.open:
        click.echo(f"finding {mark[:12]} stays open: {why}")


@baseline.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE…")
@click.option("--by", "who", required=True, envvar="ARCHSCAN_AUTHORITY", show_envvar=True, help="Who has reviewed.")
@click.option("-o", "--output", "manifest", required=True, type=click.Path(path_type=Path), metavar="MANIFEST",
              help="The list; what it has of other files stays.")  # fmt: skip
def review(files: tuple[Path, ...], who: str, manifest: Path) -> None:
    """Put baselines into a list of reviewed files, as they are and as of today, for --require-reviewed."""
    from archscan.baseline import read
    from archscan.reports.screen import count

    for file in files:
        read(file)  # nobody has reviewed what cannot be read
    click.echo(f"{count(reviewed.write(manifest, None, files, who), 'file')} reviewed by {who.strip()!r}")
