"""``archscan explain``: the evidence of a finding as a reader can check it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from archscan.cli import options
from archscan.model import Limits

_EPILOG = """\b
Examples:
  archscan query findings -p package=gpgv       # numbers and fingerprints
  archscan explain 48
  archscan explain 8b60fae0 --sites 16
  archscan explain 48 --package gpgv_2.2.40-1.1+deb12u2_amd64.deb --format json

The package is looked for in this folder, in that of the database, and where the scans found it. It is opened in a
process of its own, as a scan does; if it is nowhere, everything that the database knows is printed all the same.
"""


@click.command(epilog=_EPILOG)
@click.argument("name", metavar="FINDING")
@options.database
@options.rules
@click.option("--package", "packages", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="The package, or a folder that holds it.")  # fmt: skip
@click.option("--sites", type=click.IntRange(0, 64), default=4, show_default=True,
              help="Places of the code that are shown of each object.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(
    name: str, db: Path, own_rules: tuple[Path, ...], packages: tuple[Path, ...], sites: int, form: str
) -> None:
    """Show the code that FINDING is about, how the value got there, and how to check that without archscan.

    FINDING is the number of a finding, or six and more digits of its fingerprint.
    """
    from archscan.cli.data import data_directory, rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.reports import database, explanation, explanation_text
    from archscan.reports.finding import finding, scan_commands
    from archscan.reports.output import standard_output
    from archscan.rules.load import load
    from archscan.scan.explanation import explained
    from archscan.triage.standings import of_finding

    directories = rule_directories(own_rules)
    with database.opened(db) as connection:
        found, commands = finding(connection, name), scan_commands(connection)
        decided = of_finding(connection, found["id"], datetime.now(UTC).date())
    catalogue, places = load_all(directories), packages or (Path(), db.parent)
    shown = []
    for occurrence in explanation.chosen(found):
        asked = explanation.asked(occurrence, sites)
        searched = () if packages else commands
        opened = None
        if asked is not None:
            name, digest = occurrence["filename"], occurrence["sha256"]
            opened = explained(name, digest, asked, places, searched, catalogue, Limits())
        shown.append(explanation.shown(occurrence, opened))
    said = {rule.id: rule.changes for rule in load(directories).rules}.get(found["rule"], "")
    meanings = explanation.call_reasons(data_directory("docs"))
    one = explanation.Explanation(finding=found, shown=tuple(shown), changes=explanation.changes(found, said, meanings),
                                  decisions=tuple(decided))  # fmt: skip
    host = os.uname().machine
    stream = standard_output(exact=form == "json")
    if form == "json":
        stream.write(explanation.as_json(one, host))
    else:
        explanation_text.write(one, stream, host)
