"""Which language a file is in: by the line that names its interpreter (execve(2)), or by its ending."""

from __future__ import annotations

import re

from archscan.files.forms.text import interpreter

_ENDINGS = {
    ".py": "python",
    ".pyw": "python",
    ".pl": "perl",
    ".pm": "perl",
    ".cgi": None,  # whatever its first line says
    ".php": "php",
    ".phtml": "php",
    ".inc": None,
    ".rb": "ruby",
    ".rake": "ruby",
    ".sh": "shell",
    ".bash": "shell",
    ".class": "java",
    ".jar": "java",
    ".war": "java",
}
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "mksh", "zsh", "ash", "posh", "busybox", "rbash"})
_VERSION = re.compile(r"-?[0-9][0-9.]*(?:-dbg)?$")
_PROGRAMS = {"python": "python", "pypy": "python", "perl": "perl", "php": "php", "ruby": "ruby", "jruby": "ruby"}


def language(path: str, head: bytes) -> str | None:
    """The language of a file, a word such as ``python``; None where it is in none that is read."""
    if program := interpreter(head):
        plain = _VERSION.sub("", program)
        if found := ("shell" if plain in _SHELLS else _PROGRAMS.get(plain)):
            return found
    name = path.rpartition("/")[2].lower()
    dot = name.rfind(".")
    ending = name[dot:] if dot > 0 else ""
    if ending in (".inc", ".phpt") and head.lstrip()[:5].lower() == b"<?php":
        return "php"
    return _ENDINGS.get(ending)
