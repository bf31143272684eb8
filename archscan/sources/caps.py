"""How fast all workers together may download, and how many at once.

What the processes share is a file in memory that they inherit. Whoever downloads holds a lock on one of its bytes, and
the kernel takes that back from a process that is killed: nothing is lost with it (fcntl(2), advisory record locking).
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_FREE_AT = struct.Struct("<d")
_RATE, _DOOR, _SLOTS = 0, 100, 101  # bytes of the file that are locked
_LOOK_AGAIN = 0.005  # seconds; only one process of all looks
_BEHIND = 0.25  # seconds that a transfer may be ahead of the rate
_LEAST_PIECE = 1024


class Caps:
    """Limits that hold for this process and all that are forked from it: bytes per second, and downloads at once.

    Made before the processes are forked; made in each of several machines' processes, it holds in each of them.
    """

    def __init__(self, rate: int | None = None, downloads: int | None = None) -> None:
        self._rate, self._downloads = rate, downloads
        self.waited = 0.0  # seconds, for these limits, in this process
        self._held: set[int] = set()
        self._threads = threading.Lock()  # a record lock excludes processes, not threads
        self._owner = os.getpid()
        self._file = os.memfd_create("archscan-caps") if rate or downloads else -1

    def piece(self, most: int) -> int:
        """Bytes to read at once: few enough that they do not take long at this rate."""
        return most if not self._rate else max(_LEAST_PIECE, min(most, int(self._rate * _BEHIND)))

    def spend(self, size: int) -> float:
        """Wait until so many bytes, which have been read, were allowed; gives back the seconds."""
        if not self._rate:
            return 0.0
        with self._threads, self._locked(_RATE):
            now = time.monotonic()  # the same clock for all processes of a machine
            stored = os.pread(self._file, _FREE_AT.size, 0)
            free_at = max(_FREE_AT.unpack(stored)[0] if len(stored) == _FREE_AT.size else now, now)
            free_at += size / self._rate
            os.pwrite(self._file, _FREE_AT.pack(free_at), 0)
        return self._slept(max(free_at - now, 0.0))

    @contextmanager
    def download(self) -> Iterator[None]:
        """Within it, one of the downloads that are allowed at once is under way."""
        if not self._downloads:
            yield
            return
        slot = self._slot(self._downloads)
        try:
            yield
        finally:
            with self._threads:
                self._held.discard(slot)
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _SLOTS + slot)

    def _slot(self, count: int) -> int:
        """The number of a free slot, once there is one; it is locked."""
        started = time.monotonic()
        slot = self._tried(count)
        if slot is None:
            with self._locked(_DOOR):  # where all others wait, asleep
                while (slot := self._tried(count)) is None:
                    time.sleep(_LOOK_AGAIN)
        self.waited += time.monotonic() - started
        return slot

    def _tried(self, count: int) -> int | None:
        with self._threads:
            if self._owner != os.getpid():  # forked: a lock stays with the process that took it
                self._owner, self._held = os.getpid(), set()
            for slot in range(count):
                if slot in self._held:
                    continue
                try:
                    fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _SLOTS + slot)
                except BlockingIOError:
                    continue
                self._held.add(slot)
                return slot
        return None

    @contextmanager
    def _locked(self, byte: int) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, byte)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)

    def _slept(self, seconds: float) -> float:
        if seconds > 0:
            time.sleep(seconds)
            self.waited += seconds
        return seconds

    def close(self) -> None:
        """Give the file back; the other processes keep theirs."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
