"""Calls of functions by name that stand in sources in C and C++: outside comments, strings and what `#if 0` leaves out.

This reads text and no types. What is not seen: calls by a pointer, through a macro of another file, of members of C++
classes. A declaration is told from a call by the word before it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path

import msgspec

ENDINGS = {".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".inc"}
_MOST = 5_000_000  # bytes of a file
_PATCHES = ".pc"  # what files were before patches, where dpkg-source unpacks
_LONG = 6  # characters of a text that says which file it is of

_PIECE = re.compile(
    r"""/\*.*?(?:\*/|\Z) | //(?:\\\n|[^\n])* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.VERBOSE | re.DOTALL
)
_CONDITION = re.compile(r"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b[ \t]*(.*)")
_DEFINE = re.compile(r"[ \t]*#[ \t]*define\b")
_NAME = re.compile(r"[A-Za-z_]\w*")
_CALL = re.compile(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(")
_BEFORE = re.compile(r"([A-Za-z_]\w*|\S)\s*\Z")
_NO_TYPES = {"return", "else", "do", "case", "throw", "co_return", "and", "or", "not", "goto"}
_TYPED = re.compile(r"[A-Za-z_]\w*\s*[*&\s]*\Z")
_TEMPLATE = re.compile(r"[\w:]+\s*<[\w\s:,*&<>]*>\s*\Z")  # the type of what a template of C++ returns
_OPERATORS = re.compile(r"[=(,;{}!|?:+\-/%<]\s*[*&\s]*\Z")


class Call(msgspec.Struct, frozen=True, order=True):
    """A call in a file, by its name in the tree; ``condition``: the directives around it; ``macro``: in a `#define`."""

    file: str
    line: int
    symbol: str
    condition: str
    macro: bool


class Source(msgspec.Struct, frozen=True):
    """A file: calls, functions of the wanted names that it defines, and texts that an object made from it has."""

    file: str
    calls: tuple[Call, ...]
    defined: frozenset[str]
    texts: tuple[bytes, ...]


def sources(root: Path, wanted: Container[str]) -> Iterator[Source]:
    """The files of an unpacked source package that call or define one of the functions, sorted by their names."""
    for path in sorted(root.rglob("*")):
        if path.suffix not in ENDINGS or path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST:
            continue
        if _PATCHES in path.relative_to(root).parts:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if not any(word in wanted for word in set(_NAME.findall(text))):
            continue
        name = str(path.relative_to(root))
        calls, defined = tuple(calls_in(text, name, wanted)), frozenset(defined_in(text, wanted))
        if calls or defined:
            yield Source(name, calls, defined, texts_in(text))


def texts_in(text: str) -> tuple[bytes, ...]:
    """The longest part without an escape of each string in a text in C, of those that are long enough, sorted."""
    found = set()
    for piece in _PIECE.findall(_without_directives(text)):
        if piece.startswith('"'):
            longest = max(re.split(r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]+|.)", piece[1:-1]), key=len)
            if len(longest) >= _LONG:
                found.add(longest.encode())
    return tuple(sorted(found))


def calls_in(text: str, file: str, wanted: Container[str]) -> Iterator[Call]:
    """The calls of the functions in a text in C, in order; without those in branches of `#if 0`."""
    blank = _PIECE.sub(
        lambda found: re.sub(r"[^\n]", " ", found[0]) if found[0][0] == "/" else _emptied(found[0]), text
    )
    lines = blank.split("\n")
    conditions = _conditions(lines)
    macros = _macros(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    number = 0
    for found in _CALL.finditer(blank):
        if found[1] not in wanted:
            continue
        while starts[number + 1] <= found.start(1):
            number += 1
        condition = conditions[number]
        if condition is not None and (macros[number] or not _declares(blank[: found.start(1)][-300:])):
            yield Call(file, number + 1, found[1], condition, macros[number])


def defined_in(text: str, wanted: Container[str]) -> Iterator[str]:
    """The functions of the wanted names that a text in C defines: with a type before them and a block behind."""
    blank = _blank(text)
    for found in _CALL.finditer(blank):
        if found[1] in wanted and _declares(blank[: found.start(1)][-300:]):
            end = _closed(blank, found.end() - 1)
            if blank[end : end + 500].lstrip().startswith("{"):
                yield found[1]


def _closed(text: str, start: int) -> int:
    """Where the parenthesis that opens at the start is closed; the end of the text where it is not."""
    depth = 0
    for place in range(start, min(len(text), start + 5000)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    return len(text)


def _blank(text: str) -> str:
    """A text in C with spaces for what is in comments and strings."""
    return _PIECE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]) if found[0][0] == "/" else _emptied(found[0]), text)


def _emptied(piece: str) -> str:
    return piece[0] + " " * (len(piece) - 2) + piece[-1] if "\n" not in piece else re.sub(r"[^\n]", " ", piece)


def _without_directives(text: str) -> str:
    return re.sub(r"^[ \t]*#[ \t]*(?:include|error|warning|pragma).*$", "", text, flags=re.MULTILINE)


def _declares(before: str) -> bool:
    """Whether a name with a parenthesis behind this is a declaration or definition: a type stands before it."""
    before = re.sub(r"^[ \t]*#.*$", ";", before, flags=re.MULTILINE)  # the directive ends what stood before it
    last = _BEFORE.search(before)
    if last is None:
        return False
    word = last[1]
    if _NAME.fullmatch(word):
        return word not in _NO_TYPES
    if word == ">":
        return bool(_TEMPLATE.search(before))
    if word in "*&" and not before.rstrip().endswith("&&"):
        return bool(_TYPED.search(before.rstrip()[:-1])) and _starts_statement(before)
    return False


def _starts_statement(before: str) -> bool:
    """Whether only words and stars stand between the end of what came before and here."""
    return not _OPERATORS.search(re.sub(r"[\w\s*&]+\Z", "", before)) or re.sub(r"[\w\s*&]+\Z", "", before).rstrip()[
        -1:
    ] in (";", "{", "}", "")


def _conditions(lines: list[str]) -> list[str | None]:
    """For each line the conditions around it, joined; None where one of them is never so."""
    stack: list[str] = []
    result: list[str | None] = []
    for line in lines:
        if found := _CONDITION.match(line):
            word, rest = found[1], found[2].strip()
            if word == "endif":
                del stack[-1:]
            elif word in ("elif", "else"):
                before = stack.pop() if stack else ""
                stack.append(rest if word == "elif" else "not 0" if before == "0" else f"not ({before})")
            else:
                stack.append({"ifdef": "defined ", "ifndef": "not defined ", "if": ""}[word] + rest)
        result.append(None if "0" in stack else " and ".join(stack))
    return result


def _macros(lines: list[str]) -> list[bool]:
    inside = False
    result = []
    for line in lines:
        inside = inside or bool(_DEFINE.match(line))
        result.append(inside)
        inside = inside and line.rstrip().endswith("\\")
    return result
