"""Cryptography in Ruby: by tokens (Ruby's documentation, "Literals", "Comments")."""

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
  | (?P<blank> [ \t\r\f]++ | \\\n )
  | (?P<comment> [#][^\n]*+ )
  | (?P<heredoc> <<[~-]? (?: "(?P<dq>[^"\n]{1,80})" | '(?P<sq>[^'\n]{1,80})' | (?P<bare>[A-Z_]\w{0,80}) ) )
  | (?P<percent> %[qQwWiIxr]? [^\w\s=] )
  | (?P<symbol> : (?: [A-Za-z_]\w*+[?!=]? (?!:) | (?=") ) )
  | (?P<variable> @@?[A-Za-z_]\w*+ | \$ (?: \w++ | [^\s\w] ) )
  | (?P<number> 0[xXbo][\da-fA-F_]++ | \d[\d_]*+ (?: \.\d++ )? )
  | (?P<name> [A-Za-z_\x80-\U0010ffff]\w*+ (?: [?!](?!=) )? )
  | (?P<string> ["'`] )
  | (?P<op> => | :: | &\. | == | === | =~ | != | <=> | << | >> | && | \|\|=? | \*\* | \.\.\.? | [-+*/|&^<>]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\[]|\\.|\[(?:[^\]\\\n]|\\.){0,200}+\]|\[){0,1000}+/[a-z]*", re.DOTALL)
_BLOCK = re.compile(r"^=end\b[^\n]*\n?", re.MULTILINE)
_INDENTED = re.compile(r"[ \t]*+")
_INTERPOLATED = re.compile(r"#\{")
_DEEPEST = 3  # strings within strings
_BEFORE_REGEX = frozenset("if unless and or not while until when return elsif puts match then do".split())
_REQUIRE = re.compile(r"^[ \t]*require[ \t(]+['\"]([\w/.-]+)", re.MULTILINE)
_GRAMMAR = Grammar(
    separators=(".", "::", "&."),
    definitions=frozenset({"def"}),
    assignments=frozenset({"=", "||="}),
    ends=frozenset({"if", "unless", "and", "or", "do", "while", "until"}),
    skipped=frozenset({"def", "class", "module", "alias", "undef", "require", "is_a?", "kind_of?", "instance_of?"}),
    bare=True,
    updates=frozenset({"update", "<<", "file"}),
    results=frozenset({"hexdigest", "digest", "base64digest", "to_s"}),
    indented=True,
)


def uses(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a file."""
    text = text_of(data)

    def names(name: str) -> Iterator[str]:
        yield name

    return uses_by_tokens(
        book, language, list(tokens(text)), _GRAMMAR, names, [found[1] for found in _REQUIRE.finditer(text)]
    )


def tokens(text: str, first: int = 1, depth: int = 0) -> Iterator[Token]:
    """The tokens of Ruby, those of what stands in ``#{…}`` after the string that it is in; ``line`` ends statements."""
    at, count, start = 0, 0, True
    lines = Lines(text)
    ends: list[str] = []
    before = Token("line", "", 1)
    while count < MOST and (match := _TOKEN.match(text, at)):
        kind, line, here = match.lastgroup or "", lines.of(at) + first - 1, at
        at = match.end()
        if kind == "newline":
            bodies, at = after_heredocs(text, at, ends)
            for body in bodies:
                yield from _string(body, line + 1, depth, raw=False)
            ends, start = [], True
            before = Token("line", _INDENTED.match(text, at).group(), line)  # type: ignore[union-attr]
            yield before
            continue
        if start and text.startswith("=begin", here):
            cut = _BLOCK.search(text, here)
            at = cut.end() if cut else len(text)
            continue
        if start and text.startswith("__END__\n", here):
            return
        start = False
        if kind in ("blank", "comment"):
            continue
        count += 1
        if kind in ("heredoc", "dq", "sq", "bare") and not (
            before.kind in ("variable", "number") and text[here + 2] not in "~-"
        ):
            ends.append(match["dq"] or match["sq"] or match["bare"])
            before = Token("string", "", line)
            continue
        literal = _literal(text, here, kind, before)
        if literal is not None:
            said, at, raw = literal
            before = Token("string", said, line)
            yield from _string(said, line, depth, raw=raw)
            continue
        if kind == "symbol":
            before = Token("string", match.group()[1:], line)
        else:
            before = Token(kind if kind in ("name", "variable", "number") else "op", match.group(), line)
        yield before


def _literal(text: str, at: int, kind: str, before: Token) -> tuple[str, int, bool] | None:
    """A string or pattern that begins at a place, where the text goes on, and whether nothing is computed in it."""
    value = before.kind in ("name", "variable", "number", "string") or before.text in (")", "]", "}")
    if kind == "string":
        said, end = delimited(text, at)
        return said, end, text[at] == "'"
    spaced = text[at - 1 : at] in (" ", "\t", "\n", "") and before.kind == "name"
    if kind == "percent" and (not value or spaced):
        letter = text[at + 1]
        begin = at + (2 if letter.isalpha() else 1)
        said, end = delimited(text, begin)
        return said, end, letter in "qwi"
    operand = value and before.text not in _BEFORE_REGEX and not (spaced and text[at + 1 : at + 2] not in (" ", "="))
    if text[at] == "/" and kind == "op" and not operand:
        found = _REGEX.match(text, at)
        return ("", found.end(), True) if found else None
    return None


def _string(said: str, line: int, depth: int, *, raw: bool) -> Iterator[Token]:
    yield Token("string", said, line)
    if raw or depth >= _DEEPEST:
        return
    at = 0
    while found := _INTERPOLATED.search(said, at):
        inside, at = delimited(said, found.end() - 1)
        yield Token("op", "#{", line)
        yield from tokens(inside, line + said.count("\n", 0, found.start()), depth + 1)
        yield Token("op", "}", line)
