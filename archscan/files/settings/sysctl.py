"""Settings of the kernel that are made at boot: sysctl.d(5), sysctl.conf(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, lines
from archscan.files.parser import Places
from archscan.model import Directive, FileFacts

_MOST = 5_000
_SWAPPED = str.maketrans("./", "/.")


def sysctl(path: str, data: bytes) -> FileFacts:
    """The variables that are set: ``name`` with dots between its parts, ``value`` with single blanks.

    ``section`` is ``-`` where a failure is ignored, and ``exclude`` where no value is given: ``name`` is then left out
    of what patterns elsewhere set. A slash in ``name`` is a dot of the kernel's name, as
    in ``net.ipv4.conf.eth0/1.forwarding``.
    """
    return FileFacts(path=path, what="sysctl", directives=tuple(_settings(data))[:_MOST])


def variable(name: str) -> str:
    """The name of a variable with dots between its parts, whichever of ``.`` and ``/`` it is written with.

    The first one separates; if that is a slash, dots within are part of a name, and the other way round.
    """
    first = next((character for character in name if character in "./"), "")
    return name.translate(_SWAPPED) if first == "/" else name


def _settings(data: bytes) -> Iterator[Directive]:
    for number, line in lines(data):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        name, sign, value = text.partition("=")
        ignored = name.startswith("-")
        name = variable(name.lstrip("-").strip())
        if not name or (not sign and not ignored):
            continue
        section = ("-" if ignored else None) if sign else "exclude"
        yield Directive(number, section, cut(name), cut(" ".join(value.split())))


PLACES: Places = ((re.compile(r"(?:etc|run|(?:usr/)?(?:local/)?lib)/sysctl\.d/[^/]+\.conf|etc/sysctl\.conf"), sysctl),)
