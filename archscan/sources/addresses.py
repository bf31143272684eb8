"""The parts of a URL: who is asked, what for, and with which password."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

from archscan.errors import SourceError

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Who is asked: a password is for one of these and no other."""

    scheme: str
    host: str
    port: int | None


def origin(url: str) -> Origin:
    """Whom the URL asks. Raises ValueError for what is none."""
    parts = urlsplit(url)
    return Origin(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme))


def stripped(url: str) -> str:
    """The URL without user, password and fragment: as it is sent, shown and stored."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def authorization(url: str) -> str | None:
    """The value of the header that says user and password (RFC 7617), where the URL has them."""
    userinfo, at, _ = urlsplit(url).netloc.rpartition("@")
    if not at:
        return None
    user, _, password = userinfo.partition(":")
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(pair).decode("ascii")


def file_path(url: str) -> Path:
    """The path that a ``file:`` URL means (RFC 8089). Raises SourceError where it means none of this machine."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise SourceError("unreadable", "a file: URL names a file of this machine: file:///path")
    path = unquote_to_bytes(parts.path)
    if not path.startswith(b"/") or b"\0" in path:
        raise SourceError("unreadable", "a file: URL has the whole path: file:///path")
    return Path(os.fsdecode(path))
