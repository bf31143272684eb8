"""What ``archscan scan`` can be told about a mirror."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

import click

if TYPE_CHECKING:
    from archscan.sources.archive import Wanted

_Command = TypeVar("_Command", bound=Callable[..., object])


class MirrorOptions(TypedDict):
    """The values of ``mirror_options``, by the names under which a command gets them."""

    suites: tuple[str, ...]
    components: tuple[str, ...]
    architectures: tuple[str, ...]
    keyrings: tuple[Path, ...]
    max_release_age: int | None
    allow_expired: bool


_OPTIONS = (
    click.option("--suite", "suites", multiple=True, metavar="NAME",
                 help="A suite of the mirror, such as bookworm; may be repeated."),
    click.option("--component", "components", multiple=True, metavar="NAME",
                 help="A component, such as main; may be repeated.  [default: all that the suite has]"),
    click.option("--arch", "architectures", multiple=True, metavar="NAME",
                 help="An architecture, such as amd64; may be repeated.  [default: this machine's]"),
    click.option("--keyring", "keyrings", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
                 help="Whose signature on the mirror's Release counts, armored or not; may be repeated. Without one "
                 "no signature is checked, except with apt:."),
    click.option("--max-release-age", type=click.IntRange(1, 36_500), metavar="DAYS",
                 help="Refuse suites whose Release is older."),
    click.option("--allow-expired", is_flag=True,
                 help="Read suites whose Release is not valid any more, or older than one met before."),
)  # fmt: skip


def mirror_options(command: _Command) -> _Command:
    """The command with the options above, which it gets as ``MirrorOptions``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted(options: MirrorOptions, now: datetime) -> Wanted:
    """What the options ask of a mirror; ``now`` has a time zone."""
    from archscan.sources.archive import Wanted

    return Wanted(
        now=now,
        suites=options["suites"],
        components=options["components"],
        architectures=options["architectures"],
        keyrings=options["keyrings"],
        most_days=options["max_release_age"],
        expired=options["allow_expired"],
    )
