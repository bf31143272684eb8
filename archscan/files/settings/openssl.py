"""Configuration of OpenSSL: config(5), SSL_CONF_cmd(3), openssl-req(1), openssl-ca(1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, joined
from archscan.files.parser import Places
from archscan.files.settings.configured import cipher_string, digest, once, use
from archscan.model import CryptoUse, Directive, FileFacts

_MOST = 5_000
_SECTION = re.compile(r"\[\s*([^\]]{1,200}?)\s*\]")
# Versions by the names of SSL_CONF_cmd(3); None means the oldest that the library has.
_VERSIONS = {
    "sslv2": "ssl2",
    "sslv3": "ssl3",
    "tlsv1": "tls1.0",
    "tlsv1.0": "tls1.0",
    "tlsv1.1": "tls1.1",
    "tlsv1.2": "tls1.2",
    "tlsv1.3": "tls1.3",
    "dtlsv1": "dtls1.0",
    "dtlsv1.2": "dtls1.2",
    "none": "tls1.0",
}
_LIMITS = frozenset(("minprotocol", "maxprotocol"))
_CIPHERS = frozenset(("cipherstring", "ciphers"))
_DIGESTS = frozenset(("default_md", "signer_digest"))


def openssl(path: str, data: bytes) -> FileFacts:
    """The settings by ``section``, and the uses of what they choose: digests, versions of TLS, ciphers.

    ``value`` is as written: variables are not put in.
    """
    found: list[Directive] = []
    section = "default"
    for number, line in joined(data):
        text = _without_comment(line).strip()
        if not text or len(found) >= _MOST:
            continue
        if header := _SECTION.fullmatch(text):
            section = header[1]
        elif text.startswith("."):
            name, _, value = text.partition(" ")
            found.append(Directive(number, section, cut(name), cut(value.strip(" =\t"))))
        elif "=" in text:
            name, _, value = text.partition("=")
            found.append(Directive(number, section, cut(name.strip()), cut(_unquoted(value.strip()))))
    uses = once(one for directive in found for one in _uses(directive))
    return FileFacts(path=path, what="openssl", directives=tuple(found), uses=uses)


def _without_comment(line: str) -> str:
    """The line up to a ``#`` that is not quoted."""
    if "#" not in line:
        return line
    mark = ""
    for at, character in enumerate(line[:4096]):
        if character in "\"'`" and mark in ("", character):
            mark = "" if mark else character
        elif character == "#" and not mark and line[at - 1 : at] != "\\":
            return line[:at]
    return line


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`" else value


def _uses(one: Directive) -> Iterator[CryptoUse]:
    name = one.name.rpartition(".")[2].lower()  # "1.name" is a way to say a name twice
    if name in _DIGESTS and (algorithm := digest(one.value)):
        yield use(algorithm, "sign", library="openssl", symbol=one.name, argument=one.value, line=one.line)
    elif name in _LIMITS and (version := _VERSIONS.get(one.value.lower())):
        yield use(version, "tls", library="openssl", symbol=one.name, argument=one.value, line=one.line)
    elif name == "protocol":
        for word in re.split(r"[\s,]+", one.value.lower()):
            if version := _VERSIONS.get(word.removeprefix("+")):
                yield use(version, "tls", library="openssl", symbol=one.name, argument=one.value, line=one.line)
    elif name in _CIPHERS:
        for algorithm, role, word in cipher_string(one.value):
            yield use(algorithm, role, library="openssl", symbol=one.name, argument=word, line=one.line)


PLACES: Places = ((re.compile(r"(?:etc|usr/lib|usr/share)/(?:.+/)?openssl[^/]*\.cnf(?:\.d/.+)?"), openssl),)
