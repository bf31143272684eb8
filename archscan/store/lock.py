"""One run at a time writes a database: a lock that ends with the process that holds it, however that ends.

It is a POSIX record lock on a file beside the database. Unlike flock() it is not inherited by the disposable processes,
which may outlive a run that was killed, and it is kept by servers of NFS, too. SQLite's own locks are of no use for
this: they are held for one transaction, and one on the database's file would be lost with the next file that SQLite
closes (fcntl_locking(2)). Readers never look at it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archscan.errors import StoreError

_LONGEST = 100  # bytes of what a holder says of itself


_FLOCK = "hhqqi0q"  # struct flock of 64-bit Linux: type, whence, start, length, process (fcntl_locking(2))


def writer(path: Path) -> int | None:
    """The number of the process that writes the database at ``path``, None where none does. Asking locks nothing."""
    try:
        descriptor = os.open(os.path.realpath(path) + ".lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else int(process)


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Within it no other process of this kind writes the database at ``path``.

    Raises StoreError, with the number of the process that does, before anything was changed.
    """
    place = Path(os.path.realpath(path) + ".lock")
    descriptor = _locked(place)
    try:
        with contextlib.suppress(OSError):  # a full disk; the number is only for people
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        # Before the lock is given up: whoever waits for the file finds it gone, and makes another.
        place.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(place: Path) -> int:
    while True:
        try:
            descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise StoreError(_unopened(error)) from error
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(descriptor, place):
                return descriptor
        except OSError as error:
            holder = os.pread(descriptor, _LONGEST, 0).decode(errors="replace").strip()
            os.close(descriptor)
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise StoreError(f"cannot be locked: {error.strerror}") from error
            named = f" (process {holder})" if holder.isdigit() else ""
            text = f"another process{named} is writing to the database; wait for it, or choose another file with --db"
            raise StoreError(text) from error
        os.close(descriptor)


def _unopened(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the database cannot be written; check its permissions, or choose another file with --db"
    if error.errno == errno.ENOSPC:
        return "the disk is full; what was finished before is kept"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "cannot be opened; does the folder exist, and may you write there?"
    return f"cannot be locked: {error.strerror}"


def _is_same(descriptor: int, place: Path) -> bool:
    """Whether the file is still the one of that name: another process may have removed it before we locked it."""
    try:
        return os.path.samestat(os.fstat(descriptor), place.stat())
    except FileNotFoundError:
        return False
