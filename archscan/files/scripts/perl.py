"""Cryptography in Perl: by tokens (perlop, "Quote and Quote-like Operators"; perlpod)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.files.scripts.calls import uses_by_tokens
from archscan.files.scripts.lexer import MOST, Grammar, Lines, Token, after_heredocs, delimited, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.files.scripts.book import Book, Language
    from archscan.model import CryptoUse

_TOKEN = re.compile(
    r"""
    (?P<newline> \n )
  | (?P<blank> [ \t\r\f]++ )
  | (?P<comment> [#][^\n]*+ )
  | (?P<heredoc> <<~? (?: "(?P<dq>[^"\n]{1,80})" | '(?P<sq>[^'\n]{1,80})' | (?P<bare>[A-Z_a-z]\w{0,80}) ) )
  | (?P<variable> [$@%&] (?: (?: :: )? [A-Za-z_]\w*+ (?: (?: :: | ' (?=[a-zA-Z]) ) \w++ )*+ | \{ \^?\w++ \} )
      | \$ [#] [\w{$]?
      | \$ (?: \$ (?=[A-Za-z_{]) )* [^\s\w] | \$ \d++ | @_ )
  | (?P<number> 0[xX][\da-fA-F_]++ | \d[\d_]*+ (?: \.\d++ )? )
  | (?P<name> [A-Za-z_]\w*+ (?: :: \w++ )*+ (?: :: )? )
  | (?P<string> ["'`] )
  | (?P<op> -> | => | \+\+ | -- | \*\* | =~ | !~ | == | != | <=> | <= | >= | && | \|\| | // | \.\.\.? | ::
      | [-+*/.|&^<>=]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\[]|\\.|\[(?:[^\]\\\n]|\\.){0,200}+\]|\[){0,1000}+/[a-z]*", re.DOTALL)
_POD = re.compile(r"^=cut\b[^\n]*\n?", re.MULTILINE)
_QUOTES = {"q": 1, "qq": 1, "qw": 1, "qx": 1, "qr": 1, "m": 1, "s": 2, "tr": 2, "y": 2}
_BEFORE_REGEX = frozenset(
    "if unless and or not while until split grep map join return push x lt gt le ge eq ne cmp foreach for when".split()
)
_IMPORT = re.compile(r"^[ \t]*(?:use|require)[ \t]+([A-Za-z_][\w:]*)([^;]{0,2000})", re.MULTILINE)


def uses(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a file."""
    text = text_of(data)
    modules = [found[1] for found in _IMPORT.finditer(text)]
    own = set(re.findall(r"^[ \t]*sub[ \t]+(\w+)", text, re.MULTILINE))
    said = "\n".join(found[2] for found in _IMPORT.finditer(text))
    grammar = Grammar(
        separators=("->", "::"),
        definitions=frozenset({"sub"}),
        assignments=frozenset({"=", "||=", "//="}),
        ends=frozenset({"if", "unless", "or", "and", "for", "foreach", "while"}),
        skipped=frozenset({"use", "no", "require", "package", "sub", "isa", "ref"}),
        bare=True,
        updates=frozenset({"add", "addfile", "add_bits"}),
        results=frozenset({"hexdigest", "digest", "b64digest"}),
    )

    def names(name: str) -> Iterator[str]:
        if "::" in name or "->" in name or name in language.entries:
            yield name
        if "::" not in name.partition("->")[0] and name not in own and "->" not in name:
            # What is not exported by default has to be named.
            full = (f"{module}::{name}" for module in modules if name in said or module not in _ASKED)
            yield from (one for one in full if one in language.entries)

    return uses_by_tokens(book, language, list(tokens(text)), grammar, names, modules)


_ASKED = frozenset({"Digest::MD5", "Digest::SHA", "Digest::SHA1", "Digest::MD4", "Crypt::Digest::MD5"})
"""Modules that export functions only where these are named."""


def tokens(text: str) -> Iterator[Token]:
    """The tokens of Perl; strings without their marks, words of ``qw`` as strings."""
    at, count, start = 0, 0, True
    lines = Lines(text)
    ends: list[str] = []
    before = Token("op", ";", 1)
    while count < MOST and (match := _TOKEN.match(text, at)):
        kind, line, here = match.lastgroup or "", lines.of(at), at
        at = match.end()
        if kind == "newline":
            if ends:
                bodies, at = after_heredocs(text, at, ends)
                yield from (Token("string", body, line) for body in bodies)
                ends = []
                at = max(at - 1, here + 1) if at < len(text) and text[at - 1 : at] == "\n" else at
            start = True
            continue
        if start and kind == "op" and text[here] == "=" and text[here + 1 : here + 2].isalpha():
            cut = _POD.search(text, here)
            at = cut.end() if cut else len(text)
            continue
        start = False
        if kind in ("blank", "comment"):
            continue
        if kind in ("heredoc", "dq", "sq", "bare"):
            ends.append(match["dq"] or match["sq"] or match["bare"])
            continue
        if kind == "name" and match.group() in ("__END__", "__DATA__"):
            return
        read = _literal(text, here, kind, match.group(), before)
        token = Token(kind, match.group(), line)
        if read is not None:
            token, at = Token("string", read[0], line), read[1]
        count += 1
        yield token
        before = token


def _literal(text: str, at: int, kind: str, said: str, before: Token) -> tuple[str, int] | None:
    """A string, a pattern or quoted words that begin at a place, and where the text goes on; None for other tokens."""
    if kind == "string":
        return delimited(text, at)
    if kind == "name":
        return _quoted(text, at + len(said), said, before)
    value = before.kind in ("variable", "number", "string", "name") or before.text in (")", "]", "}")
    if said in ("/", "//", "/=") and (not value or before.text in _BEFORE_REGEX):
        found = _REGEX.match(text, at)
        return ("", found.end()) if found else None
    return None


def _quoted(text: str, at: int, said: str, before: Token) -> tuple[str, int] | None:
    """``q(…)`` and its like, and words that are strings by where they stand."""
    rest = text[at : at + 40].lstrip(" \t")
    if rest.startswith("=>") or (before.text == "{" and rest.startswith("}")):
        return said, at
    if said not in _QUOTES or before.text in ("->", "sub", "&", "-") or not rest or rest[0] in "=,;)":
        return None
    begin = at + len(text[at : at + 40]) - len(text[at : at + 40].lstrip(" \t"))
    if rest[0].isalnum() or rest[0] == "_" or (rest[0] == "#" and begin > at):
        return None
    inside, end = delimited(text, begin)
    if _QUOTES[said] == 2:
        if text[begin] in "([{<":
            second = re.compile(r"\s*").match(text, end)
            end = second.end() if second else end
            end = delimited(text, end)[1]
        else:
            end = delimited(text, end - 1)[1]
    return (inside if said in ("q", "qq", "qw") else ""), end
