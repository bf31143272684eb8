"""A shell script as its simple commands, each a row of words; read, never run (sh(1), "Token Recognition")."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_TOKEN = re.compile(
    r"""
    (?P<continued> \\\n )
  | (?P<blank> [ \t\r]+ )
  | (?P<newline> \n )
  | (?P<heredoc> \d* <<-? (?!<) )
  | (?P<redirection> \d* (?: [<>]{1,3} [&|]? | &> ) )
  | (?P<separator> [;&|()]+ )
  | (?P<word> (?:
        '[^']*'                                     # nothing is special within
      | "(?: [^"\\] | \\. )*"
      | \$\{ [^}\n]{0,200} \}
      | \$\( (?: [^()] | \( [^()]{0,200} \) ){0,500} \)   # a substitution; its value is not known
      | `[^`]*`
      | \\.
      | (?<! \s ) [#]                               # within a word it begins no comment
      | \$ [#]                                      # the count of arguments
      | [^\s;&|()<>'"\\`#]
    )+ )
  | (?P<comment> [#] [^\n]* )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)


class Simple(msgspec.Struct, frozen=True):
    """A simple command: its words, the files that it writes to, and whether it reads what the one before it said.

    ``start`` and ``end`` are offsets in the script, ``line`` counts from 1.
    """

    words: list[str]
    writes: list[str]
    piped: bool
    start: int
    end: int
    line: int


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands of the script, without quotation marks, comments, redirections and here-documents.

    Keywords and assignments stand as words. What is no shell gives nonsense, but never an error.
    """
    return (command.words for command in simple_commands(script))


def simple_commands(script: str) -> Iterator[Simple]:
    """The same with where they stand and what is redirected."""
    words: list[str] = []
    writes: list[str] = []
    ends: list[str] = []  # of here-documents that begin on the next line
    skip = ""  # the next word is no argument: a file, or the end mark of a here-document
    at = start = end = counted = 0
    line, piped = 1, False
    while match := _TOKEN.match(script, at):
        kind = match.lastgroup
        if kind == "word":
            if skip == "heredoc":
                ends.append(_unquoted(match.group()))
            elif skip.endswith(">"):
                writes.append(_unquoted(match.group()))
            elif not skip:
                words.append(_unquoted(match.group()))
        if kind in ("word", "heredoc", "redirection") and start == end:
            start = at
        at = match.end()
        if kind == "word":
            skip, end = "", at
        elif kind in ("heredoc", "redirection"):
            skip = kind if kind == "heredoc" else match.group().rstrip("|")  # 2>&1 writes to no file
            end = at
        elif kind in ("newline", "separator", "other"):
            line, counted = line + script.count("\n", counted, start), start
            yield Simple(words, writes, piped, start, end, line)
            piped = match.group() == "|" or match.group() == "|&" or (piped and not words and kind == "newline")
            words, writes, skip = [], [], ""
            if kind == "newline":
                at, ends = _after(script, at, ends), []
            start = end = at
    line += script.count("\n", counted, start)
    yield Simple(words, writes, piped, start, end, line)


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda match: next(text for text in match.groups() if text is not None), word)


def _after(script: str, at: int, ends: list[str]) -> int:
    """Where the script goes on after the here-documents that begin at ``at``."""
    for end in ends:
        mark = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE).search(script, at)
        at = mark.end() if mark else len(script)
    return at
