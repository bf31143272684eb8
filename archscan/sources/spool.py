"""A file without a name that a download grows into: bounded, hashed while it is written, gone with its descriptor."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import msgspec

from archscan.errors import SourceError, SpoolError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_TMPFILE = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}  # file systems and kernels without it


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file before it is fetched. Sizes in bytes; ``most`` is what the caller takes at all."""

    most: int
    size: int | None = None
    sha256: str | None = None

    @property
    def bound(self) -> int:
        """Bytes after which it cannot become the promised file."""
        return self.most if self.size is None else min(self.most, self.size)

    def check_size(self) -> None:
        """Raise SourceError, of kind limit, where the promised size is more than is taken."""
        if self.size is not None and self.size > self.most:
            raise SourceError("limit", f"it has {self.size} bytes, and at most {self.most} are taken")


class Spooled:
    """One download under way. Whoever has it closes it, or takes the file out of it."""

    def __init__(self, folder: Path, promise: Promise) -> None:
        self.promise = promise
        self.size = 0
        self._folder = folder
        try:
            self._file: BinaryIO = open(_unlinked(folder), "w+b", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise _spool_error(folder, error) from error
        self._hash = hashlib.sha256() if promise.sha256 else None

    def write(self, data: bytes) -> None:
        """Append. Raises SourceError as soon as there are too many bytes, SpoolError where they find no room."""
        self.expect(self.size + len(data))
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _spool_error(self._folder, error) from error
        self.size += len(data)
        if self._hash:
            self._hash.update(data)

    def expect(self, size: int) -> None:
        """Raise SourceError where ``size`` bytes are more than the file may have."""
        promise = self.promise
        if size <= promise.bound:
            return
        if promise.size is not None:
            raise SourceError("mismatch", f"it has more bytes than the {promise.size} that the index promises")
        raise SourceError("limit", f"it has more than {promise.most} bytes")

    def restart(self) -> None:
        """Throw away what is there."""
        if self.size:
            self._file.seek(0)
            self._file.truncate()
        self.size = 0
        self._hash = hashlib.sha256() if self.promise.sha256 else None

    def verify(self) -> None:
        """Raise SourceError where what is there is not what was promised."""
        promise = self.promise
        if promise.size is not None and self.size < promise.size:
            raise SourceError("truncated", f"it ends after {self.size} of {promise.size} bytes")
        if self._hash and self._hash.hexdigest() != promise.sha256:
            digest = self._hash.hexdigest()
            text = f"the file is not what the index promises: its SHA-256 is {digest}, not {promise.sha256}"
            raise SourceError("mismatch", text)

    def taken(self) -> BinaryIO:
        """The file, at its beginning and for reading only; this object is closed by it."""
        # Opened anew: nobody who is handed this descriptor can make the file grow.
        file = open(f"/proc/self/fd/{self._file.fileno()}", "rb")  # noqa: SIM115, PTH123
        self.close()
        return file

    def close(self) -> None:
        """Give the room back, unless the file was taken."""
        self._file.close()


def _unlinked(folder: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC
    try:
        return os.open(folder, flags | os.O_TMPFILE, 0o600)
    except OSError as error:
        if error.errno not in _NO_TMPFILE:
            raise
    descriptor, name = tempfile.mkstemp(prefix="archscan-", dir=folder)
    os.unlink(name)  # noqa: PTH108
    return descriptor


def _spool_error(folder: Path, error: OSError) -> SpoolError:
    if error.errno in _FULL:
        return SpoolError(
            f"the spool folder {folder} is full ({error.strerror}); give another one with --spool", full=True
        )
    return SpoolError(f"the spool folder {folder} cannot be used: {error.strerror}")
