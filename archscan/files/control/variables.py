"""Variables of a shell script that are set to something literal: what words mean with them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-=]([^{}]{0,512}))?\}|(\w+))")
_ASSIGNMENT = re.compile(r"^(\w+)=(.*)$", re.DOTALL)
_KEYWORDS = {
    "if",
    "then",
    "else",
    "elif",
    "do",
    "while",
    "until",
    "!",
    "{",
    "exec",
    "command",
    "time",
    "local",
    "export",
}
# Set by dpkg, and empty unless it works on another root (dpkg(1)).
KNOWN: Mapping[str, tuple[str, ...]] = {"DPKG_ROOT": ("",)}
_MOST_VALUES = 256  # of one word
_LONGEST_VALUE = 4096


def command(words: Sequence[str], variables: dict[str, tuple[str, ...]]) -> list[str]:
    """The words of a simple command without keywords and assignments; the latter go into ``variables``."""
    for at, word in enumerate(words):
        assignment = _ASSIGNMENT.match(word)
        if assignment:
            variables[assignment[1]] = tuple(_values(assignment[2], variables))
        elif word == "for" and len(words) > at + 3 and words[at + 2] == "in":
            values = itertools.chain.from_iterable(_values(each, variables) for each in words[at + 3 :])
            variables[words[at + 1]] = tuple(itertools.islice(values, _MOST_VALUES))  # a loop over words: each of them
            return []
        elif word not in _KEYWORDS:
            return list(words[at:])
    return []


def _values(word: str, variables: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The values that a word can have; one with an unknown variable keeps its ``$``."""
    parts: list[Sequence[str]] = []
    at = 0
    for match in _VARIABLE.finditer(word):
        name = match[1] or match[3]
        unknown = (match.group(),) if match[2] is None else (match[2],)
        parts += [(word[at : match.start()],), variables.get(name, unknown)]
        at = match.end()
    parts.append((word[at:],))
    for chosen in itertools.islice(itertools.product(*parts), _MOST_VALUES):
        # What no path is as long as is not known, lest a variable that is made of itself grows for ever.
        yield "".join(chosen) if sum(map(len, chosen)) <= _LONGEST_VALUE else "$"


def expanded(words: Sequence[str], variables: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The words with the values of their variables."""
    if not any("$" in word for word in words):
        return list(words)
    # A value with blanks is a list of words, as in PROGRAMS="/bin/a /bin/b"; capabilities keep theirs.
    return [part for word in words for value in _values(word, variables)
            for part in (value.split() if "$" in word and value.strip() else [value])]  # fmt: skip
