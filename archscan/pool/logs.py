"""Log records from every process to the handlers of the first."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager


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
    """Wait for the records under way, without closing the handler that was wrapped: it will be used again."""
    handler._is_closed = True  # type: ignore[attr-defined]  # noqa: SLF001  # its close() closes the wrapped one
    handler._receive_thread.join(5.0)  # type: ignore[attr-defined]  # noqa: SLF001


def emit(level: int, name: str, message: str) -> None:
    """Log a record of a disposable process as if it had been logged here."""
    logging.getLogger(name).log(level, "%s", message)
