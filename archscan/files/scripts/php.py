"""Cryptography in PHP: by tokens (PHP's manual, "List of Parser Tokens")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.files.scripts.calls import uses_by_tokens
from archscan.files.scripts.lexer import MOST, Grammar, Lines, Token, delimited, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.files.scripts.book import Book, Language
    from archscan.model import CryptoUse

_OPEN = re.compile(r"<\?(?:php\b|=|(?=\s))", re.IGNORECASE)
_TOKEN = re.compile(
    r"""
    (?P<blank> \s++ )
  | (?P<comment> (?: // | [#](?!\[) ) (?: [^\n?] | \?(?!>) )*+ | /\* (?: [^*] | \*(?!/) )*+ (?: \*/ | \Z ) )
  | (?P<heredoc> <<<[ \t]*["']?(?P<mark>\w{1,80})["']?[ \t]*\n )
  | (?P<close> \?> )
  | (?P<variable> \$++ \w*+ )
  | (?P<number> 0[xX][\da-fA-F_]++ | \d[\d_]*+ (?: \.\d++ )? )
  | (?P<name> \\? [A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*+ (?: \\ [\w\x80-\U0010ffff]++ )*+ )
  | (?P<string> ["'`] )
  | (?P<op> \?-> | -> | => | :: | \?\? | [=!]==? | [-+*/.%|&^<>?]= | && | \|\| | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_USE = re.compile(r"^[ \t]*use[ \t]+\\?([\w\\]+)", re.MULTILINE)
_GRAMMAR = Grammar(
    separators=("::", "->", "?->"),
    definitions=frozenset({"function"}),
    assignments=frozenset({"=", ".=", "??="}),
    ends=frozenset(),
    skipped=frozenset({"new", "function", "use", "class", "namespace", "fn", "const", "instanceof"}),
    bare=False,
    updates=frozenset({"update"}),
    results=frozenset({"digest"}),
    constants=True,
)


def uses(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a file. Names of functions are in any case; those with a namespace of their own are not PHP's."""
    text = text_of(data)
    modules = [found[1] for found in _USE.finditer(text)]

    def names(name: str) -> Iterator[str]:
        plain = name.removeprefix("\\")
        if plain in language.entries or "\\" in plain or "::" in plain:
            yield plain
        elif plain.lower() in language.entries:
            yield plain.lower()

    return uses_by_tokens(book, language, list(tokens(text)), _GRAMMAR, names, modules)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of PHP between its marks; strings without theirs."""
    lines = Lines(text)
    at = count = 0
    while opened := _OPEN.search(text, at):
        at = opened.end()
        while count < MOST and (match := _TOKEN.match(text, at)):
            kind, line, here = match.lastgroup or "", lines.of(at), at
            at = match.end()
            if kind == "close":
                yield Token("op", ";", line)
                break
            if kind in ("blank", "comment"):
                continue
            count += 1
            if kind in ("heredoc", "mark"):
                end = re.compile(rf"^[ \t]*{match['mark']}\b", re.MULTILINE).search(text, at)
                yield Token("string", text[at : end.start() if end else len(text)], line)
                at = end.end() if end else len(text)
            elif kind == "string":
                said, at = delimited(text, here)
                yield Token("string", said, line)
            else:
                yield Token(kind, match.group(), line)
        else:
            return
