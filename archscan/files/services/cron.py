"""Crontabs, and the folders of scripts that cron runs: crontab(5), cron(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.assignments import MOST_DIRECTIVES
from archscan.files.forms.text import cut, interpreter, lines
from archscan.files.services.commands import MOST_PROGRAMS, shell_programs
from archscan.model import Directive, FileFacts, Service, ServiceKind, Started

MOST_SERVICES = 1_000
_LONGEST_COMMAND = 1 << 16
_TIME = re.compile(  # five fields, months and days of the week by names, too; or a name for all of them
    r"""
    @[A-Za-z]{1,16}
  | -? (?: [\d*,/~-]{1,512}+ [ \t]++ ){3} [\w*,/~-]{1,512}+ [ \t]++ [\w*,/~-]{1,512}+
    """,
    re.VERBOSE | re.ASCII,
)
_WORD = re.compile(r"[ \t]+([^ \t]{1,256})(?:[ \t]+|\Z)")
_SETTING = re.compile(r"""[ \t]*("[^"]{1,256}"|'[^']{1,256}'|[^\s=#"'@]{1,256})[ \t]*=[ \t]*(.*)""", re.DOTALL)
_PERCENT = re.compile(r"(?<!\\)%")
_NAME = r"[A-Za-z0-9_-]+"  # others are never run, run-parts(8)
_TABLE = re.compile(r"etc/crontab|etc/cron\.d/[^/]+")
_OF_USER = re.compile(r"var/spool/cron/(?:crontabs/)?[^/]+")
_FOLDER = re.compile(r"etc/cron\.(hourly|daily|weekly|monthly|yearly)/([^/]+)", re.DOTALL)
_RUN = re.compile(_NAME)


def crontab(path: str, data: bytes) -> FileFacts:
    """One service for each line with a time, and the variables that are set as directives.

    Lines in /etc name their user; a table in /var/spool/cron is its user's. A file of /etc/cron.d with a name that
    cron ignores has no service. Lines that make no sense are left out.
    """
    name = path.rsplit("/", 1)[-1]
    owner = None if path.startswith("etc/") else cut(name)
    settings: list[Directive] = []
    services: list[Service] = []
    for number, line in lines(data):
        text = line.strip(" \t\r")
        if not text or text.startswith("#"):
            continue
        if entry := _entry(name, number, text, owner):
            services.append(entry)
        elif (match := _SETTING.fullmatch(text)) and len(settings) < MOST_DIRECTIVES:
            settings.append(Directive(number, None, cut(_bare(match[1])), cut(_bare(match[2]))))
        if len(services) == MOST_SERVICES:
            break
    runs = path == "etc/crontab" or owner is not None or _RUN.fullmatch(name)
    return FileFacts(path=path, what="cron", directives=tuple(settings), services=tuple(services) if runs else ())


def _entry(name: str, number: int, text: str, owner: str | None) -> Service | None:
    when = _TIME.match(text)
    if not when:
        return None
    at, user = when.end(), owner
    if owner is None:
        word = _WORD.match(text, at)
        if not word:
            return None
        at, user = word.end(), cut(word[1])
    elif text[at : at + 1] not in (" ", "\t"):
        return None
    command = text[at : at + _LONGEST_COMMAND].strip()
    if not command:
        return None
    # What follows an unescaped % is what the command reads, not what it is.
    shown = _PERCENT.split(command, maxsplit=1)[0].replace("\\%", "%")
    return Service(
        name=cut(name),
        kind=ServiceKind.CRON,
        scope="system",
        user=user,
        schedule=cut(" ".join(when.group().split())),
        line=number,
        programs=_first(shell_programs("command", shown)),
    )


def _first(programs: Iterator[Started]) -> tuple[Started, ...]:
    return tuple(one for _, one in zip(range(MOST_PROGRAMS), programs, strict=False))


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def periodic(path: str, data: bytes) -> FileFacts:
    """The file as a program that root runs every hour, day, week or month; none if run-parts(8) ignores its name."""
    match = _FOLDER.fullmatch(path)
    services: tuple[Service, ...] = ()
    if match and _RUN.fullmatch(match[2]):
        program = Started("run-parts", cut("/" + path), "", "")
        service = Service(
            name=match[2],
            kind=ServiceKind.CRON,
            scope="system",
            user="root",
            schedule=match[1],
            programs=(program,),
        )
        services = (service,)
    return FileFacts(path=path, what="cron", interpreter=interpreter(data), services=services)


PLACES = (
    (re.compile(rf"{_TABLE.pattern}|{_OF_USER.pattern}", re.DOTALL), crontab),
    (re.compile(r"etc/cron\.(?:hourly|daily|weekly|monthly|yearly)/[^/]+", re.DOTALL), periodic),
)
