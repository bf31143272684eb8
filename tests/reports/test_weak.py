"""Weak cryptography by package, algorithm, context and confidence."""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path

import pytest
from rich.cells import cell_len

from archscan.reports import html, queries, screen, summary
from archscan.reports.weak import CONTEXTS, MOST_SITES, weak_crypto, weak_matrix
from tests.reports.conftest import insert

REPORTS = Path(__file__).parents[2] / "reports"
QUESTIONS = queries.load([REPORTS])


def answered(connection: sqlite3.Connection, name: str, **given: str) -> list[dict[str, object]]:
    with queries.run(connection, QUESTIONS[name], given) as answer:
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def use(connection: sqlite3.Connection, context: str | None, **more: object) -> None:
    """A use of MD5 in the first object, with a context or without one."""
    (elf,) = connection.execute("SELECT min(id) FROM elf").fetchone()
    values = {"elf_id": elf, "algorithm": "md5", "strength": "weak", "role": "hash", "library": "libx.so.1",
              "symbol": "f", "evidence": "call", "confidence": "certain", "address": "0x30", **more}  # fmt: skip
    made = insert(connection, "crypto_use", **values)
    if context is not None:
        insert(connection, "crypto_context", use_id=made, context=context, confidence="likely")


def test_the_report_and_the_question_say_the_same(filled: sqlite3.Connection) -> None:
    use(filled, "signature", address="0x9", function="near")
    use(filled, "password", address="0x100", function="far", role="lookup")
    use(filled, None, address=None, evidence="import")
    use(filled, None, address="0x4", evidence="constant", symbol=None, library=None)
    reported, asked = list(weak_crypto(filled)), answered(filled, "weak-crypto")
    assert len(reported) > 10
    same = [name for name in asked[0] if name not in ("roles", "evidence")]
    assert [{name: row[name] for name in same} for row in reported] == [
        {name: row[name] for name in same} for row in asked
    ]
    for one, other in zip(reported, asked, strict=True):
        for name in ("roles", "evidence"):
            assert sorted(str(one[name]).split(", ")) == sorted(str(other[name]).split(", "))


def test_without_contexts_everything_is_unknown(filled: sqlite3.Connection) -> None:
    filled.execute("DELETE FROM crypto_context")
    found = list(weak_crypto(filled))
    assert {row["context"] for row in found} == {"unknown"}
    assert {row["algorithm"]: row["confidence"] for row in found} == {"md5": "possible", "sha1": "certain"}
    assert weak_matrix(filled)[0] == ["unknown"]


def test_an_address_is_one_place_however_often_it_is_used(filled: sqlite3.Connection) -> None:
    for context in ("signature", "signature", "checksum"):
        use(filled, context, address="0x77")
    rows = [row for row in weak_crypto(filled) if any(site["address"] == "0x77" for site in row["sites"])]
    assert [(row["context"], row["places"]) for row in rows] == [("checksum", 1), ("signature", 1)]


def test_the_example_is_what_computes(filled: sqlite3.Connection) -> None:
    use(filled, "mac", address="0x1", role="lookup", symbol="name_of")
    use(filled, "mac", address="0x10", function="main", symbol="open", argument="MD5")
    use(filled, "mac", address="0x2", function="main", symbol="open", argument="MD5")
    use(filled, "mac", address=None, evidence="import")
    (row,) = answered(filled, "weak-crypto", context="mac")
    assert str(row["example"]).endswith(": main at 0x2 calls open (MD5)")
    assert (row["places"], row["imports"]) == (3, 1)


def test_only_so_many_sites_are_named(filled: sqlite3.Connection) -> None:
    for number in range(MOST_SITES + 4):
        use(filled, "token", address=hex(4096 + number))
    (row,) = [row for row in weak_crypto(filled) if row["context"] == "token"]
    assert (row["places"], len(row["sites"])) == (MOST_SITES + 4, MOST_SITES)


def test_contexts_stand_in_the_order_of_what_they_mean(filled: sqlite3.Connection) -> None:
    for number, context in enumerate(("unknown", "checksum", "invented", "signature", "tls")):
        use(filled, context, address=hex(number + 1))
    assert weak_matrix(filled)[0] == ["signature", "tls", "checksum", "invented", "unknown"]
    assert CONTEXTS[-1] == "unknown"


def test_sources_are_compared(filled: sqlite3.Connection) -> None:
    for address in ("0x1", "0x2", "0x3"):
        use(filled, None, algorithm="sha256", strength="ok", address=address)
    rows = {row["source"]: row for row in answered(filled, "sha1-against-sha256")}
    (elf,) = filled.execute("SELECT min(id) FROM elf").fetchone()
    (source,) = filled.execute(
        "SELECT p.source FROM package p JOIN elf e ON e.package_id = p.id WHERE e.id = ?", (elf,)
    ).fetchone()
    row = rows[source]
    assert (row["sha1_sites"], row["sha256_sites"], row["md5_sites"]) == (2, 3, 0)
    assert (row["sha1_objects"], row["sha256_objects"], row["md5_objects"]) == (1, 1, 1)


def test_unknown_calls_are_counted_by_reason(filled: sqlite3.Connection) -> None:
    rows = answered(filled, "unknown-calls", symbol="open_sudo")
    assert [(row["reason"], row["sites"], row["packages"]) for row in rows] == [("field", 1, 1)]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_summary_has_a_table_that_fits(filled: sqlite3.Connection, width: int) -> None:
    for number, context in enumerate(CONTEXTS):
        use(filled, context, address=hex(number + 1), algorithm=f"old-{number}")
    stream = io.StringIO()
    screen.write(summary.summary(filled, 2), stream, width)
    lines = stream.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    start = next(number for number, line in enumerate(lines) if line.startswith("  algorithm "))
    header, first = lines[start].split(), lines[start + 1].split()
    assert header[-1] == "others"
    assert first[0] in ("md5", "sha1")
    assert any(line.strip().startswith("… ") and " more" in line for line in lines[start:])


def test_the_summary_adds_up(filled: sqlite3.Connection) -> None:
    for number, context in enumerate(CONTEXTS):
        use(filled, context, address=hex(number + 1), algorithm=f"old-{number}")
    found = summary.summary(filled, 2)
    stream = io.StringIO()
    screen.write(found, stream, 100)
    lines = stream.getvalue().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Weak crypto"))
    shown = 0
    for line in lines[start + 2 :]:
        if not line.strip():
            break
        shown += sum(int(word.replace(",", "")) for word in line.rpartition(" more")[2].split() if word.isdecimal())
    assert shown == sum(row["total"] for row in found.weak)


def test_the_page_groups_and_opens_rows(filled: sqlite3.Connection) -> None:
    stream = io.StringIO()
    html.write(filled, stream, None, REPORTS)
    text = stream.getvalue()
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])["tables"]["weak"]
    assert data["grouped"] == 4
    assert [column["key"] for column in data["columns"]][: data["grouped"]] == [
        "package", "architecture", "algorithm", "context",
    ]  # fmt: skip
    assert len(data["details"]) == len(data["rows"])
    assert all(details["evidence"]["sites"] for details in data["details"])
    assert "Places by algorithm and context" in text
