"""Profiles of AppArmor: which programs they confine, and in which mode (apparmor.d(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from archscan.files.forms.assignments import MOST_DIRECTIVES
from archscan.files.forms.text import cut
from archscan.model import Directive, FileFacts, Profile

MOST_PROFILES = 1_000
_DEEPEST = 32
_DEEPEST_VARIABLE = 3  # variables in variables
_MOST_VALUES = 16
_LONGEST = 1 << 20  # characters of a file that are looked at
_MOST_WORDS = 4_096  # of one statement
_LONGEST_ATTACHMENT = 4_096

# An alternation {a,b} stands within a word; a brace that begins a word opens a block.
_TOKEN = re.compile(
    r"""
    (?P<blank> (?: [ \t\r\f\v] | \\\n )++ )
  | (?P<newline> \n )
  | (?P<comment> \#(?!include\b)[^\n]*+ )
  | (?P<quoted> "(?> [^"\\\n] | \\. )*+(?:"|(?=\n)|\Z) )
  | (?P<parens> \( [^(){}]{0,1024}+ \) )
  | (?P<open> \{ )
  | (?P<close> \} )
  | (?P<comma> , )
  | (?P<word> (?: \\. | @\{[^{}\s]{0,256}+\} | [^\s{}",()\\] )
              (?> \\. | @\{[^{}\s]{0,256}+\} | [^\s{}",()\\]
                | \{ (?> [^{}\s] | \{ (?> [^{}\s] | \{[^{}\s]{0,256}+\} ){0,256}+ \} ){0,1024}+ \} )*+ )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_MODES = ("complain", "unconfined", "kill", "prompt", "enforce")
_VARIABLE = re.compile(r"@\{(\w+)\}")
_QUALIFIERS = frozenset({"audit", "allow", "quiet", "owner", "other"})
# Rules without any condition that give all there is of a kind.
_ALL = frozenset({"all", "file", "capability", "mount", "ptrace", "change_profile"})
_UNCONFINED = re.compile(r"[rwaklm]*(?<![pcPC])[uU]x[rwaklm]*")
_WRITES = re.compile(r"[rwaklmixUupPcC]*[wa][rwaklmixUupPcC]*")
_EVERYTHING = frozenset({"/**", "/{,**}", "/{**,}"})


class _Header(NamedTuple):
    name: str
    attachment: str | None
    flags: tuple[str, ...]


def profiles(path: str, data: bytes) -> FileFacts:
    """The profiles with their mode, ``enforce`` where no flag says otherwise.

    Profiles and hats within others are named ``outer//inner``, as the kernel does. Directives in the section of a
    profile are its ``flags``, and ``weak``: rules that take all confinement from a part (programs that run
    unconfined, all capabilities, all files for writing). Variables are resolved where the file sets them.
    """
    reading = _Reading()
    for line, kind, text in _tokens(data.decode("utf-8", "surrogateescape")):
        reading.take(line, kind, text)
    return FileFacts(
        path=path,
        what="apparmor",
        directives=tuple(reading.directives[:MOST_DIRECTIVES]),
        profiles=tuple(reading.profiles[:MOST_PROFILES]),
    )


def _tokens(text: str) -> Iterator[tuple[int, str, str]]:
    line = 1
    for match in _TOKEN.finditer(text[:_LONGEST]):
        kind = str(match.lastgroup)
        if kind not in ("blank", "comment"):
            yield line, kind, match.group()
        line += match.group().count("\n")


class _Reading:
    """The statement that is being read, and the blocks around it: the name of a profile, None for other ones."""

    def __init__(self) -> None:
        self.profiles: list[Profile] = []
        self.directives: list[Directive] = []
        self._variables: dict[str, list[str]] = {}
        self._blocks: list[str | None] = []
        self._beyond = 0  # blocks that are deeper than is looked at
        self._words: list[str] = []
        self._line = 0

    def take(self, line: int, kind: str, text: str) -> None:
        if kind == "open":
            self._open()
        elif kind == "close":
            if self._beyond:
                self._beyond -= 1
            elif self._blocks:
                self._blocks.pop()
        elif kind == "comma":
            self._rule()
        elif kind == "newline":
            if not self._ends_with_line():
                return
            self._assign()
        else:
            self._line = self._line if self._words else line
            if len(self._words) < _MOST_WORDS:
                self._words.append(text)
            return
        self._words = []

    def _ends_with_line(self) -> bool:
        """Includes and assignments have no comma."""
        first = self._words[0] if self._words else ""
        return first in ("include", "#include") or (first.startswith(("@{", "$")) and not self._blocks and self._set())

    def _set(self) -> bool:
        return any(word in ("=", "+=") for word in self._words[1:2]) or "=" in self._words[0]

    def _assign(self) -> None:
        """Keep a variable of the file's own."""
        name = _VARIABLE.match(self._words[0])
        if name and len(self._variables) < MOST_DIRECTIVES:
            first = self._words[0][name.end() :].lstrip("+=")
            values = [_bare(word) for word in [first, *self._words[1:]] if word not in ("", "=", "+=")]
            self._variables.setdefault(name[1], []).extend(values)

    def _open(self) -> None:
        if len(self._blocks) == _DEEPEST:
            self._beyond += 1
            return
        outer = next((name for name in reversed(self._blocks) if name), None)
        header = _header(self._words, inside=outer is not None)
        if header is None:
            self._blocks.append(None)
            return
        name = f"{outer}//{header.name}" if outer else header.name
        self._blocks.append(name[:_LONGEST_ATTACHMENT])
        mode = next((flag for flag in _MODES if flag in header.flags), "enforce")
        attachment = None if header.attachment is None else _resolved(header.attachment, self._variables)
        attachment = None if attachment is None else cut(attachment)
        self.profiles.append(Profile("apparmor", cut(name), attachment, mode, self._line))
        if header.flags:
            self.directives.append(Directive(self._line, cut(name), "flags", cut(" ".join(header.flags))))

    def _rule(self) -> None:
        outer = next((name for name in reversed(self._blocks) if name), None)
        if outer and _weak(self._words):
            self.directives.append(Directive(self._line, cut(outer), "weak", cut(" ".join(self._words))))


def _bare(word: str) -> str:
    return word.strip('"') if word.startswith('"') else word


def _header(words: Sequence[str], *, inside: bool) -> _Header | None:
    """What stands in front of the block of a profile or hat; None for other blocks."""
    if not words:
        return None
    hat = words[0] == "hat" or words[0].startswith("^")
    named = words[0] in ("profile", "hat")
    if not named and not hat and (inside or not _bare(words[0]).startswith(("/", "@{", ":"))):
        return None
    before = "flags"
    names: list[str] = []
    flags: tuple[str, ...] = ()
    for word in words[1:] if named else words:
        key = word.rstrip("=")
        if word.startswith("("):
            flags = flags if before == "xattrs" else tuple(word[1:-1].replace(",", " ").split())
        elif key in ("flags", "xattrs"):
            before = key
        elif key and len(names) < 2 and not flags:
            names.append(_bare(word))
    if not names:
        return None
    name = names[0].removeprefix("^") if hat else names[0]
    path = name if name.startswith(("/", "@{")) and not hat else None
    return _Header(name, names[1] if len(names) > 1 else path, flags)


def _resolved(text: str, variables: Mapping[str, Sequence[str]], depth: int = 0) -> str:
    """The text with the file's variables; several values become an alternation."""

    def value(match: re.Match[str]) -> str:
        values = variables.get(match[1])
        if not values or depth == _DEEPEST_VARIABLE:
            return match.group()
        inner = [
            _resolved(one[:_LONGEST_ATTACHMENT], variables, _DEEPEST if depth > 3 else depth + 1) for one in values
        ]
        return (inner[0] if len(inner) == 1 else "{" + ",".join(inner) + "}")[:_LONGEST_ATTACHMENT]

    return _VARIABLE.sub(value, text[:_LONGEST_ATTACHMENT])[:_LONGEST_ATTACHMENT]


def _weak(words: Sequence[str]) -> bool:
    """Whether the rule lets out of the confinement, or gives all of a kind."""
    left = list(words[:16])
    while left and (left[0] in _QUALIFIERS or left[0].startswith("priority=")):
        left.pop(0)
    if not left or left[0] == "deny":
        return False
    if len(left) == 1:
        return left[0] in _ALL
    if left[0] == "change_profile":
        return _bare(left[-1]) in ("unconfined", "**") and "->" in left
    words_of_file = left[1:] if left[0] == "file" else left
    paths = [_bare(word) for word in words_of_file if _bare(word).startswith(("/", "@{"))]
    others = [word for word in words_of_file[:2] if not _bare(word).startswith(("/", "@{"))]
    if not paths or not others:
        return False
    if _UNCONFINED.fullmatch(others[0]):
        return True
    return paths[0] in _EVERYTHING and _WRITES.fullmatch(others[0]) is not None


_NOT_PROFILES = r"(?:abstractions|tunables|local|abi|cache|cache\.d|disable|force-complain|apache2\.d)/"
PLACES = (
    (re.compile(rf"etc/apparmor\.d/(?!{_NOT_PROFILES}).+", re.DOTALL), profiles),
    (re.compile(r"usr/share/apparmor[^/]*/(?:extra-)?profiles/(?!README)[^/]+", re.DOTALL), profiles),
    (re.compile(r"(?:usr/share|var/lib)/snapd/apparmor/profiles/[^/]+", re.DOTALL), profiles),
)
