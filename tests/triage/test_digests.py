"""What an upload changes of the evidence, and what it only moves."""

import json
import sqlite3
from typing import Any

import pytest

from archscan.rules.digests import digest, digests
from tests.rules.facts import Object, Pack
from tests.triage.facts import USES, judged, set_, stands

CALL: dict[str, Any] = {"symbol": "EVP_get_digestbyname", "argument": '"md5"', "function": "sub_1000", "role": "lookup"}


def upload(version: str, *calls: dict[str, Any], into: sqlite3.Connection | None = None) -> sqlite3.Connection:
    pack = Pack(version=version, objects=(Object(calls=tuple({**CALL, **call} for call in calls)),))
    return judged(pack, rules=(USES,), into=into, scan=1 if into is None else 2)


@pytest.mark.parametrize(
    "calls",
    [
        [{"address": "0x2000"}],  # moved
        [{"function": "sub_2f40"}],
        [{"function": "checksum"}],  # renamed, or with symbols
        [{}, {"address": "0x3000"}],  # one more of the same
        [{"library": "libcrypto.so.1.1"}],  # another soname
    ],
)
def test_a_rebuild_stays_decided(calls: list[dict[str, Any]]) -> None:
    connection = upload("1.0-1", {})
    set_(connection, state="not-affected")
    upload("1.0-2", *calls, into=connection)
    assert stands(connection) == [("not-affected", None)]


@pytest.mark.parametrize(
    "calls",
    [
        [{"symbol": "MD5_Init", "argument": "MD5_Init"}],
        [{"argument": '"md5-sha1"'}],
        [{"role": "hmac"}],
        [{"library": "libnettle.so.8"}],
        [{}, {"symbol": "MD5_Init", "role": "hash"}],  # also something else
    ],
)
def test_another_shape_of_call_asks_again(calls: list[dict[str, Any]]) -> None:
    connection = upload("1.0-1", {})
    set_(connection, state="not-affected")
    upload("1.0-2", *calls, into=connection)
    assert stands(connection) == [("not-affected", "changed")]
    set_(connection, state="not-affected")  # looked at, and the same again
    assert stands(connection) == [("not-affected", None)]


def test_another_context_or_algorithm_is_another_digest() -> None:
    site = {"symbol": "MD5", "context": "checksum", "address": "0x10", "line": 7, "because": "a text says so"}

    def of(**changes: object) -> str:
        return digest("r", json.dumps({"sites": [{**site, **changes}], "count": 1, "truncated": False}))

    assert of() == of(address="0x20") == of(line=8) == of(because="another text") == of(functions=12) == of(extra=None)
    assert len({of(), of(context="signature"), of(algorithm="sha1"), of(symbol="SHA1"), of(protocol="APOP")}) == 5
    assert of(argument="table at 0x1000, sub_99") == of(argument="table at 0x2f00, sub_a0") != of(argument="table")
    assert digest("r", '{"sites":[]}') != digest("q", '{"sites":[]}')


def test_each_architecture_was_seen() -> None:
    connection = upload("1.0-1", {})
    other = Pack(architecture="arm64", objects=(Object(calls=({**CALL, "library": "libcrypto.a"},)),))
    judged(other, rules=(USES,), into=connection, scan=2)
    set_(connection, state="not-affected")
    assert stands(connection) == [("not-affected", None)] * 2
    ((kept,),) = connection.execute("SELECT evidence_digest FROM decision").fetchall()
    assert len(kept.split()) == 2


def test_a_decision_that_came_before_the_finding_asks_when_that_differs() -> None:
    connection = upload("1.0-1", {})
    made = set_(connection, state="not-affected")
    fresh = upload("1.0-1", {"role": "hmac"})
    columns = "fingerprint, state, reason, authority, made, evidence_digest"
    with fresh:
        fresh.execute(f"INSERT INTO decision ({columns}) VALUES (?, ?, '', '', ?, ?)",
                      (made.fingerprint, made.state, made.made, made.evidence))  # fmt: skip
    upload("1.0-2", {"role": "hmac"}, into=fresh)
    assert stands(fresh) == [("not-affected", "changed")]


def test_too_many_shapes_are_not_kept() -> None:
    assert digests([]) is None
    assert digests(("r", json.dumps({"sites": [{"symbol": str(number)}]})) for number in range(65)) is None
