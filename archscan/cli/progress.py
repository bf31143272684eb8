"""How far a scan is: a bar on a terminal, a line every few seconds without one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from archscan.scan import Progress

_SECONDS = 5.0
_NAME_WIDTH = 32


@contextmanager
def shown(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A function to call after each package; everything goes to stderr."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar() as update:
            yield update
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[package]}", markup=False),
    )
    # No refreshing thread: processes are forked while the bar stands.
    bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
    started = 0.0
    with bar:
        task = bar.add_task("", total=None, rate="", package="")

        def update(progress: Progress) -> None:
            nonlocal started
            if not progress.done:  # from here on packages are read; fetching them came before
                started = time.monotonic()
            rate = progress.done / max(time.monotonic() - started, 1e-9)
            bar.update(
                task, total=progress.total, completed=progress.done, rate=f"{rate:.1f}/s" if progress.done else "",
                package=_name(progress), refresh=True,
            )  # fmt: skip

        yield update


def _lines() -> Callable[[Progress], None]:
    started = last = time.monotonic()

    def update(progress: Progress) -> None:
        nonlocal started, last
        now = time.monotonic()
        if not progress.done:  # from here on packages are read; fetching them came before
            started = last = now
        if now - last < _SECONDS:
            return
        last = now
        rate = progress.done / (now - started)
        left = (progress.total - progress.done) / rate
        done = f"{progress.done} of {progress.total} packages, {rate:.1f}/s, about {_duration(left)} left"
        print(f"{done}: {_name(progress)}", file=sys.stderr, flush=True)  # noqa: T201

    return update


def _name(progress: Progress) -> str:
    if progress.reading is None:
        return ""
    package = progress.reading.package
    name = package.name if package else progress.reading.job.path.rpartition("/")[2]
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
