"""Which decision counts: the table of docs/triage.md, row by row."""

import sqlite3
from datetime import date, timedelta
from typing import Any

import pytest

from archscan.errors import DecisionError
from archscan.model import Severity
from archscan.reports.failing import decided, failing
from archscan.rules.apply import apply
from archscan.triage.standings import Asked, listed, of_finding, queue
from tests.rules.facts import Object, Pack, book, rule
from tests.triage.facts import BAD, NOW, TODAY, judged, set_, stands

WAIVER: dict[str, Any] = {"state": "waiver", "reason": "boot code", "authority": "jane"}
IGNORED: dict[str, Any] = {"state": "ignored", "reason": "a test"}
ALL: dict[str, Any] = {"rule": "*"}
SETUID = Object(columns={"kind": "executable", "pie": "no"}, privilege="setuid root")


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        # a finding before a selector, whichever came last
        ([IGNORED, {**ALL, **WAIVER}], ("ignored", None)),
        ([{**ALL, **WAIVER}, IGNORED], ("ignored", None)),
        ([{**ALL, **WAIVER}, {"state": "needs-triage"}], ("needs-triage", "asked")),
        # a release before all releases
        ([{"state": "needed", "release": "debian/bookworm"}, IGNORED], ("needed", None)),
        ([{"state": "needed", "release": "bookworm"}, IGNORED], ("needed", None)),
        ([{"state": "needed", "release": "trixie"}, IGNORED], ("ignored", None)),
        # of one finding and release, or of two selectors, the later
        ([{"state": "needed"}, IGNORED], ("ignored", None)),
        ([IGNORED, {"state": "needed"}], ("needed", None)),
        ([{**ALL, **WAIVER}, {"source": "tool", **IGNORED}], ("ignored", None)),
        ([{"source": "tool", **IGNORED}, {**ALL, **WAIVER}], ("waiver", None)),
        # what has expired counts for nothing beside what holds, but says why where nothing does
        ([{**ALL, **WAIVER}, {**IGNORED, "until": "2026-05-31"}], ("waiver", None)),
        ([{**IGNORED, "until": "2026-05-31"}], ("ignored", "expired")),
        ([{**IGNORED, "until": "2026-06-01"}], ("ignored", None)),
        # and what it took the place of does not come back
        ([{"state": "not-affected"}, {**IGNORED, "until": "2026-05-31"}], ("ignored", "expired")),
        # ranges of versions, by dpkg's comparison
        ([{**ALL, **WAIVER, "versions": ">= 1.0~rc1, << 1.0-2"}], ("waiver", None)),
        ([{**ALL, **WAIVER, "versions": "= 1.0-1"}], ("waiver", None)),
        ([{**ALL, **WAIVER, "versions": "<= 1.0-1"}], ("waiver", None)),
        ([{"state": "needed", "versions": "<= 1.0-1"}, {**IGNORED, "versions": "<< 1.0-1"}], ("needed", None)),
        # what is pending or released and still there
        ([{"state": "released", "version": "1.0-2"}], ("released", None)),
        ([{"state": "released", "version": "1.0-10"}], ("released", None)),
        ([{"state": "released", "version": "1.0-1"}], ("released", "not-fixed")),
        ([{"state": "released", "version": "1.0~rc1-1"}], ("released", "not-fixed")),
        ([{"state": "pending", "version": "1.0-1+deb12u1"}], ("pending", None)),
        ([{"state": "pending", "version": "0.9"}], ("pending", "not-fixed")),
    ],
)  # fmt: skip
def test_the_most_specific_decision_that_holds_counts(
    decisions: list[dict[str, Any]], expected: tuple[str, str | None]
) -> None:
    connection = judged(Pack(objects=(BAD,)))
    connection.execute("UPDATE package_release SET distribution = 'debian', release = 'bookworm'")
    for values in decisions:
        set_(connection, **values)
    assert stands(connection) == [expected]


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ({"rule": "no-*"}, True),
        ({"rule": "uses-*"}, False),
        ({"source": "tool", "path": "usr/bin/*"}, True),
        ({"source": "t??l", "path": "usr/sbin/*"}, False),
        ({"package": "tool-bin"}, True),
        ({"package": "tool"}, False),
        ({"path": "*"}, True),
        ({**ALL, "versions": ">> 1.0-1"}, False),
        ({**ALL, "versions": "<< 1.0-1"}, False),
        ({**ALL, "release": "sid"}, False),
    ],
)
def test_a_selector_means_what_its_globs_say(values: dict[str, Any], meant: bool) -> None:
    connection = judged(Pack(name="tool-bin", source="tool", objects=(BAD,)))
    set_(connection, **WAIVER, **values)
    assert bool(stands(connection)) is meant
    assert decided(connection, TODAY) == meant
    assert failing(connection, Severity.MEDIUM, None, TODAY) == (not meant)


@pytest.mark.parametrize(("after", "due"), [(0, False), (29, False), (30, True), (31, True)])
def test_a_deferred_finding_returns(after: int, due: bool) -> None:
    connection = judged(Pack(objects=(BAD,)))
    set_(connection, state="deferred")
    day = TODAY + timedelta(days=after)
    assert stands(connection, day) == [("deferred", "deferred" if due else None)]
    assert stands(connection, day, days=60) == [("deferred", None)]
    columns, rows = queue(connection, Asked(), day)
    assert len(rows) == due
    if due:
        row = dict(zip(columns, rows[0], strict=True))
        assert row["why"] == "needs-triage (deferred): it was deferred on 2026-06-01"


def test_a_deferral_with_a_date_ends_after_it() -> None:
    connection = judged(Pack(objects=(BAD,)))
    set_(connection, state="deferred", until="2026-12-24")
    assert stands(connection, date(2026, 12, 24)) == [("deferred", None)]
    assert stands(connection, date(2026, 12, 25)) == [("deferred", "deferred")]


@pytest.mark.parametrize("state", ["waiver", "false-positive", "ignored", "not-affected", "accepted", "needed"])
def test_no_selector_hides_a_privileged_program(state: str) -> None:
    connection = judged(Pack(objects=(SETUID,)))
    set_(connection, **ALL, state=state, reason="r", authority="jane")
    assert stands(connection) == [(state, "privileged")]
    assert failing(connection, Severity.MEDIUM, None, TODAY) == 1
    set_(connection, state="needed")  # nobody in particular
    assert stands(connection) == [("needed", "privileged")]
    set_(connection, state=state, reason="r", authority="jane")
    assert stands(connection) == [(state, None)]
    assert connection.execute("SELECT privileged FROM decided_finding").fetchall() == [(1,)]
    assert connection.execute("SELECT count(*) FROM open_finding").fetchone() == (1,)


def test_a_rule_of_a_privileged_family_and_a_hard_link_count_as_privileged() -> None:
    privileged = rule("privileged-thing")
    linked = Object(columns={"kind": "executable", "pie": "no"}, hardlinks=(("usr/bin/other", "setuid root"),))
    for connection in (judged(Pack(objects=(BAD,)), rules=(privileged,)), judged(Pack(objects=(linked,)))):
        set_(connection, **ALL, **WAIVER)
        assert [because for _, because in stands(connection)] == ["privileged"]


def test_each_release_has_its_own_state() -> None:
    connection = judged(Pack(objects=(BAD,)), Pack(version="2.0-1", objects=(BAD,), architecture="arm64"))
    connection.execute(
        "UPDATE package_release SET distribution = 'debian', release = (SELECT iif(architecture = 'arm64', 'sid', "
        "'bookworm') FROM package WHERE id = package_id)"
    )
    set_(connection, state="ignored", reason="old", release="bookworm")
    assert stands(connection) == [("ignored", None)]
    assert decided(connection, TODAY) == 0
    assert failing(connection, Severity.MEDIUM, None, TODAY) == 1
    assert connection.execute("SELECT version FROM undecided_finding").fetchall() == [("2.0-1",)]
    set_(connection, state="released", version="2.0-2", release="debian/sid")
    assert stands(connection) == [("ignored", None), ("released", None)]
    assert (decided(connection, TODAY), failing(connection, Severity.MEDIUM, None, TODAY)) == (1, 0)


def test_a_suite_is_a_release_where_no_other_has_the_package() -> None:
    connection = judged(Pack(objects=(BAD,)))
    sql = """INSERT INTO publication (suite, component, name, version, architecture, sha256, filename, package_id,
             first_scan, last_scan) VALUES (?, 'main', 'tool', '1.0-1', 'amd64', ?, 'f', 1, 1, 1)"""
    connection.execute(sql, ("mine-security", "1" * 64))
    set_(connection, state="needed", release="mine")
    assert stands(connection) == [("needed", None)]
    connection.execute(sql, ("other", "2" * 64))
    assert stands(connection) == []


def test_what_is_open_stays_in_the_view_of_open_findings() -> None:
    connection = judged(Pack(objects=(BAD,)))
    set_(connection, **IGNORED)
    assert connection.execute("SELECT count(*) FROM open_finding").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM undecided_finding").fetchone() == (0,)


def test_the_queue_is_the_worst_first_and_says_why() -> None:
    objects = tuple(Object(path=f"usr/bin/{name}", columns={"kind": "executable", "pie": "no"}) for name in "abc")
    low = rule("low", severity="low", query="SELECT id AS elf_id, 'x' AS subject FROM elf WHERE path = 'usr/bin/a'")
    connection = judged(Pack(objects=objects), rules=(rule(), low))
    set_(connection, path="usr/bin/b", **IGNORED)
    set_(connection, rule="low", **WAIVER, until="2026-01-01")
    columns, rows = queue(connection, Asked(), TODAY)
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    assert [(row["severity"], row["path_key"], row["why"]) for row in named] == [
        ("medium", "usr/bin/a", "new"),
        ("medium", "usr/bin/c", "new"),
        ("low", "usr/bin/a", "needs-triage (expired): the decision held until 2026-01-01"),
    ]
    assert named[2]["decision"] == "waiver on 2026-06-01 by jane: boot code"
    assert len(queue(connection, Asked(limit=1), TODAY)[1]) == 2  # one more: there are more
    assert [row[4] for row in queue(connection, Asked(rule="l*"), TODAY)[1]] == ["low"]
    assert len(queue(connection, Asked(severity=Severity.MEDIUM), TODAY)[1]) == 2


def test_lists_say_what_was_replaced_and_what_has_expired() -> None:
    connection = judged(Pack(objects=(BAD,)))
    set_(connection, state="needed")
    set_(connection, **IGNORED, until="2026-07-01")
    set_(connection, **ALL, **WAIVER)
    columns, rows = listed(connection, TODAY, every=True)
    at = columns.index("standing")
    assert [(row[1], row[at], row[at + 1]) for row in rows if row[1] != "waiver"] == [
        ("ignored", "in force", 1), ("needed", "replaced", 0)]  # fmt: skip
    assert sorted(str(row[1]) for row in listed(connection, TODAY)[1]) == ["ignored", "waiver"]
    assert [row[1] for row in listed(connection, date(2026, 8, 1))[1]] == ["waiver"]
    (shown,) = of_finding(connection, 1, TODAY)
    assert shown["text"] == "decided: ignored on 2026-06-01: a test, until 2026-07-01"


def test_nothing_that_was_decided_is_changed_or_deleted() -> None:
    connection = judged(Pack(objects=(BAD,)))
    set_(connection, **IGNORED)
    for sql in ("UPDATE decision SET state = 'needed'", "DELETE FROM decision"):
        with pytest.raises(sqlite3.IntegrityError, match="decision: is never"):
            connection.execute(sql)


@pytest.mark.parametrize(
    "values",
    [
        {"state": "'maybe'"},
        {"state": "'released'"},
        {"state": "'needed'", "version": "'1'"},
        {"fingerprint": "'abc'"},
        {"fingerprint": "NULL", "selector": "'{}'"},
        {"fingerprint": "NULL", "selector": '\'{"colour":"red"}\''},
        {"fingerprint": "NULL", "selector": "'rule=x'"},
        {"until": "'2026-02-31'"},
        {"made": "'yesterday'"},
        {"versions": "'>= 1'"},
        {"state": "'waiver'"},
        {"reason": "hex(zeroblob(2000))"},
    ],
)
def test_what_makes_no_sense_is_not_stored(values: dict[str, str]) -> None:
    connection = judged()
    row = {"fingerprint": f"'{'0' * 64}'", "state": "'needed'", "reason": "''", "authority": "''", "made": "'2026'"}
    row |= values
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"INSERT INTO decision ({', '.join(row)}) VALUES ({', '.join(row.values())})")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"state": "done"}, "state: expected one of DNE, needs-triage"),
        ({"state": "released"}, "as in `released 1.2-3`"),
        ({"state": "released", "version": "two words"}, "expected a version"),
        ({"state": "ignored"}, "reason: expected one"),
        ({"state": "waiver", "reason": "r"}, "authority: expected one: waiver says who allows it"),
        ({"state": "in-progress"}, "authority: expected one: in-progress says who works on it"),
        ({"state": "needed", "until": "soon"}, "until: expected a day"),
        ({"state": "needed", "versions": "1.2"}, "versions: expected relations"),
        ({"state": "needed", "versions": ">= 2, << 1"}, "no version is in"),
        ({"state": "needed", "release": "a b"}, "release: expected a release"),
        ({"state": "needed", "rule": "x", "fingerprint": "0" * 64}, "not both"),
        ({"state": "needed", "rule": ""}, "rule: expected a glob"),
        ({"state": "needed", "reason": "x" * 2001}, "at most 2,000 characters"),
    ],
)
def test_a_decision_says_what_it_must(values: dict[str, Any], message: str) -> None:
    connection = judged(Pack(objects=(BAD,)))
    with pytest.raises(DecisionError) as caught:
        set_(connection, **values)
    assert message in str(caught.value)
    assert connection.execute("SELECT count(*) FROM decision").fetchone() == (0,)


def test_two_decisions_of_one_second_stay_in_their_order() -> None:
    connection = judged(Pack(objects=(BAD,)))
    made = [set_(connection, now=NOW, state=state).made for state in ("needed", "not-affected", "needed")]
    assert made == sorted(set(made))
    assert stands(connection) == [("needed", None)]


def test_a_rules_precision_is_that_of_its_verdicts() -> None:
    objects = tuple(Object(path=f"usr/bin/{name}", columns={"kind": "executable", "pie": "no"}) for name in "abcde")
    connection = judged(Pack(objects=objects))
    names = [row[0] for row in connection.execute("SELECT fingerprint FROM finding ORDER BY path_key")]
    set_(connection, fingerprint=names[0], state="needed")
    set_(connection, fingerprint=names[1], state="released", version="2")
    set_(connection, fingerprint=names[2], state="false-positive", reason="r")
    set_(connection, fingerprint=names[3], state="deferred")  # says nothing of it
    set_(connection, path="usr/bin/[ae]", state="not-affected")  # less than what was said of `a` itself
    found = connection.execute("SELECT rule_id, judged, right, wrong, precision FROM rule_precision").fetchall()
    assert found == [("no-pie", 4, 2, 2, 0.5)]


def test_a_renamed_rule_keeps_its_decisions_and_what_they_saw() -> None:
    connection = judged(Pack(objects=(BAD,)))
    set_(connection, **IGNORED, versions="<< 2")
    apply(connection, book(rule("fixed-address", formerly=("no-pie",))), 2, changed_only=True)
    assert stands(connection) == [("ignored", None)]
    rows = connection.execute("SELECT versions, below_key IS NOT NULL, about FROM decision").fetchall()
    assert rows == [("<< 2", 1, "no-pie tool usr/bin/tool pie")] * 2
