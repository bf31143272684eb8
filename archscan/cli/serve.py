"""``archscan serve``: the database in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from archscan.cli import options

_EPILOG = """\b
Examples:
  archscan serve
  archscan serve --db release.db --port 8001
  archscan serve --port 0 --queries ./my-questions/
  archscan serve --host 0.0.0.0      # whoever reaches this machine can read everything

Needs the extra: pip install 'archscan[serve]'. It serves the state that the database has now, for reading; start it
again to see a newer one. See docs/serving.md.
"""


@click.command(epilog=_EPILOG)
@options.database
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8001, show_default=True, help="0: one that is free.")
@click.option("--name", "names", multiple=True, metavar="HOST",
              help="A name of this machine behind a proxy, which 127.0.0.1 answers to as well.")  # fmt: skip
@click.option("--base-url", default="/", show_default=True, metavar="PATH", help="The path in front, behind a proxy.")
@click.option("--queries", "own", type=click.Path(path_type=Path, file_okay=False, exists=True), multiple=True,
              help="A folder with more saved questions; they replace ours of the same name.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0.001, max=3600), default=10.0, show_default=True,
              help="Seconds that one question may take.")  # fmt: skip
@click.option("--copy", "copied", is_flag=True,
              help="Serve a copy, so that scans need not keep changes apart.")  # fmt: skip
@click.option("--temporary", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
              help="Where indices and copies are kept while it runs.  [default: TMPDIR]")  # fmt: skip
def serve(
    db: Path, host: str, port: int, names: tuple[str, ...], base_url: str, own: tuple[Path, ...], timeout: float,
    copied: bool, temporary: Path | None,
) -> None:  # fmt: skip
    """Show the database in a browser: tables with facets and a search, the saved questions, links between them.

    For reading only. Ends with Ctrl-C.
    """
    from importlib.util import find_spec

    from archscan.cli.data import data_directory
    from archscan.errors import ArchscanError
    from archscan.reports import queries

    if find_spec("datasette") is None:
        raise ArchscanError("serve needs Datasette: pip install 'archscan[serve]'")
    from archscan.serve.server import Options, prepared, run

    reports = data_directory("reports")
    wanted = Options(host=host, port=port, names=names, base_url=f"/{base_url.strip('/')}/".replace("//", "/"),
                     seconds=timeout, copied=copied, temporary=temporary)  # fmt: skip
    if not wanted.is_local:
        click.echo(f"archscan: everybody who reaches {host} can read everything in {db}", err=True)
    questions = queries.load([reports, *own])
    with prepared(db, wanted, questions, reports, data_directory("docs")) as made:
        run(made, wanted, lambda address: click.echo(f"{address}  (Ctrl-C ends it)"))
