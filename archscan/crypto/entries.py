"""The values of the catalogue: what an algorithm is, what a library exports."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from archscan.model import Strength


class Role(StrEnum):
    """What an algorithm is used for; the words of the column ``crypto_use.role``."""

    HASH = "hash"
    HMAC = "hmac"
    CIPHER = "cipher"
    SIGN = "sign"
    VERIFY = "verify"
    KDF = "kdf"
    PASSWORD = "password"  # noqa: S105 - a word of the vocabulary
    TLS = "tls"
    CERTIFICATE_FINGERPRINT = "certificate-fingerprint"
    CHECKSUM = "checksum"
    PRNG = "prng"
    LOOKUP = "lookup"
    PROVIDER = "provider"
    ANY = "any"


class Algorithm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One algorithm, protocol version or password scheme, judged by itself. A row of the table ``algorithm``."""

    name: str
    family: str
    strength: Strength
    note: str | None = None


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """One exported symbol that stands for one algorithm.

    ``version`` is the version node (None: unversioned), ``data`` tells objects from functions, ``returns`` names the
    type by which the algorithm travels on, ``only_in`` the sonames that have it (empty: all). A ``vague`` name says
    nothing of its algorithm (``encrypt``), so it counts only where the library is known.
    """

    name: str
    version: str | None
    data: bool
    algorithm: str
    role: Role
    returns: str | None
    only_in: tuple[str, ...]
    vague: bool
    note: str | None


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """One library, or a program whose plugins call back into it (``binary``, then there is no soname).

    ``node`` is the version node of most of its symbols, as in the first of ``sonames``; ``symbols`` is sorted by name.
    """

    id: str
    sonames: tuple[str, ...]
    binary: str | None
    node: str | None
    note: str | None
    symbols: tuple[Symbol, ...]
