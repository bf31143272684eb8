"""What uses are for: the signs are read strictly, the first that holds decides, and every use is some rule's."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscan.crypto.catalogue import load as load_catalogue
from archscan.errors import RuleError
from archscan.model import Context, Strength
from archscan.rules.apply import apply
from archscan.rules.contexts import load_contexts
from archscan.rules.load import RuleBook, load
from archscan.scan import Options, scan
from archscan.store.dump import dump
from corpus.build import build_all, buildable
from corpus.catalogue import stubs_of
from corpus.recipes import ROOT, names
from corpus.recipes import load as load_recipe
from corpus.target import target
from tests.rules.facts import Object, Pack, database, put

RULES = Path(__file__).parents[2] / "rules"
SHIPPED = load([RULES])
ALGORITHMS = [one for one in load_catalogue(RULES).algorithms if one.strength == Strength.WEAK]
RECIPES = [
    name for name in names() if any(one.uses is not None for one in load_recipe(ROOT / name / "recipe.toml").object)
]


def judged(*calls: Mapping[str, Any], signs: Path | None = None, **columns: Any) -> list[sqlite3.Row]:
    """What is said of uses by calls of one object, in their order."""
    book = SHIPPED if signs is None else RuleBook((), "", signs=load_contexts([signs]), classing="own")
    connection = database()
    put(connection, Pack(objects=(Object(calls=calls, **columns),)))
    apply(connection, book, 1, changed_only=True)
    connection.row_factory = sqlite3.Row
    return connection.execute(
        "SELECT c.* FROM crypto_context c JOIN crypto_use u ON u.id = c.use_id WHERE u.evidence = 'call' ORDER BY u.id"
    ).fetchall()


def context(**evidence: Any) -> str:
    return str(judged({"context_evidence": json.dumps(evidence)})[0]["context"])


# -- real programs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def programs(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("contexts") / "programs.db"
    built = [str(corpus_debs[name]) for name in RECIPES if name in corpus_debs]
    scan(built, Options(database=path, data=(RULES,), command=""), io.BytesIO())
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def seen(connection: sqlite3.Connection, name: str) -> dict[str, set[str]]:
    """The weak uses of a recipe's objects, by path: algorithm, evidence and context."""
    found = connection.execute(
        "SELECT e.path, w.algorithm, w.evidence, w.context FROM weak_use w JOIN elf e ON e.id = w.elf_id "
        "JOIN package p ON p.id = e.package_id WHERE p.name = ?", (name,)
    )  # fmt: skip
    uses: dict[str, set[str]] = {}
    for path, *use in found:
        uses.setdefault(path, set()).add(" ".join(use))
    return uses


def said(name: str, architecture: str) -> dict[str, set[str]]:
    """What a recipe says of them, built for an architecture."""
    objects = load_recipe(ROOT / name / "recipe.toml").object
    return {one.path: {*one.uses, *one.more_uses.get(architecture, ())} for one in objects if one.uses}


@pytest.mark.parametrize("name", [name for name in RECIPES if name in buildable()])
def test_programs_use_what_their_recipe_says_and_for_that(name: str, programs: sqlite3.Connection) -> None:
    assert seen(programs, name) == said(name, target().architecture)


@pytest.mark.full
@pytest.mark.parametrize(
    ("compiler", "other"), [("gcc", True), ("aarch64-linux-gnu-gcc", False), ("aarch64-linux-gnu-gcc", True)]
)
def test_programs_of_other_compilers_use_what_their_recipe_says(tmp_path: Path, compiler: str, other: bool) -> None:
    wanted = [name for name in buildable(compiler, other=other) if name in RECIPES]
    assert len(wanted) > 1
    (tmp_path / "debs").mkdir()
    (tmp_path / "work").mkdir()
    made = build_all(wanted, tmp_path / "debs", tmp_path / "work", stubs_of(RULES), compiler)
    options = Options(database=tmp_path / "x.db", data=(RULES,), command="")
    scan([str(one.deb) for one in made], options, io.BytesIO())
    connection = sqlite3.connect(tmp_path / "x.db")
    architecture = target(compiler).architecture
    assert {name: seen(connection, name) for name in wanted} == {name: said(name, architecture) for name in wanted}
    connection.close()


def test_many_programs_say_what_they_use() -> None:
    objects = [one for name in RECIPES for one in load_recipe(ROOT / name / "recipe.toml").object]
    assert len(objects) >= 60
    assert sum(one.uses == () for one in objects) >= 10  # near misses


def test_a_use_in_a_program_has_bounded_evidence(programs: sqlite3.Connection) -> None:
    rows = programs.execute("SELECT context_evidence FROM crypto_use WHERE strength = 'weak'").fetchall()
    assert rows
    for (text,) in rows:
        found = json.loads(text)
        assert len(text) < 8_000
        known = {"sinks", "beside", "calls", "texts", "near", "callers", "taken", "uncalled", "alternatives", "offered"}
        assert found.keys() <= known


def test_what_gets_the_digest_is_told_with_its_role(programs: sqlite3.Connection) -> None:
    (text,) = programs.execute(
        "SELECT u.context_evidence FROM crypto_use u JOIN elf e ON e.id = u.elf_id "
        "WHERE e.path = 'usr/bin/sign-md5' AND u.symbol = 'EVP_md5'"
    ).fetchone()
    assert ["EVP_DigestSignInit", "sign", 1] in json.loads(text)["sinks"]


@pytest.mark.parametrize(
    ("path", "severities"),
    [
        ("usr/bin/pem-aes", ["medium"]),
        # With no cipher of that name, or without one, nothing is encrypted.
        ("usr/bin/pem-named", []),
        ("usr/lib/libpem.so.1", []),
        ("usr/bin/key-of-password", ["medium"]),
        ("usr/bin/key-of-bytes", ["low"]),
    ],
)
def test_keys_made_by_md5_matter_if_something_is_encrypted(
    path: str, severities: list[str], programs: sqlite3.Connection
) -> None:
    found = programs.execute(
        "SELECT severity FROM occurrence WHERE rule_id = 'md5-key-derivation' AND path = ?", (path,)
    ).fetchall()
    assert [severity for (severity,) in found] == severities


def test_no_import_is_told_beside_a_call(programs: sqlite3.Connection) -> None:
    rows = programs.execute("SELECT DISTINCT rule_id FROM occurrence WHERE rule_id LIKE 'imports-%'").fetchall()
    assert rows == []


def test_strong_programs_have_no_finding(programs: sqlite3.Connection) -> None:
    quiet = [one.path for name in RECIPES for one in load_recipe(ROOT / name / "recipe.toml").object if one.uses == ()]
    found = programs.execute(
        "SELECT o.path FROM occurrence o JOIN rule r ON r.id = o.rule_id WHERE r.category = 'crypto'"
    ).fetchall()
    assert not {path for (path,) in found} & set(quiet)


# -- which sign decides ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({}, "unknown"),
        ({"sinks": [["EVP_DigestSignInit", "sign", 1]]}, "signature"),
        ({"sinks": [["EVP_DigestVerifyInit", "verify", 1]]}, "signature"),
        ({"sinks": [["X509_sign", "sign", 1]]}, "certificate"),
        ({"sinks": [["EVP_DigestSignInit", "sign", 1]], "calls": ["EVP_PKEY_new_mac_key"]}, "mac"),
        ({"sinks": [["HMAC", "hmac", 1]]}, "mac"),
        ({"sinks": [["X509_digest", "certificate-fingerprint", 1]]}, "fingerprint"),
        ({"texts": ["ETag: \"%s\""]}, "checksum"),
        ({"texts": ["the NTLM response"]}, "protocol-mandated"),
        # Of what is likely, the first by precedence; what is only possible comes after that.
        ({"texts": ["ETag: \"%s\"", "qop=auth"]}, "protocol-mandated"),
        ({"texts": ["your password", "ETag: \"%s\""]}, "checksum"),
        ({"alternatives": 3, "sinks": [["EVP_DigestSignInit", "sign", 1]]}, "selectable"),
        ({"alternatives": 2, "sinks": [["EVP_DigestSignInit", "sign", 1]]}, "signature"),
        ({"taken": True, "offered": 3}, "selectable"),
        ({"offered": 3}, "unknown"),
        ({"callers": [{"name": "make_etag"}]}, "checksum"),
        ({"callers": [{"name": "auth", "texts": ["AUTH CRAM-MD5"]}]}, "protocol-mandated"),
        # Names are matched whole, texts by words.
        ({"sinks": [["my_X509_sign_later", None, 1]]}, "unknown"),
        ({"texts": ["STAPOPULATION"]}, "unknown"),
    ],
)  # fmt: skip
def test_the_first_sign_that_holds_decides(evidence: Mapping[str, Any], expected: str) -> None:
    assert context(**evidence) == expected


@pytest.mark.parametrize(
    ("columns", "evidence", "expected"),
    [
        # What takes a certificate beside other things names none by what is no digest.
        (
            {"role": "password", "algorithm": "md4", "symbol": "curl_easy_setopt"},
            {"sinks": [["curl_easy_setopt", "certificate-fingerprint", 1]]},
            "protocol-mandated HTTP authentication",
        ),
        ({"symbol": "X509_subject_name_hash", "algorithm": "sha1"}, {"calls": ["BIO_new_file"]}, "fingerprint"),
        ({}, {"sinks": [["gcry_sexp_build", "any", 1], ["gcry_pk_get_keygrip", None, 2]]}, "fingerprint"),
        ({}, {"beside": [["gcry_sexp_build", "any"]], "texts": ["(data (flags raw) (value %m))"]}, "signature"),
        ({}, {"beside": [["gcry_sexp_build", "any"]], "texts": ["(public-key (rsa (n %m)))"]}, "unknown"),
        # Algorithms beside each other: fingerprints are all shown, others are chosen from.
        ({"role": "certificate-fingerprint"}, {"alternatives": 3}, "fingerprint"),
        ({"role": "tls", "algorithm": "tls1.0"}, {"alternatives": 3}, "selectable"),
        # main() is in no table.
        ({}, {"taken": True, "offered": 3, "calls": ["setlocale"]}, "unknown"),
        ({}, {"taken": True, "offered": 3, "calls": ["memcpy"]}, "selectable"),
        # A code, although what it belongs to goes to what makes a key.
        ({"role": "hmac"}, {"sinks": [["SEC_PKCS12CreatePasswordPrivSafe", "kdf", 1]]}, "mac"),
        ({}, {"sinks": [["PKCS5_PBKDF2_HMAC", "kdf", 1]]}, "kdf"),
        # What encrypts, makes keys, authenticates or configures TLS does that, whatever gets its arguments, too.
        ({"role": "cipher", "algorithm": "3des"}, {"sinks": [["RSA_verify", "verify", 1]]}, "unknown"),
        ({"role": "cipher", "algorithm": "3des"}, {"sinks": [["RSA_sign", "sign", 1]], "alternatives": 2}, "unknown"),
        ({"role": "cipher", "algorithm": "rc4"}, {"sinks": [["nettle_pbkdf2_hmac_sha1", "kdf", 1]]}, "unknown"),
        ({"role": "any", "algorithm": "des"}, {"sinks": [["X509_sign", "sign", 1]]}, "unknown"),
        ({"role": "cipher", "algorithm": "des"}, {"sinks": [["gcry_sexp_build", "any", 1]]}, "unknown"),
        ({"role": "cipher", "algorithm": "des"}, {"sinks": [["cksum", "checksum", 1]]}, "unknown"),
        ({"role": "hmac"}, {"sinks": [["RSA_verify", "verify", 1]]}, "mac"),
        ({"role": "kdf"}, {"sinks": [["wc_SignatureGenerate", "sign", 1]]}, "kdf"),
        ({"role": "password"}, {"sinks": [["RSA_sign", "sign", 1]]}, "password"),
        ({"role": "tls", "algorithm": "rc4"}, {"sinks": [["RSA_verify", "verify", 1]]}, "tls"),
        ({"role": "checksum"}, {"sinks": [["RSA_verify", "verify", 1]]}, "checksum"),
        ({"role": "lookup"}, {"sinks": [["RSA_verify", "verify", 1]]}, "signature"),
        # Its own name says more than where its key goes; but its own name does not say who demands it.
        (
            {"role": "sign", "algorithm": "sha1", "symbol": "gnutls_x509_crt_sign2"},
            {"sinks": [["gnutls_pubkey_verify_data2", "verify", 2]]},
            "certificate",
        ),
        (
            {"role": "sign", "algorithm": "sha1", "symbol": "X509_sign"},
            {"sinks": [["HMAC", "hmac", 1]], "alternatives": 2},
            "certificate",
        ),
        ({"role": "sign", "symbol": "RSA_sign"}, {"sinks": [["RSA_verify", "verify", 1]]}, "signature"),
        ({"role": "hmac", "symbol": "HMAC"}, {"alternatives": 3}, "selectable"),
        ({"role": "hmac", "symbol": "HMAC"}, {"texts": ["CRAM-MD5"]}, "protocol-mandated CRAM-MD5"),
        # NSS: a digest that is asked for with a key is HMAC, a digest that becomes a key makes one.
        (
            {"role": "any", "symbol": "PK11_CreateContextBySymKey"},
            {"sinks": [["PK11_ImportSymKey", "cipher", 1]]},
            "mac",
        ),
        ({"symbol": "PK11_HashBuf"}, {"sinks": [["PK11_ImportSymKey", "cipher", 1]]}, "kdf"),
        # A password that becomes a key is not stored.
        ({}, {"texts": ["password too long"], "callers": [{"calls": ["gcry_cipher_setkey"]}]}, "kdf"),
        ({}, {"texts": ["password too long"], "callers": [{"calls": ["fopen"]}]}, "password"),
        ({}, {"texts": ["passphrase"], "calls": ["gcry_md_setkey"], "callers": [{"calls": ["gcry_cipher_setkey"]}]},
         "password"),
        ({}, {"calls": ["fread"], "callers": [{"calls": ["SEC_PKCS7VerifyDetachedSignature"]}]}, "signature"),
        ({}, {"calls": ["fread"], "callers": [{"calls": ["SEC_PKCS7Encode"]}]}, "checksum"),
        ({}, {"calls": ["fread"], "texts": ["Signature-Version: 1.0"]}, "signature"),
        ({}, {"texts": ["/ID [ <"], "calls": ["_ZN5QUuid10createUuidEv"]}, "non-security"),
        ({}, {"texts": ["/ID [ <"]}, "unknown"),
        ({"function": "_ZN17QPdfEnginePrivate9writeTailEv"}, {}, "unknown"),
        ({"function": "_ZN4QPDF14EncryptionData3keyEv"}, {}, "protocol-mandated PDF encryption"),
        # A function that digests by MD5 is no mechanism of SASL.
        ({"function": "app_digest_md5"}, {}, "unknown"),
        ({"function": "auth_digest_md5_step"}, {}, "protocol-mandated DIGEST-MD5"),
        ({}, {"texts": ["md5-sess"]}, "protocol-mandated HTTP Digest"),
        ({"algorithm": "sha1"}, {"texts": ["SecureVNC: signs"]}, "protocol-mandated SecureVNC"),
        ({"algorithm": "sha1"}, {"texts": ["securevnc"]}, "unknown"),
        ({}, {"callers": [{"name": "app_tls_start"}]}, "tls"),
        ({}, {"callers": [{"name": "app_mbedtls"}]}, "unknown"),
        ({"function": "get_imphash"}, {}, "checksum"),
        (
            {"role": "lookup"},
            {"sinks": [["rsa_sign_hash_ex", "sign", 1]], "texts": ["-----BEGIN PRIVATE KEY-----MIIB"], "near": 1},
            "non-security",
        ),
        (
            {"role": "lookup"},
            {"sinks": [["rsa_sign_hash_ex", "sign", 1]], "texts": ["-----BEGIN PRIVATE KEY-----\n"], "near": 1},
            "signature",
        ),
        ({"function": "ka_StringToKey", "algorithm": "crypt-des", "role": "password"}, {}, "protocol-mandated rxkad"),
        ({"function": "app_string_to_key", "algorithm": "crypt-des", "role": "password"}, {}, "password"),
        # Whoever has a key proves it to himself: nobody else could choose what is signed.
        (
            {"role": "sign", "symbol": "RSA_sign"},
            {"sinks": [["RSA_verify", "verify", 1]], "calls": ["RAND_bytes"], "texts": ["password"]},
            "signature",
        ),
    ],
)  # fmt: skip
def test_signs_keep_apart_what_looks_alike(
    columns: Mapping[str, Any], evidence: Mapping[str, Any], expected: str
) -> None:
    (row,) = judged({"symbol": "digest", **columns, "context_evidence": json.dumps(evidence)})
    assert " ".join(filter(None, (row["context"], row["protocol"]))) == expected


@pytest.mark.parametrize(
    ("evidence", "direction"),
    [
        ({"sinks": [["EVP_VerifyFinal", "verify", 1]], "calls": ["RAND_bytes"]}, "verify"),
        ({"sinks": [["EVP_VerifyFinal", "verify", 1]]}, "generate"),
        ({"calls": ["RAND_bytes"]}, "generate"),
        ({"sinks": [["EVP_VerifyFinal", "verify", 1]], "calls": ["fread"]}, "generate"),
    ],
)
def test_what_is_random_and_checked_where_it_is_signed_is_only_checked(
    evidence: Mapping[str, Any], direction: str
) -> None:
    (row,) = judged({"role": "sign", "symbol": "EVP_SignFinal", "context_evidence": json.dumps(evidence)})
    assert (row["context"], row["direction"]) == ("signature", direction)


@pytest.mark.parametrize(
    ("role", "symbol", "sinks", "direction"),
    [
        ("sign", "EVP_PKEY_CTX_set_signature_md", ["EVP_PKEY_verify_init", "EVP_PKEY_verify"], "verify"),
        ("sign", "EVP_PKEY_CTX_set_signature_md", ["EVP_PKEY_sign_init", "EVP_PKEY_sign"], "generate"),
        ("sign", "EVP_PKEY_CTX_set_signature_md", ["EVP_PKEY_sign", "EVP_PKEY_verify"], "generate"),
        ("lookup", "EVP_MD_fetch", ["EVP_PKEY_CTX_set_signature_md", "EVP_PKEY_verify"], "verify"),
        ("lookup", "EVP_MD_fetch", ["EVP_PKEY_CTX_set_signature_md", "EVP_PKEY_sign"], "generate"),
    ],
)
def test_a_digest_is_set_to_sign_or_to_check_as_what_begins_says(
    role: str, symbol: str, sinks: Sequence[str], direction: str
) -> None:
    roles = {"EVP_PKEY_CTX_set_signature_md": "sign", "EVP_PKEY_sign": "sign", "EVP_PKEY_verify": "verify"}
    evidence = json.dumps({"sinks": [[name, roles.get(name), 1] for name in sinks]})
    (row,) = judged({"role": role, "symbol": symbol, "algorithm": "sha1", "context_evidence": evidence})
    assert (row["context"], row["direction"]) == ("signature", direction)


@pytest.mark.parametrize(
    ("path", "algorithm", "expected"),
    [
        ("usr/lib/irc/modules/enc_md5.so", "md5", "selectable"),
        ("usr/lib/irc/modules/enc_md5.so", "sha1", "password"),
        ("usr/lib/irc/modules/rawsha1.so", "sha1", "selectable"),
        ("usr/lib/irc/modules/sha128.so", "sha1", "password"),
        ("usr/lib/irc/modules/passwords.so", "md5", "password"),
        ("usr/bin/md5tool", "md5", "password"),
        ("usr/bin/tool-sniff", "md5", "non-security"),
        ("usr/lib/crack/passwords.so", "md5", "password"),
    ],
)
def test_the_name_of_an_object_may_say_that_it_is_one_of_several_or_a_tool(
    path: str, algorithm: str, expected: str
) -> None:
    (row,) = judged({"algorithm": algorithm, "function": "check_password", "symbol": "digest"}, path=path)
    assert row["context"] == expected


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("sslsniff", "non-security"),
        ("fcrack", "non-security"),
        ("tool-tests", "non-security"),
        ("libcrack2", "password"),
        ("testtool", "password"),
    ],
)
def test_the_name_of_a_package_may_say_that_nothing_hangs_on_it(package: str, expected: str) -> None:
    connection = database()
    put(connection, Pack(name=package, objects=(Object(calls=({"function": "check_password", "symbol": "f"},)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    assert connection.execute("SELECT context FROM crypto_context").fetchall() == [(expected,)]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "md4"])
@pytest.mark.parametrize(
    ("others", "severity"),
    [
        ((), "high"),
        ((("verify", "one"),), "low"),
        ((("verify", "two"),), "high"),
        ((("hash", "one"),), "high"),
    ],
)
def test_signatures_that_the_same_function_checks_matter_less(
    algorithm: str, others: Sequence[tuple[str, str]], severity: str
) -> None:
    rule = {"md5": "md5-signature", "sha1": "sha1-signature", "md4": "old-hash-signature"}[algorithm]
    signing = {"role": "sign", "symbol": "sign", "function": "one"}
    calls = (signing, *({"role": role, "symbol": "other", "function": function} for role, function in others))
    connection = database()
    put(connection, Pack(objects=(Object(calls=tuple({"algorithm": algorithm, **one} for one in calls)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = ?", (rule,)).fetchall()
    assert found == [(severity,)]


def test_only_names_of_objects_of_git_are_demanded_by_it() -> None:
    calls = ({"algorithm": "sha1"}, {"algorithm": "sha1", "role": "certificate-fingerprint"})
    rows = judged(*calls, path="usr/lib/libgit2.so.1.5")
    assert [row["context"] for row in rows] == ["protocol-mandated", "fingerprint"]


def test_the_protocol_the_direction_and_the_reason_are_told() -> None:
    (row,) = judged({"context_evidence": json.dumps({"texts": ["AUTH CRAM-MD5 %s"]})})
    assert (row["protocol"], row["confidence"]) == ("CRAM-MD5", "likely")
    assert row["because"].endswith(": AUTH CRAM-MD5 %s")
    (row,) = judged({"context_evidence": json.dumps({"sinks": [["RSA_verify", "verify", 1]]})})
    assert (row["direction"], row["protocol"]) == ("verify", None)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        # Texts far from the use are of something else, perhaps.
        ({"texts": ["fingerprint"], "near": 1}, "fingerprint likely"),
        ({"texts": ["x", "fingerprint"], "near": 1}, "fingerprint possible"),
        ({"texts": ["etag", "fingerprint"], "near": 1}, "checksum likely"),
        # The words of protocols are nobody else's, wherever they stand.
        ({"texts": ["etag", "AUTH CRAM-MD5"], "near": 1}, "protocol-mandated likely"),
        # A list of them says nothing, and a name within a name is no list.
        ({"texts": ["GSSAPI DIGEST-MD5 CRAM-MD5"]}, "unknown possible"),
        ({"callers": [{"texts": ["DIGEST-MD5 CRAM-MD5"]}]}, "unknown possible"),
        ({"texts": ["DIGEST-MD5", "CRAM-MD5"]}, "protocol-mandated likely"),
        # A text is the function's name if it is the only one that looks like a name, and then it is not sure.
        ({"texts": ["make_etag"]}, "checksum possible"),
        ({"texts": ["make_etag", "send_page"]}, "unknown possible"),
        # What signs one of two digests was told which.
        ({"sinks": [["RSA_sign", "sign", 1]]}, "signature likely"),
        ({"sinks": [["RSA_sign", "sign", 1]], "alternatives": 2}, "signature possible"),
        ({"sinks": [["X509_sign", "sign", 1]], "alternatives": 2}, "certificate possible"),
        # One of a table, but it does more than to hand out a digest.
        ({"taken": True, "offered": 3, "calls": ["memcpy"]}, "selectable likely"),
        ({"taken": True, "offered": 3, "calls": ["g_log"]}, "unknown possible"),
        ({"taken": True, "offered": 3, "texts": ["digest"]}, "unknown possible"),
        # Words alone.
        ({"calls": ["getpass"]}, "password possible"),
        ({"calls": ["X509_REQ_sign"]}, "certificate possible"),
        ({"calls": ["X509_REQ_sign", "i2d_PUBKEY"]}, "fingerprint possible"),
        ({"texts": ["session id"], "calls": ["time"]}, "token likely"),
        ({"texts": ["session id"]}, "token possible"),
    ],
)
def test_a_context_is_as_sure_as_what_it_rests_on(evidence: Mapping[str, Any], expected: str) -> None:
    (row,) = judged({"symbol": "digest", "context_evidence": json.dumps(evidence)})
    assert f"{row['context']} {row['confidence']}" == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"role": "lookup", "symbol": "EVP_md5"}, "mac likely"),
        ({"role": "any", "symbol": "EVP_MD_fetch", "algorithm": "sha1"}, "mac likely"),
        # Only what is digested may go there, too.
        ({"role": "hash", "symbol": "MD5_Update"}, "mac possible"),
        ({"role": "hash", "symbol": "g_compute_checksum_for_string"}, "unknown possible"),
        ({"role": "lookup", "symbol": "EVP_des_cbc", "algorithm": "des"}, "unknown possible"),
    ],
)
def test_codes_are_made_by_algorithms_and_not_of_what_is_digested(columns: Mapping[str, Any], expected: str) -> None:
    (row,) = judged({**columns, "context_evidence": json.dumps({"sinks": [["HMAC", "hmac", 1]]})})
    assert f"{row['context']} {row['confidence']}" == expected


@pytest.mark.parametrize(
    ("columns", "evidence", "expected"),
    [
        ({"symbol": "curl_easy_setopt", "role": "password"}, {"texts": ["NTLM"]}, "HTTP authentication"),
        ({"function": "oauth_sign_rsa_sha1", "role": "sign", "algorithm": "sha1"}, {}, "OAuth 1.0"),
        ({"function": "oauth_sign_rsa_sha1", "role": "sign", "algorithm": "md5"}, {}, None),
        ({"role": "tls", "algorithm": "anon"}, {"texts": ["vnc-auth"]}, "VNC login"),
        ({"role": "tls", "algorithm": "anon"}, {"texts": ["mail"]}, None),
    ],
)
def test_a_protocol_is_what_calls_show_before_what_texts_say(
    columns: Mapping[str, Any], evidence: Mapping[str, Any], expected: str | None
) -> None:
    (row,) = judged({**columns, "context_evidence": json.dumps(evidence)})
    assert row["protocol"] == expected


def test_a_crc_is_a_checksum_whatever_is_beside_it() -> None:
    evidence = json.dumps({"beside": [["mcrypt_module_open", "cipher"]]})
    rows = judged({"algorithm": "crc", "context_evidence": evidence}, {"context_evidence": evidence})
    assert [row["context"] for row in rows] == ["checksum", "kdf"]


def test_a_lookup_counts_as_what_is_looked_up() -> None:
    evidence = json.dumps({"beside": [["EVP_EncryptInit_ex", "cipher"]]})
    rows = judged(
        {"role": "lookup", "context_evidence": evidence},
        {"role": "lookup", "algorithm": "des", "context_evidence": evidence},
    )
    assert [row["context"] for row in rows] == ["kdf", "unknown"]


def test_only_weak_uses_are_judged() -> None:
    assert judged({"strength": "ok", "algorithm": "sha256"}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["sinks", "beside", "calls", "texts", "near", "callers", "taken", "alternatives", "offered", "called_by"]
)


@given(evidence=json_values | st.dictionaries(keys, json_values))
@settings(max_examples=60, deadline=None)
def test_a_child_that_was_taken_over_may_say_anything(evidence: object) -> None:
    (row,) = judged({"context_evidence": json.dumps(evidence)})
    assert row["context"] in list(Context)


def test_whose_address_is_only_kept_makes_no_severe_finding() -> None:
    connection = database()
    evidence = json.dumps({"calls": ["getspnam"]})
    for number, kind in enumerate(("call", "data")):
        put(
            connection,
            Pack(name=f"p{number}", objects=(Object(calls=({"evidence": kind, "context_evidence": evidence},)),)),
        )
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity, confidence FROM occurrence WHERE rule_id = 'md5-password' ORDER BY id")
    assert found.fetchall() == [("high", "likely"), ("low", "possible")]


@pytest.mark.parametrize(
    ("columns", "severity"),
    [
        ({"library": "libgnutls.so.30", "algorithm": "rc4", "argument": '"NORMAL:+ARCFOUR-128"'}, "medium"),
        ({"library": "libgnutls.so.30", "algorithm": "null", "argument": '"NORMAL:+NULL"'}, "medium"),
        # Nobody gets anonymous suites of GnuTLS who has not made credentials for them.
        ({"library": "libgnutls.so.30", "algorithm": "anon", "argument": '"NORMAL:+ANON-DH"'}, "low"),
        # OpenSSL refuses them, unless it is told not to.
        ({"library": "libssl.so.3", "algorithm": "rc4", "argument": '"ALL"'}, "low"),
        ({"library": "libssl.so.3", "algorithm": "rc4", "argument": '"ALL:@SECLEVEL=0"'}, "medium"),
        ({"library": "libssl3.so", "algorithm": "weak-dh", "symbol": "SSL_EnableWeakDHEPrimeGroup"}, "low"),
        ({"library": "libnss3.so", "algorithm": "null", "argument": "x", "confidence": "possible"}, "low"),
        # EVP_md_null() is no suite.
        ({"library": "libcrypto.so.3", "algorithm": "null", "argument": "x", "role": "lookup"}, "negligible"),
    ],
)
def test_suites_matter_as_far_as_the_library_has_them(columns: Mapping[str, Any], severity: str) -> None:
    connection = database()
    put(connection, Pack(objects=(Object(calls=({"role": "tls", "symbol": "ask", **columns},)),)))
    connection.execute("INSERT OR IGNORE INTO algorithm VALUES ('weak-dh', 'export', 'weak', NULL)")
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = 'weak-tls-cipher'").fetchall()
    assert found == [(severity,)]


@pytest.mark.parametrize(
    ("columns", "rule", "severity"),
    [
        ({"algorithm": "crypt-md5", "role": "password", "argument": '"$1$"'}, "weak-password-scheme", "medium"),
        ({"algorithm": "crypt-md5", "role": "password", "argument": '"$1$abcdefgh$"'}, "weak-password-scheme", "low"),
        ({"algorithm": "crypt-des", "role": "password", "argument": '"ab"'}, "weak-password-scheme", "high"),
        ({"role": "kdf"}, "md5-key-derivation", "medium"),
        (
            {"context_evidence": json.dumps({"sinks": [["AES_set_encrypt_key", "cipher", 1]]})},
            "md5-key-derivation",
            "low",
        ),
        ({"role": "kdf", "confidence": "possible"}, "md5-key-derivation", "negligible"),
    ],
)
def test_only_what_the_program_decides_is_severe(columns: Mapping[str, Any], rule: str, severity: str) -> None:
    connection = database()
    put(connection, Pack(objects=(Object(calls=({"symbol": "f", **columns},)),)))
    connection.execute("INSERT OR IGNORE INTO algorithm VALUES ('crypt-md5', 'password', 'weak', NULL)")
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = ?", (rule,)).fetchall()
    assert found == [(severity,)]


# -- what is chosen from -----------------------------------------------------------------------------------------------


def told(*calls: tuple[str, str, str, str | None], role: str = "hash", alternatives: int = 5) -> list[str]:
    """The contexts of calls in one function: what each is, its algorithm, its outcome and what it is told."""
    connection = database()
    evidence = json.dumps({"alternatives": alternatives})
    uses = tuple(
        {"symbol": symbol, "algorithm": algorithm, "role": role, "context_evidence": evidence, "address": f"0x{number}"}
        for number, (symbol, algorithm, _, _) in enumerate(calls)
    )
    put(connection, Pack(objects=(Object(calls=uses),)))
    (elf,) = connection.execute("SELECT id FROM elf").fetchone()
    for number, (symbol, _, outcome, value) in enumerate(calls):
        connection.execute(
            "INSERT INTO call_site (id, elf_id, address, function, symbol, outcome, value) "
            "VALUES (?, ?, ?, 'main', ?, ?, ?)",
            (number + 1, elf, f"0x{number}", symbol, outcome, value),
        )
        connection.execute("UPDATE crypto_use SET call_site_id = ? WHERE address = ?", (number + 1, f"0x{number}"))
    apply(connection, SHIPPED, 1, changed_only=True)
    sql = "SELECT c.context FROM crypto_context c JOIN crypto_use u ON u.id = c.use_id ORDER BY u.call_site_id"
    return [context for (context,) in connection.execute(sql)]


def test_digests_that_different_functions_make_are_no_choice() -> None:
    calls = [("HASH_Create", "sha1", "value", "HASH_AlgSHA1"), ("PK11_HashBuf", "md5", "value", "SEC_OID_MD5")]
    assert told(*calls, ("Digest", "md4", "value", "MD4")) == ["unknown"] * 3


def test_who_tells_one_function_three_algorithms_chooses() -> None:
    calls = [("md_open", name, "value", name.upper()) for name in ("md5", "sha1", "md4")]
    assert told(*calls) == ["selectable"] * 3
    assert told(*calls[:2]) == ["unknown"] * 2


def test_a_call_that_may_be_told_several_is_a_choice() -> None:
    calls = [
        ("md_open", "md5", "set", "MD5, SHA1"),
        ("md_open", "md4", "value", "MD4"),
        ("md", "sha1", "value", "SHA1"),
    ]
    assert told(*calls) == ["selectable", "selectable", "unknown"]


def test_functions_that_stand_for_one_algorithm_are_counted_as_they_were() -> None:
    assert told(("MD5_Init", "md5", "value", None), ("md_open", "sha1", "value", "SHA1")) == ["selectable", "unknown"]


def test_what_is_looked_up_beside_others_is_chosen_from() -> None:
    calls = [("get_digest", "md4", "value", '"md4"'), ("EVP_md5", "md5", "value", None)]
    assert told(*calls, role="lookup") == ["selectable"] * 2
    assert told(calls[0], role="lookup") == ["unknown"]


def test_versions_and_suites_are_settings_and_no_choice() -> None:
    suites = ("curl_easy_setopt", "rc4", "value", '"RC4-SHA:DES-CBC3-SHA"')
    versions = [("curl_easy_setopt", "tls1.0", "value", f"CURL_SSLVERSION_TLSv1_{minor}") for minor in range(3)]
    assert told(suites, *versions[:2], role="tls") == ["tls"] * 3
    assert told(suites, *versions, role="tls") == ["tls", *["selectable"] * 3]


def test_fewer_alternatives_are_no_more_than_were_seen() -> None:
    calls = [("md_open", name, "value", name.upper()) for name in ("md5", "sha1", "md4")]
    assert told(*calls, alternatives=2) == ["unknown"] * 3


# -- judged again, without opening packages ----------------------------------------------------------------------------


def write(folder: Path, name: str, text: str) -> Path:
    (folder / "context").mkdir(exist_ok=True)
    (folder / "context" / f"{name}.toml").write_text(text)
    return folder


SIGN = "[[sign]]\nnote = 'it says so'\nconfidence = 'likely'\n"


def test_other_signs_judge_every_use_again(tmp_path: Path) -> None:
    connection = database()
    put(connection, Pack(objects=(Object(calls=({"function": "hash_it"},)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    assert connection.execute("SELECT context FROM crypto_context").fetchall() == [("unknown",)]
    shutil.copytree(RULES, tmp_path / "rules")
    write(tmp_path / "rules", "token", f"{SIGN}functions = ['hash_it']\n")
    apply(connection, load([tmp_path / "rules"]), 2, changed_only=True)
    assert connection.execute("SELECT context FROM crypto_context").fetchall() == [("token",)]
    states = dict(connection.execute("SELECT rule_id, state FROM finding"))
    assert states == {"uses-md5": "withdrawn", "md5-token": "open"}


def test_what_changed_is_judged_as_the_whole_is() -> None:
    packs = [Pack(name=f"p{number}", objects=(Object(calls=({"function": name},)),))
             for number, name in enumerate(["make_etag", "hash_password", "f", "stun_key"])]  # fmt: skip
    one, other = database(), database()
    for pack in packs:
        put(one, pack)
        put(other, pack)
        apply(other, SHIPPED, 1, changed_only=True)
    apply(one, SHIPPED, 1, changed_only=False)
    assert list(dump(one)) == list(dump(other))
    assert any('"crypto_context"' in line for line in dump(one))


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("token", "", "token.toml: sign: expected [[sign]] tables"),
        ("token", "sign = 3", "token.toml: sign: expected [[sign]] tables"),
        ("token", f"more = 1\n{SIGN}", "token.toml: more: unknown key"),
        ("tokens", f"{SIGN}calls = ['x']", "tokens.toml: expected the name of a context: non-security"),
        ("unknown", f"{SIGN}calls = ['x']", "unknown.toml: expected the name of a context"),
        ("token", SIGN, "token.toml: sign 1: expected at least one condition"),
        ("token", f"{SIGN}calls = []", "sign 1: Expected `array` of length >= 1 - at `$.calls`"),
        ("token", f"{SIGN}called = ['x']", "sign 1: Object contains unknown field `called`"),
        ("token", f"{SIGN}texts = ['(']", "sign 1: texts: expected a regular expression"),
        ("token", f"{SIGN}calls = ['x']\nprotocol = 'P'", "sign 1: protocol: expected with protocol-mandated"),
        ("protocol-mandated", f"{SIGN}calls = ['x']", "sign 1: protocol: expected with protocol-mandated"),
        ("token", "[[sign]]\nnote = 'n'\nconfidence = 'sure'\ncalls = ['x']", "sign 1: Invalid enum value 'sure'"),
        ("token", "[[sign", "token.toml: expected TOML"),
    ],
)
def test_a_file_that_is_not_right_is_an_error_that_names_it(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    with pytest.raises(RuleError) as caught:
        load_contexts([write(tmp_path, name, text)])
    assert expected in str(caught.value)


def test_every_context_but_unknown_has_signs() -> None:
    assert {known.context for known in SHIPPED.signs} == set(Context) - {Context.UNKNOWN}


def test_every_sign_names_roles_families_and_algorithms_that_there_are() -> None:
    catalogue = load_catalogue(RULES)
    families, algorithms = {one.family for one in catalogue.algorithms}, {one.name for one in catalogue.algorithms}
    for known in SHIPPED.signs:
        assert set(known.sign.families or ()) <= families, known.sign
        assert set(known.sign.algorithms or ()) <= algorithms, known.sign


# -- no use falls between the rules ------------------------------------------------------------------------------------


def role_of(family: str) -> str:
    digests = ("md4", "md5", "sha1", "ripemd", "old-hash", "checksum")
    roles = {"password": "password", "kdf": "kdf"} | dict.fromkeys(("tls-legacy", "export", "no-protection"), "tls")
    return roles.get(family, "hash" if family in digests else "cipher")


@pytest.mark.parametrize("context", [one.value for one in Context])
def test_a_use_is_the_finding_of_exactly_one_rule(context: str) -> None:
    connection = database()
    connection.execute("DELETE FROM algorithm")
    connection.executemany(
        "INSERT INTO algorithm VALUES (?, ?, 'weak', NULL)", [(a.name, a.family) for a in ALGORITHMS]
    )
    # Checksums are called weak for what they cannot do, and PLAIN sends a password inside of something.
    quiet = {one.name for one in ALGORITHMS if one.family == "checksum"} | {"plain"}
    calls = [{"algorithm": one.name, "role": role_of(one.family)} for one in ALGORITHMS if one.name not in quiet]
    put(connection, Pack(objects=(Object(calls=tuple(calls)),)))
    connection.execute("UPDATE crypto_use SET context_evidence = json_object('c', ?)", (context,))
    apply(connection, RuleBook((), ""), 1, changed_only=True)
    connection.execute("UPDATE crypto_context SET context = ?, confidence = 'likely', protocol = 'P'", (context,))
    found: Counter[str] = Counter()
    for rule in SHIPPED.rules:
        columns = [one[0] for one in connection.execute(f"SELECT * FROM ({rule.query}) LIMIT 0").description]
        if rule.category == "crypto" and "elf_id" in columns:  # rules about files are no rules about objects
            found.update({row[1] for row in connection.execute(f"SELECT elf_id, subject FROM ({rule.query})")})
    assert found == Counter({one["algorithm"]: 1 for one in calls})
