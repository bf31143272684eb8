"""The command line: parse, call, print. Each command group is a module of its own, imported when it is used."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence

import click

from archscan import __version__
from archscan.errors import ArchscanError

# What is imported and read is kept: looking for garbage among it as often as Python does was a fifth of a start.
_NEW_OBJECTS = 50_000  # from which on it is looked for

# command → (where it is, what `archscan --help` says of it), so that help needs no module but this one.
COMMANDS = {
    "scan": ("archscan.cli.scan:scan", "Read packages into a database and judge them."),
    "status": ("archscan.cli.status:status", "Say how much of the archives was read, and how long ago."),
    "query": ("archscan.cli.query:query", "Ask the database a saved or a free question."),
    "report": ("archscan.cli.report:report", "Write what was found for people and programs, or check that."),
    "audit": ("archscan.cli.audit:audit", "Fill in the forms that are written about a package before it is let in."),
    "serve": ("archscan.cli.serve:serve", "Show the database in a browser."),
    "compare": ("archscan.cli.compare:compare", "Show what got worse, and what got better."),
    "inspect": ("archscan.cli.inspect:inspect", "Show the verdicts for plain ELF files."),
    "confirm": ("archscan.cli.confirm:confirm", "Hold findings against debug symbols: which unit, which flag."),
    "explain": ("archscan.cli.explain:explain", "Show the code behind a finding, and how to check it."),
    "triage": ("archscan.cli.triage:triage", "Decide about findings, and list what needs a look."),
    "baseline": ("archscan.cli.baseline:baseline", "Hold packages against a reviewed text."),
    "score": ("archscan.cli.score:score", "Say where work is most urgent, and why."),
    "bugs": ("archscan.cli.bugs:bugs", "Draft bugs, review and send them, and read what became of them."),
    "merge": ("archscan.cli.merge:merge", "Join databases into one."),
    "dump": ("archscan.cli.dump:dump", "Print the canonical form of a database."),
    "rules": ("archscan.cli.rules:rules", "List, show, check and apply the rules."),
    "catalogue": ("archscan.cli.catalogue:catalogue", "List, show and check what crypto libraries export."),
}

_EPILOG = """\b
Examples:
  archscan scan ./packages/ apt:openssl     # a folder and a package of this machine's archive
  archscan query                            # the saved questions
  archscan report html -o report.html

Exit codes: 0 done, 1 failed, 2 usage, 3 no target matched, 10 findings at or above --fail-on, 11 finished, but some
packages could not be read whole.
"""


class _Commands(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archscan")
def archscan() -> None:
    """Read an archive of .deb packages once and answer questions about its binaries for ever."""


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line; errors are one line on stderr."""
    try:
        result = archscan.main(args=arguments, prog_name="archscan", standalone_mode=False)
    except ArchscanError as error:
        click.echo(f"archscan: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("archscan: interrupted", err=True)
        return 1
    except BrokenPipeError:  # the reader of our output has enough
        sys.stderr.close()
        return 1
    return result if isinstance(result, int) else 0


def main() -> None:
    """The command ``archscan``."""
    gc.set_threshold(_NEW_OBJECTS)
    sys.exit(run())
