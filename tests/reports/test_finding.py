"""One finding as the database has it."""

from __future__ import annotations

import json
import sqlite3

import pytest

from archscan.errors import UsageError
from archscan.reports.finding import finding
from tests.reports.conftest import add_finding, insert


def test_every_finding_can_be_read(filled: sqlite3.Connection) -> None:
    found = [finding(filled, str(name)) for (name,) in filled.execute("SELECT id FROM finding")]
    assert found
    assert all(one["occurrences"] for one in found)
    assert all({"rule", "title", "why", "fix", "subject"} <= one.keys() for one in found)


def test_the_newest_package_comes_first(filled: sqlite3.Connection) -> None:
    for (name,) in filled.execute("SELECT id FROM finding"):
        current = [one["current"] for one in finding(filled, str(name))["occurrences"]]
        assert current == sorted(current, reverse=True)


def test_a_word_is_no_finding(filled: sqlite3.Connection) -> None:
    with pytest.raises(UsageError, match="expected the number of a finding"):
        finding(filled, "sudo' OR 1=1")


def test_uses_are_those_that_the_rows_name_and_of_many_those_of_their_contexts(filled: sqlite3.Connection) -> None:
    elf, package = filled.execute("SELECT id, package_id FROM elf ORDER BY id LIMIT 1").fetchone()
    insert(
        filled, "rule", id="r", family="r", title="t", category="crypto", severity="low", confidence="likely",
        scope="object", supersedes="[]", query="SELECT 1", message="m", why="w", fix="f", refs="[]", digest="d",
    )  # fmt: skip
    insert(filled, "algorithm", name="md2", family="md4", strength="weak")
    for address, context in (("0x1", "signature"), ("0x2", "signature"), ("0x3", "checksum")):
        use = insert(filled, "crypto_use", elf_id=elf, algorithm="md2", strength="weak", role="hash", symbol="f",
                     evidence="call", confidence="certain", address=address)  # fmt: skip
        insert(filled, "crypto_context", use_id=use, context=context, confidence="likely")
    add_finding(filled, "r", package, elf, subject="md2")
    (name,) = filled.execute("SELECT id FROM finding WHERE rule_id = 'r'").fetchone()
    for truncated, expected in ((False, ["0x1"]), (True, ["0x1", "0x2"])):
        evidence = {"sites": [{"address": "0x1", "argument": "f", "because": "b"}], "count": 2, "truncated": truncated}
        filled.execute("UPDATE occurrence SET evidence = ? WHERE finding_id = ?", (json.dumps(evidence), name))
        (occurrence,) = finding(filled, str(name))["occurrences"]
        assert [use["address"] for use in occurrence["uses"]] == expected
