"""Settings of the shadow suite, etc/login.defs (login.defs(5)): among them how new passwords are hashed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archscan.files.forms.text import cut, lines
from archscan.files.parser import Places
from archscan.files.settings.configured import once, use
from archscan.model import CryptoUse, Directive, FileFacts

_MOST = 5_000
_METHODS = {
    "DES": "crypt-des",
    "MD5": "crypt-md5",
    "SHA256": "crypt-sha256",
    "SHA512": "crypt-sha512",
    "BCRYPT": "bcrypt",
    "YESCRYPT": "yescrypt",
}


def login_defs(path: str, data: bytes) -> FileFacts:
    """The settings, ``name`` and ``value``, and the use of the scheme that passwords are hashed with."""
    found: list[Directive] = []
    for number, line in lines(data):
        words = line.split(None, 1)
        if words and not words[0].startswith("#") and len(found) < _MOST:
            value = words[1].strip().strip('"') if len(words) > 1 else ""
            found.append(Directive(number, None, cut(words[0]), cut(value)))
    return FileFacts(path=path, what="login-defs", directives=tuple(found), uses=_uses(found))


def _uses(directives: Sequence[Directive]) -> tuple[CryptoUse, ...]:
    # The last one counts; MD5_CRYPT_ENAB only where there is no ENCRYPT_METHOD, which superseded it.
    chosen = {one.name: one for one in directives if one.name in ("ENCRYPT_METHOD", "MD5_CRYPT_ENAB")}
    algorithm = None
    if method := chosen.get("ENCRYPT_METHOD"):
        algorithm = _METHODS.get(method.value)
    elif (method := chosen.get("MD5_CRYPT_ENAB")) and method.value.lower() == "yes":
        algorithm = "crypt-md5"
    if method is None or algorithm is None:
        return ()
    return once([use(algorithm, "password", library="shadow", symbol=method.name, argument=method.value,
                     line=method.line)])  # fmt: skip


PLACES: Places = ((re.compile(r"etc/login\.defs"), login_defs),)
