"""The shipped rules: fit to be read, and right about hits and near misses that the corpus has no package for."""

import json
from pathlib import Path
from typing import Any

import pytest

from archscan.rules.apply import apply
from archscan.rules.check import check, checked_columns, lint
from archscan.rules.hits import _TABLES, _statement
from archscan.rules.load import Rule, load
from corpus.recipes import names
from tests.rules.facts import Object, Pack, database, put, states

SHIPPED = load([Path(__file__).parents[2] / "rules"])
NOT_PROGRAMS = ("relocatable", "kernel-module", "debug", "core", "firmware")
EVERYTHING_WRONG: dict[str, Any] = {
    **dict.fromkeys(("pie", "bind_now", "stack_protector", "fortify", "nx"), "no"),
    "relro": "none",
    "textrel": 1,
    "wx_segments": 1,
    "runpath": ".",
}


def reported(item: Object) -> set[str]:
    connection = database()
    put(connection, Pack(objects=(item,)))
    apply(connection, SHIPPED, 1, changed_only=True)
    return {line.replace(f" {item.path} ", " ") for line in states(connection)}


def test_every_rule_compiles_and_is_fit_to_be_read() -> None:
    assert len(check(SHIPPED)) >= 20
    assert lint(SHIPPED) == ()


def test_every_example_is_a_recipe_of_the_corpus() -> None:
    used = {example.corpus for rule in SHIPPED.rules for example in rule.examples}
    assert used <= set(names())


def test_a_hardened_program_is_reported_by_no_rule() -> None:
    assert reported(Object()) == set()


@pytest.mark.parametrize("kind", NOT_PROGRAMS)
def test_what_is_no_program_is_reported_by_no_rule(kind: str) -> None:
    wrong = {**EVERYTHING_WRONG, "kind": kind, "sanitizers": "address"}
    assert reported(Object(columns=wrong)) == set()


@pytest.mark.parametrize("verdict", ["n/a", "unknown"])
def test_what_is_not_known_to_be_wrong_is_not_reported(verdict: str) -> None:
    columns = dict.fromkeys(("pie", "bind_now", "stack_protector", "fortify", "nx", "relro"), verdict)
    assert reported(Object(columns={**columns, "language": "go"})) == set()


@pytest.mark.parametrize(
    ("runpath", "classes"),
    [
        ("/usr/lib/foo", set()),
        ("/usr/lib/x86_64-linux-gnu/foo:/opt/foo/lib", set()),
        ("$ORIGIN", set()),
        ("$ORIGIN/../lib:${ORIGIN}/plugins", set()),
        ("$ORIGIN/../..", {"origin-outside"}),
        ("${ORIGIN}/../../../../lib", {"origin-outside"}),
        ("", {"empty"}),
        ("/usr/lib/foo:", {"empty"}),
        (":/usr/lib/foo", {"empty"}),
        (".:lib:$LIB/x", {"relative"}),
        ("/tmp", {"world-writable"}),
        ("/tmpfiles/lib", set()),
        ("//var/tmp/x", {"world-writable"}),
        ("/home/me/lib:/build/pkg-1.0/lib", {"build-path"}),
        ("/builders/lib", set()),
        ("/usr/local/lib", {"local-admin"}),
        ('/usr/lib/"quoted"\\\\:/tmp/\\xff', {"world-writable"}),
    ],
)
def test_each_entry_of_a_runpath_is_judged_by_itself(runpath: str, classes: set[str]) -> None:
    for column in ("rpath", "runpath"):
        expected = {f"insecure-runpath {name}" for name in classes}
        assert reported(Object(columns={column: runpath})) == expected


def test_a_runpath_hides_the_rpath_from_the_loader() -> None:
    assert reported(Object(columns={"rpath": "/tmp", "runpath": "/usr/lib/foo"})) == set()


def test_a_privileged_program_may_not_even_look_beside_itself() -> None:
    item = Object(columns={"runpath": "$ORIGIN/../lib"}, privilege="setuid")
    assert reported(item) == {"insecure-runpath origin-privileged"}


def test_a_privileged_program_is_reported_once_for_each_thing_it_lacks() -> None:
    columns = {key: value for key, value in EVERYTHING_WRONG.items() if key != "runpath"}
    lacks = ("pie", "bind_now", "stack_protector", "fortify", "nx", "relro", "textrel", "wx_segments")
    item = Object(columns={**columns, "kind": "executable"}, privilege="setuid")
    assert reported(item) == {f"privileged-unprotected {lack}" for lack in lacks}


@pytest.mark.parametrize(
    ("sanitizers", "found"),
    [
        ("address", {"address"}),
        ("address coverage undefined", {"address", "undefined"}),
        ("undefined-minimal", set()),
        ("coverage", set()),
    ],
)
def test_sanitizers_are_told_one_by_one(sanitizers: str, found: set[str]) -> None:
    item = Object(columns={"sanitizers": sanitizers})
    assert reported(item) == {f"sanitizer-shipped {name}" for name in found}


PARTIAL = {
    "stack_protector": "partial",
    "stack_clash": "partial",
    "reasons": json.dumps(
        {
            column: {
                "code": "some-units-without",
                "text": "…",
                "counts": {"exposed": 2},
                "sites": [{"address": "0x1200", "name": "copied"}, {"address": "0x1100"}],
            }
            for column in ("stack_protector", "stack_clash")
        }
    ),
}


def _rows(item: Object, columns: str) -> list[tuple[Any, ...]]:
    connection = database()
    put(connection, Pack(objects=(item,)))
    apply(connection, SHIPPED, 1, changed_only=True)
    return connection.execute(f"SELECT rule_id, {columns} FROM occurrence ORDER BY rule_id, message").fetchall()


def test_units_without_a_protection_are_named_by_their_functions() -> None:
    rows = _rows(Object(columns=PARTIAL), "severity, confidence, evidence")
    assert [row[:3] for row in rows] == [
        ("no-stack-clash-protection", "low", "certain"),
        ("partial-stack-protector", "low", "likely"),
    ]
    for row in rows:
        sites = json.loads(row[3])["sites"]
        assert {(site["address"], site["function"]) for site in sites} == {("0x1200", "copied"), ("0x1100", None)}


def test_units_without_fortify_are_named_by_what_they_call() -> None:
    """Where level 3 was proved, the first place is that proof and not an unchecked call."""
    sites = [{"address": "0x1300", "name": "copied"}, {"address": "0x1200", "name": "fprintf"}]
    for counts, called in ({"proof": 1, "level": 3}, {"fprintf"}), ({"proof": 2}, {"copied", "fprintf"}):
        reasons = {"fortify": {"code": "unfortified-unit", "text": "…", "counts": counts, "sites": sites}}
        rows = _rows(Object(columns={"fortify": "partial", "reasons": json.dumps(reasons)}), "severity, evidence")
        assert [row[:2] for row in rows] == [("partly-fortified", "low")]
        found = json.loads(rows[0][2])
        assert {site["called"] for site in found.get("sites", [found])} == called


def test_a_verdict_without_places_is_reported_all_the_same() -> None:
    assert reported(Object(columns={**PARTIAL, "reasons": "{}"})) == {
        "no-stack-clash-protection stack_clash",
        "partial-stack-protector stack_protector",
    }


def test_a_privileged_program_lacks_what_some_of_its_units_lack() -> None:
    rows = _rows(Object(columns=PARTIAL, privilege="setuid"), "severity, confidence, message")
    assert rows == [
        (
            "privileged-unprotected",
            severity,
            confidence,
            f"usr/bin/tool (setuid, granted by tar) lacks {lack} in some units",
        )
        for lack, severity, confidence in (("stack_clash", "low", "certain"), ("stack_protector", "medium", "likely"))
    ]


@pytest.mark.parametrize("own", [None, "setgid"])
def test_a_hard_link_hands_its_privilege_on(own: str | None) -> None:
    connection = database()
    item = Object(path="usr/bin/one", columns={"nx": "no"}, privilege=own, hardlinks=(("usr/bin/two", "setuid"),))
    other = Object(path="usr/bin/other", columns={"nx": "no"}, hardlinks=(("usr/bin/another", None),))
    put(connection, Pack(objects=(item, other)))
    put(connection, Pack(name="stranger", objects=(Object(path="usr/bin/one", columns={"nx": "no"}),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    rows = connection.execute(
        "SELECT o.rule_id, p.name, o.message FROM occurrence o JOIN package p ON p.id = o.package_id "
        "ORDER BY 1 DESC, 2, 3"
    ).fetchall()
    by = "setuid as usr/bin/two" if own is None else "setgid"
    assert rows == [
        ("privileged-unprotected", "tool", f"usr/bin/one ({by}, granted by tar) lacks nx"),
        ("executable-stack", "stranger", "usr/bin/one (pie) makes the stack executable"),
        ("executable-stack", "tool", "usr/bin/other (pie) makes the stack executable"),
    ]


def test_no_look_for_privileges_goes_through_all_files_of_a_package() -> None:
    connection = database()
    for query in ("SELECT * FROM privileged_object WHERE elf_id = 1", "SELECT * FROM privileged_object"):
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert len(plan) > 4
        assert not any(line.endswith("file_package (package_id=?)") for line in plan), plan


def test_a_missing_canary_that_nobody_looked_for_is_not_reported() -> None:
    columns = {"stack_protector": "unknown", "language": "c"}
    assert reported(Object(columns=columns, imports=("printf",))) == set()


@pytest.mark.parametrize("one", SHIPPED.rules, ids=lambda one: one.id)
def test_each_rule_starts_from_the_changed_objects_not_from_all(one: Rule) -> None:
    connection = database()
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    statement = _statement(one, checked_columns(connection, one), whole=False)
    values = dict.fromkeys(("rule", "severity", "confidence"), "")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    promised = ("SCAN 16 CONSTANT ROWS", "SCAN word")  # the features of the view
    small = (
        "SCAN u",
        "SCAN a",
        "SCAN p VIRTUAL",
        "SCAN lack VIRTUAL",
        "SCAN site VIRTUAL",
        "SCAN name VIRTUAL",
        "SCAN CONSTANT ROW",
        *promised,
    )
    assert [line for line in plan if line.startswith("SCAN") and not line.startswith(small)] == []


@pytest.mark.parametrize(
    ("kind", "severity"), [("pie", None), ("plugin", "negligible"), ("shared-library", "negligible")]
)
def test_a_name_from_nowhere_counts_only_where_a_program_may_supply_it(kind: str, severity: str | None) -> None:
    connection = database()
    item = Object(columns={"kind": kind, "pie": "n/a"}, uses=(("md5", "MD5_Init"),))
    put(connection, Pack(objects=(item,)))
    connection.execute("UPDATE crypto_use SET library = 'ambiguous'")
    connection.commit()
    apply(connection, SHIPPED, 1, changed_only=True)
    rows = connection.execute("SELECT severity FROM finding").fetchall()
    assert rows == ([(severity,)] if severity else [])
