"""The parts of a URL: who is asked, what for, and with which password."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

from archscan.errors import SourceError

_PORTS = {"http": 80, "https": 443}
_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^/?#\s]*@", re.IGNORECASE)


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


def login(url: str, logins: Iterable[str]) -> str | None:
    """The authorization for the URL: its own, else that of the login URL with the longest path it lies below."""
    own = authorization(url)
    if own:
        return own
    path, asked = urlsplit(url).path, origin(url)
    fitting = [one for one in logins if origin(one) == asked and _is_below(path, urlsplit(one).path)]
    return authorization(max(fitting, key=lambda one: len(urlsplit(one).path))) if fitting else None


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def discreet(text: str) -> str:
    """The text without user and password of the URLs in it."""
    return _USERINFO.sub(r"\1", text)


def file_path(url: str) -> Path:
    """The path that a ``file:`` URL means (RFC 8089). Raises SourceError where it means none of this machine."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise SourceError("unreadable", "a file: URL names a file of this machine: file:///path")
    path = unquote_to_bytes(parts.path)
    if not path.startswith(b"/") or b"\0" in path:
        raise SourceError("unreadable", "a file: URL has the whole path: file:///path")
    return Path(os.fsdecode(path))
