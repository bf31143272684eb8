"""Log records from every process to the handlers of the first."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from archscan.pool import frames
from archscan.pool.spawner import Answer

_PATIENCE = 0.5


@contextmanager
def shared_logging() -> Iterator[None]:
    """Within it, workers that are forked hand their records to the handlers of this process.

    multiprocessing-logging needs the start method fork, and a thread for each handler. A worker that is killed while
    it writes can keep the lock of its queue; so whoever replaces a broken pool leaves this context and enters it anew.
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


def emit(level: int, name: str, message: str) -> None:
    """Log a record of a disposable process as if it had been logged here.

    Not by the logger of that name, which would stay for ever: the name may be made up by hostile input.
    """
    root = logging.getLogger()
    if root.isEnabledFor(level):
        root.handle(root.makeRecord(name, level, "", 0, message, (), None))


def pass_on(said: Iterable[Answer]) -> None:
    """Log what disposable processes logged."""
    for answer in said:
        pass_on_frames(answer.payload)


def pass_on_frames(said: bytes) -> None:
    """Log the records that are among these messages."""
    for record in frames.logs(said):
        emit(record.level, record.logger, record.message)
