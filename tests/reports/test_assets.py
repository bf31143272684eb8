"""Which cryptographic asset a use is of, and how CycloneDX describes it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from archscan.errors import RuleError
from archscan.reports.assets import Asset, Assets

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "reports/assets.toml"
DATA = tomllib.loads(BOOK.read_text(encoding="utf-8"))
# Arcs: what stands above the numbers of sizes and modes, and is no object of its own.
ARCS = {"2.16.840.1.101.3.4.1", "1.2.156.10197.1.104"}


@pytest.fixture(scope="module")
def book() -> Assets:
    return Assets(BOOK)


def test_every_algorithm_is_described_or_named_as_none() -> None:
    known = {one["name"] for one in tomllib.loads((ROOT / "rules/algorithms.toml").read_text())["algorithm"]}
    described = [one["algorithm"] for one in DATA["asset"]]
    assert sorted([*described, *DATA["no_asset"]]) == sorted(known)


def test_openssl_knows_the_object_identifiers_by_the_same_names() -> None:
    listed = subprocess.run(["openssl", "list", "-objects"], capture_output=True, text=True, check=True).stdout
    known = {
        match[2]: match[1].lower() for match in re.finditer(r"^(.*)[ ,]([0-9]+(?:\.[0-9]+)+)$", listed, re.MULTILINE)
    }
    spelt = {
        "blowfish": "bf", "3des": "des-ede3", "sha0": "sha", "gost28147": "gost89", "streebog256": "gost12_256",
        "streebog512": "gost12_512", "rsa-pkcs1v15": "rsa", "ecc": "ecpublickey",
    }  # fmt: skip
    for one in DATA["asset"]:
        name = spelt.get(one["algorithm"], one["algorithm"])
        pairs = [("", one.get("oid")), ("hmac", one.get("hmac")), *one.get("oids", {}).items()]
        for part, oid in pairs:
            if oid is None or oid in ARCS:
                continue
            said = known[oid]
            assert name.replace("-", "") in said.replace("-", ""), (one["algorithm"], oid, said)
            assert part.replace("-", "") in said.replace("-", ""), (one["algorithm"], part, said)


@pytest.mark.parametrize(
    ("algorithm", "role", "symbol", "argument", "name"),
    [
        ("md5", "hash", "MD5_Init", None, "md5"),
        ("sha256", "hmac", "HMAC", "EVP_sha256()", "hmac-sha256"),
        ("aes", "cipher", "EVP_aes_256_cbc", None, "aes-256-cbc"),
        ("aes", "cipher", "gcry_cipher_open", "GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM", "aes-256-gcm"),
        ("aes", "cipher", "nettle_aes128_encrypt", None, "aes-128"),
        ("aes", "cipher", "EVP_CIPHER_fetch", '"AES-128-CTR"', "aes-128-ctr"),
        ("aes", "lookup", "gcry_cipher_map_name", '"2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.22"', "aes"),
        ("aes", "cipher", "f", '"aes-128-cbc", "aes-256-cbc"', "aes-cbc"),
        ("3des", "cipher", "EVP_des_ede3_cbc", None, "3des-cbc"),
        ("3des", "cipher", "EVP_des_ede3_cfb8", None, "3des-cfb"),
        ("rsa", "any", "gnutls_privkey_generate", "GNUTLS_PK_RSA, 2048 bits", "rsa-2048"),
        ("dh", "any", "gnutls_dh_params_generate2", "2048 bits", "dh-2048"),
        ("rsa", "any", "RSA_new", None, "rsa"),
        ("never-heard-of", "hash", "f", None, "never-heard-of"),
        ("tls1.0", "tls", "f", None, "tls1.0"),
        ("any", "hash", "f", None, None),
    ],
)
def test_a_use_is_of_an_asset(
    algorithm: str, role: str, symbol: str, argument: str | None, name: str | None, book: Assets
) -> None:
    found = book.of(algorithm, role, symbol, argument)
    assert (found and found.name) == name


def test_long_text_is_not_searched_whole(book: Assets) -> None:
    assert book.of("aes", "cipher", "1" * 1_000_000 + "256", None) == Asset("aes")


@pytest.mark.parametrize(
    ("asset", "oid", "primitive", "size"),
    [
        (Asset("md5"), "1.2.840.113549.2.5", "hash", None),
        (Asset("md5", hmac=True), "1.2.840.113549.2.6", "mac", None),
        (Asset("sha256"), "2.16.840.1.101.3.4.2.1", "hash", "256"),
        (Asset("aes", size="256", mode="cbc"), "2.16.840.1.101.3.4.1.42", "block-cipher", "256"),
        (Asset("aes", size="256", mode="ctr"), None, "block-cipher", "256"),
        (Asset("aes", mode="cbc"), None, "block-cipher", None),
        (Asset("never-heard-of"), None, "unknown", None),
        (Asset("rsa", size="2048"), "1.2.840.113549.1.1.1", "pke", "2048"),
    ],
)
def test_an_asset_is_described(asset: Asset, oid: str | None, primitive: str, size: str | None, book: Assets) -> None:
    component = book.component(asset, ["hash", "sign"], {"strength": "weak", "note": None})
    properties = component.crypto_properties
    assert properties
    assert properties.oid == oid
    assert properties.algorithm_properties
    assert properties.algorithm_properties.primitive
    assert properties.algorithm_properties.primitive.value == primitive
    assert properties.algorithm_properties.parameter_set_identifier == size
    assert [one.value for one in properties.algorithm_properties.crypto_functions] == ["digest", "sign"]
    assert [(one.name, one.value) for one in component.properties] == [("archscan:strength", "weak")]


def test_a_protocol_has_its_version(book: Assets) -> None:
    properties = book.component(Asset("tls1.2"), [], {}).crypto_properties
    assert properties
    assert properties.protocol_properties
    assert properties.protocol_properties.version == "1.2"


@pytest.mark.parametrize(
    "text", ["no_asset = 1", "asset = [{}]", "what", "no_asset = []\nasset = [{algorithm = 'a', colour = 1}]"]
)
def test_a_wrong_book_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "assets.toml"
    path.write_text(text)
    with pytest.raises(RuleError, match=r"assets\.toml: "):
        Assets(path)
