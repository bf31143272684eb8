"""Log records from every process to the handlers of the first."""

from __future__ import annotations

import logging
import math
import multiprocessing
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from archscan.model import Log
from archscan.pool import frames
from archscan.pool.spawner import Answer

_PATIENCE = 0.5
# What would end a line, or move about in one. A backslash stays: who says something honest has escaped it.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@contextmanager
def shared_logging() -> Iterator[None]:
    """Within it, workers that are forked hand their records to the handlers of this process.

    multiprocessing-logging needs the start method fork, and a thread for each handler. A worker that is killed while
    it writes can keep the lock of its queue; so whoever replaces a broken pool leaves this context and enters it anew.
    What such a worker, and those that are ended with it, had not handed over yet is lost.
    """
    import multiprocessing_logging

    if multiprocessing.get_start_method(allow_none=True) is None:
        multiprocessing.set_start_method("fork")
    logger = logging.getLogger()
    before = list(logger.handlers)
    multiprocessing_logging.install_mp_handler(logger)
    wrapped = [handler for handler in logger.handlers if handler not in before]
    try:
        yield
    finally:
        multiprocessing_logging.uninstall_mp_handler(logger)
        for handler in wrapped:
            _stop(handler)
        logger.handlers = before


def _stop(handler: logging.Handler) -> None:
    """Wait for the records under way, without closing the handler that was wrapped: it will be used again.

    Records of a worker that was killed may be counted and never come; who waits for them waits in vain.
    """
    handler._is_closed = True  # type: ignore[attr-defined]  # noqa: SLF001  # its close() closes the wrapped one
    thread, queue = handler._receive_thread, handler.queue  # type: ignore[attr-defined]  # noqa: SLF001
    waiting = -1
    while thread.is_alive() and waiting != (waiting := queue.qsize()):
        thread.join(_PATIENCE)
    queue.cancel_join_thread()  # nor may the end of this process wait for a lock that died with a worker


def printable(line: str) -> str:
    r"""A line without characters that would end it or move about in it: they become ``\xNN``, as in ``escape``."""
    return _UNPRINTABLE.sub(_as_hex, line)


def _as_hex(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match.group().encode("utf-8", "surrogatepass"))


def emit(record: Log, package: str) -> None:
    """Log a record of a disposable process that read ``package``, as it was logged there. For the first process.

    Not by the logger of that name, which would stay for ever: the name may be made up by hostile input. So may time
    and number of the process; a time that is none is replaced by now. Nor through the queue of ``shared_logging``,
    whose lock a worker may have taken along into its grave.
    """
    root = logging.getLogger()
    if not root.isEnabledFor(record.level):
        return
    text, name = "\n".join(map(printable, record.message.splitlines())), printable(record.logger)
    made = root.makeRecord(name, record.level, "", 0, text, (), None, extra={"package": package})
    if math.isfinite(record.created) and 0 < record.created <= time.time():
        made.created, made.msecs = record.created, record.created % 1 * 1000
    if record.process > 0:
        made.process, made.processName = record.process, "child"
    for handler in root.handlers:
        if made.levelno >= handler.level:
            getattr(handler, "sub_handler", handler).handle(made)


def pass_on(said: Iterable[Answer], package: str) -> None:
    """Log here, in the first process, what children said that read ``package``.

    It came home with the facts, whatever else dies meanwhile.
    """
    for answer in said:
        pass_on_frames(answer.payload, package)


def pass_on_frames(said: bytes, package: str) -> None:
    """Log the records that are among these messages."""
    for record in frames.logs(said):
        emit(record, package)
