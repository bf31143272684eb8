"""Which keys may sign a Release: keyrings in the forms that people have them, as gpgv wants them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from archscan.errors import UsageError

_LARGEST = 64 << 20  # bytes of a keyring; that of all Debian developers has 27 MB
_BLOCK = re.compile(
    rb"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t\r]*\n(.*?)^-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL | re.MULTILINE,
)
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class Keys(msgspec.Struct, frozen=True):
    """Keyrings, not armored; and of them, where that is not empty, only the keys with these ``fingerprints``."""

    rings: tuple[bytes, ...]
    fingerprints: frozenset[str] = frozenset()


def keys(files: Iterable[Path], fingerprints: Iterable[str] = ()) -> Keys:
    """The keys of some keyrings, armored or not. Raises UsageError where one cannot be read or is none."""
    return Keys(tuple(_ring(file) for file in files), frozenset(fingerprints))


def key_block(text: str) -> Keys:
    """The keys of an armored block, as it may stand in a file of apt's sources. Raises UsageError where it is none."""
    return Keys((b"".join(_dearmored(text.encode())),))


def is_fingerprint(text: str) -> bool:
    """Whether ``text`` is a key's fingerprint."""
    return bool(_FINGERPRINT.fullmatch(text.upper()))


def _ring(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the keyring {file} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise UsageError(f"the keyring {file} has more than {_LARGEST} bytes")
    try:
        ring = b"".join(_dearmored(data)) if b"-----BEGIN PGP" in data else data
    except UsageError as error:
        raise UsageError(f"the keyring {file}: {error}") from error
    # RFC 4880, 4.2 and 5.5.1.1: a packet with a public key; or a keybox, whose header has its name at byte 8.
    if not ring or (ring[0] not in (0x98, 0x99, 0x9A, 0xC6) and ring[8:12] != b"KBXf"):
        raise UsageError(f"the keyring {file} holds no public keys")
    return ring


def _dearmored(data: bytes) -> Iterator[bytes]:
    """Each key block (RFC 4880, 6.2): headers, an empty line, Base64, a checksum, which gpgv would not look at."""
    found = False
    for block in _BLOCK.finditer(data):
        _, _, body = block[1].replace(b"\r\n", b"\n").partition(b"\n\n") if b":" in block[1] else (b"", b"", block[1])
        lines = [line.strip() for line in body.split(b"\n")]
        try:
            yield base64.b64decode(b"".join(line for line in lines if not line.startswith(b"=")), validate=True)
        except binascii.Error as error:
            raise UsageError(f"a key block in it is damaged: {error}") from error
        found = True
    if not found:
        raise UsageError("there is no public key block in it")
