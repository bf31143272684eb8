"""Kernel modules: what modprobe is told of them (modprobe.d(5)), and which are loaded at boot (modules-load.d(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, joined, lines
from archscan.files.parser import Places
from archscan.model import Directive, FileFacts

_MOST = 5_000
_COMMANDS = frozenset("alias blacklist install options remove softdep weakdep".split())


def modprobe(path: str, data: bytes) -> FileFacts:
    """The commands of a file: ``section`` is the command, ``name`` the module or pattern, ``value`` the rest."""
    found: list[Directive] = []
    for number, line in joined(data):
        words = line.split(None, 2)
        if len(words) > 1 and words[0] in _COMMANDS and len(found) < _MOST:
            value = " ".join(words[2].split()) if len(words) > 2 else ""
            found.append(Directive(number, words[0], cut(words[1]), cut(value)))
    return FileFacts(path=path, what="modprobe", directives=tuple(found))


def modules_load(path: str, data: bytes) -> FileFacts:
    """The modules that are loaded: ``name`` is the module, ``value`` its parameters (in etc/modules)."""
    return FileFacts(path=path, what="modules-load", directives=tuple(_loaded(data))[:_MOST])


def _loaded(data: bytes) -> Iterator[Directive]:
    for number, line in lines(data):
        words = line.split()
        if words and words[0][0] not in "#;":
            yield Directive(number, None, cut(words[0]), cut(" ".join(words[1:])))


PLACES: Places = (
    (re.compile(r"(?:etc|run|(?:usr/)?(?:local/)?lib)/modprobe\.d/[^/]+\.conf"), modprobe),
    (re.compile(r"(?:etc|run|(?:usr/)?(?:local/)?lib)/modules-load\.d/[^/]+\.conf|etc/modules"), modules_load),
)
