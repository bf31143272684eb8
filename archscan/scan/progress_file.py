"""How far a scan is, in a file for other programs: one JSON object, replaced as a whole every second or so.

Its form is that of ``docs/progress.schema.json``.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from archscan.errors import UsageError
from archscan.model import escape
from archscan.scan.pace import Pace
from archscan.scan.progress import Progress

State = Literal["running", "finished", "interrupted", "failed"]
_SILENT = 300.0  # seconds from which on a scan that says nothing is dead; judging a whole archive takes one


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says. Times are ISO 8601 in UTC; of what is not known yet there is null."""

    schema: Literal["archscan-progress/1"] = "archscan-progress/1"
    state: State
    phase: Literal["preparing", "reading", "judging", "done"]
    scan: int | None
    database: str
    host: str
    pid: int
    started: str
    updated: str
    packages_done: int
    packages_total: int | None
    bytes_done: int
    bytes_total: int | None
    rate: float | None  # bytes per second, of late
    eta: float | None  # seconds until everything is read
    problems: int
    message: str | None = None  # why it failed


class ProgressFile:
    """A file that says how a scan stands. Raises UsageError where it cannot be written; later that is no error."""

    def __init__(self, path: Path, database: Path, now: datetime) -> None:
        self._path, self._database, self._started = path, escape(os.fsencode(database.absolute())), _text(now)
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: the progress file is replaced each time, and this is no file")
        self._last: Progress | None = None
        self.error: str | None = None
        self.write("running", None, Pace(), now)
        if self.error:
            raise UsageError(f"{path}: the progress file cannot be written: {self.error}")

    def write(
        self, state: State, progress: Progress | None, pace: Pace, now: datetime, message: str | None = None
    ) -> None:
        """Replace the file. ``error`` says why that failed, if it did; a full disk is no reason to end a scan."""
        self._last = progress = progress or self._last
        standing = Standing(
            state=state,
            phase=_phase(state, progress),
            scan=progress.scan_id if progress else None,
            database=self._database,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._started,
            updated=_text(now),
            packages_done=progress.done if progress else 0,
            packages_total=progress.total if progress else None,
            bytes_done=progress.bytes_done if progress else 0,
            bytes_total=progress.bytes_total if progress else None,
            rate=_rounded(pace.rate()),
            eta=_rounded(pace.eta()) if state == "running" else None,
            problems=progress.problems if progress else 0,
            message=message,
        )
        try:
            _replace(self._path, msgspec.json.format(msgspec.json.encode(standing)) + b"\n")
            self.error = None
        except OSError as error:
            self.error = error.strerror or str(error)


def _phase(state: State, progress: Progress | None) -> Literal["preparing", "reading", "judging", "done"]:
    if state != "running":
        return "done"
    if progress is None:
        return "preparing"
    return "judging" if progress.judging else "reading"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _text(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that whoever reads it meets the old or the new content, and nothing between."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor
            file.write(data)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read(path: Path) -> Standing:
    """What a progress file says. Raises OSError, and msgspec.MsgspecError where it is none."""
    return msgspec.json.decode(path.read_bytes(), type=Standing)


def is_alive(standing: Standing, now: datetime) -> bool:
    """Whether the scan that wrote this still runs: it says so, has said so lately, and its process is there.

    A process is looked for only on the machine that names it; of another, what it said last has to do.
    """
    silent = (now - datetime.fromisoformat(standing.updated)).total_seconds()
    if standing.state != "running" or silent > _SILENT:
        return False
    if standing.host != socket.gethostname():
        return True
    try:
        os.kill(standing.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and there
        return True
    return True
