"""Questions of a package to whoever installs it: debconf-devel(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, lines
from archscan.model import Directive, FileFacts

_MOST = 1_000
_PRIORITIES = frozenset(("low", "medium", "high", "critical"))
# db_input of confmodule in shell; input(priority, question) of Debconf::Client::ConfModule and debconf.py.
_INPUT = re.compile(
    r"""(?:\bdb_input|(?<![\w/.-])(?:debconf\.|db\.|\w+->)?input[\s(])\s*(?:debconf\.)?["']?(?P<priority>[A-Za-z]+|\$\{?\w+\}?)["']?
    [\s,]+["']?(?P<question>[\w.+-]+/[\w./+$\{\}-]+)""",
    re.VERBOSE,
)


def templates(path: str, data: bytes) -> FileFacts:
    """The templates: ``section`` is the type, ``name`` the template, ``value`` the default, but no translations."""
    found: list[Directive] = []
    said: dict[str, str] = {}
    first = 0
    for number, line in [*lines(data), (0, "")]:
        if line.strip():
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                said.setdefault(name.strip().lower()[:40], value.strip())
                first = first or number
            continue
        if "template" in said and len(found) < _MOST:
            kind, name, default = (said.get(key, "") for key in ("type", "template", "default"))
            found.append(Directive(first, cut(kind) or None, cut(name), cut(default)))
        said, first = {}, 0
    return FileFacts(path=path, what="debconf", directives=tuple(found))


def questions(data: bytes) -> Iterator[Directive]:
    """The questions that a maintainer script asks: ``section`` is ``question``, ``value`` the priority.

    A priority that is a variable stands as it is written.
    """
    if b"input" not in data:
        return
    for number, line in lines(data):
        text = line.strip()
        if text.startswith("#"):
            continue
        for match in _INPUT.finditer(text[:4096]):
            priority = match["priority"].lower()
            if priority in _PRIORITIES or priority.startswith("$"):
                yield Directive(number, "question", cut(match["question"]), cut(priority))
