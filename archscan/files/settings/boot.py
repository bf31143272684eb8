"""What is made at boot or when a package comes.

Files (tmpfiles.d(5)), accounts (sysusers.d(5)), formats of programs that an interpreter runs (binfmt.d(5),
update-binfmts(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.quoting import words
from archscan.files.forms.text import cut, lines
from archscan.files.parser import Places
from archscan.model import Directive, FileFacts

_MOST = 5_000
_FLAGS = {"credentials": "C", "preserve": "P", "fix_binary": "F"}  # of update-binfmts, as binfmt.d has them
_TMPFILE = re.compile(r"[a-zA-Z][-+!=~^$?]*")


def tmpfiles(path: str, data: bytes) -> FileFacts:
    """What is made or removed: ``section`` is the type with its modifiers, ``name`` the path.

    ``value`` always begins with mode, user, group and age, ``-`` where they are left out, before the argument.
    """
    found: list[Directive] = []
    for number, line in _rows(data):
        fields, argument = words(line, 6)
        if len(fields) > 1 and _TMPFILE.fullmatch(fields[0]) and len(found) < _MOST:
            argument = "" if argument == "-" else argument
            value = " ".join([*map(_word, _filled(fields[2:], 4)), argument]).strip()
            found.append(Directive(number, fields[0], cut(fields[1]), cut(value)))
    return FileFacts(path=path, what="tmpfiles", directives=tuple(found))


def sysusers(path: str, data: bytes) -> FileFacts:
    """The accounts: ``section`` is the type, ``name`` the user or group, ``value`` id, home, shell and description.

    The id of ``m`` is the group that the user joins. What is left out is ``-``.
    """
    found: list[Directive] = []
    for number, line in _rows(data):
        fields, _ = words(line, 6)
        if len(fields) > 1 and len(found) < _MOST:
            kind, name, number_of, about, home, shell = _filled(fields, 6)
            value = " ".join([*map(_word, (number_of, home, shell)), about])
            found.append(Directive(number, cut(kind), cut(name), cut(value)))
    return FileFacts(path=path, what="sysusers", directives=tuple(found))


def binfmt(path: str, data: bytes) -> FileFacts:
    """The formats: ``section`` is ``M`` (by magic) or ``E`` (by ending), ``name`` the name.

    ``value`` is flags (or ``-``) and the interpreter. The flag ``C`` runs it with the rights of the program,
    set-user-id too.
    """
    return FileFacts(path=path, what="binfmt", directives=tuple(_formats(data))[:_MOST])


def binfmts(path: str, data: bytes) -> FileFacts:
    """The same of a file for ``update-binfmts --import``, which has one format in lines of ``key value``."""
    said: dict[str, str] = {}
    first = 0
    for number, line in _rows(data):
        key, _, value = line.strip().partition(" ")
        first = first or number
        said.setdefault(key[:40], value.strip())
    found: tuple[Directive, ...] = ()
    if "interpreter" in said:
        flags = "".join(flag for key, flag in _FLAGS.items() if said.get(key, "no") in ("yes", "1"))
        name = path.rpartition("/")[2]
        kind = "M" if "magic" in said else "E"
        found = (Directive(first, kind, cut(name), cut(f"{flags or '-'} {said['interpreter']}")),)
    return FileFacts(path=path, what="binfmt", directives=found)


def _formats(data: bytes) -> Iterator[Directive]:
    for number, line in _rows(data):
        text = line.strip()
        fields = text[1:].split(text[0], 6)  # whatever character comes first separates
        if len(fields) == 7 and fields[1] in ("M", "E"):
            yield Directive(number, fields[1], cut(fields[0]), cut(f"{fields[6].strip() or '-'} {fields[5]}"))


def _rows(data: bytes) -> Iterator[tuple[int, str]]:
    for number, line in lines(data):
        text = line.lstrip()
        if text.strip() and text[0] not in "#;":
            yield number, text


def _filled(fields: list[str], size: int) -> list[str]:
    return [field or "-" for field in [*fields, *[""] * size][:size]]


def _word(field: str) -> str:
    return re.sub(r"\s", "_", field)  # so that a value can be split again


_FOLDER = r"(?:etc|run|(?:usr/)?(?:local/)?lib)"
PLACES: Places = (
    (re.compile(rf"(?:{_FOLDER}/|usr/(?:local/)?share/user-)tmpfiles\.d/[^/]+\.conf"), tmpfiles),
    (re.compile(rf"{_FOLDER}/sysusers\.d/[^/]+\.conf"), sysusers),
    (re.compile(rf"{_FOLDER}/binfmt\.d/[^/]+\.conf"), binfmt),
    (re.compile(r"usr/share/binfmts/[^/.][^/]*"), binfmts),
)
