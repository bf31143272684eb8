"""How logins are checked: services of PAM (pam.d(5)) and what pam-auth-update builds them from.

Which hash a new password gets is an option of pam_unix(8) there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, joined, lines
from archscan.files.parser import Places
from archscan.files.settings.configured import once, use
from archscan.model import CryptoUse, Directive, FileFacts

_MOST = 5_000
_LONGEST = 65_536
_TYPES = frozenset(("auth", "account", "session", "password"))
_WORD = re.compile(r"\[(?:[^\]\\]|\\.){0,2000}\]|\S+")
# Of several the last one counts, pam_unix(8); without any it is ENCRYPT_METHOD of login.defs.
_SCHEMES = {
    "md5": "crypt-md5",
    "bigcrypt": "crypt-des",
    "sha256": "crypt-sha256",
    "sha512": "crypt-sha512",
    "blowfish": "bcrypt",
    "yescrypt": "yescrypt",
}
_PARTS = {f"{kind}{part}": kind for kind in _TYPES for part in ("", "-initial")}


def pam(path: str, data: bytes) -> FileFacts:
    """The lines of a service: ``section`` is the type, ``name`` the module, ``value`` the control and the arguments.

    ``@include`` is a section of its own with the name of the service. In etc/pam.conf the service is left out.
    """
    found: list[Directive] = []
    for number, line in joined(data):
        words = _words(line)
        if path == "etc/pam.conf":
            words = words[1:]
        if len(found) >= _MOST:
            break
        if len(words) > 1 and words[0].lower() == "@include":
            found.append(Directive(number, "@include", cut(words[1]), ""))
        elif len(words) > 2 and (kind := words[0].removeprefix("-").lower()) in _TYPES:
            found.append(Directive(number, kind, cut(words[2]), cut(" ".join([words[1], *words[3:]]))))
    return FileFacts(path=path, what="pam", directives=tuple(found), uses=_uses(found))


def pam_config(path: str, data: bytes) -> FileFacts:
    """The same of a file in usr/share/pam-configs, and its fields such as Default and Priority without a section."""
    found: list[Directive] = []
    kind = None
    for number, line in lines(data):
        if len(found) >= _MOST:
            break
        field, colon, rest = line.partition(":")
        if line[:1].isspace():
            words = _words(line)
            if kind and len(words) > 1:
                found.append(Directive(number, kind, cut(words[1]), cut(" ".join([words[0], *words[2:]]))))
        elif colon and not line.startswith("#"):
            kind = _PARTS.get(field.strip().lower())
            if kind is None:
                found.append(Directive(number, None, cut(field.strip()), cut(" ".join(rest.split()))))
    return FileFacts(path=path, what="pam-config", directives=tuple(found), uses=_uses(found))


def _words(line: str) -> list[str]:
    """The words of a line without its comment; what stands in square brackets is one."""
    text = line[:_LONGEST]
    # A # begins a comment wherever it stands; libpam does not care for brackets or what is before it.
    return [re.sub(r"\s+", " ", word) for word in _WORD.findall(text.partition("#")[0])]


def _uses(directives: list[Directive]) -> tuple[CryptoUse, ...]:
    return once(one for directive in directives for one in _password_uses(directive))


def _password_uses(directive: Directive) -> Iterator[CryptoUse]:
    module = directive.name.rpartition("/")[2].removesuffix(".so")
    if directive.section != "password" or module != "pam_unix":
        return
    options = [word.lower() for word in directive.value.split()]
    chosen = [word for word in options if word in _SCHEMES]
    if chosen:
        written = " ".join(chosen[-1:] + [word for word in options if word.startswith("rounds=")])
        algorithm = _SCHEMES[chosen[-1]]
        yield use(algorithm, "password", library="pam", symbol=module, argument=written, line=directive.line)


PLACES: Places = (
    (re.compile(r"(?:etc|usr/lib|usr/share)/pam\.d/[^/]+|etc/pam\.conf"), pam),
    (re.compile(r"usr/share/pam-configs/[^/]+"), pam_config),
)
