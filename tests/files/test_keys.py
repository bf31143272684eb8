"""Keys and certificates in files; that our DER is right is said by openssl(1)."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.files.forms import der
from archscan.files.keys import certificate_uses, keys
from tests.files.certificates import MD5_RSA, RSA, SHA1_RSA, SHA256_RSA, certificate, integer, oid, pem, rsa_key, tlv
from tests.files.hostile import BYTES

LEAF = certificate(SHA1_RSA, 1024, "leaf", "root", b"301231235959Z")
ROOT = certificate(MD5_RSA, 2048, "root", "root", b"20600101000000Z")
FINE = certificate(SHA256_RSA, 2048, "fine", "root", b"301231235959Z")
PKCS8 = tlv(0x30, integer(0), tlv(0x30, oid(RSA), tlv(0x05)), tlv(0x04, rsa_key(4096)))
ENCRYPTED = "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0011223344556677\n\n"


def _openssh(cipher: bytes) -> bytes:
    return b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher + bytes(64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pem("RSA PRIVATE KEY", rsa_key(2048)), [(1, "private-key", "rsa, 2048 bits")]),
        ("x\n\n" + pem("PRIVATE KEY", PKCS8), [(3, "private-key", "rsa, 4096 bits")]),
        (pem("EC PRIVATE KEY", bytes(40)), [(1, "private-key", "ec")]),
        (pem("RSA PRIVATE KEY", bytes(40), ENCRYPTED), [(1, "encrypted-private-key", None)]),
        (pem("ENCRYPTED PRIVATE KEY", bytes(40)), [(1, "encrypted-private-key", None)]),
        (pem("OPENSSH PRIVATE KEY", _openssh(b"none")), [(1, "ssh-private-key", None)]),
        (pem("OPENSSH PRIVATE KEY", _openssh(b"aes256-ctr")), [(1, "encrypted-ssh-private-key", "aes256-ctr")]),
        (pem("PUBLIC KEY", bytes(40)), [(1, "public-key", None)]),
        (pem("CERTIFICATE", LEAF), [(1, "certificate", "sha1WithRSAEncryption, rsa, 1024 bits, until 2030-12-31")]),
        (
            pem("CERTIFICATE", ROOT),
            [(1, "certificate", "md5WithRSAEncryption, rsa, 2048 bits, until 2060-01-01, self-signed")],
        ),
        (pem("CERTIFICATE", b"no certificate at all, but long enough"), [(1, "certificate", None)]),
        (pem("PGP PUBLIC KEY BLOCK", bytes(40), "Version: GnuPG v1\n\n"), [(1, "pgp-public-key", None)]),
        (pem("PGP PRIVATE KEY BLOCK", bytes(40), "\n"), [(1, "pgp-private-key", None)]),
        (
            "".join("  " + line + "\r\n" for line in pem("PRIVATE KEY", PKCS8).splitlines()),
            [(1, "private-key", "rsa, 4096 bits")],
        ),
        ("PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\n", [(1, "ssh-private-key", "ssh-rsa")]),
        (
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\n",
            [(1, "encrypted-ssh-private-key", "ssh-ed25519")],
        ),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", [(1, "ssh-public-key", "ssh2")]),
        # What looks for keys holds none.
        ('grep -q "-----BEGIN RSA PRIVATE KEY-----" $FILE', []),
        ("-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n", []),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", []),
        ("-----BEGIN SOMETHING ELSE-----\n" + "A" * 64 + "\n", []),
        ("-----BEGIN PGP SIGNATURE-----\n\n" + "A" * 64 + "\n", []),
    ],
)
def test_what_is_a_key(text: str, expected: list[tuple[int, str, str | None]]) -> None:
    assert [(one.line, one.kind, one.detail) for one in keys(text.encode())] == expected


def test_signatures_of_certificates_are_uses_but_not_of_those_that_signed_themselves() -> None:
    text = pem("CERTIFICATE", LEAF) + pem("CERTIFICATE", ROOT) + pem("CERTIFICATE", FINE)
    found = certificate_uses(text.encode())
    assert [(one.algorithm, one.strength.value, one.role, one.evidence) for one in found] == [
        ("sha1", "weak", "sign", "config"),
        ("sha256", "ok", "sign", "config"),
    ]
    assert found[0].line == 1
    assert found[0].argument == "sha1WithRSAEncryption"


@pytest.mark.parametrize("one", [LEAF, ROOT, FINE])
def test_openssl_reads_the_same(one: bytes) -> None:
    if not shutil.which("openssl"):
        pytest.fail("openssl is not there")
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-inform", "DER"], input=one, capture_output=True, check=True
    )
    text = done.stdout.decode()
    found = der.certificate(one)
    assert found
    assert f"Signature Algorithm: {found.signature}" in text
    assert f"({found.bits} bit)" in text
    assert found.until
    assert f"{found.until:%b %e %H:%M:%S %Y} GMT" in text


@given(data=st.binary(max_size=200))
def test_no_bytes_are_an_error(data: bytes) -> None:
    der.certificate(data)
    der.rsa_bits(data)
    keys(pem("CERTIFICATE", data).encode() + pem("PRIVATE KEY", data).encode())


@given(at=st.integers(0, len(LEAF) - 1), byte=st.integers(0, 255), end=st.integers(0, len(LEAF)))
def test_no_damaged_certificate_is_an_error(at: int, byte: int, end: int) -> None:
    damaged = bytearray(LEAF)
    damaged[at] = byte
    der.certificate(bytes(damaged[:end]))


def test_hostile_bytes_are_read_in_time() -> None:
    deep = b"\x30\x80" * 3000 + tlv(0x30, *[tlv(0x30)] * 500)
    nested = bytes(8)
    for _ in range(2000):
        nested = tlv(0x30, nested)
    for data in (*BYTES, pem("CERTIFICATE", deep).encode(), pem("PRIVATE KEY", nested).encode(),
                 b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(bytes(64)) + b"\n" * 9):  # fmt: skip
        started = time.process_time()
        keys(data)
        certificate_uses(data)
        assert time.process_time() - started < 3, data[:20]


def test_bytes_without_any_are_passed_over_quickly() -> None:
    data = b"def function(argument: str) -> int: # -- words, and more of them\n" * 60_000
    started = time.process_time()
    keys(data)
    certificate_uses(data)
    assert time.process_time() - started < 0.2  # 4 MB; it takes 6 ms
