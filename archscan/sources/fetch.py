"""The bytes at a URL, verified, in a file without a name."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from archscan.errors import NoAnswerError, SourceError, SpoolError
from archscan.sources.addresses import file_path, origin
from archscan.sources.caps import Caps
from archscan.sources.http import Client, Patience
from archscan.sources.spool import Promise, Spooled

_PIECE = 1 << 20
_FULL_ATTEMPTS = 5
_ENOUGH = 256 << 20  # bytes that the other packages find room in
_FEWEST_AHEAD = 2


class Fetching(msgspec.Struct, frozen=True, kw_only=True):
    """How to fetch, as somebody asks for it: where to, bytes per second and downloads at once of all workers."""

    spool: Path | None = None
    rate: int | None = None
    downloads: int | None = None
    logins: tuple[str, ...] = ()

    def fetcher(self, environ: Mapping[str, str] = os.environ) -> Fetcher:
        """A fetcher for this process and those forked from it, which keep the limits together.

        Proxies are those of ``environ``, as `http_proxy` and the like.
        """
        return Fetcher(self.spool, Caps(self.rate, self.downloads), environ=environ, logins=self.logins)

    def ahead(self, workers: int) -> int:
        """How many workers more than read are to be there, to fetch (``pool.readings``)."""
        return self.downloads or max(_FEWEST_AHEAD, workers)


class Fetcher:
    """Fetches one file after the other, over the same connections; for one thread of one process. Must be closed.

    ``spool`` is the folder that takes the files (default: the system's temporary one); ``caps`` are what it shares
    with the fetchers of other processes. ``logins`` are URLs with user and password, which are sent for what lies below
    them and to nobody else; so the URLs of packages need none, and can be shown and stored.
    """

    def __init__(
        self, spool: Path | None = None, caps: Caps | None = None, patience: Patience | None = None,
        environ: Mapping[str, str] = os.environ, logins: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self._spool = spool or Path(tempfile.gettempdir())
        self._caps, self._patience, self._environ = caps or Caps(), patience or Patience(), environ
        self._logins = logins
        self._client: Client | None = None
        self._owner = os.getpid()
        self.unanswered = 0  # files in a row about which nobody said anything

    def fetch(self, url: str, *, most: int, size: int | None = None, sha256: str | None = None) -> BinaryIO:
        """What is at a ``file:``, ``http:`` or ``https:`` URL: a file without a name, at its beginning, for reading.

        It has at most ``most`` bytes, and exactly ``size`` with that SHA-256, where these are known. Raises
        SourceError where it cannot be had so, SpoolError where there is no room for it.
        """
        promise = Promise(most=most, size=size, sha256=sha256)
        promise.check_size()
        for attempt in range(1, _FULL_ATTEMPTS + 1):
            spooled = Spooled(self._spool, promise)
            try:
                self._fill(url, spooled)
                return spooled.taken()
            except SpoolError as error:
                spooled.close()
                if error.full and attempt == _FULL_ATTEMPTS:
                    self._check_room(promise)
                if not error.full or attempt == _FULL_ATTEMPTS:
                    raise
                time.sleep(self._patience.room * attempt)
            finally:
                spooled.close()
        raise AssertionError  # the last attempt returns or raises

    def _check_room(self, promise: Promise) -> None:
        """Raise SourceError where there is room for others, but not for a file as large as this one says it is."""
        space = os.statvfs(self._spool)
        free = space.f_bavail * space.f_frsize
        if free > _ENOUGH and (promise.size or 0) > free:
            text = f"it has {promise.size} bytes, and the spool folder has room for {free}; --spool names another"
            raise SourceError("limit", text)

    def _fill(self, url: str, spooled: Spooled) -> None:
        try:
            scheme = origin(url).scheme
        except ValueError as error:  # whose text may hold a part of the password
            raise SourceError("unreadable", "it is no URL") from error
        if scheme == "file":
            _copied(file_path(url), spooled)
            spooled.verify()
        elif scheme in ("http", "https"):
            self._download(url, spooled)
        else:
            raise SourceError("unreadable", "only file:, http: and https: URLs can be fetched")

    def _download(self, url: str, spooled: Spooled) -> None:
        if self._client is None or self._owner != os.getpid():  # forked: the connections are its parent's
            self._owner = os.getpid()
            self._client = Client(self._patience, self._caps, self._environ, self._logins)
        try:
            self._client.download(url, spooled)
            self.unanswered = 0
            spooled.verify()
        except SourceError as error:
            self.unanswered = self.unanswered + 1 if isinstance(error, NoAnswerError) else 0
            if error.kind != "mismatch":
                raise
            # A transfer that was put together of two files, or a cache on the way with an old one.
            spooled.restart()
            self._client.download(url, spooled, anew=True)
            spooled.verify()

    def close(self) -> None:
        """Close the connections."""
        if self._client:
            self._client.close()
            self._client = None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()


def _copied(path: Path, spooled: Spooled) -> None:
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:  # noqa: PTH123
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise SourceError("unreadable", "cannot be read: not a regular file")
            spooled.expect(found.st_size)
            while piece := file.read(_PIECE):
                spooled.write(piece)
    except FileNotFoundError as error:
        raise SourceError("missing", "no such file") from error
    except OSError as error:
        raise SourceError("unreadable", f"cannot be read: {error.strerror}") from error
