"""Privileges that a package's maintainer scripts hand out: set-user-id modes and file capabilities.

Debian's way to give a program a capability is a call of setcap in its postinst, for tar members had no place for
it; modes that an administrator may override come from dpkg-statoverride(1). The scripts are read, not run: plain
commands with literal paths or variables set to a literal earlier are understood, whatever the branch they stand in.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from archscan.files.control.variables import KNOWN, command, expanded
from archscan.files.forms.shell import simple_commands
from archscan.model import escape

_SCRIPTS = ("preinst", "postinst")  # those that run when a package comes
_SHELL = re.compile(r"#!\s*\S*/(?:env\s+)?(?:ba|da|k|z)?sh\b")
# `dpkg-divert --truename PATH` gives PATH wherever nobody diverted it.
_TRUE_NAME = re.compile(r"(?:`|\$\()\s*dpkg-divert\s+--truename\s+[\"']?([\w./+-]+)[\"']?\s*[`)]")
_OCTAL = re.compile(r"[-+=]?0*([0-7]{4,5})")
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=][rwxXst]*)+)")
# What gives a mode or a capability in any language, and the option of install(1) that does.
_SETTING = re.compile(rb"chmod|setcap|setfacl|statoverride")
_INSTALLED_WITH = re.compile(rb"\s-(?:\w*m|-mode)")
_CAPABILITY_CLAUSE = re.compile(r"([\w,]*?)=?([=+])([eip]*)")


def granted(control: Mapping[str, bytes]) -> dict[str, frozenset[str]]:
    """Paths and the privileges that the scripts in ``control``, files of a control archive by name, may give to them.

    Errors: none; of what is no shell script nothing is known.
    """
    found: dict[str, frozenset[str]] = {}
    for name in _SCRIPTS:
        script = control.get(name, b"").decode("utf-8", "surrogateescape")
        for path, privileges in script_privileges(script).items():
            found[path] = found.get(path, frozenset()) | privileges
    return found


def may_grant(control: Mapping[str, bytes]) -> bool:
    """Whether one of these scripts may give a mode or a capability to any file, understood or not."""
    return any(sets_modes(control.get(name, b"")) for name in _SCRIPTS)


def script_privileges(script: str) -> dict[str, frozenset[str]]:
    """Paths (without their first slash) and the privileges that the shell script may give them.

    A privilege is ``setuid``, ``setgid`` or a capability text such as ``cap_net_raw=ep``. Directories that the script
    itself makes are left out: set-group-id means something else there.
    """
    given: dict[str, frozenset[str]] = {}
    folders: set[str] = set()
    if script.startswith("\x7fELF") or (script.startswith("#!") and not _SHELL.match(script)):
        return given
    variables = dict(KNOWN)
    for simple in simple_commands(_TRUE_NAME.sub(r"\1", script)):
        meant = expanded(command(simple.words, variables), variables)
        folders.update(_key(path) for path in _made_folders(meant))
        for path, privilege in _grants(meant):
            if path.startswith("/") and not set(path) & set("$`*?"):
                given[_key(path)] = given.get(_key(path), frozenset()) | {privilege}
    return {path: privileges for path, privileges in given.items() if path not in folders}


def sets_modes(script: bytes) -> bool:
    """Whether a maintainer script in any language may give a mode or a capability, by its words alone.

    One that is no text may do anything.
    """
    if b"\0" in script or _SETTING.search(script):
        return True
    lines = script.replace(b"\\\n", b" ").split(b"\n")
    return any(b"install" in line and _INSTALLED_WITH.search(line) for line in lines)


def _key(path: str) -> str:
    return escape(path.strip("/"))  # as members are named


def _made_folders(words: Sequence[str]) -> Iterator[str]:
    if words and (words[0] == "mkdir" or (words[0] == "install" and {"-d", "--directory"} & set(words))):
        yield from (word for word in words[1:] if word.startswith("/"))


def _grants(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not words:
        return
    name = words[0].rpartition("/")[2]
    arguments = [word for word in words[1:] if not word.startswith("-")]
    if name == "chmod" and len(arguments) > 1:
        yield from itertools.product(arguments[1:], _mode_privileges(arguments[0]))
    elif name == "setcap" and "-v" not in words:
        yield from _set_capabilities(arguments)
    elif name == "dpkg-statoverride" and "--add" in words and len(arguments) >= 4:
        yield from ((arguments[3], privilege) for privilege in _mode_privileges(arguments[2]))
    elif name == "install" and not {"-d", "--directory"} & set(words):
        yield from ((words[-1], privilege) for privilege in _mode_privileges(_install_mode(words)))


def _set_capabilities(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each path with the capabilities before it; a variable may have made several paths of one."""
    text = ""
    for argument in arguments:
        if argument.startswith("/") and text:
            yield argument, _capabilities(text)
        else:
            text = argument


def _install_mode(words: Sequence[str]) -> str:
    for word, following in itertools.pairwise(words):
        if word in ("-m", "--mode"):
            return following
        for prefix in ("--mode=", "-m"):
            if word.startswith(prefix):
                return word.removeprefix(prefix)
    return ""


def _mode_privileges(mode: str) -> list[str]:
    """What a mode in digits or letters (chmod(1)) gives, not what it takes away."""
    if octal := _OCTAL.fullmatch(mode):
        bits = 0 if mode.startswith("-") else int(octal[1], 8)
        return [name for bit, name in ((0o4000, "setuid"), (0o2000, "setgid")) if bits & bit]
    given: set[str] = set()
    for text in mode.split(","):
        clause = _CLAUSE.fullmatch(text)
        if clause and re.search(r"[+=][rwxXt]*s", clause[2]):
            given |= {name for letter, name in (("u", "setuid"), ("g", "setgid"))
                      if not clause[1] or letter in clause[1] or "a" in clause[1]}  # fmt: skip
    return sorted(given)


def _capabilities(text: str) -> str:
    """The text of setcap in the form of getcap: ``cap_net_raw+ep`` is ``cap_net_raw=ep``."""
    clauses = []
    for word in text.split():
        clause = _CAPABILITY_CLAUSE.fullmatch(word)
        if not clause:
            return escape(text)
        clauses.append(f"{clause[1]}={''.join(flag for flag in 'eip' if flag in clause[3])}")
    return " ".join(clauses)
