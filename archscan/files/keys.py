"""Keys and certificates in files: PEM (RFC 7468, RFC 1421), OpenPGP's armor (RFC 4880), SSH, PuTTY."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from archscan.files.forms.der import certificate, rsa_bits
from archscan.files.forms.text import cut
from archscan.files.settings.configured import use
from archscan.model import CryptoUse, Key

MOST = 1_000  # of one file
_LARGEST = 65_536  # bytes of one
_PEM = re.compile(
    rb"""^[ \t]*-----BEGIN[ ]([A-Z0-9 ]{3,40})-----[ \t]*\r?\n      # also indented, as in YAML
    ((?:[ \t]*[A-Za-z-]{2,40}:[^\n]{0,200}\n|[ \t]*\r?\n){0,12})   # headers, and what ends them
    """,
    re.VERBOSE | re.MULTILINE,
)
_BODY = re.compile(rb"(?:[ \t]*[A-Za-z0-9+/]{1,4096}={0,2}[ \t]*\r?\n){1,2000}")
_SSH2 = re.compile(rb"^---- BEGIN SSH2 ((?:ENCRYPTED )?(?:PRIVATE|PUBLIC) KEY) ----[ \t]*\r?$", re.MULTILINE)
_PUTTY = re.compile(rb"^PuTTY-User-Key-File-\d: ([\w-]{1,60})[ \t]*\r?\nEncryption: ([\w-]{1,40})", re.MULTILINE)
_ENCRYPTED = re.compile(rb"Proc-Type:\s*4\s*,\s*ENCRYPTED")
_KINDS = {
    "PRIVATE KEY": "private-key",
    "ANY PRIVATE KEY": "private-key",
    "RSA PRIVATE KEY": "private-key",
    "DSA PRIVATE KEY": "private-key",
    "EC PRIVATE KEY": "private-key",
    "ED25519 PRIVATE KEY": "private-key",
    "DH PRIVATE KEY": "private-key",
    "TSS2 PRIVATE KEY": "encrypted-private-key",  # only the TPM that made it can use it
    "ENCRYPTED PRIVATE KEY": "encrypted-private-key",
    "OPENSSH PRIVATE KEY": "ssh-private-key",
    "PUBLIC KEY": "public-key",
    "RSA PUBLIC KEY": "public-key",
    "DSA PUBLIC KEY": "public-key",
    "EC PUBLIC KEY": "public-key",
    "CERTIFICATE": "certificate",
    "X509 CERTIFICATE": "certificate",
    "TRUSTED CERTIFICATE": "certificate",
    "CERTIFICATE REQUEST": "certificate-request",
    "NEW CERTIFICATE REQUEST": "certificate-request",
    "X509 CRL": "revocations",
    "DH PARAMETERS": "dh-parameters",
    "PGP PRIVATE KEY BLOCK": "pgp-private-key",
    "PGP PUBLIC KEY BLOCK": "pgp-public-key",
}
_PRIVATE = frozenset(("private-key", "ssh-private-key"))
_MAGIC = b"openssh-key-v1\0"


def keys(data: bytes) -> tuple[Key, ...]:
    """The keys and certificates of a file, at most 1,000, in their order.

    What only looks like the begin of one, as in a program that searches for keys, is none: its content has to follow.
    ``detail`` is the algorithm and size, where that is told, and of a certificate how it is signed and until when.
    """
    return tuple(key for key, _ in zip(_keys(data), range(MOST), strict=False))


def certificate_uses(data: bytes) -> tuple[CryptoUse, ...]:
    """How the certificates of a file are signed, but those that signed themselves: nobody checks these signatures."""
    found: list[CryptoUse] = []
    for line, kind, _, content in _pems(data):
        one = certificate(content) if kind == "certificate" else None
        if one and one.digest and not one.own and len(found) < MOST:
            found.append(
                use(one.digest, "sign", library="x509", symbol="certificate", argument=one.signature, line=line)
            )
    return tuple(found)


def _keys(data: bytes) -> Iterator[Key]:
    found = [Key(line, *_detailed(kind, label, content)) for line, kind, label, content in _pems(data)]
    if b"---- BEGIN SSH2 " in data:
        for match in _SSH2.finditer(data):
            words = match[1].decode().lower().split()
            kind = f"{'encrypted-' if 'encrypted' in words else ''}ssh-{words[-2]}-key"
            found.append(Key(data.count(b"\n", 0, match.start()) + 1, kind, "ssh2"))
    if b"PuTTY-User-Key-File-" in data:
        for match in _PUTTY.finditer(data):
            kind = "ssh-private-key" if match[2] == b"none" else "encrypted-ssh-private-key"
            found.append(Key(data.count(b"\n", 0, match.start()) + 1, kind, cut(match[1])))
    yield from sorted(found, key=lambda key: key.line)


def _pems(data: bytes) -> Iterator[tuple[int, str, str, bytes]]:
    """Line, kind, label and content of each; the content is empty of an encrypted one."""
    if b"-----BEGIN " not in data:
        return
    line, counted = 1, 0
    for match in _PEM.finditer(data):
        label = match[1].decode()
        body = _BODY.match(data, match.end(), match.end() + _LARGEST)
        if label not in _KINDS or not body or len(body.group().strip()) < 24:
            continue
        line, counted = line + data.count(b"\n", counted, match.start()), match.start()
        kind = _KINDS[label]
        if kind == "private-key" and _ENCRYPTED.search(match[2]):
            kind = "encrypted-private-key"
        yield line, kind, label, b"" if kind.startswith("encrypted") else _decoded(body.group())


def _decoded(body: bytes) -> bytes:
    text = b"".join(body.split())
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def _detailed(kind: str, label: str, content: bytes) -> tuple[str, str | None]:
    """The kind, which the content of a key of OpenSSH decides, and the detail."""
    if kind == "certificate":
        return kind, _certificate_text(content)
    if kind == "ssh-private-key":
        return _openssh(content)
    if kind == "private-key":
        bits = rsa_bits(content) if label in ("RSA PRIVATE KEY", "PRIVATE KEY") else None
        first = label.partition(" ")[0].lower()
        return kind, f"rsa, {bits} bits" if bits else (first if first in ("dsa", "ec", "ed25519", "dh") else None)
    return kind, None


def _certificate_text(content: bytes) -> str | None:
    one = certificate(content)
    if one is None:
        return None
    size = f", {one.bits} bits" if one.bits else ""
    until = f", until {one.until:%Y-%m-%d}" if one.until else ""
    return cut(f"{one.signature}, {one.key}{size}{until}{', self-signed' if one.own else ''}", 200)


def _openssh(content: bytes) -> tuple[str, str | None]:
    """The cipher stands first after the magic (PROTOCOL.key of OpenSSH)."""
    rest = content.removeprefix(_MAGIC)
    if len(rest) == len(content) or len(rest) < 4:
        return "ssh-private-key", None
    cipher = rest[4 : 4 + min(int.from_bytes(rest[:4], "big"), 64)]
    kind = "ssh-private-key" if cipher == b"none" else "encrypted-ssh-private-key"
    return kind, None if cipher == b"none" else cut(cipher)
