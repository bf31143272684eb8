"""Configuration of OpenSSH: sshd_config(5), ssh_config(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.files.forms.text import cut, lines
from archscan.files.parser import Places
from archscan.files.settings.configured import once, use
from archscan.model import CryptoUse, Directive, FileFacts

_MOST = 5_000
_LONGEST = 65_536
_LINE = re.compile(r"\s*([A-Za-z]\w{0,100})(?:\s*=\s*|\s+)(\S.*)")
_BLOCKS = frozenset(("host", "match"))
_SERVER = re.compile(r"sshd_config")

# What names of ssh mean: pattern, algorithm, role. Names end in @vendor where they are no standard.
_CIPHERS = (
    ("3des", "3des", "cipher"),
    ("arcfour", "rc4", "cipher"),
    ("blowfish", "blowfish", "cipher"),
    ("cast128", "cast5", "cipher"),
    ("des-", "des", "cipher"),
    ("idea", "idea", "cipher"),
    ("none", "null", "cipher"),
    ("aes", "aes", "cipher"),
    ("rijndael", "aes", "cipher"),
    ("chacha20", "chacha20", "cipher"),
)
_MACS = (
    ("hmac-md5", "md5", "hmac"),
    ("hmac-sha1", "sha1", "hmac"),
    ("hmac-ripemd160", "ripemd160", "hmac"),
    ("hmac-sha2-256", "sha256", "hmac"),
    ("hmac-sha2-512", "sha512", "hmac"),
    ("none", "null", "hmac"),
)
_EXCHANGES = (
    ("diffie-hellman-group1-", "weak-dh", "kdf"),
    ("gss-group1-", "weak-dh", "kdf"),
    ("diffie-hellman-group14-sha1", "sha1", "kdf"),
    ("diffie-hellman-group-exchange-sha1", "sha1", "kdf"),
    ("gss-group14-sha1", "sha1", "kdf"),
    ("gss-gex-sha1", "sha1", "kdf"),
    ("diffie-hellman-group-exchange-sha256", "sha256", "kdf"),
)
_KEYS = (
    ("ssh-rsa", "sha1", "sign"),  # also as a certificate, ssh-rsa-cert-v01@openssh.com
    ("ssh-dss", "sha1", "sign"),
    ("x509v3-sign-rsa", "sha1", "sign"),
    ("x509v3-sign-dss", "sha1", "sign"),
    ("rsa-sha2-256", "sha256", "sign"),
    ("rsa-sha2-512", "sha512", "sign"),
    ("ssh-ed25519", "ed25519", "sign"),
    ("ecdsa-sha2-", "ecdsa", "sign"),
)
_FINGERPRINTS = (("md5", "md5", "certificate-fingerprint"), ("sha1", "sha1", "certificate-fingerprint"))
_LISTS = {
    "ciphers": _CIPHERS,
    "macs": _MACS,
    "kexalgorithms": _EXCHANGES,
    "gssapikexalgorithms": _EXCHANGES,
    "hostkeyalgorithms": _KEYS,
    "pubkeyacceptedalgorithms": _KEYS,
    "pubkeyacceptedkeytypes": _KEYS,
    "hostbasedacceptedalgorithms": _KEYS,
    "hostbasedacceptedkeytypes": _KEYS,
    "hostbasedkeytypes": _KEYS,
    "casignaturealgorithms": _KEYS,
    "fingerprinthash": _FINGERPRINTS,
}
# Which side makes the signature: of the key of a host the server does, of that of a user the client.
_OF_HOST = frozenset(("hostkeyalgorithms",))


def ssh(path: str, data: bytes) -> FileFacts:
    """The settings, and the uses of what their lists of algorithms turn on.

    ``section`` is the ``Match`` or ``Host`` line above. A list that begins with ``-`` takes away, and turns nothing on;
    with ``+`` and ``^`` it adds (sshd_config(5)).
    """
    found: list[Directive] = []
    section = None
    for number, line in lines(data):
        match = _LINE.fullmatch(line[:_LONGEST].rstrip()) if len(found) < _MOST else None
        if not match:
            continue
        value = _unquoted(match[2].strip())
        if match[1].lower() in _BLOCKS:
            section = cut(f"{match[1]} {' '.join(value.split())}")
            continue
        found.append(Directive(number, section, cut(match[1]), cut(" ".join(value.split()))))
    server = _SERVER.search(path) is not None
    uses = once(one for directive in found for one in _uses(directive, server=server))
    return FileFacts(path=path, what="ssh", directives=tuple(found), uses=uses)


def _unquoted(value: str) -> str:
    """The value without a comment behind it (since OpenSSH 8.5), and without marks around the whole."""
    if value.startswith('"') and (end := value.find('"', 1)) > 0 and '"' not in value[end + 1 :].partition("#")[0]:
        return value[1:end] + value[end + 1 :].partition("#")[0].rstrip()
    return re.sub(r"\s#.*", "", value)


def _uses(one: Directive, *, server: bool) -> Iterator[CryptoUse]:
    name = one.name.lower()
    known = _LISTS.get(name)
    if known is None or one.value.startswith("-"):
        return
    for word in one.value.lstrip("+^").split(","):
        written = word.strip().lower()
        for start, algorithm, role in known:
            if written.startswith(start):
                checks = role == "sign" and _checks(name, server=server)
                yield use(algorithm, "verify" if checks else role, library="openssh", symbol=one.name, argument=written,
                          line=one.line)  # fmt: skip
                break


def _checks(name: str, *, server: bool) -> bool:
    """Whether signatures by these keys are checked here, and not made."""
    return name == "casignaturealgorithms" or server != (name in _OF_HOST)


PLACES: Places = ((re.compile(r"(?:etc|usr/lib|usr/share|usr/etc)/(?:.+/)?sshd?_config(?:\.d/[^/]+\.conf)?"), ssh),)
