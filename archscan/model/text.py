"""The stored form of names that packages chose, and bounded types for what comes out of them."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

# What may not stand in a stored name as it is: the escape character itself, C0 and C1 controls, the marks that
# reorder text on a screen (https://www.unicode.org/reports/tr9/, "Trojan Source"), line and paragraph
# separators, the byte order mark, and surrogates, which is how undecodable bytes arrive from ``surrogateescape``.
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_UNSAFE_STORED = re.compile(_UNSAFE.pattern.replace(r"\\", "", 1))  # where a backslash begins an escape
_ESCAPED = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


def _escape_one(match: re.Match[str]) -> str:
    character = match.group()
    if character == "\\":
        return "\\\\"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def escape(raw: bytes | str) -> str:
    r"""The stored form of a name: UTF-8, with ``\`` as ``\\`` and each unsafe byte as ``\xNN``.

    ``raw`` is bytes, or text decoded with ``surrogateescape``. ``unescape`` inverts it exactly.
    """
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return _UNSAFE.sub(_escape_one, text)


def inert(stored: str) -> str:
    """Stored text in which SQL may have put what no name holds (``char(10)``): that is escaped, the rest is as it was.

    Text that ``escape`` gave stays as it is.
    """
    return stored if stored.isascii() and stored.isprintable() else _UNSAFE_STORED.sub(_escape_one, stored)


def unescape(stored: str) -> bytes:
    """The bytes that ``escape`` was given."""
    return _ESCAPED.sub(
        lambda match: bytes([int(match[1], 16)]) if match[1] else b"\\",
        stored.encode("utf-8"),
    )


# Names come from packages; nothing honest is longer than PATH_MAX (4096), mangled C++ names excepted.
Text = Annotated[str, Meta(max_length=65_536)]
Int63 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
