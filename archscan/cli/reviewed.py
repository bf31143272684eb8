"""Options of commands that take only what somebody has reviewed, and the writing of that list."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

_DAYS = re.compile(r"([0-9]{1,6})d?")


def _days(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    match = _DAYS.fullmatch(value)
    if not match:
        raise click.BadParameter(f"{value!r}: expected a number of days, such as 14d")
    return int(match[1])


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--block-after", "block", callback=_days, metavar="DAYS",
                     help="… and refuse one that is older than this.  [default: twice --max-age]"),
        click.option("--max-age", "nag", callback=_days, metavar="DAYS",
                     help="Say so where a review is older than this, such as 14d,"),
        click.option("--require-reviewed", "manifest", type=click.Path(path_type=Path, dir_okay=False),
                     metavar="MANIFEST", help="Refuse what is not as this list of reviewed files has it."),
    ):  # fmt: skip
        command = option(command)
    return command


def rules(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which is called only where every file of its rules is reviewed, if ``--require-reviewed`` is given.

    It must have ``options.rules``.
    """

    @_options
    @functools.wraps(command)
    def when_reviewed(
        *arguments: Any, manifest: Path | None, nag: int | None, block: int | None, own_rules: tuple[Path, ...],
        **others: Any,
    ) -> Any:  # fmt: skip
        require(manifest, nag, block, own_rules)
        return command(*arguments, own_rules=own_rules, **others)

    return when_reviewed


def baseline(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that takes a baseline as ``file``."""

    @_options
    @functools.wraps(command)
    def when_reviewed(
        *arguments: Any, manifest: Path | None, nag: int | None, block: int | None, file: Path, **others: Any
    ) -> Any:
        require(manifest, nag, block, None, (file,))
        return command(*arguments, file=file, **others)

    return when_reviewed


def require(
    manifest: Path | None, nag: int | None, block: int | None, own_rules: tuple[Path, ...] | None,
    baselines: Sequence[Path] = (), today: date | None = None,
) -> None:  # fmt: skip
    """Nothing where all is reviewed; what grows old is told on stderr. Raises BaselineError, UsageError.

    ``own_rules`` are the folders of the user's rules, beside ours; None where no rules are needed.
    """
    from archscan.errors import UsageError

    if manifest is None:
        if nag is not None or block is not None:
            raise UsageError("--max-age and --block-after say how old the review of --require-reviewed may be")
        return
    from archscan.baseline.manifest import Age, read
    from archscan.baseline.manifest import require as required

    if block is None and nag is not None:
        block = 2 * nag
    if nag is not None and block is not None and block < nag:
        raise UsageError("--block-after: expected no less than --max-age")
    known = read(manifest)
    files, scopes = files_of(manifest, own_rules, baselines)
    told = required(str(manifest), known, files, scopes, Age(nag, block), today or datetime.now(UTC).date())
    if told:
        click.echo(f"archscan: {told}", err=True)


def files_of(
    manifest: Path, own_rules: tuple[Path, ...] | None, baselines: Sequence[Path]
) -> tuple[dict[str, str], list[str]]:
    """The files that are to be reviewed, and the beginnings of the paths that folders of rules have in the manifest."""
    import os

    from archscan.baseline.manifest import SHIPPED, digest, place, rule_files
    from archscan.cli.data import data_directory
    from archscan.model import escape

    files: dict[str, str] = {}
    scopes = []
    if own_rules is not None:
        files |= rule_files(data_directory("rules"), manifest, shipped=True)
        scopes.append(SHIPPED)
        for folder in own_rules:
            files |= rule_files(folder, manifest)
            scopes.append(escape(os.fsencode(place(folder / "x", manifest)[:-1])))
    for path in baselines:
        files[escape(os.fsencode(place(path, manifest)))] = digest(path)
    return files, scopes


def write(manifest: Path, own_rules: tuple[Path, ...] | None, baselines: Sequence[Path], who: str) -> int:
    """Put the files into the manifest as reviewed today; how many they are. Raises BaselineError, UsageError."""
    from archscan.baseline.manifest import read, reviewed, text
    from archscan.errors import UsageError
    from archscan.reports.output import replaced

    if not who.strip():
        raise UsageError("--by: expected who has reviewed")
    known = read(manifest) if manifest.exists() else ()
    files, scopes = files_of(manifest, own_rules, baselines)
    entries = reviewed(known, files, scopes, who.strip(), datetime.now(UTC).date())
    with replaced(manifest) as stream:
        stream.writelines(text(entries))
    return len(files)
