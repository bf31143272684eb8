"""Cryptography in shell scripts: commands, also those within ``$(…)``, whose names and options choose an algorithm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.files.scripts.commands import commands
from archscan.files.scripts.lexer import text_of
from archscan.files.scripts.uses import Mention, Value, crypto_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from archscan.files.scripts.book import Book, Language
    from archscan.files.scripts.commands import Simple
    from archscan.model import CryptoUse

# What runs the command that follows it, and keywords.
_BEFORE = frozenset(
    """
    if then else elif do while until ! { time sudo exec command env nice ionice nohup xargs eval fakeroot chroot
    busybox stdbuf setsid timeout builtin local export readonly declare typeset return
    """.split()
)
_VARIABLE = re.compile(r"\$\{?#?!?([A-Za-z_]\w*)")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=")
_MOST_NEAR = 24


def uses(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a script."""
    every = list(commands(text_of(data)))
    constants = _constants(every)
    return crypto_uses(book, language, _mentions(language, every, constants))


def _mentions(language: Language, every: Sequence[Simple], constants: Mapping[str, str]) -> Iterator[Mention]:
    beside: dict[int, list[Simple]] = {}
    functions: dict[str, list[Simple]] = {}
    for one in every:
        beside.setdefault(one.pipeline, []).append(one)
        if one.function:
            functions.setdefault(one.function, []).append(one)
    for one in every:
        for words in _commands(one.words):
            name = words[0].rpartition("/")[2] if words[0] != "/" else ""
            known = next((" ".join([name, *words[1:count]]) for count in (2, 1)
                          if " ".join([name, *words[1:count]]) in language.entries), None)  # fmt: skip
            if known is None:
                continue
            rest = words[known.count(" ") + 1 :]
            yield Mention(
                name=known,
                line=one.line,
                number=id(one),
                arguments=tuple(constants.get(word.strip("${}"), word) for word in rest if not word.startswith("-")),
                keywords=_options(rest, constants),
                function=one.function,
                place=one.pipeline,
                near=tuple(_near(one, beside[one.pipeline][:16])),
                far=tuple(word for other in functions.get(one.function or "", ())[:60] for word in other.words[1:]),
                calls=tuple(other.words[0] for other in functions.get(one.function or "", ())[:200] if other.words),
            )


def _commands(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """The command that the words are, and the one that it runs."""
    at = 0
    while at < len(words) and (words[at] in _BEFORE or _ASSIGNMENT.match(words[at])):
        wraps = words[at] in ("sudo", "xargs", "nice", "env", "ionice", "timeout", "exec", "stdbuf", "command")
        asks = words[at] == "command" and words[at + 1 : at + 2] and words[at + 1] in ("-v", "-V")
        if asks:
            return
        at += 1
        while wraps and at < len(words) and (words[at].startswith("-") or words[at].isdigit()):
            at += 1
    if at < len(words):
        yield words[at:]
    if words[at : at + 1] == ["find"]:
        for place, word in enumerate(words[at:], at):
            if word in ("-exec", "-execdir", "-ok") and place + 1 < len(words):
                yield words[place + 1 :]


def _options(words: Sequence[str], constants: Mapping[str, str]) -> dict[str, Value]:
    """Options with what follows them, ``--name=value`` taken apart."""
    found: dict[str, Value] = {}
    for at, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, equals, value = word.partition("=")
        following = value if equals else words[at + 1] if at + 1 < len(words) else None
        found[name] = constants.get(following.strip("${}"), following) if following else None
    return found


def _near(one: Simple, beside: Sequence[Simple]) -> Iterator[str]:
    if one.function:
        yield f"in {one.function}"
    for name in one.assigned:
        yield f"as {name}"
    for other in beside:
        for word in other.words:
            yield from (f"of {name}" for name in _VARIABLE.findall(word))
    for other in beside:
        yield from (word for word in other.words[1:] if word.strip("$") and not word.startswith("$"))


def _constants(every: Sequence[Simple]) -> dict[str, str]:
    """Variables that are assigned once, to a text without variables."""
    found: dict[str, list[str]] = {}
    for one in every:
        for word in one.words:
            match = _ASSIGNMENT.match(word)
            if match is None:
                if word not in ("export", "local", "readonly", "declare", "typeset"):
                    break
                continue
            found.setdefault(match[1], []).append(word[match.end() :])
    return {name: values[0] for name, values in found.items() if len(values) == 1 and "$" not in values[0]}
