"""Around Datasette: requests under a name that is not ours are refused, answers allow a browser what is ours alone."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_FACETS = ("DATASETTE_ALLOW_FACET = true;", "DATASETTE_ALLOW_FACET = false;")


def guarded_app(app: App, hosts: frozenset[str] | None, filled: Callable[[str, bytes], bytes]) -> App:
    """The app behind our headers. ``filled`` completes the query string of a path; ``hosts`` None allows every name.

    The name matters where only this machine may ask: a page of somebody else may have its own name lead here, and read
    what it gets (https://en.wikipedia.org/wiki/DNS_rebinding).
    """

    async def guarded(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if hosts is not None and _host(scope) not in hosts:
            await _refuse(send)
            return

        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_headers()]}
            await send(message)

        await app({**scope, "query_string": filled(scope["path"], scope["query_string"])}, receive, sent)

    return guarded


def _host(scope: dict[str, Any]) -> str:
    value = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    return re.sub(r":\d+$", "", value).strip("[]")


async def _refuse(send: Callable[..., Any]) -> None:
    body = b"This server does not answer under that name; see `archscan serve --name`.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@cache
def _headers() -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"content-security-policy", policy().encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
    )


def policy() -> str:
    """The policy for browsers: nothing from elsewhere, and of scripts in pages only those that Datasette has itself."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in (*_own_scripts(), *_FACETS))
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _own_scripts() -> list[str]:
    import datasette

    folder = Path(datasette.__file__).parent / "templates"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))]
    return [script for text in texts for script in _SCRIPT.findall(text) if "{{" not in script]


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
