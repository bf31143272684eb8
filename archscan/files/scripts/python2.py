"""Cryptography in Python that does not parse, as for Python 2: by tokens, and so no more than likely."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.files.scripts.calls import uses_by_tokens
from archscan.files.scripts.lexer import MOST, Grammar, Lines, Token, text_of
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.files.scripts.book import Book, Language
    from archscan.model import CryptoUse

_TOKEN = re.compile(
    r"""
    (?P<newline> \n [ \t]*+ )
  | (?P<blank> [ \t\r\f]++ | \\\n )
  | (?P<comment> [#][^\n]*+ )
  | (?P<string> [bBrRuUfF]{0,2} (?: \"\"\" (?: [^"\\] | \\. | "(?!"") )*+ (?: \"\"\" | \Z )
      | ''' (?: [^'\\] | \\. | '(?!'') )*+ (?: ''' | \Z )
      | " (?: [^"\\\n] | \\. )*+ "? | ' (?: [^'\\\n] | \\. )*+ '? ) )
  | (?P<number> 0[xX][\da-fA-F]++ | \d++ (?: \.\d++ )? )
  | (?P<name> [A-Za-z_]\w*+ )
  | (?P<op> == | != | <= | >= | [-+*/|&]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_MARKS = re.compile(r"""^[a-zA-Z]{0,2}("{3}|'{3}|"|')""")
_IMPORT = re.compile(
    r"""^[ \t]*(?: import [ \t]+ (?P<plain>[^\n#;]{1,500})
      | from [ \t]+ (?P<module>[\w.]+) [ \t]+ import [ \t]+ \(? (?P<names>[^\n#;)]{1,500}) )""",
    re.MULTILINE | re.VERBOSE,
)
_GRAMMAR = Grammar(
    separators=(".",),
    definitions=frozenset({"def"}),
    assignments=frozenset({"="}),
    ends=frozenset({"if", "else", "for"}),
    skipped=frozenset({"import", "def", "class", "from", "as"}),
    bare=False,
    updates=frozenset({"update"}),
    results=frozenset({"hexdigest", "digest"}),
    indented=True,
    named="=",
)


def uses_by_text(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a file, as its imports and tokens tell."""
    text = text_of(data)
    known, modules = _imports(text)

    def names(name: str) -> Iterator[str]:
        head, dot, rest = name.partition(".")
        yield from (one + dot + rest for one in known.get(head, ()))

    return uses_by_tokens(book, language, list(tokens(text)), _GRAMMAR, names, modules, Confidence.LIKELY)


def _imports(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """What imported names stand for, and the modules."""
    known: dict[str, list[str]] = {}
    modules: list[str] = []
    for found in _IMPORT.finditer(text):
        module = found["module"]
        for part in (found["plain"] or found["names"]).split(","):
            words = part.split()
            if not words:
                continue
            full = f"{module}.{words[0]}" if module else words[0]
            alias = words[2] if len(words) == 3 and words[1] == "as" else words[0] if module else words[0].split(".")[0]
            known.setdefault(alias, []).append(full if module or len(words) == 3 else alias)
            modules.append((module or words[0]).split(".")[0])
    return known, modules


def tokens(text: str) -> Iterator[Token]:
    """The tokens; strings without their marks, ends of lines as ``line``."""
    lines = Lines(text)
    at = count = 0
    while count < MOST and (match := _TOKEN.match(text, at)):
        kind, line = match.lastgroup or "", lines.of(at)
        at = match.end()
        if kind in ("blank", "comment"):
            continue
        count += 1
        said = match.group()
        if kind == "newline":
            yield Token("line", said[1:].expandtabs(8), line)
        elif kind == "string" and (marks := _MARKS.match(said)):
            yield Token("string", said[marks.end() : -len(marks[1])], line)
        else:
            yield Token(kind, said, line)
