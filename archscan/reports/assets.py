"""Uses of cryptography as assets of CycloneDX: which asset a use is of, and how that is described."""

from __future__ import annotations

import functools
import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cyclonedx.model.component import Component

# What calls say of keys and modes: `2048 bits`, `EVP_aes_256_cbc`, `GCRY_CIPHER_AES256`, `nettle_aes128_encrypt`. A
# number with dots beside it is part of an object identifier.
_BITS = re.compile(r"(?:^|[ ,])([1-9][0-9]{1,4}) bits")
_SIZE = re.compile(r"(?<![0-9.])(128|192|256)(?![0-9.])")
_MODE = re.compile(r"(?<![a-z])(ecb|cbc|ccm|gcm|cfb|ofb|ctr)(?=[0-9]{0,3}(?![a-z0-9]))", re.IGNORECASE)
_MODES_OF = frozenset({"block-cipher"})
_KEYED = frozenset({"pke", "signature", "key-agree"})
_HASHES = frozenset({"hash", "xof"})
_LONGEST = 300  # characters of a text that are looked at
_FUNCTIONS = {
    "hash": ("digest",), "checksum": ("digest",), "certificate-fingerprint": ("digest",), "hmac": ("tag",),
    "cipher": ("encrypt", "decrypt"), "sign": ("sign",), "verify": ("verify",), "kdf": ("keyderive",),
    "password": ("keyderive",), "prng": ("generate",),
}  # fmt: skip


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an algorithm is described; ``protocol`` and ``version`` where it is a protocol."""

    algorithm: str
    primitive: str | None = None
    oid: str | None = None
    hmac: str | None = None
    parameter: str | None = None
    protocol: str | None = None
    version: str | None = None
    oids: dict[str, str] = {}


class _Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    no_asset: tuple[str, ...]
    asset: tuple[Kind, ...]


class Asset(msgspec.Struct, frozen=True, order=True):
    """One cryptographic asset: an algorithm, with HMAC around it, with a size of key or digest, in a mode."""

    algorithm: str
    hmac: bool = False
    size: str = ""
    mode: str = ""

    @property
    def name(self) -> str:
        """``hmac-sha256``, ``aes-256-cbc``, ``rsa-2048``."""
        return "-".join(filter(None, ("hmac" * self.hmac, self.algorithm, self.size, self.mode)))


class Assets:
    """The description of all algorithms, read from ``reports/assets.toml``."""

    def __init__(self, path: Path) -> None:
        try:
            book = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Book)
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise RuleError(f"{path}: {error}") from error
        self._kinds = {kind.algorithm: kind for kind in book.asset}
        self._without = frozenset(book.no_asset)
        self.of = functools.lru_cache(maxsize=100_000)(self._of)

    def kind(self, algorithm: str) -> Kind:
        """The description of an algorithm; of one that is not in the book, that it is not known."""
        return self._kinds.get(algorithm) or Kind(algorithm, primitive="unknown")

    def _of(self, algorithm: str, role: str, symbol: str | None, argument: str | None) -> Asset | None:
        """The asset that a use is of; None where it names no algorithm."""
        if algorithm in self._without:
            return None
        kind = self.kind(algorithm)
        said = [text[:_LONGEST] for text in (argument, symbol) if text]
        if kind.primitive in _HASHES:
            return Asset(algorithm, hmac=role == "hmac")
        if kind.primitive in _KEYED:
            return Asset(algorithm, size=_only(_BITS, said))
        if kind.primitive in _MODES_OF:
            sizes = any(key[0].isdigit() for key in kind.oids)
            return Asset(algorithm, size=_only(_SIZE, said) if sizes else "", mode=_only(_MODE, said).lower())
        return Asset(algorithm)

    def component(self, asset: Asset, roles: Iterable[str], facts: dict[str, str | None]) -> Component:
        """The asset as CycloneDX has it, without its occurrences; ``facts`` become properties."""
        from cyclonedx.model import Property
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.model.crypto import CryptoAssetType, CryptoProperties

        kind = self.kind(asset.algorithm)
        if kind.protocol:
            of_kind: dict[str, Any] = {"asset_type": CryptoAssetType.PROTOCOL, "protocol_properties": _protocol(kind)}
        else:
            of_kind = {"asset_type": CryptoAssetType.ALGORITHM, "algorithm_properties": _algorithm(kind, asset, roles)}
        return Component(
            name=asset.name,
            type=ComponentType.CRYPTOGRAPHIC_ASSET,
            bom_ref=reference(asset),
            crypto_properties=CryptoProperties(**of_kind, oid=_oid(kind, asset)),
            properties=[Property(name=f"archscan:{key}", value=value) for key, value in facts.items() if value],
        )


def reference(asset: Asset) -> str:
    """The bom-ref of an asset."""
    return f"crypto:{asset.name}"


def _only(pattern: re.Pattern[str], texts: list[str]) -> str:
    """What the first text that says anything says, if it says one thing only."""
    for text in texts:
        found = {match.lower() for match in pattern.findall(text)}
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""


def _oid(kind: Kind, asset: Asset) -> str | None:
    if asset.hmac:
        return kind.hmac
    return kind.oids.get("-".join(filter(None, (asset.size, asset.mode)))) or (None if asset.mode else kind.oid)


def _protocol(kind: Kind) -> Any:
    from cyclonedx.model.crypto import ProtocolProperties, ProtocolPropertiesType

    return ProtocolProperties(type=ProtocolPropertiesType(kind.protocol), version=kind.version)


def _algorithm(kind: Kind, asset: Asset, roles: Iterable[str]) -> Any:
    from cyclonedx.model.crypto import AlgorithmProperties, CryptoFunction, CryptoMode, CryptoPrimitive

    functions = {word for role in roles for word in _FUNCTIONS.get(role, ())} or {"unknown"}
    return AlgorithmProperties(
        primitive=CryptoPrimitive("mac" if asset.hmac else kind.primitive),
        parameter_set_identifier=asset.size or kind.parameter,
        mode=CryptoMode(asset.mode) if asset.mode else None,
        crypto_functions=[CryptoFunction(word) for word in sorted(functions)],
    )
