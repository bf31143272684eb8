"""Privileges that a package's maintainer scripts hand out: set-user-id modes and file capabilities.

Debian's way to give a program a capability is a call of setcap in its postinst, for tar members had no place for
it; modes that an administrator may override come from dpkg-statoverride(1). The scripts are read, not run: plain
commands with literal paths or variables set to a literal earlier are understood, whatever the branch they stand in.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ASSIGNMENT = re.compile(r"^(\w+)=(.*)$")
_KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "(", "exec", "command", "time"}
# `dpkg-divert --truename PATH` gives PATH wherever nobody diverted it.
_TRUE_NAME = re.compile(r"(?:`|\$\()\s*dpkg-divert\s+--truename\s+[\"']?([\w./+-]+)[\"']?\s*[`)]")
_SEPARATOR = re.compile(r"^[;&|()]+$")
_SYMBOLIC = re.compile(r"^[ugoa]*[+=][rwxXt]*s[rwxXst]*$")


def script_privileges(script: str) -> dict[str, frozenset[str]]:
    """Paths (without their first slash) and the privileges that the shell script may give them.

    A privilege is ``setuid``, ``setgid`` or a capability text such as ``cap_net_raw=ep``.
    """
    granted: dict[str, frozenset[str]] = {}
    variables: dict[str, str] = {}
    for words in _commands(script):
        for path, privilege in _grants(_expanded(_command(words, variables), variables)):
            if path.startswith("/") and "$" not in path:
                key = path.lstrip("/")
                granted[key] = granted.get(key, frozenset()) | {privilege}
    return granted


def _commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script, each as its words; text that is no plain shell is passed over."""
    text = _TRUE_NAME.sub(r"\1", script.replace("\\\n", " "))
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split = True
        words: list[str] = []
        try:
            for word in lexer:
                if _SEPARATOR.match(word):
                    yield words
                    words = []
                else:
                    words.append(word)
        except ValueError:  # an open quotation mark: a here-document or a string of several lines
            continue
        yield words


def _command(words: Sequence[str], variables: dict[str, str]) -> list[str]:
    """The command without keywords, redirections and assignments; the latter go into ``variables``."""
    rest = list(words)
    while rest:
        assignment = _ASSIGNMENT.match(rest[0])
        if assignment:
            variables[assignment[1]] = assignment[2]
        elif rest[0] == "for" and len(rest) > 3 and rest[2] == "in":
            variables[rest[1]] = "\n".join(rest[3:])  # a loop over words: each of them
            return []
        elif rest[0] not in _KEYWORDS:
            break
        rest = rest[1:]
    return [word for word in rest if ">" not in word and "<" not in word]


def _expanded(words: Sequence[str], variables: dict[str, str]) -> list[str]:
    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2], match.group())

    expanded: list[str] = []
    for word in words:
        text = _VARIABLE.sub(value, word)
        expanded += text.split("\n") if "\n" in text else [text]
    return expanded


def _grants(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not words:
        return
    name = words[0].rpartition("/")[2]
    arguments = [word for word in words[1:] if not word.startswith("-")]
    if name == "chmod" and len(arguments) > 1:
        for privilege in _mode_privileges(arguments[0]):
            for path in arguments[1:]:
                yield path, privilege
    elif name == "setcap":
        yield from ((path, _capabilities(text)) for text, path in zip(arguments[::2], arguments[1::2], strict=False))
    elif name == "dpkg-statoverride" and "--add" in words and len(arguments) >= 4:
        for privilege in _mode_privileges(arguments[2]):
            yield arguments[3], privilege


def _mode_privileges(mode: str) -> Iterator[str]:
    if mode.isdigit() and len(mode) in (4, 5):
        bits = int(mode, 8) if set(mode) <= set("01234567") else 0
        if bits & 0o4000:
            yield "setuid"
        if bits & 0o2000:
            yield "setgid"
        return
    for clause in mode.split(","):
        if _SYMBOLIC.match(clause):
            who = re.split(r"[+=]", clause)[0]
            if "u" in who or "a" in who or not who:
                yield "setuid"
            if "g" in who or "a" in who or not who:
                yield "setgid"


def _capabilities(text: str) -> str:
    """The text of setcap in the form of getcap: ``cap_net_raw+ep`` is ``cap_net_raw=ep``."""
    names, sign, flags = text.partition("+" if "+" in text else "=")
    if not sign or not set(flags) <= set("eip"):
        return text
    return f"{names}={''.join(flag for flag in 'eip' if flag in flags)}"
