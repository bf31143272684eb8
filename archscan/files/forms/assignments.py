"""Files of ``[section]`` and ``name=value``: systemd.syntax(7), the desktop entry specification, GLib's key files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from archscan.files.forms.text import cut, lines
from archscan.model import Directive

MOST_DIRECTIVES = 5_000
_LONGEST_RAW = 1 << 16  # characters of a value that is looked into; systemd refuses lines of more than 1 MiB
_BLANK = " \t\n\r\v\f"
_BACKSLASHES = re.compile(r"\\+\Z")


class Assignment(NamedTuple):
    """One ``name=value`` as it stands, unescaped. ``section`` is None in front of the first one."""

    line: int
    section: str | None
    name: str
    value: str


def assignments(data: bytes, *, continued: bool) -> Iterator[Assignment]:
    r"""The assignments of a file, at most 5,000; other lines are left out.

    With ``continued``, as in units, a line that ends in ``\`` goes on in the next, comments in between left out.
    """
    section: str | None = None
    count = 0
    for number, text in _logical(data, continued=continued):
        line = text.strip(_BLANK)
        if line.startswith("["):
            if line.endswith("]"):
                section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip(_BLANK):
            continue
        yield Assignment(number, section, name.strip(_BLANK), value.strip(_BLANK)[:_LONGEST_RAW])
        count += 1
        if count == MOST_DIRECTIVES:
            return


def directives(found: Iterable[Assignment]) -> tuple[Directive, ...]:
    """The assignments as they are stored."""
    return tuple(
        Directive(one.line, None if one.section is None else cut(one.section), cut(one.name), cut(one.value))
        for one in found
    )


def _logical(data: bytes, *, continued: bool) -> Iterator[tuple[int, str]]:
    """The lines without comments, those that are continued as one, numbered as their first."""
    start, before = 0, [""]
    for number, raw in lines(data.removeprefix(b"\xef\xbb\xbf")):
        text = raw.lstrip(_BLANK)
        if text.startswith(("#", ";")):
            continue
        start = start or number
        if continued and _goes_on(text):
            before.append(text[:-1] + " ")
            continue
        yield start, "".join([*before, text])
        start, before = 0, [""]
    if start:
        yield start, "".join(before)


def _goes_on(text: str) -> bool:
    r"""Whether the line's end is escaped: by an odd number of ``\``, as systemd counts them."""
    end = _BACKSLASHES.search(text[-256:])
    return end is not None and len(end.group()) % 2 == 1
