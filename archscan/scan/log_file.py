"""A log file: one line for each record, with time, level, process and package, whatever is in it."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from archscan.pool.logs import printable

_NO_PACKAGE = "-"
_WORKER = re.compile("^ForkProcess")


class _Line(logging.Formatter):
    """``2026-11-28T20:10:11.123Z WARNING worker-2[4711] hello_2.10-3_amd64.deb archscan.package: data: corrupt: …``."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        package = getattr(record, "package", "").rpartition("/")[2].replace(" ", "\\x20") or _NO_PACKAGE
        process = f"{_WORKER.sub('worker', record.processName or '').replace('MainProcess', 'main')}[{record.process}]"
        head = f"{when}.{int(record.msecs):03}Z {record.levelname} {process} {package} {record.name}: "
        return "\\n".join(printable(line) for line in (head + text).splitlines())


class _File(logging.handlers.WatchedFileHandler):
    """A file that is opened anew where another has its name now: logrotate need not tell us.

    A record that cannot be written is lost, and the first one is said on stderr; the scan goes on.
    """

    _silent = False

    def emit(self, record: logging.LogRecord) -> None:
        self.acquire()  # the thread that receives records of workers does not
        try:
            super().emit(record)
        except OSError:  # it was moved away, and there cannot be a new one
            self.handleError(record)
        finally:
            self.release()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's name
        error = sys.exc_info()[1]
        if not self._silent:
            self._silent = True
            text = error.strerror if isinstance(error, OSError) else repr(error)
            print(f"archscan: the log file {self.baseFilename} cannot be written: {text}", file=sys.stderr)  # noqa: T201


def opened(path: Path, level: int) -> logging.Handler:
    """A handler that appends records of ``level`` and above to a file, for the root logger. Raises OSError."""
    handler = _File(os.fspath(path), encoding="utf-8", errors="backslashreplace")
    handler.setLevel(level)
    handler.setFormatter(_Line())
    return handler
