"""Shell text as its simple commands with their lines; read, never run (sh(1), "Token Recognition")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<blank> (?: [ \t\r] | \\\n )+ )
  | (?P<newline> \n )
  | (?P<heredoc> \d? <<-? (?!<) )
  | (?P<redirection> \d? (?: &>>? | <<< | [<>] [<>&|]? ) )
  | (?P<separator> [;&|()]+ | ` )
  | (?P<comment> [#] [^\n]* )
  | (?P<word> (?>                                   # never tried a second way: what is hostile costs no more
        '[^']*+'
      | "(?> [^"\\`$] | \\. | \$\( [^()\n]{0,2000} \) | `[^`]{0,2000}` | [$`] )*+"
      | \$\{ [^}\n]{0,500} \}
      | \$\( (?> [^()] | \( [^()]{0,500} \) ){0,500}+ \)
      | \$'(?> [^'\\] | \\. )*+'
      | \\.
      | [^\s;&|()<>'"\\`]
    )++ )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"""\$?'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_WITHIN = re.compile(r"\\([$`\"\\\n])")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
MOST_COMMANDS = 20_000
_LONGEST = 1 << 20  # characters of a script that are looked at

# Words that may stand in front of a command, and those that end one or do all their work in the shell.
_BEFORE = frozenset("if then else elif do while until ! { time".split())
_OWN = frozenset(
    """
    [ [[ test : . source true false cd echo printf exit return export local unset set shift read trap umask wait
    eval fi done esac } case for in function readonly declare typeset break continue type hash alias let
    """.split()
)


class Simple(NamedTuple):
    """A simple command: the line of its first word, and its words as written."""

    line: int
    words: list[str]
    own: bool  # the shell does it itself
    assigned: list[str]  # NAME=value in front of it


def unquoted(word: str) -> str:
    """The word without quotation marks; variables stay as they are."""
    return _QUOTED.sub(_inside, word)


def _inside(match: re.Match[str]) -> str:
    if match[2] is not None:
        return _WITHIN.sub(lambda one: one[1].strip("\n"), match[2])
    return match[1] if match[1] is not None else match[3].strip("\n")


def simple_commands(script: str) -> Iterator[Simple]:
    """The commands that are no part of the shell itself."""
    return (command for command in all_commands(script) if not command.own and command.words)


def all_commands(script: str) -> Iterator[Simple]:
    """Every simple command, at most 20,000, also those that only assign; here-documents are left out.

    Ends where a quotation mark is not closed, as a shell would. Patterns of ``case`` are left out.
    """
    words: list[str] = []
    ends: list[str] = []  # of here-documents that begin on the next line
    skip = ""
    depth = count = at = 0
    line = first = 1
    script = script[:_LONGEST]
    while (match := _TOKEN.match(script, at)) and count < MOST_COMMANDS:
        at, kind, text = match.end(), match.lastgroup, match.group()
        if kind == "word":
            if skip == "heredoc":
                ends.append(unquoted(text))
            elif not skip:
                first = first if words else line
                words.append(text)
            skip = ""
        elif kind in ("heredoc", "redirection"):
            skip = str(kind)
        elif kind in ("newline", "separator", "other"):
            if kind == "other" and text in "\"'":
                return
            pattern = text.startswith(")") and not depth
            depth = max(0, depth + text.count("(") - text.count(")"))
            if words and not pattern:
                count += 1
                yield _simple(first, words)
            words, skip = [], ""
        line += text.count("\n")
        if kind == "newline" and ends:
            begin, at, ends = at, _after(script, at, ends), []
            line += script.count("\n", begin, at)
    if words:
        yield _simple(first, words)


def _simple(line: int, words: list[str]) -> Simple:
    at = 0
    while at < len(words) and words[at] in _BEFORE:
        at += 1
    start = at
    while at < len(words) and _ASSIGNMENT.match(words[at]):
        at += 1
    rest = words[at:]
    assigned = words[start:at]
    if rest and rest[0] in ("export", "local", "readonly", "declare", "typeset"):
        assigned = [word for word in rest[1:] if _ASSIGNMENT.match(word)]
    return Simple(line, rest, not rest or rest[0] in _OWN, assigned)


def _after(script: str, at: int, ends: list[str]) -> int:
    """Where the script goes on behind the here-documents that begin at ``at``."""
    for end in ends:
        mark = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE).search(script, at)
        at = mark.end() if mark else len(script)
    return at
