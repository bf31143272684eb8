"""How far a scan is: a bar on a terminal, a line now and then without one, a file for other programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from archscan.cli.ticks import every
from archscan.scan.pace import Pace
from archscan.scan.progress import Progress
from archscan.scan.progress_file import ProgressFile, State

_SECONDS = 1.0
_FIRST_LINE, _LONGEST_PAUSE = 10.0, 60.0  # seconds: a log of a night shall not be all progress
_NAME_WIDTH = 32
_BAR, _WORTH_A_BAR = 20, 50  # columns of the bar, and of what is more worth than a bar


class Screen(Protocol):
    """Where progress is shown."""

    def show(self, progress: Progress, pace: Pace) -> None:
        """Show how far the scan is now; called after each package, and every second."""


class Watch:
    """A function to call after each package, which passes on how far the scan is; and so does the clock."""

    def __init__(self, screen: Screen | None, file: ProgressFile | None) -> None:
        self._screen, self._file = screen, file
        self._pace, self._last = Pace(), None
        self._written = time.monotonic()
        self._busy = False

    _last: Progress | None

    def __call__(self, progress: Progress) -> None:
        """Take note of how far the scan is."""
        self._busy = True  # a tick that comes now has nothing to add
        try:
            self._pace.add(progress, time.monotonic())
            begins, self._last = self._last is None, progress
            self._show()
            if self._file and (begins or progress.judging or time.monotonic() - self._written >= _SECONDS):
                self._write("running")
        finally:
            self._busy = False

    def tick(self) -> None:
        """Show that time passes."""
        if self._busy:
            return
        with suppress(Exception):  # it may come in the middle of anything, of a line on stderr for example
            self._pace.look(time.monotonic())
            self._show()
            self._write("running")

    def end(self, state: State, message: str | None = None) -> None:
        """Say how the scan ended."""
        self._write(state, message)

    def _show(self) -> None:
        if self._screen and self._last:
            self._screen.show(self._last, self._pace)

    def _write(self, state: State, message: str | None = None) -> None:
        if self._file:
            self._file.write(state, self._last, self._pace, datetime.now(UTC), message)
            self._written = time.monotonic()


@contextmanager
def shown(*, quiet: bool, file: Path | None = None, database: Path = Path()) -> Iterator[Watch]:
    """A ``Watch`` to call after each package; what people see goes to stderr.

    ``file`` is a progress file for the scan of ``database``; what is raised here is noted in it, too. Raises UsageError
    where it cannot be written.
    """
    kept = ProgressFile(file, database, datetime.now(UTC)) if file else None
    with _screen(quiet=quiet) as screen:
        watch = Watch(screen, kept)
        try:
            with every(_SECONDS, watch.tick):
                yield watch
        except KeyboardInterrupt:
            watch.end("interrupted")
            raise
        except BaseException as error:
            watch.end("failed", f"{type(error).__name__}: {error}"[:2000])
            raise


@contextmanager
def _screen(*, quiet: bool) -> Iterator[Screen | None]:
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield bar
    else:
        yield _Lines()


@contextmanager
def _bar() -> Iterator[Screen]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    console = Console(stderr=True)
    said = TextColumn("{task.fields[said]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = (BarColumn(_BAR), said) if console.width >= _BAR + _WORTH_A_BAR else (said,)
    # No refreshing thread: processes are forked while the bar stands.
    bar = Bar(*columns, console=console, auto_refresh=False, transient=True)
    task = bar.add_task("", total=None, said="")

    class Shown:
        def show(self, progress: Progress, pace: Pace) -> None:
            done, total = progress.bytes_done, progress.bytes_total
            if not total:
                done, total = progress.done, progress.total
            percent = f"{100 * done // total if total else 100:3} %"
            parts = [
                percent,
                f"{progress.done:,}/{progress.total:,}",
                *_speed(pace),
                _problems(progress),
                _name(progress),
            ]
            if progress.judging:
                parts = [percent, f"{progress.total:,} packages read", _problems(progress), "judging"]
            bar.update(task, total=total, completed=done, said="  ".join(filter(None, parts)), refresh=True)

    with bar:
        yield Shown()


class _Lines:
    """A line after ten seconds, and then less and less often, up to once a minute."""

    def __init__(self) -> None:
        self._next, self._pause = time.monotonic() + _FIRST_LINE, _FIRST_LINE
        self._judging = False

    def show(self, progress: Progress, pace: Pace) -> None:
        now = time.monotonic()
        if not progress.done:  # from here on packages are read; fetching them came before
            return
        if now < self._next:
            return
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)
        self._next = now + self._pause
        parts = [f"{progress.done} of {progress.total} packages", *_speed(pace), _problems(progress)]
        if progress.judging:
            parts = [f"{progress.total} packages read", _problems(progress), "judging"]
        print(f"{', '.join(filter(None, parts))}: {_name(progress)}", file=sys.stderr, flush=True)  # noqa: T201


def _speed(pace: Pace) -> Iterator[str]:
    rate, eta = pace.rate(), pace.eta()
    if rate is None:  # a giant comes first
        yield f"for {_duration(pace.seconds)}"
    if rate is not None:
        yield f"{_bytes(rate)}/s"
    if eta is not None:
        yield f"about {_duration(eta)} left"


def _problems(progress: Progress) -> str:
    number = progress.problems
    return f"{number:,} problem{'' if number == 1 else 's'}" if number else ""


def _name(progress: Progress) -> str:
    if progress.reading is None:
        return ""
    package = progress.reading.package
    name = package.name if package else progress.reading.job.path.rpartition("/")[2]
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"


def _bytes(number: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} B"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
