"""Configuration of GnuPG: gpg.conf (gpg(1), "How to change the configuration")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, lines
from archscan.files.parser import Places
from archscan.files.settings.configured import digest, once, use
from archscan.model import CryptoUse, Directive, FileFacts

_MOST = 5_000
_LINE = re.compile(r"\s*(?:--)?([a-z][a-z0-9-]{1,60})(?:(?:\s*=\s*|\s+)(\S.*))?")
# Numbers of RFC 4880 (9.2, 9.4), as in preferences: S2 is a cipher, H2 a digest, Z a compression.
_NUMBERED = {
    "s1": "idea", "s2": "3des", "s3": "cast5", "s4": "blowfish", "s7": "aes", "s8": "aes", "s9": "aes",
    "s10": "twofish", "s11": "camellia", "s12": "camellia", "s13": "camellia",
    "h1": "md5", "h2": "sha1", "h3": "ripemd160", "h8": "sha256", "h9": "sha384", "h10": "sha512", "h11": "sha224",
}  # fmt: skip
_CIPHERS = {
    "idea": "idea", "3des": "3des", "cast5": "cast5", "blowfish": "blowfish", "aes": "aes", "aes128": "aes",
    "aes192": "aes", "aes256": "aes", "twofish": "twofish", "camellia128": "camellia", "camellia192": "camellia",
    "camellia256": "camellia",
}  # fmt: skip
_SIGNING = frozenset("digest-algo cert-digest-algo personal-digest-preferences default-preference-list".split())
_ENCRYPTING = frozenset("cipher-algo personal-cipher-preferences default-preference-list".split())
_S2K = {"0": "s2k-simple", "1": "s2k-salted"}


def gpg(path: str, data: bytes) -> FileFacts:
    """The options that are set, without their dashes, and the uses of the algorithms they choose.

    ``weak-digest`` names what is refused, so it is no use.
    """
    found: list[Directive] = []
    for number, line in lines(data):
        match = _LINE.fullmatch(line[:4096].rstrip()) if len(found) < _MOST else None
        if match:
            found.append(Directive(number, None, cut(match[1]), cut(" ".join((match[2] or "").split()))))
    uses = once(one for directive in found for one in _uses(directive))
    return FileFacts(path=path, what="gpg", directives=tuple(found), uses=uses)


def _uses(one: Directive) -> Iterator[CryptoUse]:
    for algorithm, role, word in _chosen(one.name, one.value.lower()):
        yield use(algorithm, role, library="gnupg", symbol=one.name, argument=word, line=one.line)


def _chosen(name: str, value: str) -> Iterator[tuple[str, str, str]]:
    if name == "s2k-digest-algo" and (algorithm := _digest(value)):
        yield algorithm, "kdf", value
    elif name == "s2k-cipher-algo" and (algorithm := _cipher(value)):
        yield algorithm, "cipher", value
    elif name == "s2k-mode" and value in _S2K:
        yield _S2K[value], "kdf", value
    for word in value.split():
        if name in _SIGNING and (algorithm := _digest(word)):
            yield algorithm, "sign", word
        if name in _ENCRYPTING and (algorithm := _cipher(word)):
            yield algorithm, "cipher", word


def _digest(word: str) -> str | None:
    return digest(word) or (_NUMBERED.get(word) if word.startswith("h") else None)


def _cipher(word: str) -> str | None:
    return _CIPHERS.get(word) or (_NUMBERED.get(word) if word.startswith("s") else None)


PLACES: Places = ((re.compile(r"etc/(?:.+/)?gpg\.conf|usr/share/gnupg/gpg-conf\.skel"), gpg),)
