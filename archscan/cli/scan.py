"""``archscan scan``: packages in, findings out."""

from __future__ import annotations

import math
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Unpack

import click

from archscan.cli import fetching as fetching_options
from archscan.cli import options, reviewed
from archscan.cli.mirror_options import MirrorOptions, mirror_options, wanted
from archscan.model import Limits, Severity

if TYPE_CHECKING:
    from archscan.scan.progress import Progress
    from archscan.sources import Fetching

_EPILOG = """\b
Examples:
  archscan scan hello_2.10-3_amd64.deb
  archscan scan pool/ 'old/*.deb' --db release.db --jobs 4
  find pool -name '*.deb' -size -1M | archscan scan -
  archscan scan apt:openssl apt:sudo --fail-on medium
  archscan scan https://deb.example.org/debian --suite bookworm --component main --keyring archive.gpg
  archscan scan apt:                     # every package of the archives that this machine uses
"""
_FAILED_ON, _NOT_WHOLE = 10, 11
_NUMBER = re.compile("[0-9]{1,18}")  # whatever SQLite and the kernel can hold
_MOST_SECONDS, _MOST_MEBIBYTES = 10.0**7, 1 << 40
_LIMIT_HELP = "Change a limit; see docs/limits.md. May be repeated."


def _limits(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    limits: dict[str, int] = {}
    names = [name for name in Limits.__struct_fields__ if name not in ("deadline", "memory_bytes")]
    for value in values:
        name, sign, text = value.partition("=")
        if name not in names or not sign or not _NUMBER.fullmatch(text):
            expected = f"NAME=NUMBER, of at most 18 digits, with NAME one of {', '.join(names)}"
            raise click.BadParameter(f"{value!r}: expected {expected}")
        limits[name] = int(text)
    return limits


def _number(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if math.isnan(value):  # it is in no range, and out of none
        raise click.BadParameter("expected a number of seconds")
    return value


def _kinds(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(","))


@click.command(epilog=_EPILOG)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@options.database
@options.rules
@mirror_options
@fetching_options.options
@click.option("--jobs", "-j", type=click.IntRange(1, 1024), help="Packages read at once.  [default: processors]")
@click.option("--deadline", type=click.FloatRange(min=0.1, max=_MOST_SECONDS), callback=_number,
              default=Limits().deadline, show_default=True, help="Seconds that one package may take.")  # fmt: skip
@click.option("--memory", type=click.IntRange(min=64, max=_MOST_MEBIBYTES), default=Limits().memory_bytes >> 20,
              show_default=True, help="MiB that reading one package may take.")  # fmt: skip
@click.option("--limit", "limits", multiple=True, callback=_limits, metavar="NAME=NUMBER", help=_LIMIT_HELP)
@click.option("--retry", is_flag=True, help="Read packages again that could not be read whole.")
@click.option("--facts", default="elf,files", callback=_kinds, metavar="KIND[,KIND]", show_default=True,
              help="Kinds of facts to read: of ELF objects, and of services, settings and scripts. With elf alone most "
                   "packages without programs need not be unpacked.")  # fmt: skip
@click.option("--thorough", is_flag=True, help="Unpack everything, whatever packages say of their files.")
@click.option("--executor", metavar="dask://HOST:PORT",
              help="Have the workers of a dask cluster read the packages; see docs/scaling.md.")  # fmt: skip
@options.shard
@options.release
@click.option("--exports", type=click.Choice(["libraries"]), help="Also store what libraries export.")
@click.option("--fail-on", type=click.Choice([str(word) for word in Severity]), metavar="SEVERITY",
              help="Exit with 10 on new findings of this severity or above.")  # fmt: skip
@click.option("--all", "all_findings", is_flag=True, help="With --fail-on: on any open finding, not only new ones.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary.")
@click.option("--verbose", "-v", count=True, help="Log more; twice for everything.")
@options.log_file
@options.progress_file
@reviewed.rules
def scan(
    targets: tuple[str, ...], db: Path, own_rules: tuple[Path, ...], jobs: int | None, deadline: float, memory: int,
    limits: dict[str, int], retry: bool, facts: tuple[str, ...], thorough: bool, executor: str | None,
    shard: tuple[int, int] | None, release: str | None, exports: str | None, fail_on: str | None, all_findings: bool,
    quiet: bool, verbose: int, log_file: Path | None, progress_file: Path | None, fetching: Fetching,
    **mirror: Unpack[MirrorOptions],
) -> int:  # fmt: skip
    """Read the packages that TARGETs name into the database, and judge what is new.

    A TARGET is a .deb, a folder, a glob, - for a list on standard input, or apt:NAME for a package of the archives
    that this machine uses; or a whole archive: a folder or URL with --suite, or apt: for those of this machine. What
    the database holds already is not read again.
    """
    from archscan import scan as flow
    from archscan.cli.data import rule_directories
    from archscan.cli.installed import installed
    from archscan.cli.log import set_up
    from archscan.cli.progress import shown
    from archscan.sources import discreet
    from archscan.sources.archive import is_mirror

    if all_findings and not fail_on:
        raise click.UsageError("--all says which findings --fail-on counts; give --fail-on too")
    if executor and jobs:
        raise click.UsageError("--jobs is for this machine's processes; with --executor the cluster's threads count")
    set_up(verbose, log_file)
    chosen = flow.Options(
        database=db,
        data=rule_directories(own_rules),
        command=discreet(shlex.join(["archscan", *sys.argv[1:]])).encode("utf-8", "backslashreplace").decode(),
        workers=jobs or len(os.sched_getaffinity(0)),
        limits=Limits(deadline=deadline, memory_bytes=memory << 20, **limits),
        retry=retry,
        facts=facts,
        thorough=thorough,
        shard=shard,
        exports=exports is not None,
        release=release,
        archives=flow.Archives(
            mirrors=tuple(target for target in targets if is_mirror(target, mirror["suites"])),
            wanted=wanted(mirror, datetime.now(UTC)),
            fetching=fetching,
        ),
        executor=executor,
        installed=installed,
    )  # fmt: skip
    files = [target for target in targets if not is_mirror(target, mirror["suites"])]
    with _terminated_as_interrupted() as check, shown(quiet=quiet, file=progress_file, database=db) as show:

        def progress(now: Progress) -> None:
            show(now)
            check(now)

        outcome = flow.scan(files, chosen, sys.stdin.buffer, progress)
        show.end("interrupted" if outcome.interrupted else "finished")
    return _concluded(outcome, db, quiet=quiet, fail_on=fail_on, all_findings=all_findings)


def _concluded(outcome: object, db: Path, *, quiet: bool, fail_on: str | None, all_findings: bool) -> int:
    """The summary on stdout, and the exit code."""
    from archscan.reports import screen, summary
    from archscan.reports.failing import failing
    from archscan.reports.output import standard_output
    from archscan.scan import Outcome
    from archscan.store import open_readonly

    assert isinstance(outcome, Outcome)
    with open_readonly(db) as connection:
        if not quiet:
            shown = summary.summary(connection, outcome.scan_id, read=outcome.read, known=outcome.known)
            screen.write(shown, standard_output(exact=False))
        chosen = None if all_findings else (*outcome.applied.new_ids, *outcome.applied.reopened_ids)
        failed = failing(connection, Severity(fail_on), chosen) if fail_on else 0
    if outcome.interrupted:
        click.echo("archscan: interrupted; what was finished is kept, the same command continues", err=True)
        return 1
    if failed:
        also = "" if outcome.whole else "; some packages could not be read whole"
        scope = "open" if all_findings else "new"
        click.echo(f"archscan: {failed} {scope} findings of severity {fail_on} or above{also}", err=True)
        return _FAILED_ON
    return 0 if outcome.whole else _NOT_WHOLE


@contextmanager
def _terminated_as_interrupted() -> Iterator[Callable[[object], None]]:
    """Within it SIGTERM is a KeyboardInterrupt, as Ctrl-C is; a second one of either does nothing more.

    The function that it yields is called now and then and raises one again, where the first was lost: what is raised
    while an object is being finalized is printed and forgotten.
    """
    interrupted = False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    def check(_progress: object) -> None:
        if interrupted:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
