"""Judging what changed gives what judging everything gives: the promise that incremental scans rest on."""

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscan import scan as flow
from archscan.rules.apply import apply
from archscan.rules.load import Hint, Rule, RuleBook, load
from archscan.store import open_store
from tests.rules.facts import Object, Pack, book, database, judgement, put, rule

ROOT = Path(__file__).parents[2]
SHIPPED = load([ROOT / "rules"])

# One object for each rule, and some that nothing is wrong with.
BAD: dict[str, Object] = {
    "no-pie": Object(columns={"kind": "executable", "pie": "no"}),
    "static-non-pie": Object(columns={"kind": "static-executable", "pie": "no"}, needed=()),
    "no-stack-protector": Object(columns={"stack_protector": "no"}),
    "executable-stack": Object(columns={"nx": "no"}),
    "writable-code": Object(columns={"wx_segments": 1}),
    "text-relocations": Object(columns={"textrel": 3, "kind": "shared-library", "pie": "n/a"}),
    "no-relro": Object(columns={"relro": "none"}),
    "partial-relro": Object(columns={"relro": "partial"}),
    "no-immediate-binding": Object(columns={"bind_now": "no"}),
    "not-fortified": Object(columns={"fortify": "no"}),
    "insecure-runpath": Object(columns={"runpath": "/tmp/x:.:$ORIGIN/../lib:"}),
    "sanitizer-shipped": Object(columns={"sanitizers": "address undefined"}),
    "partial-stack-protector": Object(columns={"stack_protector": "partial"}),
    "partly-fortified": Object(columns={"fortify": "partial"}),
    "no-stack-clash-protection": Object(columns={"stack_clash": "no"}),
    "no-landing-pads": Object(columns={"ibt_compiled": "no"}),
    "landing-pads-lost": Object(columns={"bti_compiled": "yes", "bti_marked": "no"}),
    "privileged-unprotected": Object(columns={"kind": "executable", "pie": "no", "nx": "no"}, privilege="setuid"),
    "imports-md5": Object(uses=(("md5", "MD5_Init"), ("md5", "MD5_Final"))),
    "imports-md4": Object(uses=(("md4", "MD4_Init"),)),
    "imports-sha1": Object(uses=(("sha1", "SHA1_Init"),)),
    "imports-ripemd": Object(uses=(("ripemd160", "RIPEMD160_Init"),)),
    "imports-des": Object(uses=(("des", "DES_ecb_encrypt"),)),
    "imports-3des": Object(uses=(("3des", "DES_ede3_cbc_encrypt"),)),
    "imports-rc4": Object(uses=(("rc4", "RC4"),)),
    "imports-rc2": Object(uses=(("rc2", "RC2_set_key"),)),
    "imports-small-block-cipher": Object(uses=(("blowfish", "BF_set_key"),)),
    "imports-legacy-tls": Object(uses=(("tls1.0", "TLSv1_method"),)),
    "imports-weak-password-hash": Object(uses=(("crypt-des", "DES_crypt"),)),
    "contains-md5": Object(copies=(("md5", "hash"),)),
    "contains-sha1": Object(copies=(("sha1", "hash"),)),
    "contains-md4": Object(copies=(("md4", "hash"),)),
    "contains-ripemd": Object(copies=(("ripemd160", "hash"),)),
    "contains-des": Object(copies=(("crypt-des", "password"),)),
    "contains-rc2": Object(copies=(("rc2", "cipher"),)),
    "contains-small-block-cipher": Object(copies=(("blowfish", "cipher"),)),
    "holds-weak-signature-prefix": Object(copies=(("sha1", "sign"),)),
}


def _call(algorithm: str, role: str = "hash", symbol: str = "EVP_Digest", **evidence: Any) -> Object:
    """An object that calls something weak, with what surrounds the call."""
    use = {"algorithm": algorithm, "role": role, "symbol": symbol, "context_evidence": json.dumps(evidence)}
    return Object(calls=(use,))


for _family in ("md5", "sha1"):
    BAD |= {
        f"{_family}-signature": _call(_family, "sign", "EVP_DigestSignInit"),
        f"{_family}-certificate": _call(_family, "sign", "X509_sign"),
        f"{_family}-password": _call(_family, calls=["getspnam"]),
        f"{_family}-key-derivation": _call(_family, "kdf", "EVP_BytesToKey"),
        f"{_family}-mac": _call(_family, "hmac", "HMAC"),
        f"{_family}-token": _call(_family, texts=["Set-Cookie: %s"]),
        f"uses-{_family}": _call(_family),
    }
BAD |= {
    "old-hash-signature": _call("md4", "verify", "EVP_DigestVerifyInit"),
    "uses-old-hash": _call("ripemd160"),
    "weak-fingerprint": _call("sha1", "certificate-fingerprint", "X509_digest"),
    "weak-checksum": _call("md5", texts=["ETag: %s"]),
    "weak-algorithm-not-for-security": _call("md5", symbol="uuid_generate_md5"),
    "weak-algorithm-selectable": _call("md5", alternatives=4),
    "weak-algorithm-by-protocol": _call("md5", texts=["AUTH CRAM-MD5"]),
    "encrypts-des": _call("des", "cipher", "EVP_EncryptInit_ex"),
    "encrypts-3des": _call("3des", "cipher", "EVP_EncryptInit_ex"),
    "encrypts-rc4": _call("rc4", "cipher", "EVP_EncryptInit_ex"),
    "encrypts-small-block-cipher": _call("blowfish", "cipher", "EVP_EncryptInit_ex"),
    "weak-password-scheme": _call("crypt-des", "password", "DES_crypt"),
    "legacy-tls": _call("tls1.0", "tls", "TLSv1_method"),
    "weak-tls-cipher": _call("null", "tls", "SSL_CTX_set_cipher_list"),
}
UNMEASURED = Object(columns={"stack_protector": "unknown"}, imports=("printf",))
LINKED = Object(columns={"nx": "no", "stack_clash": "partial"}, hardlinks=(("usr/bin/link", "setuid"),))
# What is drawn has no other files, so rules about these have nothing to say there.
ABOUT_OBJECTS = msgspec.structs.replace(SHIPPED, rules=tuple(one for one in SHIPPED.rules if one.id in BAD))
POOL = (*BAD.values(), UNMEASURED, LINKED, Object())
KINDS = ("pie", "executable", "relocatable", "kernel-module", "debug", "core", "firmware", "shared-library")

tags = st.sampled_from(("hardening-no-pie", "hardening-no-relro", "hardening-no-bindnow", "some-tag"))
contexts = st.sampled_from(("", "*", "[usr/bin/a]", "usr/bin/b", "[usr/lib/*]"))
paths = st.sampled_from(("usr/bin/a", "usr/bin/b", "usr/lib/x86_64-linux-gnu/libc.so.1"))


@st.composite
def packs(draw: st.DrawFn, statuses: Sequence[str] = ("complete", "partial", "unreadable")) -> Pack:
    objects: dict[str, Object] = {}
    for item in draw(st.lists(st.sampled_from(POOL), max_size=3)):
        columns = {**item.columns, "kind": draw(st.sampled_from((item.columns.get("kind", "pie"), *KINDS)))}
        path = draw(paths)
        objects[path] = Object(
            path=path,
            path_key=path.replace("x86_64-linux-gnu", "*"),
            columns=columns,
            needed=item.needed,
            imports=item.imports,
            uses=item.uses,
            calls=item.calls,
            hardlinks=item.hardlinks,
            privilege=item.privilege or draw(st.sampled_from((None, None, "setgid"))),
        )
    return Pack(
        name=draw(st.sampled_from(("one", "two"))),
        version=draw(st.sampled_from(("1", "2", "3", "3+deb12u1", "3ubuntu1"))),
        architecture=draw(st.sampled_from(("amd64", "arm64"))),
        source="source",
        status=draw(st.sampled_from(statuses)),
        built=draw(st.sampled_from((None, "2016-01-01T00:00:00+00:00", "2023-01-01T00:00:00+00:00", "2026-01-01"))),
        objects=tuple(objects.values()),
        overrides=tuple(draw(st.lists(st.tuples(tags, contexts), max_size=3))),
    )


def identity(pack: Pack) -> tuple[str, str, str]:
    return pack.name, pack.version, pack.architecture


def whole(rules: RuleBook, arrived: Sequence[Pack]) -> sqlite3.Connection:
    """A new database that saw each package once, as it was last, and judged everything at once."""
    connection = database()
    for pack in {identity(pack): pack for pack in arrived}.values():
        put(connection, pack)
    apply(connection, rules, 1, changed_only=False)
    return connection


@pytest.mark.parametrize("one", [one for one in SHIPPED.rules if one.id in BAD], ids=lambda one: one.id)
def test_each_rule_says_the_same_of_changes_as_of_everything(one: Rule) -> None:
    rules = msgspec.structs.replace(book(one), signs=SHIPPED.signs, classing=SHIPPED.classing)
    arrived = [Pack(name=f"p{number}", objects=(item,), source="s") for number, item in enumerate(POOL)]
    connection = database()
    for scan, pack in enumerate(arrived, 1):
        put(connection, pack)
        apply(connection, rules, scan, changed_only=True)
    found = judgement(connection)
    assert any(one.id in row for row in found)
    assert len(found) < 2 * len(POOL)
    assert found == judgement(whole(rules, arrived))


@given(st.lists(packs(), max_size=8, unique_by=identity), st.data())
@settings(max_examples=40, deadline=None)
def test_the_order_in_which_packages_arrive_does_not_matter(arrived: list[Pack], data: st.DataObject) -> None:
    connection = database()
    for scan, pack in enumerate(data.draw(st.permutations(arrived)), 1):
        put(connection, pack)
        if data.draw(st.booleans()):
            apply(connection, ABOUT_OBJECTS, scan, changed_only=True)
    apply(connection, ABOUT_OBJECTS, 20, changed_only=True)
    assert judgement(connection) == judgement(whole(ABOUT_OBJECTS, arrived))


@given(st.lists(packs(statuses=("complete",)), max_size=10))
@settings(max_examples=40, deadline=None)
def test_packages_read_again_leave_nothing_but_withdrawn_findings(arrived: list[Pack]) -> None:
    connection = database()
    for scan, pack in enumerate(arrived, 1):
        put(connection, pack)
        apply(connection, ABOUT_OBJECTS, scan, changed_only=True)
    assert judgement(connection, withdrawn=False) == judgement(whole(ABOUT_OBJECTS, arrived))


# Looks at other packages, and so is only right in a rule that is always run whole.
ALONE = (
    "SELECT e.id AS elf_id, 'pie' AS subject FROM elf e WHERE NOT EXISTS "
    "(SELECT 1 FROM elf o WHERE o.path = e.path AND o.package_id <> e.package_id)"
)
changes = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "severity": st.sampled_from(("low", "high")),
            "lintian": st.just((Hint(None, "hardening-no-pie", "[{path}]"),)),
            "family": st.just("shared"),
            "message": st.sampled_from(("{path}", "{path} {version}")),
            "scope": st.sampled_from(("object", "archive")),
            "query": st.sampled_from(
                (
                    "SELECT id AS elf_id, 'pie' AS subject FROM elf WHERE nx = 'no'",
                    "SELECT elf_id, 'pie' AS subject, soname FROM needed",
                    ALONE,
                )
            ),
        },
    ),
    min_size=1,
    max_size=4,
)


def _book(drawn: Sequence[dict[str, Any]], links: Sequence[tuple[int, int]]) -> RuleBook:
    supersedes = {
        number: tuple(sorted({f"r{loser}" for winner, loser in links if winner == number and loser != number}))
        for number in range(len(drawn))
    }
    made = []
    for number, change in enumerate(drawn):
        scope = {"scope": "archive"} if change.get("query") == ALONE else {}
        made.append(rule(f"r{number}", supersedes=supersedes[number], **{**change, **scope}))
    return book(*made)


@given(
    st.lists(st.one_of(packs(statuses=("complete",)), changes), max_size=8),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3),
    changes,
)
@settings(max_examples=60, deadline=None)
def test_rules_may_change_between_packages(
    steps: list[Pack | list[dict[str, Any]]], links: list[tuple[int, int]], last: list[dict[str, Any]]
) -> None:
    connection = database()
    rules = _book([{}, {}], [])
    for scan, step in enumerate([*steps, last], 1):
        if isinstance(step, Pack):
            put(connection, step)
        else:
            rules = _book(step, [link for link in links if max(link) < len(step)])
        apply(connection, rules, scan, changed_only=True)
    arrived = [step for step in steps if isinstance(step, Pack)]
    assert judgement(connection, withdrawn=False) == judgement(whole(rules, arrived))


def test_rules_about_files_say_the_same_of_changes_as_of_everything(
    corpus_debs: dict[str, Path], tmp_path: Path
) -> None:
    """Each rule without an object above, on the packages of its own examples, which arrive one after the other."""
    about_files = [one for one in SHIPPED.rules if one.id not in BAD]
    assert about_files
    packages = sorted({corpus_debs[example.corpus] for one in about_files for example in one.examples})
    options = flow.Options(database=tmp_path / "a.db", data=(ROOT / "rules",), command="test")
    for package in packages:
        with Path(os.devnull).open("rb") as nothing:
            flow.scan([str(package)], options, nothing)
    with open_store(tmp_path / "a.db", made=False) as db:
        found = judgement(db.conn)
        assert {one.id for one in about_files} <= {value for row in found for value in row}
        apply(db.conn, SHIPPED, len(packages), changed_only=False)
        assert judgement(db.conn) == found
