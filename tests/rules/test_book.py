"""The shipped rules: fit to be read, and right about hits and near misses that the corpus has no package for."""

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
    wrong = {**EVERYTHING_WRONG, "kind": kind}
    assert reported(Object(columns=wrong, imports=("__asan_init",), needed=("libasan.so.8",))) == set()


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
    ("needed", "imports", "found"),
    [
        (("libasan.so.8",), (), {"address"}),
        (("libasan.so.8",), ("__asan_init", "__asan_report_load1"), {"address"}),
        (("libc.so.6",), ("__tsan_init",), {"thread"}),
        (("libubsan.so.1",), ("__ubsan_handle_add_overflow",), {"undefined"}),
        (("libc.so.6",), ("__ubsan_handle_add_overflow_minimal",), set()),
        (("libc.so.6",), ("__asan_poison_memory_region", "__sanitizer_print_stack_trace", "asan_init"), set()),
        (("libc.so.6",), ("__tsan_acquire", "__msan_unpoison", "__lsan_ignore_object"), set()),
    ],
)
def test_sanitizers_are_known_by_their_libraries_and_hooks(
    needed: tuple[str, ...], imports: tuple[str, ...], found: set[str]
) -> None:
    assert reported(Object(needed=needed, imports=imports)) == {f"sanitizer-shipped {name}" for name in found}


def test_a_sanitizers_own_library_is_no_user_of_it() -> None:
    columns = {"soname": "libubsan.so.1", "kind": "shared-library", "pie": "n/a"}
    assert reported(Object(path="usr/lib/libubsan.so.1.0.0", columns=columns, imports=("__asan_init",))) == set()


@pytest.mark.parametrize(
    ("language", "needed", "imports", "found"),
    [
        ("c", ("libc.so.6",), ("printf",), True),
        ("c", ("libc.so.6",), ("__stack_chk_fail",), False),
        ("c", ("libc.so.6",), ("__stack_chk_fail_local",), False),
        ("c++", ("libc.so.6",), ("__stack_chk_guard",), False),
        ("c", ("libc.musl-x86_64.so.1",), (), False),
        ("go", ("libc.so.6",), (), False),
    ],
)
def test_without_machine_code_a_missing_canary_is_only_possible(
    language: str, needed: tuple[str, ...], imports: tuple[str, ...], found: bool
) -> None:
    connection = database()
    columns = {"stack_protector": "unknown", "language": language}
    put(connection, Pack(objects=(Object(columns=columns, needed=needed, imports=imports),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    rows = connection.execute("SELECT rule_id, severity, confidence FROM finding").fetchall()
    assert rows == ([("no-stack-protector", "negligible", "possible")] if found else [])


@pytest.mark.parametrize("one", SHIPPED.rules, ids=lambda one: one.id)
def test_each_rule_starts_from_the_changed_objects_not_from_all(one: Rule) -> None:
    connection = database()
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    statement = _statement(one, checked_columns(connection, one), whole=False)
    values = dict.fromkeys(("rule", "severity", "confidence"), "")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    promised = ("SCAN 16 CONSTANT ROWS", "SCAN word")  # the features of the view
    small = ("SCAN u", "SCAN a", "SCAN p VIRTUAL", "SCAN lack VIRTUAL", "SCAN CONSTANT ROW", *promised)
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
