"""Shell text as its simple commands; read, never run (sh(1), "Token Recognition").

What stands in ``$(…)`` and backquotes is part of a word here; ``files/scripts/commands.py`` goes into these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<blank> (?: [ \t\r] | \\\n )+ )
  | (?P<newline> \n )
  | (?P<heredoc> \d*+ <<-? (?!<) )
  | (?P<redirection> \d*+ (?: &>>? | <<< | [<>] [<>&|]? ) )
  | (?P<separator> [;&|()]+ )
  | (?P<comment> [#] [^\n]* )
  | (?P<word> (?>                                   # never tried a second way: what is hostile costs no more
        '[^']*+'
      | "(?> [^"\\`$] | \\. | \$\( [^()\n]{0,2000} \) | `[^`]{0,2000}` | [$`] )*+"
      | \$\{ [^}\n]{0,500} \}
      | \$\( (?> [^()] | \( [^()]{0,500} \) ){0,500}+ \)
      | `[^`]*+`
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
_DECLARES = frozenset(("export", "local", "readonly", "declare", "typeset"))


class Simple(NamedTuple):
    """A simple command: its words as written, keywords and assignments among them, and the files that it writes to.

    ``piped`` tells whether it reads what the one before it said, ``sound`` whether every quotation mark so far was
    closed. ``start`` and ``end`` are offsets in the script; ``line`` is that of its start, from 1.
    """

    written: list[str]
    writes: list[str]
    piped: bool
    sound: bool
    start: int
    end: int
    line: int

    @property
    def words(self) -> list[str]:
        """The words without quotation marks; variables stay as they are."""
        return [unquoted(word) for word in self.written]


class Run(NamedTuple):
    """What a simple command runs: ``words`` as written, without keywords and the assignments in front of them.

    ``own``: the shell does it itself. ``assigned`` are the assignments, those of ``export`` and its like too.
    """

    words: list[str]
    assigned: list[str]
    own: bool


def unquoted(word: str) -> str:
    """The word without quotation marks; variables stay as they are."""
    return _QUOTED.sub(_inside, word)


def _inside(match: re.Match[str]) -> str:
    if match[2] is not None:
        return _WITHIN.sub(lambda one: one[1].strip("\n"), match[2])
    return match[1] if match[1] is not None else match[3].strip("\n")


def run(simple: Simple) -> Run:
    """The command's own words, and what it assigns."""
    words = simple.written
    at = 0
    while at < len(words) and words[at] in _BEFORE:
        at += 1
    start = at
    while at < len(words) and _ASSIGNMENT.match(words[at]):
        at += 1
    rest, assigned = words[at:], words[start:at]
    if rest and rest[0] in _DECLARES:
        assigned = [word for word in rest[1:] if _ASSIGNMENT.match(word)]
    return Run(rest, assigned, not rest or rest[0] in _OWN)


def simple_commands(script: str) -> Iterator[Simple]:
    """Every simple command, at most 20,000; without comments, here-documents and the patterns of ``case``.

    What is no shell gives nonsense, but never an error.
    """
    reader = _Reader(script[:_LONGEST])
    for _ in range(MOST_COMMANDS):
        found = reader.next()
        if found is None:
            return
        yield found


class _Reader:
    def __init__(self, script: str) -> None:
        self.script = script
        self.at = self.counted = 0
        self.line = 1
        self.depth = 0  # of brackets around commands
        self.ends: list[str] = []  # of here-documents that begin on the next line
        self.skip = ""  # the next word is no argument: a file, or the end mark of a here-document
        self.piped, self.sound = False, True
        self._begin()

    def _begin(self) -> None:
        self.words: list[str] = []
        self.writes: list[str] = []
        self.start = self.end = self.at

    def next(self) -> Simple | None:
        """The next command; None at the end."""
        while match := _TOKEN.match(self.script, self.at):
            kind, text, begin = str(match.lastgroup), match.group(), self.at
            self.at = match.end()
            if kind in ("word", "heredoc", "redirection"):
                self.start = begin if self.start == self.end else self.start
                self.end = self.at
                self._take(kind, text)
            elif kind in ("newline", "separator", "other"):
                found = self._ended(kind, text)
                self._after(kind, text, bool(found))
                if found:
                    return found
        found = self._simple()
        self._begin()
        return found

    def _take(self, kind: str, text: str) -> None:
        if kind != "word":
            self.skip = kind if kind == "heredoc" else text.rstrip("|")  # 2>&1 writes to no file
            return
        if self.skip == "heredoc":
            self.ends.append(unquoted(text))
        elif self.skip.endswith(">"):
            self.writes.append(unquoted(text))
        elif not self.skip:
            self.words.append(text)
        self.skip = ""

    def _ended(self, kind: str, text: str) -> Simple | None:
        """The command that ends here, unless what ends is a pattern of ``case``."""
        if kind == "other" and text in "\"'`":
            self.sound = False
        is_pattern = text.startswith(")") and not self.depth
        self.depth = max(0, self.depth + text.count("(") - text.count(")"))
        return None if is_pattern else self._simple()

    def _simple(self) -> Simple | None:
        if not self.words and not self.writes:
            return None
        self.line += self.script.count("\n", self.counted, self.start)
        self.counted = self.start
        return Simple(self.words, self.writes, self.piped, self.sound, self.start, self.end, self.line)

    def _after(self, kind: str, text: str, found: bool) -> None:
        self.piped = text in ("|", "|&") or (self.piped and not found and kind == "newline")
        self.skip = ""
        if kind == "newline":
            for end in self.ends:
                mark = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE).search(self.script, self.at)
                self.at = mark.end() if mark else len(self.script)
            self.ends = []
        self._begin()
