"""The little of DER (X.690) that certificates and keys need: RFC 5280, RFC 8017, RFC 5958."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

_SEQUENCE, _INTEGER, _BITS, _OID, _OCTETS, _UTC_TIME, _TIME = 0x30, 0x02, 0x03, 0x06, 0x04, 0x17, 0x18
_MOST = 64  # parts of one sequence
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z")
# RFC 3279, RFC 4055, RFC 5758, RFC 8410: signatures, with the digest where they name one.
SIGNATURES = {
    "1.2.840.113549.1.1.2": ("md2WithRSAEncryption", "md2"),
    "1.2.840.113549.1.1.3": ("md4WithRSAEncryption", "md4"),
    "1.2.840.113549.1.1.4": ("md5WithRSAEncryption", "md5"),
    "1.2.840.113549.1.1.5": ("sha1WithRSAEncryption", "sha1"),
    "1.3.14.3.2.29": ("sha1WithRSA", "sha1"),
    "1.2.840.113549.1.1.11": ("sha256WithRSAEncryption", "sha256"),
    "1.2.840.113549.1.1.12": ("sha384WithRSAEncryption", "sha384"),
    "1.2.840.113549.1.1.13": ("sha512WithRSAEncryption", "sha512"),
    "1.2.840.113549.1.1.14": ("sha224WithRSAEncryption", "sha224"),
    "1.2.840.10040.4.3": ("dsa-with-sha1", "sha1"),
    "2.16.840.1.101.3.4.3.2": ("dsa-with-sha256", "sha256"),
    "1.2.840.10045.4.1": ("ecdsa-with-SHA1", "sha1"),
    "1.2.840.10045.4.3.2": ("ecdsa-with-SHA256", "sha256"),
    "1.2.840.10045.4.3.3": ("ecdsa-with-SHA384", "sha384"),
    "1.2.840.10045.4.3.4": ("ecdsa-with-SHA512", "sha512"),
    "1.3.101.112": ("ED25519", "ed25519"),
}
_KEYS = {
    "1.2.840.113549.1.1.1": "rsa", "1.2.840.10040.4.1": "dsa", "1.2.840.10045.2.1": "ec", "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448", "1.3.101.110": "x25519", "1.2.840.113549.1.3.1": "dh",
}  # fmt: skip


class Certificate(msgspec.Struct, frozen=True):
    """What matters of a certificate. ``bits`` is the size of an RSA key, else None."""

    signature: str
    digest: str | None
    key: str
    bits: int | None
    until: datetime | None
    own: bool  # signed by itself: nobody checks that signature


def certificate(data: bytes) -> Certificate | None:
    """The certificate in ``data``, or None where there is none that could be read."""
    try:
        return _certificate(data)
    except (ValueError, IndexError, OverflowError):
        return None


def rsa_bits(data: bytes) -> int | None:
    """The size of the RSA key in PKCS #1 or PKCS #8 form, in bits; None where there is none that could be read."""
    try:
        bits = _pkcs1_bits(data)
        if bits is None:
            _, algorithm, key, *_ = [*_parts(_first(data)[1]), *[(0, b"")] * 3]
            if algorithm[0] == _SEQUENCE and key[0] == _OCTETS and _KEYS.get(_oid(_first(algorithm[1])[1])) == "rsa":
                bits = _pkcs1_bits(key[1])
    except (ValueError, IndexError):
        return None
    return bits


def _pkcs1_bits(data: bytes) -> int | None:
    version, modulus, *_ = [*_parts(_first(data)[1]), *[(0, b"")] * 2]
    return _bits(modulus[1]) if version[0] == modulus[0] == _INTEGER else None


def _certificate(data: bytes) -> Certificate | None:
    outer = _first(data)
    fields = list(_parts(outer[1]))
    if outer[0] != _SEQUENCE or len(fields) < 3 or fields[0][0] != _SEQUENCE or fields[1][0] != _SEQUENCE:
        return None
    signed = [part for part in _parts(fields[0][1]) if part[0] not in (0xA0, _INTEGER)]
    if len(signed) < 5:
        return None
    _, issuer, validity, subject, public = signed[:5]
    oid = _oid(_first(fields[1][1])[1])
    name, digest = SIGNATURES.get(oid, (oid, None))
    key, bits = _public_key(public[1])
    times = list(_parts(validity[1]))
    return Certificate(name, digest, key, bits, _time(*times[1]), issuer[1] == subject[1])


def _public_key(data: bytes) -> tuple[str, int | None]:
    algorithm, key = list(_parts(data))[:2]
    oid = _oid(_first(algorithm[1])[1])
    name = _KEYS.get(oid, oid)
    if name != "rsa" or key[0] != _BITS:
        return name, None
    numbers = list(_parts(_first(key[1][1:])[1]))
    return name, _bits(numbers[0][1])


def _bits(number: bytes) -> int:
    return int.from_bytes(number, "big").bit_length()


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a sequence: tag and content of each. Raises ValueError where one does not fit."""
    at = 0
    for _ in range(_MOST):
        if at >= len(data):
            return
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 0 < count <= 4:
                raise ValueError
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError
        yield tag, data[at : at + size]
        at += size


def _first(data: bytes) -> tuple[int, bytes]:
    return next(_parts(data), (0, b""))


def _oid(data: bytes) -> str:
    if not data or len(data) > 32:
        raise ValueError
    numbers, value = [], 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _time(tag: int, data: bytes) -> datetime | None:
    text = data.decode("ascii", "replace")
    if tag == _UTC_TIME:  # RFC 5280: years from 50 on are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    match = _DATE.fullmatch(text) if tag in (_UTC_TIME, _TIME) else None
    if not match:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        # Not by strptime(), which imports a module where it is first called: in a process that may open no file.
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
