"""Figures for trends are what a recount by hand gives, in every scope."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from archscan.reports import queries
from archscan.store import Extraction, finish_scan, open_store, start_scan, write_metrics
from tests.reports.conftest import add_elf, add_package, insert

REPORTS = queries.load([Path(__file__).parents[2] / "reports"])
EXTRACTION = Extraction("1", ("elf",))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path / "a.db") as opened:
        opened.conn.isolation_level = None  # what a test inserts stands at once
        insert(opened.conn, "algorithm", name="md5", family="md5", strength="weak")
        yield opened


def _scanned(db: Database, *, changed: bool = True, rules: str = "r") -> int:
    """A scan that ends with the figures of what is there."""
    scan = start_scan(db, started="2026-01-01", version="1", extraction=EXTRACTION, rules_digest=rules, command="x")
    write_metrics(db, scan, changed=changed)
    finish_scan(db, scan, finished="2026-01-02", state="finished", metrics={"seconds": 1.0})
    return scan


def _figures(db: Database, scan: int, scope: str) -> dict[str, float]:
    rows = db.execute("SELECT name, value FROM metric WHERE scan_id = ? AND scope = ?", [scan, scope])
    return dict(rows.fetchall())


def _scopes(db: Database, scan: int) -> set[str]:
    return {row[0] for row in db.execute("SELECT DISTINCT scope FROM metric WHERE scan_id = ?", [scan])}


def _use(conn: sqlite3.Connection, elf: int, algorithm: str, strength: str, context: str | None = None) -> None:
    use = insert(conn, "crypto_use", elf_id=elf, algorithm=algorithm, strength=strength, role="hash", library="x",
                 symbol="x", evidence="call", confidence="certain")  # fmt: skip
    if context:
        insert(conn, "crypto_context", use_id=use, context=context, confidence="certain")


def _publish(conn: sqlite3.Connection, package: int, suite: str, component: str, section: str | None) -> None:
    insert(conn, "publication", suite=suite, component=component, section=section, name="n", version="1",
           architecture="amd64", sha256=f"{package:064}", filename=f"{suite}/{package}.deb", package_id=package,
           first_scan=1, last_scan=1)  # fmt: skip


def test_without_a_publication_there_is_one_scope(db: Database) -> None:
    one, other = add_package(db.conn, "one"), add_package(db.conn, "other", "partial")
    first = add_elf(db.conn, one, "usr/bin/a", pie="no")
    second = add_elf(db.conn, one, "usr/bin/b", pie="yes", relro="partial")
    add_elf(db.conn, other, "usr/bin/c", pie="n/a")
    for _ in range(3):  # many uses in one object
        _use(db.conn, first, "md5", "weak", "signature")
    _use(db.conn, first, "md5", "weak", "checksum")
    _use(db.conn, second, "md5", "weak")
    _use(db.conn, second, "sha256", "ok")
    scan = _scanned(db)
    found = _figures(db, scan, "all")
    assert _scopes(db, scan) == {"all", "scan"}
    assert {name: found[name] for name in ("objects", "packages", "packages complete", "packages partial")} == {
        "objects": 3, "packages": 2, "packages complete": 1, "packages partial": 1,
    }  # fmt: skip
    assert (found["pie no"], found["pie yes"], found["pie n/a"]) == (1, 1, 1)
    assert (found["relro full"], found["relro partial"]) == (2, 1)
    assert {name: value for name, value in found.items() if name.startswith(("weak ", "ok "))} == {
        "weak md5": 2, "weak md5 signature": 1, "weak md5 checksum": 1, "weak md5 unknown": 1, "ok sha256": 1,
    }  # fmt: skip


def test_each_place_of_a_package_is_counted_once(db: Database) -> None:
    shared, alone = add_package(db.conn, "shared"), add_package(db.conn, "alone")
    old = add_package(db.conn, "alone", version="0.1", version_key="0.1")
    scan = start_scan(db, started="x", version="1", extraction=EXTRACTION, rules_digest="", command="x")
    assert scan == 1
    for path in ("a", "b"):
        _use(db.conn, add_elf(db.conn, shared, path), "md5", "weak", "signature")
    add_elf(db.conn, alone, "c")
    add_elf(db.conn, old, "d")
    for suite in ("bookworm", "trixie"):
        for _ in range(2):  # in the indices of two architectures
            _publish(db.conn, shared, suite, "main", "net")
    _publish(db.conn, alone, "trixie", "contrib", "contrib/net")
    _publish(db.conn, old, "trixie", "contrib", None)
    db.execute("UPDATE publication SET standing = 'superseded' WHERE package_id = ?", [old])
    found = _scanned(db)
    assert {scope: _figures(db, found, scope)["objects"] for scope in _scopes(db, found) - {"scan"}} == {
        "all": 3, "bookworm": 2, "bookworm/main": 2, "bookworm/main/net": 2, "trixie": 3, "trixie/main": 2,
        "trixie/main/net": 2, "trixie/contrib": 1, "trixie/contrib/net": 1,
    }  # fmt: skip
    assert _figures(db, found, "trixie/main")["weak md5 signature"] == 2
    assert _figures(db, found, "trixie/main/net")["weak md5"] == 2
    assert "weak md5 signature" not in _figures(db, found, "trixie/main/net")


def test_an_empty_database_has_no_figures(db: Database) -> None:
    assert _scopes(db, _scanned(db)) == {"scan"}


def test_a_scan_that_changed_nothing_has_the_figures_of_the_one_before(db: Database) -> None:
    add_elf(db.conn, add_package(db.conn, "one"), "a")
    insert(db.conn, "metric", scan_id=_scanned(db), scope="package x.deb", name="seconds", value=3)
    add_elf(db.conn, add_package(db.conn, "two"), "b")  # nobody says so
    second = _scanned(db, changed=False)
    assert _figures(db, second, "all")["objects"] == 1
    assert _scopes(db, second) == {"all", "scan"}
    assert _figures(db, second, "scan") == {"seconds": 1.0}
    assert _figures(db, _scanned(db, changed=True), "all")["objects"] == 2


def test_figures_are_not_taken_over_where_something_lies_between(db: Database) -> None:
    add_elf(db.conn, add_package(db.conn, "one"), "a")
    _scanned(db)
    add_elf(db.conn, add_package(db.conn, "two"), "b")
    start_scan(db, started="x", version="1", extraction=EXTRACTION, rules_digest="r", command="killed")
    assert _figures(db, _scanned(db, changed=False), "all")["objects"] == 2
    add_elf(db.conn, add_package(db.conn, "three"), "c")
    assert _figures(db, _scanned(db, changed=False, rules="other"), "all")["objects"] == 3


def test_the_saved_questions_show_the_trend(db: Database) -> None:
    package = add_package(db.conn, "one")
    scan = start_scan(db, started="x", version="1", extraction=EXTRACTION, rules_digest="", command="x")
    first = add_elf(db.conn, package, "a", stack_protector="no")
    _publish(db.conn, package, "sid", "main", "net")
    _use(db.conn, first, "md5", "weak", "signature")
    _scanned(db)
    for number in range(3):
        add_elf(db.conn, package, f"b{number}", stack_protector="yes" if number else "n/a")
    last = _scanned(db)
    assert last == scan + 2
    asked: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("trend", "all", {}),
        ("trend", "sid/main/net", {"scope": "sid/*"}),
        ("trend", "sid", {}),
    )
    for name, scope, given in asked:
        with queries.run(db.conn, REPORTS[name], given) as answer:
            rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        found = [row for row in rows if row["scope"] == scope]
        assert [row["scan"] for row in found] == [last, last - 1]
        assert [(row["protected"], row["unprotected"], row["percent"]) for row in found] == [(2, 1, 66.67), (0, 1, 0)]
    for use in ("md5", "md5 signature"):
        with queries.run(db.conn, REPORTS["crypto-trend"], {"use": use}) as answer:
            rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        assert [row["scope"] for row in rows] == ["all", "all", "sid", "sid"]
        assert [(row["weak"], row["objects"], row["percent"]) for row in rows[:2]] == [(1, 4, 25), (1, 1, 100)]


def test_a_share_that_jumps_is_seen(db: Database) -> None:
    package = add_package(db.conn, "one")
    objects = [add_elf(db.conn, package, f"{number}", pie="yes", stack_protector="yes") for number in range(100)]
    _scanned(db)
    assert _jumps(db) == {}
    db.execute("UPDATE elf SET stack_protector = 'unknown' WHERE id <= ?", [objects[4]])
    db.execute("UPDATE elf SET pie = 'no' WHERE id = ?", [objects[0]])  # one object of a hundred
    _scanned(db)
    assert _jumps(db) == {"stack_protector yes": (100, 95, -5), "stack_protector unknown": (0, 5, 5)}
    for elf in objects[:20]:
        db.execute("DELETE FROM elf WHERE id = ?", [elf])
    _scanned(db)
    assert _jumps(db)["objects"] == (100, 80, 0)  # half of a mirror is missing
    _scanned(db, changed=False)
    assert _jumps(db) == {}


def _jumps(db: Database) -> dict[object, tuple[object, ...]]:
    with queries.run(db.conn, REPORTS["jumps"], {}) as answer:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert {row["scope"] for row in rows} <= {"all"}
    return {row["name"]: (row["before"], row["now"], row["points"]) for row in rows}
