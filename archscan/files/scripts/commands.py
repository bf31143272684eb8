"""Shell text as simple commands with their lines, also those in ``$(…)`` and backquotes (sh(1))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from archscan.files.scripts.lexer import after_heredocs

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 50_000  # commands
_DEEPEST = 50
_LONGEST_SUM = 500  # characters between $(( and ))
_FIRST = 16  # words, or parts of one
_TOKEN = re.compile(
    r"""
    (?P<continued> \\\n )
  | (?P<blank> [ \t\r]++ )
  | (?P<newline> \n )
  | (?P<heredoc> <<-? (?!<) [ \t]*
      (?: '(?P<sq>[^'\n]{1,80})' | "(?P<dq>[^"\n]{1,80})" | \\?(?P<bare>[\w.!@%+-]{1,80}) ) )
  | (?P<redirection> \d* (?: [<>]{1,3} [&|]? | &>>? ) [ \t]* (?: [\w./-]++ | & \d )? )
  | (?P<single> '[^']*+'? )
  | (?P<quote> " )
  | (?P<begin> \$\( (?!\() )
  | (?P<arithmetic> \$?\(\( )
  | (?P<back> ` )
  | (?P<braced> \$\{ [^}\n"`]{0,200} \} )
  | (?P<variable> \$ (?: \w++ | [^\s\w("'`] ) )
  | (?P<escaped> \\. )
  | (?P<pipe> \|&? (?!\|) )
  | (?P<separator> ;;?&? | && | \|\| | & )
  | (?P<open> \( )
  | (?P<close> \) )
  | (?P<hash> [#] )
  | (?P<plain> [^\s;&|()<>'"\\`$#]++ )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(
    r"""(?P<quote> " ) | (?P<begin> \$\( (?!\() ) | (?P<back> ` ) | (?P<escaped> \\. )
      | (?P<braced> \$\{ [^}\n"`]{0,200} \} ) | (?P<plain> [^"\\`$]++ ) | (?P<other> . )""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=")
_NAME = re.compile(r"[\w.:-]+")


class Simple(NamedTuple):
    """A command: the line of its first word, its words without marks, and the variables that get its output.

    ``pipeline`` is the same for commands that are joined by pipes, and for those within their words.
    """

    line: int
    words: list[str]
    assigned: tuple[str, ...]
    pipeline: int
    function: str | None


class _Frame:
    """A list of commands: the script, or what stands in a substitution or brackets."""

    def __init__(self, kind: str, assigned: tuple[str, ...], pipeline: int) -> None:
        self.kind, self.assigned, self.pipeline = kind, assigned, pipeline
        self.words: list[str] = []
        self.line = 0
        self.word: list[str] | None = None
        self.quoted = False


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1
        self.frames = [_Frame("script", (), 0)]
        self.pipelines = 0
        self.ends: list[str] = []
        self.found: list[Simple] = []
        self.functions: list[tuple[str, int]] = []  # with the depth of braces where each began
        self.braces = 0
        self.waiting: str | None = None

    def read(self) -> None:
        while self.at < len(self.text) and len(self.found) < _MOST:
            frame = self.frames[-1]
            match = (_QUOTED if frame.quoted else _TOKEN).match(self.text, self.at)
            if match is None:
                break
            self.at = match.end()
            kind = match.lastgroup or "other"
            if kind in ("sq", "dq", "bare"):
                kind = "heredoc"
            self._take(frame, kind, match)
            self.line += match.group().count("\n")
        while self.frames:
            self._end_command(self.frames[-1])
            self.frames.pop()

    def _take(self, frame: _Frame, kind: str, match: re.Match[str]) -> None:
        said = match.group()
        if frame.quoted:
            self._within(frame, kind, said)
        elif kind in ("blank", "continued", "redirection", "heredoc"):
            self._end_word(frame)
            if kind == "heredoc":
                self.ends.append(match["sq"] or match["dq"] or match["bare"])
        elif kind == "hash" and frame.word is None:
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
        elif kind == "newline":
            self._newline(frame)
        elif kind == "pipe":
            self._end_command(frame)
        elif kind == "separator":
            self._end_command(frame)
            self._next_pipeline(frame)
        elif kind in ("open", "close", "arithmetic"):
            self._bracket(frame, kind)
        elif kind in ("begin", "back"):
            self._substitution(frame, kind)
        elif kind == "quote":
            self._add(frame, "")
            frame.quoted = True
        elif kind == "single":
            self._add(frame, said.strip("'"))
        else:
            self._add(frame, said[1:] if kind == "escaped" else said)

    def _within(self, frame: _Frame, kind: str, said: str) -> None:
        """What stands between double quotation marks."""
        if kind == "quote":
            frame.quoted = False
        elif kind in ("begin", "back"):
            self._substitution(frame, kind)
        else:
            self._add(frame, said[1:] if kind == "escaped" and said[1] in '"\\$`' else said)

    def _add(self, frame: _Frame, part: str) -> None:
        if frame.word is None:
            frame.word = []
            frame.line = frame.line if frame.words else self.line
        frame.word.append(part)

    def _end_word(self, frame: _Frame) -> None:
        if frame.word is not None:
            frame.words.append("".join(frame.word)[:4096])
            frame.word = None

    def _newline(self, frame: _Frame) -> None:
        self._end_command(frame)
        self._next_pipeline(frame)
        if self.ends:
            begin = self.at
            _, self.at = after_heredocs(self.text, self.at, self.ends)
            self.line += self.text.count("\n", begin, self.at)
            self.ends = []

    def _next_pipeline(self, frame: _Frame) -> None:
        if frame.kind == "script":
            self.pipelines += 1
            frame.pipeline = self.pipelines

    def _bracket(self, frame: _Frame, kind: str) -> None:
        if kind == "arithmetic":
            self._add(frame, "$")
            end = self.text.find("))", self.at, self.at + _LONGEST_SUM)
            if end >= 0:
                self.line += self.text.count("\n", self.at, end)
                self.at = end + 2
        elif kind == "open":
            if frame.word is not None and not frame.words and self.text.startswith(")", self.at):
                name = "".join(frame.word)
                self.waiting = name if _NAME.fullmatch(name) else None
                frame.word = None
                self.at += 1
            else:
                self._end_command(frame)
                self._push("group", frame)
        elif len(self.frames) > 1 and frame.kind in ("group", "begin"):
            self._pop()
        else:
            self._end_word(frame)  # of a pattern in case
            frame.words = []

    def _substitution(self, frame: _Frame, kind: str) -> None:
        if kind == "back" and any(one.kind == "back" for one in self.frames):
            while self.frames[-1].kind != "back":
                self._pop()
            self._pop()
            return
        self._add(frame, "$")
        self._push(kind, frame)

    def _push(self, kind: str, frame: _Frame) -> None:
        if len(self.frames) >= _DEEPEST:
            return
        # The first ones: assignments stand in front, and what is written at length is none.
        words = [*frame.words[:_FIRST], "".join((frame.word or ())[:_FIRST])]
        assigned = tuple(match[1] for word in words if (match := _ASSIGNED.match(word)))
        self.frames.append(_Frame(kind, assigned or frame.assigned, frame.pipeline))

    def _pop(self) -> None:
        self._end_command(self.frames[-1])
        self.frames.pop()

    def _end_command(self, frame: _Frame) -> None:
        self._end_word(frame)
        words, frame.words = frame.words, []
        if not words:
            return
        if words[0] == "function" and len(words) > 1:
            self.waiting = words[1]
            words = words[2:]
        function = self.functions[-1][0] if self.functions else None
        if words and words[0] == "{":
            if self.waiting:
                self.functions.append((self.waiting, self.braces))
                function, self.waiting = self.waiting, None
            self.braces += 1
            words = words[1:]
        elif words and words[0] == "}":
            self.braces -= 1
            if self.functions and self.functions[-1][1] >= self.braces:
                self.functions.pop()
            words = words[1:]
        if words:
            self.found.append(Simple(frame.line or self.line, words, frame.assigned, frame.pipeline, function))


def commands(script: str) -> Iterator[Simple]:
    """The simple commands of a script, in the order in which they end, without comments and here-documents.

    Keywords and assignments stand as words; a substitution is a ``$`` in the word that it is in.
    """
    reader = _Reader(script)
    reader.read()
    yield from reader.found
