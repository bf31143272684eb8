"""Rules of udev: what they run, and whom they let at devices (udev(7))."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.quoting import unescaped
from archscan.files.forms.text import cut, lines
from archscan.files.parser import Places
from archscan.model import Directive, FileFacts

_MOST = 5_000
_LONGEST_RULE = 65_536
_TOKEN = re.compile(
    r"""[\s,]*(?P<key>[A-Z_]+)(?:\{(?P<attribute>[^}\n]{1,400})\})?\s*(?P<operator>==|!=|\+=|-=|:=|=)\s*
    (?P<marked>[ei]{0,2})"(?P<value>(?:[^"\\]|\\.)*)" """.rstrip(),
    re.VERBOSE | re.DOTALL,
)
_MATCHES = frozenset(("==", "!="))
# What a rule does that matters: programs, rights, names, kernel settings. Others set properties, labels and jumps.
_RUNS = frozenset(("PROGRAM", "IMPORT"))  # these run while rules are matched, so with any operator
_MATTERS = frozenset("RUN MODE OWNER GROUP SECLABEL SYMLINK NAME TAG ATTR SYSCTL".split())
_STARTS = frozenset(("SYSTEMD_WANTS", "SYSTEMD_USER_WANTS"))
_IMPORTS = frozenset(("program", "builtin"))


def rules(path: str, data: bytes) -> FileFacts:
    """What each rule runs or allows: ``name`` is the key such as ``RUN`` or ``ATTR{power/control}``, with its value.

    ``section`` is what a device must match (None: any). What an operator ``-=`` takes away is left out, and so is a
    rule from the first word on that is no ``KEY="value"``.
    """
    found: list[Directive] = []
    for line, text in _rules(data):
        if len(found) >= _MOST:
            break
        found.extend(_directives(line, text))
    return FileFacts(path=path, what="udev", directives=tuple(found[:_MOST]))


def _rules(data: bytes) -> Iterator[tuple[int, str]]:
    """Each rule in one line: a comment ends no rule that goes on after it, and blanks before a line do not count."""
    start, parts, length = 0, list[str](), 0
    for number, line in lines(data):
        text = line.lstrip()
        if text.startswith("#"):
            continue
        start = start or number
        goes_on = text.endswith("\\")
        if length <= _LONGEST_RULE:
            parts.append(text[:-1] if goes_on else text)
            length += len(text)
        if not goes_on:
            yield start, "".join(parts)[:_LONGEST_RULE]
            start, parts, length = 0, [], 0
    if parts:
        yield start, "".join(parts)[:_LONGEST_RULE]


def _directives(line: int, text: str) -> Iterator[Directive]:
    matches: list[str] = []
    said: list[tuple[str, str]] = []
    at = 0
    while token := _TOKEN.match(text, at):
        at = token.end()
        key, attribute, operator = token["key"], token["attribute"], token["operator"]
        name = f"{key}{{{attribute}}}" if attribute else key
        value = unescaped(token["value"]) if "e" in token["marked"] else token["value"].replace('\\"', '"')
        if _counts(key, attribute, operator):
            said.append((name, value))
        elif operator in _MATCHES:
            matches.append(f'{name}{operator}"{value}"')
    section = cut(", ".join(matches)) if matches else None
    for name, value in said:
        yield Directive(line, section, cut(name), cut(value))


def _counts(key: str, attribute: str | None, operator: str) -> bool:
    if key in _RUNS:
        return key == "PROGRAM" or attribute in _IMPORTS
    if operator in _MATCHES or operator == "-=":
        return False
    return key in _MATTERS or (key == "ENV" and attribute in _STARTS)


PLACES: Places = ((re.compile(r"(?:etc|(?:usr/)?(?:local/)?lib)/udev/rules\.d/[^/]+\.rules"), rules),)
