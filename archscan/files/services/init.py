"""Init scripts: their LSB header and the daemon that they start, read and not run (init-d-script(5))."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from archscan.files.forms.assignments import MOST_DIRECTIVES
from archscan.files.forms.shell import Run, run, simple_commands, unquoted
from archscan.files.forms.text import cut, interpreter, lines
from archscan.files.services.commands import MOST_PROGRAMS
from archscan.model import Directive, FileFacts, Service, ServiceKind, Started

HEADER = "INIT INFO"  # the section of the header's keywords
_KEYWORD = re.compile(r"#\s{0,8}([A-Za-z][\w-]{0,63}):[ \t]*(.*)", re.DOTALL)
_MORE = re.compile(r"#(?:\t| {2,})\s*(.*)", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?[-=]([^{}]{0,512}))?\}|([A-Za-z_]\w*))")
_FUNCTION = re.compile(r"^[ \t]*(start_daemon|start-stop-daemon)[ \t]*\(\)", re.MULTILINE)
_DEEPEST = 8
_LONGEST = 4_096
# Options of start-stop-daemon(8) with a value, by the letter they have, and what the rest of the line is.
_LONG = {
    "exec": "x",
    "startas": "a",
    "chuid": "c",
    "group": "g",
    "user": "u",
    "name": "n",
    "pidfile": "p",
    "signal": "s",
    "retry": "R",
    "chroot": "r",
    "chdir": "d",
    "nicelevel": "N",
    "procsched": "P",
    "iosched": "I",
    "umask": "k",
    "pid": "pid",
    "ppid": "ppid",
    "output": "O",
    "notify-timeout": "notify-timeout",
}
_WITH_VALUE = "xacgunpsRrdNPIkO"
_NO_VALUE = {"start": "S", "stop": "K", "status": "T", "test": "t", "help": "H", "version": "V"}


def init_script(path: str, data: bytes) -> FileFacts:
    """The header's keywords as directives of the section ``INIT INFO``, and the service with what it starts.

    What no shell runs and has no header, as a README, is no service. Variables are taken for the first text that the
    script gives them; those that it does not set stay as written.
    """
    runs = interpreter(data)
    header = tuple(_header(data))
    facts = FileFacts(path=path, what="init", interpreter=runs, directives=header)
    if runs is None and not header:
        return facts
    text = data.decode("utf-8", "surrogateescape")
    commands = [run(one) for one in itertools.takewhile(lambda one: one.sound, simple_commands(text))]
    own = frozenset(match[1] for match in _FUNCTION.finditer(text))
    values = _values(commands)
    found = list(_started(commands, values, own))
    if not found and (daemon := _daemon(values)):
        found = [daemon]
    name = path.rsplit("/", 1)[-1]
    programs = tuple(dict.fromkeys(started for started, _, _ in found))[:MOST_PROGRAMS]
    user = next((user for _, user, _ in found if user), None)
    group = next((group for _, _, group in found if group), None)
    service = Service(name=cut(name), kind=ServiceKind.INIT, scope="system", user=user, group=group, programs=programs)
    return FileFacts(path=path, what="init", interpreter=runs, directives=header, services=(service,))


def _header(data: bytes) -> Iterator[Directive]:
    inside, last = False, None
    count = 0
    for number, line in lines(data):
        text = line.strip()
        if text == "### BEGIN INIT INFO":
            inside = True
        elif text == "### END INIT INFO" or count == MOST_DIRECTIVES:
            break
        elif inside:
            if match := _KEYWORD.fullmatch(text):
                if last:
                    yield last
                    count += 1
                last = Directive(number, HEADER, cut(match[1]), cut(match[2].strip()))
            elif last and last.name == "Description" and (more := _MORE.fullmatch(text)):
                last = Directive(last.line, HEADER, last.name, cut(f"{last.value} {more[1]}"))
    if last:
        yield last


def _values(commands: Sequence[Run]) -> dict[str, str]:
    """What variables are: the first that is not empty, for what stands in /etc/default is not known."""
    values: dict[str, str] = {}
    for command in commands:
        for word in command.assigned:
            match = _ASSIGNMENT.fullmatch(word)
            if not match or match[1] in values or len(match[2]) > _LONGEST:
                continue
            text = unquoted(match[2])
            if text and not text.startswith(("$(", "`")) and f"${match[1]}" not in text:
                values[match[1]] = text
    return values


def _resolved(word: str, values: Mapping[str, str], depth: int = 0) -> str:
    """The word with the variables that are known; cut where they would grow without end."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        known: str | None = values.get(name, match[2])
        if known is None or depth == _DEEPEST:
            return match.group()
        return _resolved(known[:_LONGEST], values, depth + 1)[:_LONGEST]

    return _VARIABLE.sub(value, word[:_LONGEST])[:_LONGEST] if "$" in word else word


def _started(
    commands: Sequence[Run], values: Mapping[str, str], own: frozenset[str]
) -> Iterator[tuple[Started, str | None, str | None]]:
    starters = _STARTERS.keys() - own
    for command in commands:
        at = next((at for at, word in enumerate(command.words) if _name(word) in starters), None)
        if at is not None:
            words = [part for word in command.words[at + 1 :] for part in _split(word, values)]
            if found := _STARTERS[_name(command.words[at])](words):
                yield found


def _split(word: str, values: Mapping[str, str]) -> list[str]:
    """The words that become of one: without quotation marks, variables fall into their parts."""
    text = _resolved(unquoted(word), values)
    if text == word or not text or word[0] in "\"'":
        return [text]
    return text.split() or [""]


def _name(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _start_stop_daemon(words: Sequence[str]) -> tuple[Started, str | None, str | None] | None:
    options, rest = _options(words)
    program = options.get("a") or options.get("x")
    if "S" not in options or "t" in options or not program:
        return None
    user, _, group = options.get("c", "").partition(":")
    started = Started("start-stop-daemon", cut(program), cut(" ".join(rest)), "")
    return started, cut(user) or None, cut(group or options.get("g") or "") or None


def _options(words: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """The options by their letters, and the words behind ``--``."""
    options: dict[str, str] = {}
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            return options, words[at:]
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--"):
            if name in _NO_VALUE:
                options[_NO_VALUE[name]] = ""
            elif name in _LONG:
                options[_LONG[name]] = value if equals else next(iter(words[at : at + 1]), "")
                at += 0 if equals else 1
        elif word.startswith("-") and len(word) > 1:
            for place, letter in enumerate(word[1:], 2):
                if letter not in _WITH_VALUE:
                    options[letter] = ""
                    continue
                options[letter] = word[place:] or next(iter(words[at : at + 1]), "")
                at += 0 if word[place:] else 1
                break
    return options, []


def _start_daemon(words: Sequence[str]) -> tuple[Started, str | None, str | None] | None:
    """``start_daemon [-f] [-n nice] [-p pidfile] program``, of the LSB's init-functions."""
    left = list(words)
    while left and left[0].startswith("-") and left[0] != "--":
        del left[: 2 if left[0] in ("-n", "-p") else 1]
    while len(left) > 1 and left[0].startswith("$"):
        del left[0]  # options that somebody may set
    if not left or not left[0]:
        return None
    return Started("start_daemon", cut(left[0]), cut(" ".join(left[1:])), ""), None, None


_STARTERS = {"start-stop-daemon": _start_stop_daemon, "start_daemon": _start_daemon}


def _daemon(values: Mapping[str, str]) -> tuple[Started, str | None, str | None] | None:
    """What DAEMON names: of scripts that init-d-script(5) or a function of their own runs."""
    program = _resolved(values.get("DAEMON", ""), values)
    if not program.startswith("/"):
        return None
    options, _ = _options(_resolved(values.get("START_ARGS", ""), values).split())
    user, _, group = options.get("c", "").partition(":")
    arguments = _resolved(values.get("DAEMON_ARGS", ""), values)
    return Started("DAEMON", cut(program), cut(arguments), ""), cut(user) or None, cut(group) or None


PLACES = ((re.compile(r"etc/(?:rc\.d/)?init\.d/[^/.][^/]*", re.DOTALL), init_script),)
