"""Connections that cannot be held open for ever: whatever is read from them must arrive before a point in time.

A time-out of a socket begins anew with each byte, and much is read before a caller sees any of it: heads of responses,
of the proxy too, trailers, interim responses. So the sockets themselves look at the clock.
"""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

# Where Debian's and Ubuntu's ca-certificates puts them; a Python that brings its own OpenSSL looks elsewhere.
_SYSTEM_CAS = Path("/etc/ssl/certs/ca-certificates.crt")


class Clock:
    """Until when what is being read must have arrived (``time.monotonic``)."""

    def __init__(self) -> None:
        self.end = float("inf")

    def allow(self, seconds: float) -> None:
        """Give what follows so much time."""
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then. Raises TimeoutError where there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class _Watched(socket.socket):
    clock: Clock

    def recv_into(self, *arguments: Any) -> int:
        before = self.gettimeout()
        left = self.clock.left()
        self.settimeout(left if before is None else min(before, left))
        try:
            return super().recv_into(*arguments)
        finally:
            self.settimeout(before)


class _WatchedTls(_Watched, ssl.SSLSocket):
    pass


def watched(clock: Clock, manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """The same pool manager, whose connections look at ``clock``."""

    def plain(connection: HTTPConnection, made: socket.socket) -> socket.socket:
        result = _Watched(fileno=made.detach())
        result.clock = clock
        result.settimeout(connection.timeout)
        return result

    class Http(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return plain(self, super()._new_conn())

    class Https(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return plain(self, super()._new_conn())

    class HttpPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Http

    class HttpsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Https

    manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
    return manager


def verifying(clock: Clock) -> ssl.SSLContext:
    """A TLS context that trusts who the system trusts, or the file or folder in SSL_CERT_FILE and SSL_CERT_DIR."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not (places.cafile or places.capath) and _SYSTEM_CAS.exists():
        context.load_verify_locations(_SYSTEM_CAS)
    context.sslsocket_class = type("Tls", (_WatchedTls,), {"clock": clock})
    return context
