"""Which language a file is in: by the line that names its interpreter (execve(2)), or by its ending."""

from __future__ import annotations

import re

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
_LONGEST = 256  # the kernel's limit, BINPRM_BUF_SIZE
_VERSION = re.compile(r"-?[0-9][0-9.]*(?:-dbg)?$")
_PROGRAMS = {"python": "python", "pypy": "python", "perl": "perl", "php": "php", "ruby": "ruby", "jruby": "ruby"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def interpreter(head: bytes) -> str | None:
    """The program of the ``#!`` line at the start of a file, without its folder; what env(1) starts instead of it.

    None where the file begins otherwise. Options and assignments of env are passed over.
    """
    if not head.startswith(b"#!"):
        return None
    words = head[2:_LONGEST].split(b"\n", 1)[0].decode("utf-8", "replace").split()
    if not words:
        return None
    name = words[0].rpartition("/")[2]
    if name != "env":
        return name
    rest = (word for word in words[1:] if not word.startswith("-") and not _ASSIGNMENT.match(word))
    return next((word.rpartition("/")[2] for word in rest), None)


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
