"""``archscan query``: saved questions and free SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archscan.cli import options

if TYPE_CHECKING:
    from archscan.reports.queries import Question

_EPILOG = """\b
Examples:
  archscan query                                    # the saved questions
  archscan query who-imports -p symbol='MD5_*'
  archscan query package-objects -p package=sudo --format csv > sudo.csv
  archscan query --sql "SELECT kind, count(*) FROM elf GROUP BY kind"
"""


def _pairs(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{value!r}: expected NAME=VALUE")
        pairs[name] = text
    return pairs


@click.command(epilog=_EPILOG)
@click.argument("name", required=False)
@click.option("--sql", metavar="SELECT", help="Ask this instead of a saved question.")
@click.option("-p", "--param", "given", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="Set a parameter.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option(
    "--timeout", type=click.FloatRange(min=0.001), default=60.0, show_default=True, help="Seconds it may take."
)
@click.option(
    "--queries",
    "own",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    help="A folder with more saved questions; they replace ours of the same name.",
)
@options.database
def query(
    name: str | None,
    sql: str | None,
    given: dict[str, str],
    form: str,
    timeout: float,
    own: tuple[Path, ...],
    db: Path,
) -> None:
    """Ask the database the saved question NAME, or one SELECT of your own.

    Without NAME and --sql the saved questions are listed. The database is opened for reading only.
    """
    from archscan.cli.data import data_directory
    from archscan.errors import UsageError
    from archscan.reports import answers, database, queries
    from archscan.reports.output import standard_output

    if name and sql:
        raise UsageError("give either the name of a saved question or --sql, not both")
    questions = queries.load([data_directory("reports"), *own])
    if not name and not sql:
        _list(questions)
        return
    if name and name not in questions:
        raise UsageError(f"no saved question {name!r}; `archscan query` lists them")
    with database.opened(db) as connection:
        answering = (
            queries.run(connection, questions[name], given, timeout)
            if name
            else queries.ask(connection, sql or "", given, timeout)
        )
        with answering as answer:
            count = answers.write(answer, standard_output(exact=form != "table"), form)
    if count == 0 and form == "table":
        click.echo("no rows", err=True)


def _list(questions: dict[str, Question]) -> None:
    width = max(map(len, questions), default=0)
    for question in questions.values():
        click.echo(f"{question.name:{width}}  {question.title}")
        for parameter in question.parameters:
            default = "" if parameter.default is None else f" [{parameter.default}]"
            click.echo(f"{'':{width}}    -p {parameter.name}{default}: {parameter.text}")
