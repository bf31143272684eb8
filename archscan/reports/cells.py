"""One value as people see it: on a screen, in a spreadsheet, in JSON."""

from __future__ import annotations

import math
import re

# Stored names are escaped already; this catches what free SQL can compute (`char(27)`) and what another program wrote.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

# A spreadsheet takes such a cell for a formula (https://owasp.org/www-community/attacks/CSV_Injection), also with the
# full-width forms that some of them fold.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def shown(value: object) -> str:
    """The value as one line of text without control or bidirectional characters; NULL is empty, bytes are hex."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return _UNSAFE.sub(_visible, str(value))


def _visible(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match.group().encode("utf-8", "surrogatepass"))


def spreadsheet(value: object) -> object:
    """The value for a CSV cell: text that a spreadsheet would run as a formula gets a ``'`` in front."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = shown(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain(value: object) -> object:
    """The value as JSON can hold it: bytes are hex, an infinite number is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.hex() if isinstance(value, bytes) else value
