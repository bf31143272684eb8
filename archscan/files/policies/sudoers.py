"""Who may run what as whom: sudoers(5), each command of each rule by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from archscan.files.forms.assignments import MOST_DIRECTIVES
from archscan.files.forms.text import cut, lines
from archscan.model import Directive, FileFacts

_LONGEST = 1 << 16  # characters of a rule, continuation lines joined
_MOST = 1 << 18  # bytes of a file
_DEEPEST = 8  # aliases in aliases
_ALIAS = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias[ \t]+(.*)", re.DOTALL)
_DEFAULTS = re.compile(r"Defaults(?:([@:!>])[ \t]*((?:\\.|[^\s\\])+))?[ \t]+(.*)", re.DOTALL)
_INCLUDE = re.compile(r"[@#](include(?:dir)?)[ \t]+(.+)", re.DOTALL)
_TAGS = re.compile(
    r"\s*((?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|FOLLOW|MAIL|INTERCEPT))\s*:\s*",
)
_OPTION = re.compile(
    r'\s*((?:ROLE|TYPE|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER|PRIVS|LIMITPRIVS|APPARMOR_PROFILE)\s*=\s*(?:"[^"]*"|[^\s,]+))\s*'
)
_RUNAS = re.compile(r"\s*\(([^()]{0,4096})\)\s*")
_DIGEST = re.compile(r"\s*sha(?:224|256|384|512)\s*:\s*[\w+/=]{1,256}\s*(?:,\s*(?=sha\d))?")
# A part of a list: quoted, escaped, a regular expression (1.9.10) or plain, up to a comma, colon or comment.
_COMMAND = re.compile(
    r"""
    (?> "[^"\n]*+" | \\.
      | (?: (?<=[\s=,)]) | \A ) \^(?:[^\n^]|\[\^){0,512}?\$(?=\s|,|\Z) | [^",:\\#] | \#(?=\d) | " | \\\Z )*+
    """,
    re.DOTALL | re.VERBOSE,
)
_LISTED = re.compile(r"""\s*((?:"[^"]*"|\\.|[^",\\]|"|\\\Z)*)""", re.DOTALL)
# A comment begins with #, except for #1000, a user by number.
_COMMENT = re.compile(r"""((?:"[^"\n]*+"|\\.|[^"\\#]|\#(?=\d+(?:[\s,=:)]|\Z))|"|\\\Z)*+)\#.*""", re.DOTALL)
_NAMED = re.compile(r"\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_OPPOSITES = {"PASSWD", "NOEXEC", "EXEC", "NOSETENV", "NOLOG_INPUT", "NOLOG_OUTPUT", "NOFOLLOW", "MAIL", "NOINTERCEPT"}
_SHOWN_AWAY = _OPPOSITES - {"NOEXEC", "PASSWD"} | {"NOMAIL"}


def sudoers(path: str, data: bytes) -> FileFacts:
    """One directive for each command that somebody may run.

    Its section is who (``%sudo``, as written), its name ``PASSWD`` or ``NOPASSWD`` and what else the tags change
    (``NOPASSWD SETENV``), its value ``HOSTS=(RUNAS) COMMAND``, ``(root)`` where nothing is said. Aliases of commands
    are resolved where the file has them. ``Defaults`` have one directive for each setting, in the section
    ``@host``, ``:user``, ``!command`` or ``>runas`` if they are bound; aliases and includes are kept by their words.
    """
    statements = [(number, text) for number, text in _statements(data[:_MOST]) if text]
    aliases = _aliases(statements)
    said: list[Directive] = []
    for number, text in statements:
        for section, name, value in _said(text, aliases):
            said.append(Directive(number, cut(section) if section else None, cut(name), cut(value)))
            if len(said) == MOST_DIRECTIVES:
                return FileFacts(path=path, what="sudoers", directives=tuple(said))
    return FileFacts(path=path, what="sudoers", directives=tuple(said))


def _statements(data: bytes) -> Iterator[tuple[int, str]]:
    r"""The rules without comments; a line that ends in ``\`` goes on in the next, its blanks left out."""
    start, before = 0, ""
    for number, line in lines(data):
        text = line if not before else before + line.lstrip(" \t")
        start = start or number
        if text.endswith("\\") and not text.endswith("\\\\") and len(text) < _LONGEST:
            before = text[:-1]
            continue
        yield start, _uncommented(text[:_LONGEST])
        start, before = 0, ""
    if before:
        yield start, _uncommented(before[:_LONGEST])


def _uncommented(text: str) -> str:
    text = text.strip()
    if _INCLUDE.fullmatch(text):
        return text
    match = _COMMENT.fullmatch(text)
    return (match[1] if match else text).strip()


def _aliases(statements: list[tuple[int, str]]) -> dict[str, list[str]]:
    """The commands of each Cmnd_Alias."""
    found: dict[str, list[str]] = {}
    for _, text in statements:
        if (match := _ALIAS.fullmatch(text)) and match[1] in ("Cmnd", "Cmd"):
            for name, value in _named(match[2]):
                found.setdefault(name, _commands(value))
    return found


def _named(text: str) -> Iterator[tuple[str, str]]:
    """``NAME = list : NAME = list``."""
    at = 0
    while match := _NAMED.match(text, at):
        end = _list_end(text, match.start(2))
        yield match[1], text[match.start(2) : end].strip()
        at = end + 1


def _list_end(text: str, at: int) -> int:
    """Where the list that begins at ``at`` ends: at a colon that is no part of a digest, or of an IPv6 address."""
    while at < len(text):
        at = _item_end(text, at)
        if at >= len(text) or text[at] == ":":
            if text[at : at + 1] == ":" and not _NAMED.match(text, at + 1):
                at += 1
                continue
            return at
        at += 1
    return at


def _item_end(text: str, at: int) -> int:
    digest = _DIGEST.match(text, at)
    while digest:
        at = digest.end()
        digest = _DIGEST.match(text, at)
    match = _COMMAND.match(text, at)
    return max(match.end() if match else at, at)


def _commands(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        end = _item_end(text, at)
        if command := " ".join(text[at:end].split()):
            found.append(command)
        at = end + 1
    return found


def _said(text: str, aliases: Mapping[str, list[str]]) -> Iterator[tuple[str | None, str, str]]:
    if match := _INCLUDE.fullmatch(text):
        yield None, match[1], match[2].strip()
    elif match := _ALIAS.fullmatch(text):
        for name, value in _named(match[2]):
            yield None, f"{match[1]}_Alias", f"{name} = {value}"
    elif match := _DEFAULTS.fullmatch(text):
        section = f"{match[1]}{match[2]}" if match[1] else None
        for item in _LISTED.finditer(match[3]):
            if item[1].strip():
                yield section, "Defaults", item[1].strip()
    else:
        yield from _rule(text, aliases)


def _rule(text: str, aliases: Mapping[str, list[str]]) -> Iterator[tuple[str | None, str, str]]:
    """``USERS HOSTS = COMMANDS : HOSTS = COMMANDS``."""
    who, rest = _who(text)
    at = 0
    while at < len(rest):
        equals = _unescaped(rest, "=", at)
        if equals < 0 or not who:
            return
        hosts = ", ".join(part.strip() for part in rest[at:equals].split(","))
        at = equals + 1
        runas, tags, options = "root", dict[str, str](), ""
        while at < len(rest):
            at, runas, options = _told(rest, at, runas, options, tags)
            end = _item_end(rest, at)
            command = " ".join(rest[at:end].split())
            shown = _shown(tags)
            for one in _resolved(command, aliases):
                yield who, shown, f"{hosts}=({runas}) {options}{one}"
            at = end + 1
            if rest[end : end + 1] != ",":
                break


def _told(rest: str, at: int, runas: str, options: str, tags: dict[str, str]) -> tuple[int, str, str]:
    """What stands in front of a command, and holds for those behind it too: as whom, options, tags."""
    first = True
    while True:
        if match := _RUNAS.match(rest, at):
            runas = " ".join(match[1].split()) or "self"
        elif match := _TAGS.match(rest, at):
            tags[match[1].removeprefix("NO")] = match[1]
        elif match := _OPTION.match(rest, at):
            options = f"{'' if first else options}{match[1]} "
            first = False
        else:
            return at, runas, options
        at = match.end()


def _shown(tags: Mapping[str, str]) -> str:
    told = sorted(tag for name, tag in tags.items() if name != "PASSWD" and tag not in _SHOWN_AWAY)
    return " ".join([tags.get("PASSWD", "PASSWD"), *told])


def _who(text: str) -> tuple[str, str]:
    """The list of users, and what follows: it ends at a blank that no comma, quotation mark or ``!`` goes over."""
    at = 0
    while at < len(text):
        match = _USER.match(text, at)
        if not match or match.end() == at:
            return "", ""
        at = match.end()
        comma = _COMMA.match(text, at)
        if not comma:
            users = ", ".join(" ".join(part.split()) for part in text[:at].split(","))
            return users, text[at:].strip()
        at = comma.end()
    return "", ""


_USER = re.compile(r"""\s*(?:!\s*)*[%+\#:]{0,2}(?:"[^"]*"|\\.|[^\s,"\\=])+""", re.DOTALL)
_COMMA = re.compile(r"\s*,")


def _unescaped(text: str, mark: str, at: int) -> int:
    while (at := text.find(mark, at)) > 0 and text[at - 1] == "\\":
        at += 1
    return at


def _resolved(command: str, aliases: Mapping[str, list[str]], depth: int = 0) -> Iterator[str]:
    """The commands that an alias stands for; what is excluded by ``!`` stays so."""
    bare = command.lstrip("! ")
    negated = (len(command) - len(bare) - command[: len(command) - len(bare)].count(" ")) % 2
    if bare not in aliases or depth == _DEEPEST:
        if command:
            yield command
        return
    for one in aliases[bare]:
        for inner in _resolved(one, aliases, depth + 1):
            yield f"!{inner}".removeprefix("!!") if negated else inner


PLACES = ((re.compile(r"etc/sudoers(?:\.dist)?|etc/sudoers\.d/[^/]+", re.DOTALL), sudoers),)
