"""Through whom a URL is asked for, as the environment says."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy's URL from ``http_proxy``, ``https_proxy`` or ``all_proxy``, unless ``no_proxy`` names the host.

    HTTP_PROXY in capitals is not looked at: in a CGI it is a header that anybody may send.
    """
    parts = urlsplit(url)
    named = environ.get(f"{parts.scheme}_proxy") or (parts.scheme == "https" and environ.get("HTTPS_PROXY"))
    named = named or environ.get("all_proxy") or environ.get("ALL_PROXY")
    if not named:
        return None
    if _is_exempt(parts.hostname or "", parts.port, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    return named if "://" in named else f"http://{named}"


def _is_exempt(host: str, port: int | None, exceptions: str) -> bool:
    """Whether a list as curl reads it names the host, a domain above it, or one of them with the port."""
    for entry in exceptions.lower().split(","):
        name, colon, number = entry.strip().rpartition(":")
        if not (colon and number.isdecimal() and not name.endswith(":")):
            name, number = entry.strip(), ""
        name = name.strip("[]").lstrip(".")
        if number and number != str(port):
            continue
        if name == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False
