"""The catalogue held against what libraries export."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscan.crypto.catalogue import load
from archscan.crypto.exported import differences, library_of
from archscan.model import Export

BOOK = load(Path(__file__).parents[2] / "rules")
LIBUUID = library_of(BOOK, "libuuid.so.1", "usr/lib/libuuid.so.1.3.0")


def told(*exported: tuple[str, str | None]) -> list[tuple[str, str, str | None]]:
    assert LIBUUID is not None
    found = differences(LIBUUID, "libuuid.so.1", [Export(*one) for one in exported])
    return [(one.what, one.symbol, one.found) for one in found]


def test_a_library_is_known_by_its_soname_and_a_program_by_its_path() -> None:
    assert LIBUUID is not None
    assert LIBUUID.id == "libuuid"
    php = library_of(BOOK, None, "usr/bin/php8.2")
    assert php is not None
    assert php.id == "php"
    assert library_of(BOOK, "libother.so.1", "usr/lib/libuuid.so.1") is None
    assert library_of(BOOK, None, "usr/bin/other") is None


def test_a_library_as_the_catalogue_says_has_no_differences() -> None:
    assert (
        told(("uuid_generate_md5", "UUID_2.31"), ("uuid_generate_sha1", "UUID_2.31"), ("uuid_parse", "UUID_1.0")) == []
    )


def test_what_is_not_exported_is_missing_and_what_has_another_node_is_told() -> None:
    assert told(("uuid_generate_md5", "UUID_1.0"), ("uuid_generate_md5", None)) == [
        ("version", "uuid_generate_md5", ", UUID_1.0"),
        ("missing", "uuid_generate_sha1", None),
    ]


@pytest.mark.parametrize(
    "name",
    "uuid_hash_md5 MD5Init apr_md4_x winMD4 EVP_des_cbc DES_key uuid_des uuid_des3 x_3des_y setDes RC4_set arc4_stir "
    "initSha1 sha1_block SHA1Transform blowfish_x castBlowfish cast5_init ripemd_x rmd160_x rc2_cbc".split(),
)
def test_what_looks_weak_and_is_not_in_the_catalogue_is_listed(name: str) -> None:
    assert ("unknown", name, "X") in told((name, "X"))


@pytest.mark.parametrize(
    "name",
    "nodes list_modes ACCESS_DESCRIPTION_new describe destroy setIncludesSubDomains sha1024 md50 desk IDEAL "
    "sha256_init aes_des2x".split(),
)
def test_other_names_are_not(name: str) -> None:
    assert [one for one in told((name, "X")) if one[0] == "unknown"] == []
