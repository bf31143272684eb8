import json
import sqlite3
from pathlib import Path

import pytest

from archscan.errors import RuleError
from archscan.rules.apply import Applied, apply
from archscan.rules.load import load
from tests.rules.facts import Object, Pack, book, database, judgement, put, rule, states

BAD = Object(columns={"kind": "executable", "pie": "no"})
GOOD = Object()
PLACE = "no-pie usr/bin/tool pie"


@pytest.fixture
def connection() -> sqlite3.Connection:
    return database()


def judge(connection: sqlite3.Connection, *packs: Pack, scan: int = 1) -> Applied:
    for pack in packs:
        put(connection, pack)
    return apply(connection, book(rule()), scan, changed_only=True)


def test_a_row_becomes_an_open_finding_with_its_message(connection: sqlite3.Connection) -> None:
    applied = judge(connection, Pack(objects=(BAD,), source="tools"))
    assert (applied.new, len(applied.new_ids)) == (1, 1)
    assert connection.execute(
        "SELECT source, state, severity, message, path FROM open_finding "
        "JOIN finding USING (fingerprint, source, severity)"
    ).fetchall() == [("tools", "open", "medium", "usr/bin/tool of tool is no PIE", "usr/bin/tool")]
    assert connection.execute("SELECT count(*) FROM unjudged").fetchone() == (0,)


def test_nothing_is_done_when_nothing_changed(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    before = connection.total_changes
    assert judge(connection, scan=2) == Applied()
    assert connection.total_changes == before


def test_a_newer_version_without_the_fault_fixes_it(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    applied = judge(connection, Pack(version="1.0-2", objects=(GOOD,)), scan=2)
    assert (applied.fixed, applied.new) == (1, 0)
    assert connection.execute("SELECT state, first_scan, last_change FROM finding").fetchall() == [("fixed", 1, 2)]


def test_an_older_version_that_comes_later_opens_nothing(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(version="1.0-2", objects=(GOOD,)))
    applied = judge(connection, Pack(objects=(BAD,)), scan=2)
    assert (applied.new, applied.new_ids) == (0, ())
    assert states(connection) == {PLACE: "fixed"}


def test_a_fault_that_returns_reopens_its_finding(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    judge(connection, Pack(version="1.0-2", objects=(GOOD,)), scan=2)
    applied = judge(connection, Pack(version="1.0-3", objects=(BAD,)), scan=3)
    assert (applied.new, applied.reopened, len(applied.reopened_ids)) == (0, 1, 1)


def test_a_fault_stays_open_while_one_architecture_has_it(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)), Pack(objects=(BAD,), architecture="arm64"))
    judge(connection, Pack(version="1.0-2", objects=(GOOD,)), scan=2)
    assert states(connection) == {PLACE: "open"}


def test_a_newer_version_that_was_not_read_whole_closes_nothing(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    applied = judge(connection, Pack(version="1.0-2", objects=(), status="partial"), scan=2)
    assert applied.unchecked == 1
    assert states(connection) == {PLACE: "unchecked"}


@pytest.mark.parametrize(("status", "unread"), [("skipped", "no-candidates"), ("complete", "no-more-candidates")])
@pytest.mark.parametrize("version", ["1.0-1", "1.0-2"])
def test_a_package_that_was_not_unpacked_to_its_end_closes_nothing(
    connection: sqlite3.Connection, status: str, unread: str, version: str
) -> None:
    judge(connection, Pack(objects=(BAD,)))
    applied = judge(connection, Pack(version=version, objects=(), status=status, unread=unread), scan=2)
    assert (applied.unchecked, applied.fixed) == (1, 0)
    assert states(connection) == {PLACE: "unchecked"}
    judge(connection, Pack(version=version, objects=()), scan=3)
    assert states(connection) == {PLACE: "withdrawn" if version == "1.0-1" else "fixed"}


def test_a_package_that_can_be_read_no_more_keeps_its_occurrence_unchecked(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    judge(connection, Pack(objects=(), status="unreadable"), scan=2)
    assert states(connection) == {PLACE: "unchecked"}
    rows = connection.execute("SELECT unchecked, elf_id, first_scan, last_scan FROM occurrence").fetchall()
    assert rows == [(1, None, 1, 1)]
    judge(connection, Pack(objects=(GOOD,)), scan=3)
    assert states(connection) == {PLACE: "withdrawn"}


def test_a_re_read_package_keeps_when_its_fault_was_first_seen(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    assert judge(connection, Pack(objects=(BAD,)), scan=2) == Applied()
    rows = connection.execute(
        "SELECT o.first_scan, o.last_scan, elf_id = (SELECT id FROM elf), last_change "
        "FROM occurrence o JOIN finding f ON f.id = finding_id"
    ).fetchall()
    assert rows == [(1, 2, 1, 1)]


def test_a_removed_rule_withdraws_its_findings(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)), Pack(name="other", objects=(BAD,), status="partial"))
    applied = apply(connection, book(), 2, changed_only=True)
    assert applied.withdrawn == 2
    assert connection.execute("SELECT count(*) FROM rule").fetchone() == (0,)


def test_a_changed_rule_is_judged_whole_without_new_facts(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    apply(connection, book(rule(severity="high")), 2, changed_only=True)
    assert connection.execute("SELECT severity, last_change FROM finding").fetchall() == [("high", 2)]


def test_a_changed_rule_also_lets_go_of_what_a_partial_package_still_shows(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,), status="partial"))
    never = rule(query="SELECT id AS elf_id, 'pie' AS subject FROM elf WHERE 0")
    assert apply(connection, book(never), 2, changed_only=True).withdrawn == 1


def test_a_superseding_rule_takes_the_same_subject_of_the_same_object_only(connection: sqlite3.Connection) -> None:
    strict = rule(
        "worse",
        supersedes=("no-pie",),
        severity="high",
        query="SELECT e.id AS elf_id, 'pie' AS subject FROM elf e JOIN file f ON f.id = e.file_id "
        "WHERE e.pie = 'no' AND f.privilege IS NOT NULL",
    )
    suid = Object(path="usr/bin/suid", columns={"kind": "executable", "pie": "no"}, privilege="setuid")
    put(connection, Pack(objects=(BAD, suid)))
    apply(connection, book(rule(), strict), 1, changed_only=True)
    assert states(connection) == {PLACE: "open", "worse usr/bin/suid pie": "open"}
    apply(connection, book(rule()), 2, changed_only=True)
    assert states(connection) == {
        PLACE: "open",
        "worse usr/bin/suid pie": "withdrawn",
        "no-pie usr/bin/suid pie": "open",
    }


def test_rows_of_one_fingerprint_fold_with_at_most_sixteen_sites(connection: sqlite3.Connection) -> None:
    many = rule(query="SELECT n.elf_id, 'x' AS subject, n.soname AS library FROM needed n", message="{library}")
    put(connection, Pack(objects=(Object(needed=tuple(f"lib{number:02}.so" for number in range(20))),)))
    apply(connection, book(many), 1, changed_only=True)
    ((message, evidence),) = connection.execute("SELECT message, evidence FROM occurrence").fetchall()
    told = json.loads(evidence)
    assert message == "lib00.so"
    assert (told["count"], told["truncated"], len(told["sites"])) == (20, True, 16)
    assert told["sites"][1] == {"library": "lib01.so"}


def test_columns_of_a_row_override_the_rule_and_the_worst_names_the_finding(connection: sqlite3.Connection) -> None:
    query = (
        "SELECT id AS elf_id, 'x' AS subject, iif(path = 'usr/bin/tool', 'low', NULL) AS severity, 'possible' AS "
        "confidence, 'toolchain' AS fix_where FROM elf"
    )
    other = Object(path="usr/lib/1/tool", path_key="usr/bin/tool")
    put(connection, Pack(objects=(GOOD, other)))
    apply(connection, book(rule(query=query)), 1, changed_only=True)
    assert connection.execute("SELECT severity, confidence, fix_where FROM finding").fetchall() == [
        ("medium", "possible", "toolchain")
    ]
    assert connection.execute("SELECT severity FROM occurrence ORDER BY path").fetchall() == [("low",), ("medium",)]


def test_rules_can_name_files_and_packages(connection: sqlite3.Connection) -> None:
    by_file = rule(
        "by-file",
        query="SELECT id AS file_id, privilege AS subject FROM file WHERE privilege IS NOT NULL",
        message="{path} {subject} {version}",
    )
    by_package = rule("by-package", scope="package", query="SELECT id AS package_id, name AS subject FROM package")
    put(connection, Pack(objects=(Object(privilege="setuid"),)))
    apply(connection, book(by_file, by_package), 1, changed_only=True)
    assert states(connection) == {"by-file usr/bin/tool setuid": "open", "by-package  tool": "open"}
    messages = connection.execute("SELECT message FROM occurrence ORDER BY rule_id").fetchall()
    assert messages == [("usr/bin/tool setuid 1.0-1",), (" of tool is no PIE",)]


def test_archive_rules_look_at_all_packages_every_time(connection: sqlite3.Connection) -> None:
    lonely = rule(
        "lonely",
        scope="archive",
        query="SELECT p.id AS package_id, p.source AS subject FROM package p "
        "WHERE (SELECT count(*) FROM package o WHERE o.source = p.source) = 1",
    )
    put(connection, Pack())
    apply(connection, book(lonely), 1, changed_only=True)
    assert states(connection) == {"lonely  tool": "open"}
    put(connection, Pack(name="more", source="tool"))
    apply(connection, book(lonely), 2, changed_only=True)
    assert states(connection) == {"lonely  tool": "withdrawn"}


def test_a_renamed_rule_keeps_the_decisions_on_its_findings(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    ((old,),) = connection.execute("SELECT fingerprint FROM finding").fetchall()
    connection.execute(
        "INSERT INTO decision (fingerprint, state, reason, authority, made) "
        "VALUES (?, 'accepted', 'boot code', 'me', '2026')",
        (old,),
    )
    connection.commit()
    apply(connection, book(rule("fixed-address", formerly=("no-pie",))), 2, changed_only=True)
    assert states(connection) == {PLACE: "withdrawn", "fixed-address usr/bin/tool pie": "open"}
    rows = connection.execute(
        "SELECT d.reason FROM decision d JOIN finding f USING (fingerprint) WHERE f.state = 'open'"
    ).fetchall()
    assert rows == [("boot code",)]


def test_a_failed_rule_leaves_everything_as_it_was(connection: sqlite3.Connection) -> None:
    judge(connection, Pack(objects=(BAD,)))
    put(connection, Pack(version="2", objects=(GOOD,)))
    before = judgement(connection)
    bad = rule("bad", query="SELECT id AS elf_id, 'x' AS subject, 'awful' AS severity FROM elf")
    with pytest.raises(RuleError, match=r"bad\.toml: query: .*known severities"):
        apply(connection, book(rule(), bad), 2, changed_only=True)
    assert judgement(connection) == before
    assert connection.execute("SELECT count(*) FROM unjudged").fetchone() == (1,)
    assert not connection.in_transaction


def test_a_row_without_an_object_is_an_error(connection: sqlite3.Connection) -> None:
    put(connection, Pack())
    with pytest.raises(RuleError, match="expected each row to name a stored object"):
        apply(connection, book(rule(query="SELECT 77 AS elf_id, 'x' AS subject")), 1, changed_only=False)


def test_a_slow_rule_is_stopped_and_named(connection: sqlite3.Connection) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT e.id AS elf_id, 'x' AS subject FROM elf e, n WHERE n.i < 0"
    )
    put(connection, Pack())
    with pytest.raises(RuleError, match=r"no-pie\.toml: query: ran longer than 0\.05 s"):
        apply(connection, book(rule(query=endless)), 1, changed_only=True, seconds=0.05)


def test_the_callers_transaction_is_joined_not_ended(connection: sqlite3.Connection) -> None:
    put(connection, Pack(objects=(BAD,)))
    connection.execute("BEGIN")
    apply(connection, book(rule()), 1, changed_only=True)
    connection.rollback()
    assert judgement(connection) == []
    assert connection.execute("SELECT count(*) FROM unjudged").fetchone() == (1,)


def test_findings_of_a_deleted_package_are_withdrawn(connection: sqlite3.Connection) -> None:
    package = put(connection, Pack(objects=(BAD,)))
    apply(connection, book(rule()), 1, changed_only=True)
    connection.execute("DELETE FROM package WHERE id = ?", (package,))
    connection.commit()
    put(connection, Pack(name="other"))
    apply(connection, book(rule()), 2, changed_only=True)
    assert states(connection) == {PLACE: "withdrawn"}


def test_the_rules_are_written_down_as_they_were_judged_by(connection: sqlite3.Connection) -> None:
    shipped = load([Path(__file__).parents[2] / "rules"])
    apply(connection, shipped, 1, changed_only=True)
    rows = connection.execute("SELECT id, title, query, json_extract(supersedes, '$[0]') FROM rule").fetchall()
    assert rows == [
        (one.id, one.title, one.query, one.supersedes[0] if one.supersedes else None) for one in shipped.rules
    ]


def test_what_a_rule_left_to_another_of_its_family_comes_back_with_its_end(connection: sqlite3.Connection) -> None:
    first, second = rule("first", family="shared", severity="high"), rule("second", family="shared")
    put(connection, Pack(objects=(BAD,)))
    apply(connection, book(first, second), 1, changed_only=True)
    assert connection.execute("SELECT rule_id, severity, state FROM finding").fetchall() == [("first", "high", "open")]
    apply(connection, book(second), 2, changed_only=True)
    assert connection.execute("SELECT rule_id, severity, state FROM finding").fetchall() == [
        ("second", "medium", "open")
    ]
