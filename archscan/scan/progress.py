"""How far a scan is, as it says it after each package, and what it has counted until then."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

import msgspec

from archscan.model import Job, PackageStatus, Reading

PACKAGES = "archscan.package"
"""The logger that says what came of each package: for the log file; on a screen it would be too much."""

_log = logging.getLogger(PACKAGES)


class Progress(msgspec.Struct, frozen=True):
    """After each package: how many are done, of how many, and the last one. Bytes are those of whole packages."""

    done: int
    total: int
    reading: Reading | None
    bytes_done: int = 0
    bytes_total: int = 0
    problems: int = 0
    scan_id: int | None = None
    workers: int = 1  # packages that are read at once
    judging: bool = False  # all are read; the rules look at them


def size_of(job: Job) -> int:
    """Bytes of a package before anybody opened it: as an index promises, or as its file was when it was looked up."""
    return job.size if job.size is not None else job.on_disk or 0


class Tally:
    """Counts of a running scan of some jobs."""

    def __init__(self) -> None:
        self.read = self.known = self.bytes = self.objects = self.problems = 0
        self.whole = True
        self.changed = False  # whether an archive publishes something else than last time
        self.interrupted = False
        self._packages = self._done = self._bytes = self._bytes_done = 0
        self._scan_id, self._workers = 0, 1
        self._started = time.monotonic()

    def begin(self, jobs: Iterable[Job], scan_id: int, workers: int) -> None:
        """What there is to do is known: so many jobs, of such sizes."""
        sizes = [size_of(job) for job in jobs]
        self._packages, self._bytes = len(sizes), sum(sizes)
        self._scan_id, self._workers = scan_id, min(workers, len(sizes))

    def pass_by(self, reading: Reading) -> None:
        """Count a package that another part of the archive's parts reads."""
        self._done += 1
        self._bytes_done += size_of(reading.job)

    def add(self, reading: Reading) -> None:
        """Count a package that was opened just now, known or not."""
        self.pass_by(reading)
        self.problems += len(reading.problems)
        if reading.identity and reading.identity.known:
            self.known += 1
            return
        self.read += 1
        self.bytes += reading.identity.size if reading.identity else 0
        self.objects += len(reading.objects)
        self.whole &= reading.status in (PackageStatus.COMPLETE, PackageStatus.SKIPPED)

    def progress(self, reading: Reading | None = None, *, judging: bool = False) -> Progress:
        """How far the scan is; ``reading`` is the package that was done just now."""
        return Progress(self._done, self._packages, reading, self._bytes_done, self._bytes, self.problems,
                        self._scan_id, self._workers, judging)  # fmt: skip

    def metrics(self) -> dict[str, float]:
        """What the table ``metric`` keeps of the scan as a whole; seconds are wall time."""
        return {
            "packages read": self.read,
            "packages known": self.known,
            "bytes read": self.bytes,
            "elf objects read": self.objects,
            "problems": self.problems,
            "seconds": time.monotonic() - self._started,
        }


def log_package(reading: Reading) -> None:
    """Say in the log what came of a package: a line of its own, and one for each problem; nothing of a known one."""
    if reading.identity and reading.identity.known:
        return
    about = {"package": reading.job.path}
    size, objects = size_of(reading.job), len(reading.objects)
    text = "%s: bytes=%d objects=%d seconds=%.3f"
    _log.info(text, reading.status, size, objects, reading.seconds, extra=about)
    for problem in reading.problems:
        place = f"{problem.path}: " if problem.path else ""
        _log.warning("%s: %s: %s%s", problem.stage, problem.kind, place, problem.message, extra=about)
