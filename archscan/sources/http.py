"""What HTTP gives for a URL, into a spooled file: tried again, resumed, redirected, and never for longer than is sane.

urllib3 keeps the connections (docs/decisions/0022-the-http-client.md). What to do about an answer is decided here: its
own retries know neither a resumed transfer nor how long a Retry-After may be.
"""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from archscan import __version__
from archscan.errors import NoAnswerError, SourceError
from archscan.model import escape
from archscan.sources import proxies
from archscan.sources.addresses import Origin, authorization, login, origin, stripped
from archscan.sources.caps import Caps
from archscan.sources.spool import Spooled

if TYPE_CHECKING:
    import urllib3

_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}
_GONE = {404, 410}
_PIECE = 256 << 10
_REST = 64 << 10  # of a body that nobody wants: read, so that the connection can be used again
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_LENGTH = re.compile(r"\d{1,18}")


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a server is waited for. Times in seconds."""

    connect: float = 20.0
    read: float = 30.0  # without a single byte
    answer: float = 60.0  # until the head of the answer is there
    stall: float = 60.0  # after each of these, it is looked whether enough has come
    slowest: int = 1024  # bytes/s
    whole: float = 4 * 3600.0  # one file, without what `--rate` and `--downloads` make it wait
    attempts: int = 8  # in a row that bring less than `progress`; with the pauses, about a minute
    first_attempts: int = 4  # of who never answered: perhaps there is no such host
    progress: int = 1 << 20  # bytes
    most_attempts: int = 100
    first_pause: float = 0.5  # doubled with each attempt, then a random part of it
    longest_pause: float = 60.0  # whatever Retry-After says
    redirects: int = 10
    room: float = 2.0  # for files of others to go from a full spool; grows with each attempt


class _AgainError(Exception):
    """An attempt failed, and another may not. ``kind`` and text are what remains if none is left."""

    answered = True

    def __init__(self, kind: str, text: str, pause: float | None = None) -> None:
        super().__init__(text)
        self.kind, self.pause = kind, pause


class _SilenceError(_AgainError):
    """No answer came."""

    answered = False


class _Source:
    """Where a transfer that broke could go on: what the server called the file whose beginning is spooled."""

    def __init__(self) -> None:
        self.validator: str | None = None
        self.resumed = False


class Client:
    """HTTP for one thread of one process; connections are made when they are needed. Must be closed."""

    def __init__(
        self, patience: Patience, caps: Caps, environ: Mapping[str, str], logins: tuple[str, ...] = ()
    ) -> None:
        from archscan.sources.watched import Clock, verifying

        self._patience, self._caps, self._environ = patience, caps, environ
        self._logins = logins
        self._has_answered = False
        self._clock = Clock()
        self._tls = verifying(self._clock)
        self._managers: dict[str | None, urllib3.PoolManager] = {}

    def close(self) -> None:
        """Close all connections."""
        for manager in self._managers.values():
            manager.clear()

    def download(self, url: str, into: Spooled, *, anew: bool = False) -> bool:
        """Fill ``into`` with what is at the URL; whether it was put together from several transfers.

        ``anew`` asks caches on the way for a fresh copy. Raises SourceError and SpoolError.
        """
        patience, source = self._patience, _Source()
        began, tries, failures, mark = time.monotonic(), 0, 0, 0
        while True:
            tries += 1
            try:
                waited = self._caps.waited
                with self._caps.download():
                    self._attempt(url, into, source, anew=anew)
            except _AgainError as error:
                failed = error
            else:
                return source.resumed
            began += self._caps.waited - waited
            failures = 1 if into.size - mark >= patience.progress else failures + 1
            mark = into.size
            most = patience.attempts if self._has_answered else min(patience.attempts, patience.first_attempts)
            late = time.monotonic() - began > patience.whole
            if failures >= most or tries >= patience.most_attempts or late:
                failure = SourceError if failed.answered else NoAnswerError
                raise failure(failed.kind, f"{failed}; tried {tries} times") from failed
            time.sleep(self._pause(failures, failed.pause))

    def _pause(self, failures: int, asked: float | None) -> float:
        patience = self._patience
        grown = min(patience.first_pause * 2.0 ** (failures - 1), patience.longest_pause)
        jittered = grown * (0.5 + random.random() / 2)  # noqa: S311  # so that workers do not come back all at once
        return min(max(jittered, asked or 0.0), patience.longest_pause)

    # --- one attempt: a chain of redirects, and the body at its end ---

    def _attempt(self, url: str, into: Spooled, source: _Source, *, anew: bool) -> None:
        secret, home = login(url, self._logins), origin(url)
        at, seen = stripped(url), set[str]()
        while True:
            if at in seen or len(seen) > self._patience.redirects:
                text = "in a circle" if at in seen else f"more than {self._patience.redirects} times"
                raise SourceError("unreadable", f"the server redirects {text}")
            seen.add(at)
            response = self._answer(at, self._headers(into, source, secret if origin(at) == home else None, anew=anew))
            self._has_answered = True
            try:
                if response.status not in _MOVED:
                    self._received(response, into, source)
                    return
                at = _redirected(at, home, response.headers.get("Location"))
            finally:
                self._let_go(response)

    def _headers(self, into: Spooled, source: _Source, secret: str | None, *, anew: bool) -> dict[str, str]:
        headers = {"User-Agent": f"archscan/{__version__}", "Accept-Encoding": "identity", "Accept": "*/*"}
        if secret:
            headers["Authorization"] = secret
        if anew:
            headers |= {"Cache-Control": "no-cache", "Pragma": "no-cache"}
        if into.size and (source.validator or into.promise.sha256):
            headers["Range"] = f"bytes={into.size}-"
            if source.validator:
                headers["If-Range"] = source.validator
        return headers

    def _answer(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The head of the answer. Raises _AgainError where none comes, SourceError where none will."""
        import urllib3
        from urllib3.exceptions import HTTPError, LocationValueError, SSLError

        self._clock.allow(self._patience.answer)
        timeout = urllib3.Timeout(connect=self._patience.connect, read=self._patience.read)
        try:
            return self._manager(url).request(
                "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False, preload_content=False,
                decode_content=False,
            )  # fmt: skip
        except LocationValueError as error:
            raise SourceError("unreadable", f"it is no URL: {_told(error)}") from error
        except SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise SourceError("unreadable", f"the server is not trusted: {_told(error)}") from error
            raise _SilenceError("unreadable", f"no safe connection: {_told(error)}") from error
        except (HTTPError, OSError) as error:
            raise _SilenceError(_kind(error), f"no answer: {_told(error)}") from error

    def _manager(self, url: str) -> urllib3.PoolManager:
        import urllib3

        from archscan.sources.watched import watched

        proxy = proxies.proxy(url, self._environ)
        if proxy not in self._managers:
            made = (
                urllib3.ProxyManager(
                    stripped(proxy), proxy_headers=_proxy_headers(proxy), ssl_context=self._tls,
                    proxy_ssl_context=self._tls,
                )
                if proxy
                else urllib3.PoolManager(ssl_context=self._tls)
            )  # fmt: skip
            self._managers[proxy] = watched(self._clock, made)
        return self._managers[proxy]

    def _let_go(self, response: urllib3.BaseHTTPResponse) -> None:
        """Give the connection back where little is left in it, and close it where that may be much."""
        self._clock.allow(self._patience.read)
        left = _REST
        with suppress(Exception):  # whatever it is, closing it is the answer
            while left > 0 and (piece := response.read1(left)):
                left -= len(piece)
            if left > 0:
                response.release_conn()
                return
        response.close()

    # --- the answer ---

    def _received(self, response: urllib3.BaseHTTPResponse, into: Spooled, source: _Source) -> None:
        total = self._begun(response, into, source)
        self._body(response, into)
        if total is not None and into.size < total:
            raise _AgainError("truncated", f"the transfer broke off after {into.size} of {total} bytes")

    def _begun(self, response: urllib3.BaseHTTPResponse, into: Spooled, source: _Source) -> int | None:
        """The size that the file will have, as the server says; what is spooled is what the body continues."""
        status = response.status
        if status == HTTPStatus.PARTIAL_CONTENT and into.size:
            match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
            if match and int(match[1]) == into.size:
                source.resumed = True
                total = int(match[3]) if match[3] != "*" else int(match[2]) + 1
                into.expect(total)
                return total
        elif status == HTTPStatus.OK:
            into.restart()
            source.resumed, source.validator = False, _validator(response.headers)
            length = response.headers.get("Content-Length", "").strip()
            if not _LENGTH.fullmatch(length) or _is_chunked(response):
                return None
            into.expect(int(length))
            return int(length)
        _refused(response)
        into.restart()  # a part that was not asked for, or one that is not there (416)
        source.validator = None
        raise _AgainError("unreadable", f"the server answers {_status(response)} to what it was asked")

    def _body(self, response: urllib3.BaseHTTPResponse, into: Spooled) -> None:
        from urllib3.exceptions import HTTPError

        patience, clock = self._patience, self._clock
        mark, until = into.size, time.monotonic() + patience.stall
        while True:
            clock.allow(patience.read)
            try:
                piece = response.read1(self._caps.piece(_PIECE))
            except (HTTPError, OSError) as error:
                kind = "timeout" if _kind(error) == "timeout" else "truncated"
                raise _AgainError(kind, f"the transfer broke off after {into.size} bytes: {_told(error)}") from error
            if not piece:
                return
            into.write(piece)
            until += self._caps.spend(len(piece))
            if time.monotonic() >= until:
                if into.size - mark < patience.slowest * patience.stall:
                    text = f"the transfer brought {into.size - mark} bytes in {patience.stall:g} seconds"
                    raise _AgainError("timeout", text)
                mark, until = into.size, time.monotonic() + patience.stall


def _refused(response: urllib3.BaseHTTPResponse) -> None:
    """Raise what an answer without the file means, if it means one thing."""
    status = response.status
    if status in _GONE:
        raise SourceError("missing", f"the server has no such file ({_status(response)})")
    if status in _AGAIN:
        raise _AgainError("unreadable", f"the server answers {_status(response)}", _retry_after(response.headers))
    if status not in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        raise SourceError("unreadable", f"the server answers {_status(response)}")


def _redirected(url: str, home: Origin, location: str | None) -> str:
    """Where a redirect leads. Raises SourceError where it may not."""
    if not location:
        raise SourceError("unreadable", "the server redirects without saying where to")
    try:
        there = urljoin(url, location)
        parts: SplitResult = urlsplit(there)
        origin(there)
    except ValueError as error:
        raise SourceError("unreadable", f"the server redirects to what is no URL: {_told(error)}") from error
    shown = escape(stripped(there))[:300]
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError("unreadable", f"the server redirects to {shown}, which is not of the web")
    if home.scheme == "https" and parts.scheme == "http":
        raise SourceError("unreadable", f"the server redirects from https to {shown}, which anybody can change")
    return stripped(there)


def _validator(headers: Mapping[str, str]) -> str | None:
    """What If-Range may hold: a strong ETag, else Last-Modified (RFC 9110, 13.1.5)."""
    etag = headers.get("ETag", "").strip()
    if etag.startswith('"') and len(etag) <= 256:
        return etag
    modified = headers.get("Last-Modified", "").strip()
    return modified if modified and len(modified) <= 64 else None


def _is_chunked(response: urllib3.BaseHTTPResponse) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks for, however many (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if _LENGTH.fullmatch(text):
        return float(text)
    with suppress(ValueError, TypeError, OverflowError):
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    return None


def _proxy_headers(proxy: str) -> dict[str, str]:
    secret = authorization(proxy)
    return {"Proxy-Authorization": secret} if secret else {}


def _status(response: urllib3.BaseHTTPResponse) -> str:
    return f"{response.status} {escape(str(response.reason or ''))[:100]}".strip()


def _kind(error: BaseException) -> str:
    """``timeout`` where time ran out, else ``unreadable``."""
    from urllib3.exceptions import NewConnectionError
    from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

    if isinstance(error, NewConnectionError):  # which is a time-out by its class alone
        return "unreadable"
    return "timeout" if isinstance(error, Urllib3TimeoutError | TimeoutError) else "unreadable"


def _told(error: BaseException) -> str:
    """An error of urllib3 without the objects that it prints with it."""
    text = re.sub(r"^\w+\(host='[^']*', port=\d+\): ", "", str(error))
    return escape(re.sub(r"<[^>]* object at 0x[0-9a-f]+>(: |, )?", "", text))[:300]
