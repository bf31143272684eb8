"""Programs of command lines: of ``Exec…=`` in units (systemd.service(5)), and inside shells and wrappers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from archscan.files.forms.shell import run, simple_commands, unquoted
from archscan.files.forms.text import cut
from archscan.model import Started

MOST_PROGRAMS = 256
_DEEPEST = 4  # shells in shells

# A word of systemd.syntax(7): quotation marks may stand anywhere in it. One that lacks its end spoils the line.
_WORD = re.compile(
    r"""\s* ( (?: [^\s'"\\] | \\. | \\\Z | "(?: [^"\\] | \\. )*" | '(?: [^'\\] | \\. )*' | (?P<open> ["'] ) )+ )""",
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:[^'"\\]|\\.|\\\Z)+)""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-7][0-9a-fA-F])|(.))", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_PREFIXES = "-@:+!|"
_KEPT = "+!|"  # the prefixes that say with what rights

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh", "ash"})
# Programs that run another one, and their options that take a word of their own.
_WRAPPERS = {
    "env": ("-u", "-C", "--unset", "--chdir"),
    "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "-p", "--class", "--classdata"),
    "nohup": (),
    "setsid": (),
    "chronic": (),
    "timeout": ("-k", "-s", "--kill-after", "--signal"),
    "flock": ("-w", "-E", "--timeout", "--conflict-exit-code"),
    "chrt": ("-T", "-P", "-D"),
    "stdbuf": ("-i", "-o", "-e"),
    "exec": ("-a",),
    "command": (),
    "unshare": (),
}
_OPERANDS = {"timeout": 1, "flock": 1, "chrt": 1}  # words of their own before the program
_VARIABLE = re.compile(r"[A-Za-z_]\w*=")


def unit_programs(directive: str, value: str, *, unit: bool = True) -> Iterator[Started]:
    """The programs of one ``Exec…=`` line, separated by ``;``; none where quotation marks are not closed.

    Elsewhere than in a ``unit`` there is one program, and no character in front of it means anything.
    """
    words = _words(value)
    if words is None:
        return
    start = 0
    for at in [*(at for at, (text, _, _) in enumerate(words) if unit and text == ";"), len(words)]:
        command, start = words[start:at], at + 1
        prefixes = _prefixes(unquoted_unit(command[0][0])) if unit and command else ""
        if started := _unit_program(directive, value, command, prefixes):
            yield started
            bare = [unquoted_unit(text) for text, _, _ in command]
            bare[0] = bare[0][len(prefixes) :]
            if "@" in prefixes:
                del bare[1:2]
            yield from inner(directive, bare, started.flags)


def _unit_program(directive: str, value: str, command: Sequence[tuple[str, int, int]], prefixes: str) -> Started | None:
    path = unquoted_unit(command[0][0])[len(prefixes) :] if command else ""
    if not path or path.endswith("/"):
        return None
    skipped = 2 if "@" in prefixes else 1  # the word behind an @ is the name that the program is told it has
    rest = command[skipped:]
    arguments = value[rest[0][1] : rest[-1][2]] if rest else ""
    return Started(cut(directive), cut(path), cut(arguments), "".join(one for one in prefixes if one in _KEPT))


def _prefixes(word: str) -> str:
    return word[: len(word) - len(word.lstrip(_PREFIXES))]


def _words(value: str) -> list[tuple[str, int, int]] | None:
    """The words as written, with where they begin and end; None where a quotation mark is not closed."""
    found = []
    for match in _WORD.finditer(value):
        if match["open"]:
            return None
        found.append((match[1], match.start(1), match.end(1)))
    return found


def unquoted_unit(word: str) -> str:
    r"""A word without quotation marks, its escapes such as ``\x20`` resolved."""
    bare = "".join(next(text for text in part.groups() if text is not None) for part in _PART.finditer(word))
    if "\\" not in bare:
        return bare
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2]), bare)


def inner(directive: str, words: Sequence[str], flags: str = "", depth: int = 0) -> Iterator[Started]:
    """What a shell's ``-c`` or a wrapper such as ``env`` and ``nice`` starts in its turn; ``words`` are unquoted."""
    program, arguments = words[0].rsplit("/", 1)[-1], words[1:]
    if depth == _DEEPEST:
        return
    if program in _SHELLS:
        script = _script(arguments)
        if script is not None:
            yield from shell_programs(directive, script, flags, depth + 1)
    elif program in _WRAPPERS:
        rest = _wrapped(program, arguments)
        if rest:
            yield Started(cut(directive), cut(rest[0]), cut(" ".join(rest[1:])), flags)
            yield from inner(directive, rest, flags, depth + 1)


def shell_programs(directive: str, script: str, flags: str = "", depth: int = 0) -> Iterator[Started]:
    """The programs of a piece of shell script, in their order, without what the shell does itself."""
    sound = itertools.takewhile(lambda simple: simple.sound, simple_commands(script))
    for command in (command for command in map(run, sound) if not command.own):
        words = [unquoted(word) for word in command.words]
        if words[0] not in ("exec", "command"):
            yield Started(cut(directive), cut(words[0]), cut(" ".join(command.words[1:])), flags)
        yield from inner(directive, words, flags, depth)


def _script(arguments: Sequence[str]) -> str | None:
    """What a shell is told to run: the first word that is no option, if one of the options is ``-c``."""
    told = False
    for word in arguments:
        if not word.startswith(("-", "+")) or word == "-":
            return word if told else None
        told = told or (not word.startswith("--") and "c" in word)
    return None


def _wrapped(program: str, arguments: Sequence[str]) -> list[str]:
    """The words of the command that the wrapper runs; none where it runs nothing, as ``command -v`` does."""
    left, operands = list(arguments), _OPERANDS.get(program, 0)
    while left:
        word = left[0]
        if program == "command" and word in ("-v", "-V"):
            return []
        if word == "--":
            left.pop(0)
        elif word.startswith("-") and len(word) > 1:
            del left[: 2 if word in _WRAPPERS[program] else 1]
        elif program == "env" and _VARIABLE.match(word):
            left.pop(0)
        elif operands:
            left.pop(0)
            operands -= 1
        else:
            return left if program != "flock" or left[0] != "-c" else []
    return []
