"""Certificates and keys in DER and PEM, put together part by part (X.690, RFC 5280, RFC 8017)."""

from __future__ import annotations

import base64

SHA1_RSA = (1, 2, 840, 113549, 1, 1, 5)
MD5_RSA = (1, 2, 840, 113549, 1, 1, 4)
SHA256_RSA = (1, 2, 840, 113549, 1, 1, 11)
RSA = (1, 2, 840, 113549, 1, 1, 1)


def tlv(tag: int, *content: bytes) -> bytes:
    """A part with its tag and length."""
    body = b"".join(content)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid(numbers: tuple[int, ...]) -> bytes:
    """An object identifier."""
    found = bytearray([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, 0x80 | number & 0x7F)
        found.extend(digits)
    return tlv(0x06, bytes(found))


def integer(number: int) -> bytes:
    """A number that is not negative."""
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def name(common: str) -> bytes:
    """A name with nothing but a common name."""
    return tlv(0x30, tlv(0x31, tlv(0x30, oid((2, 5, 4, 3)), tlv(0x0C, common.encode()))))


def rsa_key(bits: int) -> bytes:
    """A private key in the form of PKCS #1, of the size only: it fits nothing."""
    modulus = (1 << (bits - 1)) | 1
    return tlv(0x30, integer(0), integer(modulus), integer(65537), integer(3))


def certificate(signature: tuple[int, ...], bits: int, subject: str, issuer: str, until: bytes) -> bytes:
    """A certificate with a signature of zeros."""
    algorithm = tlv(0x30, oid(signature), tlv(0x05))
    modulus = (1 << (bits - 1)) | 1
    public = tlv(0x30, tlv(0x30, oid(RSA), tlv(0x05)), tlv(0x03, b"\0", tlv(0x30, integer(modulus), integer(65537))))
    kind = 0x17 if len(until) == 13 else 0x18
    validity = tlv(0x30, tlv(0x17, b"200101000000Z"), tlv(kind, until))
    signed = tlv(0x30, tlv(0xA0, integer(2)), integer(7), algorithm, name(issuer), validity, name(subject), public)
    return tlv(0x30, signed, algorithm, tlv(0x03, bytes(bits // 8 + 1)))


def pem(label: str, content: bytes, headers: str = "") -> str:
    """The content between its marks, 64 characters a line."""
    text = base64.b64encode(content).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{headers}{lines}\n-----END {label}-----\n"
