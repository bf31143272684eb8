"""JSON that is written as it is read: objects and lists whose members come one at a time, inert on any screen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from typing import TextIO

# What json.dumps leaves as it is and a terminal would act on: DEL, C1 controls (U+009B begins an ANSI sequence), marks
# that turn the direction of text or are not seen; and U+FFFE and U+FFFF, which XML cannot hold. Surrogates are no text
# at all: strict readers refuse them.
_UNSAFE = re.compile(r"[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


class Members(NamedTuple):
    """An object whose members are asked for while it is written."""

    pairs: Iterable[tuple[str, Any]]


def text(value: Any) -> str:
    r"""The value as one line of JSON: what no screen should get is ``\uNNNN``, a lone surrogate the text ``\xNN``."""
    compact = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(_escaped, compact)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xD800 <= code <= 0xDFFF:
        return "".join(f"\\\\x{byte:02x}" for byte in match[0].encode("utf-8", "surrogatepass"))
    return f"\\u{code:04x}"


def write(value: Any, stream: TextIO) -> None:
    """Write the value to ``stream``: an iterator as a list, ``Members`` as an object, both with an item a line."""
    if isinstance(value, Members):
        _enclosed("{}", ((f"{text(key)}: ", item) for key, item in value.pairs), stream)
    elif isinstance(value, Iterator):
        _enclosed("[]", (("", item) for item in value), stream)
    else:
        stream.write(text(value))


def _enclosed(ends: str, items: Iterator[tuple[str, Any]], stream: TextIO) -> None:
    separator = f"{ends[0]}\n"
    for lead, item in items:
        stream.write(separator + lead)
        write(item, stream)
        separator = ",\n"
    stream.write(ends if separator != ",\n" else f"\n{ends[1]}")
