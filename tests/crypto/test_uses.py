from __future__ import annotations

import random
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load
from archscan.crypto.uses import import_uses
from archscan.model import Import, Strength

BOOK = load(Path(__file__).parents[2] / "rules")


def seen(symbol: str, needed: tuple[str, ...] = (), library: str | None = None) -> list[tuple[str, str, str, str]]:
    """(library, confidence, algorithm, role) of each use that importing ``symbol`` makes."""
    uses = import_uses(BOOK, [Import(symbol, "NODE" if library else None, library)], needed)
    assert all(one.symbol == symbol and one.evidence == "import" for one in uses)
    return [(str(one.library), one.confidence.value, one.algorithm, one.role) for one in uses]


def test_the_version_record_decides() -> None:
    needed = ("libbsd.so.0", "libmd.so.0", "libc.so.6")
    assert seen("MD5Init", needed, "libmd.so.0") == [("libmd.so.0", "certain", "md5", "hash")]


@pytest.mark.parametrize("soname", ["libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so.1.0.2"])
def test_the_version_of_a_soname_does_not_matter(soname: str) -> None:
    assert seen("EVP_md5", ("libc.so.6",), soname) == [(soname, "certain", "md5", "lookup")]
    assert seen("EVP_md5", (soname,)) == [(soname, "likely", "md5", "lookup")]


def test_a_release_inside_a_soname_does_not_matter() -> None:
    soname = "libisc-9.20.11-1-Debian.so"
    assert seen("isc__md_md5", (soname,)) == [(soname, "likely", "md5", "lookup")]


def test_libraries_that_differ_in_a_digit_of_the_name_differ() -> None:
    constructor = "_ZN5Botan3MD5C1Ev"
    assert seen(constructor, ("libbotan-2.so.19",)) == [("libbotan-2.so.19", "likely", "md5", "hash")]
    assert seen(constructor, (), "libbotan-3.so.7") == []


@pytest.mark.parametrize("library", ["libother.so.1", "libssl.so.3", "libc.so.6"])
def test_a_version_record_of_another_file_is_no_use(library: str) -> None:
    assert seen("MD5_Init", ("libcrypto.so.3", library), library) == []


def test_without_a_version_record_the_only_exporter_is_taken() -> None:
    assert seen("md5_init", ("libtomcrypt.so.1", "libc.so.6")) == [("libtomcrypt.so.1", "likely", "md5", "hash")]
    assert seen("MD5_Init", ("libgnutls-openssl.so.27",)) == [("libgnutls-openssl.so.27", "likely", "md5", "hash")]


def test_several_exporters_are_ambiguous() -> None:
    assert seen("md5_init", ("libtomcrypt.so.1", "libdovecot.so.0")) == [("ambiguous", "possible", "md5", "hash")]


def test_two_versions_of_one_library_are_ambiguous() -> None:
    assert seen("MD5_Init", ("libcrypto.so.1.1", "libcrypto.so.3")) == [("ambiguous", "possible", "md5", "hash")]


def test_a_name_that_is_needed_twice_is_one_library() -> None:
    assert seen("MD5_Init", ("libcrypto.so.3", "libcrypto.so.3")) == [("libcrypto.so.3", "likely", "md5", "hash")]


@pytest.mark.parametrize("needed", [(), ("libc.so.6",), ("libplugin-host.so.4",)])
def test_a_plugin_is_resolved_by_its_host(needed: tuple[str, ...]) -> None:
    assert seen("EVP_md5", needed) == [("ambiguous", "possible", "md5", "lookup")]
    assert seen("PHP_MD5Update", needed) == [("ambiguous", "possible", "md5", "hash")]


@pytest.mark.parametrize("symbol", ["encrypt", "setkey", "make_digest", "ecb_crypt", "MDsign"])
def test_a_vague_name_needs_a_known_library(symbol: str) -> None:
    assert seen(symbol) == []
    assert seen(symbol, ("libunknown.so.1",)) == []
    assert seen(symbol, (), "libunknown.so.1") == []


def test_a_vague_name_of_a_known_library_counts() -> None:
    assert seen("encrypt", (), "libcrypt.so.1") == [("libcrypt.so.1", "certain", "des", "cipher")]
    assert seen("MDsign", ("libsnmp.so.40",)) == [("libsnmp.so.40", "likely", "md5", "hmac")]


def test_strength_and_direction_follow_from_algorithm_and_role() -> None:
    imports = [
        Import("nettle_rsa_md5_sign", "HOGWEED_6", "libhogweed.so.6"),
        Import("nettle_rsa_md5_verify", "HOGWEED_6", "libhogweed.so.6"),
        Import("EVP_seed_cbc", "OPENSSL_3.0.0", "libcrypto.so.3"),
    ]
    assert [(one.symbol, one.direction, one.strength) for one in import_uses(BOOK, imports, ())] == [
        ("EVP_seed_cbc", None, Strength.OK),
        ("nettle_rsa_md5_sign", "generate", Strength.WEAK),
        ("nettle_rsa_md5_verify", "verify", Strength.WEAK),
    ]


def test_nothing_imported_is_nothing_used() -> None:
    assert import_uses(BOOK, [], ["libcrypto.so.3"]) == ()
    assert import_uses(BOOK, [Import("SSL_connect", "OPENSSL_3.0.0", "libcrypto.so.3")], ["libcrypto.so.3"]) == ()


def test_the_order_of_imports_and_libraries_does_not_matter() -> None:
    imports = [Import(symbol, None, None) for symbol in BOOK.index]
    needed = [soname for library in BOOK.libraries for soname in library.sonames]
    first = import_uses(BOOK, imports, needed)
    shuffled = random.Random(7)
    shuffled.shuffle(imports)
    shuffled.shuffle(needed)
    assert import_uses(BOOK, imports + imports, needed + needed) == first
    assert len({one.symbol for one in first}) > 1000


def test_what_only_an_older_library_exported_is_still_known() -> None:
    assert seen("SSLv3_method", (), "libssl.so.1.1") == [("libssl.so.1.1", "certain", "ssl3", "tls")]
    assert seen("EVP_idea_cbc", ("libcrypto.so.1.0.0",)) == [("libcrypto.so.1.0.0", "likely", "idea", "lookup")]
