"""Calls among the tokens of a script, in any language that writes ``name(argument, …)`` or something like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.files.scripts.around import Around
from archscan.files.scripts.book import entries
from archscan.files.scripts.uses import MOST, Mention, Reference, Value, crypto_uses
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from archscan.files.scripts.book import Book, Language
    from archscan.files.scripts.lexer import Grammar, Token
    from archscan.model import CryptoUse

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MOST_TOKENS = 500  # of the arguments of a call
_MOST_ARGUMENTS = 16
_BEGINS = frozenset({"name", "variable", "string", "number"})
_STOPS = frozenset("? : . == != && || =~ !~ + * / } ) ] ; = < > & |".split())


class _Chain(msgspec.Struct, frozen=True):
    """A name with its parts: from the first token to the last one."""

    name: str
    first: int
    last: int


def uses_by_tokens(
    book: Book, language: Language, tokens: Sequence[Token], grammar: Grammar,
    names: Callable[[str], Iterable[str]], modules: Iterable[str], sure: Confidence = Confidence.CERTAIN,
) -> tuple[CryptoUse, ...]:  # fmt: skip
    """The uses among tokens. ``names`` says which full names a name of the script may stand for."""
    reader = _Reader(language, tokens, grammar, names, sure)
    return crypto_uses(book, language, reader.mentions(), modules)


class _Reader:
    def __init__(
        self, language: Language, tokens: Sequence[Token], grammar: Grammar,
        names: Callable[[str], Iterable[str]], sure: Confidence,
    ) -> None:  # fmt: skip
        self.language, self.tokens, self.grammar = language, tokens, grammar
        self.names, self.sure = names, sure
        self.around = Around(tokens, grammar)

    def mentions(self) -> Iterator[Mention]:
        """Every mention of what the book knows, at most a bounded number."""
        count = at = 0
        while at < len(self.tokens) and count < 2 * MOST:
            if self.tokens[at].kind != "name":
                at += 1
                continue
            chain = self._chain(at)
            if (name := self._known(chain)) and self._is_used(chain):
                count += 1
                yield self._mention(chain, name)
            at = chain.last + 1

    def _text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) and self.tokens[at].kind != "string" else ""

    def _chain(self, at: int) -> _Chain:
        """The name that begins at a token: ``Digest::MD5->new``."""
        parts = [self.tokens[at].text]
        last = at
        while self._text(last + 1) in self.grammar.separators and last - at < 32:
            if last + 2 >= len(self.tokens) or self.tokens[last + 2].kind != "name":
                break
            parts += [self._text(last + 1).lstrip("&?"), self.tokens[last + 2].text]
            last += 2
        return _Chain("".join(parts), at, last)

    def _known(self, chain: _Chain) -> str | None:
        return next((name for name in self.names(chain.name) if entries(self.language, name)[1]), None)

    def _is_used(self, chain: _Chain) -> bool:
        """Whether a name stands for what the book means: no method of something else, no key, no definition."""
        before, after = self._text(chain.first - 1), self._text(chain.last + 1)
        if before == "::" and self._is_rooted(chain.first - 1):
            before = ""
        if before in self.grammar.separators or before in self.grammar.skipped or before in self.grammar.definitions:
            return self._is_made(chain)
        if after == "=>" or (after == ":" and self._text(chain.last) and self.grammar.indented and before != "?"):
            return False
        return after not in self.grammar.assignments

    def _is_rooted(self, at: int) -> bool:
        """Whether nothing stands before the ``::`` at a token, as in ``::Digest``."""
        return at < 1 or (self.tokens[at - 1].kind not in ("name", "variable") and self._text(at - 1) not in (")", "]"))

    def _is_made(self, chain: _Chain) -> bool:
        """``new DES(…)`` makes an object of a class whose name has parts; ``new md5()`` one of the file's own."""
        return self._text(chain.first - 1) == "new" and any(mark in chain.name for mark in ("::", "\\"))

    def _mention(self, chain: _Chain, name: str) -> Mention:
        positional, keywords, called, end = self._arguments(chain, name)
        around = self.around
        function = around.function(chain.first)
        near, sinks = around.near(chain.first, chain.last + 1, end)
        calls, texts = around.inside(function)
        return Mention(
            name=name,
            line=self.tokens[chain.last].line,
            number=chain.first,
            called=called,
            arguments=tuple(positional),
            keywords=keywords,
            function=function.name if function else None,
            place=around.start(chain.first),
            near=tuple(near),
            far=texts,
            sinks=tuple(sinks),
            calls=calls,
            callers=around.callers(function),
            sure=self.sure,
        )

    def _arguments(self, chain: _Chain, name: str) -> tuple[list[Value], dict[str, Value], bool, int]:
        """The arguments of a call, by place and by name; whether it is one, and its last token."""
        after = chain.last + 1
        groups: list[tuple[int, int]] = []
        end = chain.last
        if self._text(after) == "(":
            groups, end = self._split(after + 1, bare=False)
            called = True
        elif self.grammar.bare and self._begins_bare(after):
            groups, end = self._split(after, bare=True)
            called = True
        else:
            called = entries(self.language, name)[0] != name or self._text(chain.first - 1) in ("new", "&")
        positional: list[Value] = []
        keywords: dict[str, Value] = {}
        for first, stop in groups[:_MOST_ARGUMENTS]:
            if self._text(first) == "-":
                first += 1  # noqa: PLW2901 - Perl writes names of arguments so
            key = self._key(first, stop)
            if key is not None:
                keywords[key] = self._value(first + 2, stop)
                if self.grammar.named is None:
                    positional += [key, keywords[key]]  # a list, in Perl
            else:
                positional.append(self._value(first, stop))
        return positional, keywords, called, end

    def _begins_bare(self, at: int) -> bool:
        if at >= len(self.tokens):
            return False
        token = self.tokens[at]
        return token.kind in _BEGINS and token.text not in self.grammar.ends

    def _split(self, at: int, *, bare: bool) -> tuple[list[tuple[int, int]], int]:
        """The arguments as ranges of tokens, and where the last one ends."""
        groups: list[tuple[int, int]] = []
        depth, first, here = 0, at, at
        stop = min(len(self.tokens), at + _MOST_TOKENS)
        while here < stop:
            token = self.tokens[here]
            text = self._text(here)
            if text in _OPENING:
                depth += 1
            elif text in _CLOSING and depth:
                depth -= 1
            elif not depth and (
                text in _CLOSING or (bare and (token.kind == "line" or text in _STOPS or text in self.grammar.ends))
            ):
                break
            elif text == "," and not depth:
                groups.append((first, here))
                first = here + 1
            here += 1
        if first < here:
            groups.append((first, here))
        return groups, here

    def _key(self, first: int, stop: int) -> str | None:
        while first < stop and self.tokens[first].kind == "line":
            first += 1
        if stop - first < 3:
            return None
        between = self._text(first + 1)
        if between == "=>" or (between == (self.grammar.named or ":") and self.tokens[first].kind == "name"):
            return self.tokens[first].text
        return None

    def _value(self, first: int, stop: int) -> Value:
        """What a range of tokens is, if it is one constant, or one name, called or not."""
        inside = [at for at in range(first, min(stop, first + 64)) if self.tokens[at].kind != "line"]
        if not inside:
            return None
        token = self.tokens[inside[0]]
        if len(inside) == 1:
            if token.kind in ("string", "number"):
                return token.text[:4096]
            if constant := self.around.constant(token.text, inside[0]):
                return constant
        if token.kind != "name":
            return None
        chain = self._chain(inside[0])
        name = self._known(chain)
        if name is None and self.grammar.constants and len(inside) == 1:
            return token.text
        if name is None or not (chain.last == inside[-1] or self._text(chain.last + 1) == "("):
            return None
        told = None
        if self._text(chain.last + 1) == "(":
            groups, _ = self._split(chain.last + 2, bare=False)
            told = self._constant(groups[0]) if groups else None
        return Reference(name, chain.first, told)

    def _constant(self, group: tuple[int, int]) -> str | None:
        first, stop = group
        return self.tokens[first].text if stop == first + 1 and self.tokens[first].kind == "string" else None
