"""``archscan audit``: the documents that are written about a package before it is let in."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from archscan.cli import options

_EPILOG = """\b
Examples:
  archscan audit sudo_1.9.15p5-3_amd64.deb
  archscan audit apt:cups-daemon --whole-source --template mir-reviewer --promote cups-daemon
  archscan audit openssh --db archive.db --template security --format html -o openssh.html

The exit code is 11 where a package could not be read whole: the document says what is missing.
"""
_PARTLY = 11


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@click.option(
    "--template", type=click.Choice(["mir-reporter", "mir-reviewer", "security"]), default="security", show_default=True
)
@click.option("--promote", metavar="BIN,…", help="Which binaries are to be promoted; the others are named as held.")
@click.option("--whole-source", is_flag=True, help="All binaries that the sources of the targets build.")
@click.option("--previous", metavar="TARGET", help="An older package, folder or database to hold it against.")
@click.option(
    "--index", "indices", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
    help="A Packages file: which component dependencies are in.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["markdown", "html", "json"]), default="markdown", show_default=True
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file, whole or not at all.")
@click.option("--store", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
              help="Keep FILE, this document as you filled it in, as the review; needs --by.")  # fmt: skip
@click.option("--by", envvar="ARCHSCAN_AUTHORITY", show_envvar=True, metavar="WHO", help="Who reviewed it.")
@click.option("--full", is_flag=True, help="The whole document, also where a review is stored.")
@options.database
@options.rules
@click.pass_context
def audit(
    context: click.Context, targets: tuple[str, ...], template: str, promote: str | None, whole_source: bool,
    previous: str | None, indices: tuple[Path, ...], form: str, output: Path | None, store: Path | None,
    by: str | None, full: bool, db: Path, own_rules: tuple[Path, ...],
) -> int:  # fmt: skip
    """Fill in the form of a main inclusion report, of its review, or of the security team's audit.

    TARGET is a package, a folder of packages, apt:NAME, apt:source:NAME, or in the database NAME or source:NAME.
    Without --db, packages are read into a database that is gone afterwards. Lines that a person must decide stay TODO.
    Where a review of the source is stored, only what changed since is shown.
    """
    from archscan import audit as audits
    from archscan.audit import beside, dependencies
    from archscan.cli.audit_review import keep, reviewed
    from archscan.cli.audit_targets import previous as lost
    from archscan.cli.audit_targets import read
    from archscan.cli.data import data_directory
    from archscan.reports.audits import write
    from archscan.reports.cells import shown
    from archscan.reports.output import replaced, standard_output

    folder = data_directory("reports") / "audit"
    forms = audits.load(folder)
    if store and not by:
        raise click.UsageError("--store needs --by: who reviewed it")
    given = context.get_parameter_source("db") is not click.core.ParameterSource.DEFAULT
    with ExitStack() as stack:
        connection, ids = stack.enter_context(
            read(targets, db if given else None, own_rules, whole_source=whole_source)
        )
        subject = audits.chosen(connection, ids, tuple(filter(None, (promote or "").split(","))))
        found = audits.results(connection, subject, forms)
        components = dependencies.of_indices(indices) if indices else dependencies.of_database(connection)
        found["dependencies"] = dependencies.dependencies(connection, subject, components)
        found["previous"] = lost(stack, connection, subject, previous, own_rules)
        found["norm"] = beside.norm(connection)
        document = audits.document(template, forms, subject, found)
        before = None if full or store else reviewed(connection, document)
        document = audits.since(document, before) if before else document
        if store:
            keep(db, document, store, by or "")
            click.echo(f"archscan: kept as the review of {shown(document.source)} {shown(document.version)}", err=True)
            return 0
        to_file = output is not None and str(output) != "-"
        stream = stack.enter_context(replaced(output)) if to_file and output else standard_output(exact=True)
        write(document, stream, form, folder)
    return _PARTLY if subject.missing else 0
