"""Maintainer scripts (deb-postinst(5) and its like): what is hand-written in them, and what they do."""

from __future__ import annotations

import hashlib

from archscan.files.control.debconf import questions
from archscan.files.control.generated import parts
from archscan.files.control.reviewed import reviewed
from archscan.files.forms.text import interpreter
from archscan.model import FileFacts, Script, escape

SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
_MOST_OWN = 64 << 10  # bytes of the own part that are kept
_MOST_ESCAPED = 1 << 18  # characters of it
_MOST_QUESTIONS = 1_000
_SHELLS = frozenset(("sh", "bash", "dash", "ksh", "zsh", "mksh", "posh", "ash"))


def maintainer_script(path: str, data: bytes) -> FileFacts:
    """What a maintainer script is and does; its ``path`` is ``DEBIAN/postinst`` and so on.

    ``commands`` are those of the whole script, generated parts too, where it is for a shell (also one without ``#!``);
    ``directives`` the questions that it asks. Of a program that is no text only the digests are told.
    """
    runs = interpreter(data)
    name = path.rpartition("/")[2]
    whole = hashlib.sha256(data).hexdigest()
    if b"\0" in data:
        script = Script(name=name, interpreter=runs, lines=0, own_lines=0, tools=(), sha256=whole,
                        own_sha256=whole, own="")  # fmt: skip
        return FileFacts(path=path, what="maintainer-script", interpreter=runs, script=script)
    text = data.decode("utf-8", "surrogateescape")
    found = parts(text)
    compared = found.compared.encode("utf-8", "surrogateescape")
    script = Script(
        name=name,
        interpreter=runs,
        lines=data.count(b"\n") + (not data.endswith(b"\n") and data != b""),
        own_lines=len(found.lines),
        tools=tuple(map(escape, found.tools)),
        sha256=whole,
        own_sha256=hashlib.sha256(compared).hexdigest() if found.lines else None,
        own=_kept(found.own) if found.lines else "",
    )
    shell = runs is None or runs in _SHELLS
    return FileFacts(
        path=path,
        what="maintainer-script",
        interpreter=runs,
        directives=tuple(one for one, _ in zip(questions(data), range(_MOST_QUESTIONS), strict=False)),
        commands=reviewed(text) if shell else (),
        script=script,
    )


def _kept(own: str) -> str:
    """The own part as it may be stored: a line is a line, and everything else is escaped; at most 64 KiB."""
    cut = own.encode("utf-8", "surrogateescape")[:_MOST_OWN].decode("utf-8", "surrogateescape")
    return "\n".join("\t".join(map(escape, line.split("\t"))) for line in cut.split("\n"))[:_MOST_ESCAPED]
