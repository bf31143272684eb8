"""What surrounds a place among the tokens of a script: the function, the statement, what goes in and what comes out."""

from __future__ import annotations

import functools
from bisect import bisect_right
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archscan.files.scripts.lexer import Grammar, Token

_FAR = 120  # tokens of a statement, before and behind
_MOST_BODY = 5_000  # tokens of a function that are looked at
_MOST_FOLLOWED = 200  # objects with names whose methods are looked for
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ENDS = frozenset({";", "{", "}"})
_SIGILS = "$@%&:"


class Function(msgspec.Struct, frozen=True):
    """A function: its name and its tokens."""

    name: str
    first: int
    last: int


class Around:
    """The surroundings in one script; what is true of a function is found once."""

    def __init__(self, tokens: Sequence[Token], grammar: Grammar) -> None:
        self.tokens, self.grammar = tokens, grammar
        self.inside = functools.cache(self._inside)
        self._followed = 0

    def function(self, at: int) -> Function | None:
        """The innermost function around a token."""
        number = bisect_right(self._starts, at) - 1
        for one in reversed(self._functions[max(0, number - 8) : number + 1]):
            if one.first <= at <= one.last:
                return one
        return None

    def start(self, at: int) -> int:
        """The first token of the statement around one."""
        depth = 0
        here = at - 1
        while here >= max(0, at - _FAR):
            text, kind = self._text(here), self.tokens[here].kind
            if text in _CLOSING:
                if text == "}" and not depth:
                    break
                depth += 1
            elif text in _OPENING:
                if text == "{" and not depth:
                    break
                depth = max(0, depth - 1)
            elif not depth and (text == ";" or (kind == "line" and not self._is_open(here))):
                break
            here -= 1
        return here + 1

    def near(self, at: int, inner: int, end: int) -> tuple[list[str], list[str]]:
        """Texts close to a call, and the calls that get its result; its arguments are from ``inner`` to ``end``."""
        start, stop = self.start(at), self._stop(end)
        function = self.function(at)
        texts = [f"in {part}" for part in (function.name.replace("::", ".").split(".") if function else ()) if part]
        texts += [f"of {name}" for name in self._names(inner, end)]
        holder = self._outputs(start, at, texts)
        sinks = list(self._enclosing(start, at, texts))
        if holder and function and self._followed < _MOST_FOLLOWED:
            self._followed += 1
            self._follow(holder, function, texts, sinks)
        texts += [one.text for one in self.tokens[start : stop + 1] if one.kind == "string" and one.text.strip()]
        return [text[:400] for text in texts], sinks

    def constant(self, name: str, at: int) -> str | None:
        """The constant that a variable is, if it is assigned once in the function, or outside of any."""
        function = self.function(at)
        for owner in (function.first if function else -1, -1):
            if values := self._constants.get((owner, name)):
                return values[0] if len(values) == 1 else None
        return None

    def callers(self, function: Function | None) -> tuple[str, ...]:
        """The functions of the script that call one."""
        return tuple(self._callers.get(function.name.rpartition("::")[2], ())) if function else ()

    def _text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) and self.tokens[at].kind != "string" else ""

    def _is_open(self, at: int) -> bool:
        """Whether the statement goes on after an end of line."""
        return self._text(at - 1) in {",", "(", "[", "=", "+", "."} or self._text(at + 1) in {".", "&."}

    def _stop(self, at: int) -> int:
        depth = 0
        here = at + 1
        while here < min(len(self.tokens), at + _FAR):
            text = self._text(here)
            if text in _OPENING:
                depth += 1
            elif text in _CLOSING:
                depth -= 1
            elif text == ";" or (self.tokens[here].kind == "line" and depth <= 0 and not self._is_open(here)):
                break
            here += 1
        return here - 1

    def _names(self, first: int, stop: int) -> Iterator[str]:
        """The names in a range of tokens: of variables, functions, and keys."""
        count = 0
        for at in range(first, min(stop, first + _FAR)):
            token = self.tokens[at]
            is_key = token.kind == "string" and self._text(at - 1) in ("{", "[") and self._text(at + 1) in ("}", "]")
            if token.kind in ("name", "variable") or is_key:
                name = token.text.lstrip(_SIGILS).rstrip("?!")
                if name and count < 24:
                    count += 1
                    yield name

    def _outputs(self, start: int, at: int, texts: list[str]) -> str | None:
        """Note what the statement assigns to; the plain variable that it is, if it is one."""
        for here in range(start, at):
            if self._text(here) in self.grammar.assignments:
                names = list(self._names(start, here))
                texts += [f"as {name}" for name in names if name not in ("my", "our", "local", "var")]
                plain = [one for one in self.tokens[start:here]
                         if one.kind in ("name", "variable") and one.text not in ("my", "our", "local")]  # fmt: skip
                return plain[0].text if len(plain) == 1 else None
        return None

    def _enclosing(self, start: int, at: int, texts: list[str]) -> Iterator[str]:
        """The calls whose argument a token is in; names of arguments and keys go into ``texts``."""
        depth = 0
        for here in range(at - 1, start - 1, -1):
            text = self._text(here)
            if text in _CLOSING:
                depth += 1
            elif text in _OPENING and depth:
                depth -= 1
            elif text in _OPENING and here and self.tokens[here - 1].kind == "name":
                yield self.tokens[here - 1].text.rpartition("::")[2]
            elif not depth and text in ("=>", ":", self.grammar.named) and here and text:
                key = self.tokens[here - 1]
                if key.kind in ("name", "string") and at - here < 4:
                    texts.append(f"as {key.text[:100]}")
            elif not depth and text in ("==", "eq", "ne", "!=", "===", "!=="):
                texts += [f"as {name}" for name in self._names(max(start, here - 6), here)]
        before = self._text(start - 1)
        if before == "{" and start >= 3 and self._text(start - 2) == "=>":
            texts.append(f"as {self.tokens[start - 3].text[:100]}")

    def _follow(self, holder: str, function: Function, texts: list[str], sinks: list[str]) -> None:
        """Note what is put into an object that has a name, and where its digest goes."""
        last = min(function.last, function.first + _MOST_BODY)
        for at in range(function.first, last):
            if self.tokens[at].text != holder or self._text(at + 1) not in (*self.grammar.separators, "<<", ","):
                continue
            method = self._text(at + 1) if self._text(at + 1) in ("<<", ",") else self._text(at + 2)
            if method in self.grammar.updates or (method == "," and "update" in self._text(at - 2)):
                texts += [f"of {name}" for name in self._names(at + 2, self._stop(at) + 1)]
            elif method in self.grammar.results:
                start = self.start(at)
                self._outputs(start, at, texts)
                sinks += self._enclosing(start, at, texts)

    def _inside(self, function: Function | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a function calls, and its strings; of what is outside of functions, nothing."""
        if function is None:
            return (), ()
        calls: dict[str, None] = {}
        texts: dict[str, None] = {}
        for at in range(function.first, min(function.last, function.first + _MOST_BODY)):
            token = self.tokens[at]
            if token.kind == "string" and token.text.strip():
                texts[token.text[:400]] = None
            elif token.kind == "name" and (self._text(at + 1) == "(" or self._text(at - 1) in self.grammar.separators):
                calls[token.text] = None
        return tuple(list(calls)[:64]), tuple(list(texts)[:64])

    @functools.cached_property
    def _starts(self) -> list[int]:
        return [one.first for one in self._functions]

    @functools.cached_property
    def _functions(self) -> list[Function]:
        found = self._indented() if self.grammar.indented else self._braced()
        return sorted(found, key=lambda one: one.first)

    def _defined(self, at: int) -> str | None:
        """The name of the function that is defined at a token."""
        if self._text(at) not in self.grammar.definitions or self.tokens[at].kind != "name":
            return None
        following = at + 1
        if self._text(following) == "&":
            following += 1
        if self._text(following) == "self" and self._text(following + 1) == ".":
            following += 2
        if following < len(self.tokens) and self.tokens[following].kind == "name":
            return self.tokens[following].text
        return None

    def _braced(self) -> Iterator[Function]:
        open_ones: list[tuple[str, int, int]] = []
        depth, waiting = 0, ("", 0)
        for at in range(len(self.tokens)):
            text = self._text(at)
            if name := self._defined(at):
                waiting = (name, at)
            elif text == "{":
                if waiting[0]:
                    open_ones.append((*waiting, depth))
                    waiting = ("", 0)
                depth += 1
            elif text == "}":
                depth -= 1
                if open_ones and open_ones[-1][2] >= depth:
                    name, first, _ = open_ones.pop()
                    yield Function(name, first, at)
            elif text == ";" and waiting[0]:
                waiting = ("", 0)
        yield from (Function(name, first, len(self.tokens)) for name, first, _ in open_ones)

    def _indented(self) -> Iterator[Function]:
        """A function ends before the first line that is indented no further than its own."""
        open_ones: list[tuple[str, int, int]] = []
        indent = 0
        for at, token in enumerate(self.tokens):
            if token.kind == "line":
                if at + 1 < len(self.tokens) and self.tokens[at + 1].kind != "line":
                    indent = len(token.text)
                    while open_ones and open_ones[-1][2] >= indent:
                        name, first, _ = open_ones.pop()
                        yield Function(name, first, at)
            elif defined := self._defined(at):
                open_ones.append((defined, at, indent))
        yield from (Function(name, first, len(self.tokens)) for name, first, _ in open_ones)

    @functools.cached_property
    def _constants(self) -> dict[tuple[int, str], list[str | None]]:
        """What variables are assigned, by the function and their name; None for what is no constant."""
        found: dict[tuple[int, str], list[str | None]] = {}
        for at, token in enumerate(self.tokens):
            if token.kind not in ("name", "variable") or self._text(at + 1) not in self.grammar.assignments:
                continue
            function = self.function(at)
            value = self.tokens[at + 2] if at + 2 < len(self.tokens) else None
            after = at + 3
            ends = after >= len(self.tokens) or self.tokens[after].kind == "line" or self._text(after) == ";"
            constant = value.text[:4096] if value and value.kind in ("string", "number") and ends else None
            found.setdefault((function.first if function else -1, token.text), []).append(constant)
        return found

    @functools.cached_property
    def _callers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for at, token in enumerate(self.tokens):
            if token.kind == "name" and self._text(at + 1) == "(" and not self._defined(at - 1):
                function = self.function(at)
                known = found.setdefault(token.text.rpartition("::")[2], [])
                if function and function.name not in known and len(known) < 8:
                    known.append(function.name)
        return found
