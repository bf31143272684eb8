"""Words of a line as systemd splits them: blanks between, quotation marks around, escapes of C within.

tmpfiles.d(5), sysusers.d(5) and systemd.syntax(7), "Quoting".
"""

from __future__ import annotations

import re

_LONGEST = 65_536  # characters of a line that are looked at
_WORD = re.compile(r"""\s*((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.|[^\s"'\\])+|.)""", re.DOTALL)
_SPECIAL = re.compile(r"[\"'\\]")
_PART = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:\\.|[^\s"'\\])+)|(.)""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}


def unescaped(text: str) -> str:
    r"""The text with ``\n``, ``\x20``, ``\040``, ``\u00e4`` and their like replaced; what is no escape stays."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def words(line: str, most: int) -> tuple[list[str], str]:
    """At most ``most`` words of a line without their marks, and what follows these, as written.

    A quotation mark that nothing closes is a character like others.
    """
    line = line[:_LONGEST]
    if not _SPECIAL.search(line):
        plain = line.split(None, most)
        return plain[:most], plain[most].strip() if len(plain) > most else ""
    found: list[str] = []
    at = 0
    while len(found) < most and (match := _WORD.match(line, at)):
        if not match.group().strip():
            break
        at = match.end()
        word = match[1]
        # What a mark that is not closed begins goes on as a word of its own; joined here to what stood before it.
        while at < len(line) and not line[at].isspace() and (more := _WORD.match(line, at)):
            word, at = word + more[1], more.end()
        found.append("".join(_plain(part) for part in _PART.finditer(word)))
    return found, line[at:].strip()


def _plain(part: re.Match[str]) -> str:
    return unescaped(next(text for text in part.groups() if text is not None))


def _character(match: re.Match[str]) -> str:
    byte, short, long, octal, letter = match.groups()
    if byte or octal:
        number = int(byte, 16) if byte else int(octal, 8)
        return bytes([number]).decode("utf-8", "surrogateescape")
    if short or long:
        number = int(short or long, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else match.group()
    return _LETTERS.get(letter, letter if letter in "\\\"'" else match.group())
