"""The arithmetic of priority: counts, circumstances, and what was not read."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli

from archscan.errors import RuleError
from archscan.triage.circumstances import Circumstances, Evidence
from archscan.triage.score import Score, Summand, Tally, scored, scores
from archscan.triage.weights import Weights, load_weights
from tests.rules.facts import Object, Pack, rule
from tests.triage.facts import BAD, TODAY, judged, set_

RULES = Path(__file__).parents[2] / "rules"
WEIGHTS = load_weights([RULES])
LOW = rule(severity="low")


def plain(raised: dict[str, Evidence] | None = None, lowered: dict[str, Evidence] | None = None) -> Circumstances:
    none: dict[str, Evidence] = {word: {} for word in ("apparmor", "sandbox", "non-root")}
    return Circumstances(raised=raised or {}, lowered=none | (lowered or {}), unread={}, packages={"s": ["s"]})


def of(**counts: int) -> Score:
    return scored("s", Tally(counts={word: {"r": number} for word, number in counts.items()}), plain(), WEIGHTS)


@pytest.mark.parametrize(
    ("lows", "listed"),
    [(0, False), (1, False), (4, False), (5, True), (9, True), (10, True), (14, True), (99, True), (100, True),
     (101, True), (109, True), (200, True), (205, True), (1000, True)],
)  # fmt: skip
def test_many_lows_and_no_medium_show_up(lows: int, listed: bool) -> None:
    one = of(low=lows)
    assert one.listed is listed
    assert one.score == 10 * lows == sum(part.points for part in one.summands)


def test_counts_are_in_the_sum() -> None:
    assert of(low=14).score > of(medium=1).score > of(low=4).score
    assert of(medium=1).listed
    assert not of(negligible=1000).listed
    assert of(low=1000).score > of(low=205).score > of(critical=1).score


@pytest.mark.parametrize("base", [1, 3, 7, 14, 99, 100, 205, 1000])
def test_the_sum_is_that_of_the_lines(base: int) -> None:
    known = plain(raised={"setuid": {"s": ["a"]}, "seed": {"s": ["s"]}}, lowered={"apparmor": {"s": ["p"]}})
    tally = Tally(counts={"low": {"a": base, "b": 2}, "medium": {"a": 1}}, old={"low": base}, decided=2)
    one = scored("s", tally, known, WEIGHTS)
    findings = 10 * (base + 2) + 50
    aged = findings + 10 * base * 25 // 100
    assert one.score == aged + aged + aged * 50 // 100 - aged * 20 // 100
    assert one.score == sum(part.points for part in one.summands)
    assert [part.what for part in one.summands][-1] == "2 findings decided"
    assert one.raised == ("setuid", "seed")


def listed(connection: sqlite3.Connection, **more: Any) -> dict[str, Score]:
    return {one.source: one for one in scores(connection, WEIGHTS, TODAY, **more)}


def points(one: Score) -> dict[str, Summand]:
    return {part.what.partition(",")[0].partition(":")[0]: part for part in one.summands}


def test_what_is_decided_does_not_count_but_work_that_is_needed_does() -> None:
    objects = tuple(Object(path=f"usr/bin/{name}", columns={"kind": "executable", "pie": "no"}) for name in "abc")
    connection = judged(Pack(objects=objects), rules=(LOW,))
    assert points(listed(connection)["tool"])["3 low findings"].points == 30
    set_(connection, path="usr/bin/a", state="ignored", reason="r")
    set_(connection, path="usr/bin/b", state="needed")
    one = listed(connection)["tool"]
    assert points(one)["2 low findings"].points == 20
    assert (one.decided, one.findings["low"]) == (1, 2)


def test_age_counts_from_the_scan_that_found_it() -> None:
    connection = judged(Pack(objects=(BAD,)), rules=(LOW,))  # on 2026-01-01
    assert points(listed(connection)["tool"])["older than 30 days"].points == 2
    connection.execute("UPDATE scan SET started = '2026-05-31T10:00:00Z'")
    assert "older than 30 days" not in points(listed(connection)["tool"])


def test_what_nobody_read_lowers_nothing_and_is_said() -> None:
    one = listed(judged(Pack(objects=(BAD,)), rules=(LOW,)))["tool"]
    told = points(one)
    for word in ("apparmor", "sandbox", "non-root"):
        assert (told[word].points, told[word].what) == (0, f"{word}: not read")
        assert "1 of 1 packages read without what files say" in told[word].evidence
    assert one.unread


def daemon(connection: sqlite3.Connection) -> None:
    """Give the package of ``connection`` a confined service, as reading files does."""
    ((package,),) = connection.execute("SELECT id FROM package").fetchall()
    connection.execute("UPDATE package SET facts = 'elf,files', essential = 1, control_priority = 'required'")
    connection.execute("INSERT INTO contents VALUES (?, 3, x'')", (package,))
    sql = "INSERT INTO file (package_id, path, path_key, kind) VALUES (?, ?1, ?1, 'regular') RETURNING id"
    ((file,),) = connection.execute(sql.replace("?1", "'t.service'"), (package,)).fetchall()
    connection.execute(
        "INSERT INTO service (id, package_id, file_id, name, kind, scope, user, dynamic, line)"
        " VALUES (1, ?, ?, 't.service', 'service', 'system', 'tool', 0, 1)", (package, file))  # fmt: skip
    connection.execute("INSERT INTO service_program VALUES (1, 0, 'ExecStart', '/usr/bin/tool', '', '')")
    for position, name in enumerate(("ProtectSystem", "ProtectHome", "PrivateTmp", "NoNewPrivileges", "Nonsense")):
        connection.execute("INSERT INTO directive VALUES (?, ?, 1, 'Service', ?, 'yes')", (file, position, name))
    connection.execute("INSERT INTO profile VALUES (?, 0, 'apparmor', 'tool', '/usr/bin/tool', 'enforce', 1)", (file,))
    connection.commit()


def test_circumstances_are_told_with_their_evidence() -> None:
    listening = Object(columns={"kind": "executable", "pie": "no"}, imports=("listen", "accept4"), privilege="setuid")
    connection = judged(Pack(objects=(listening,)), rules=(LOW,))
    assert points(listed(connection)["tool"])["can-listen"].points == 3  # age: 12 in all
    daemon(connection)
    one = listed(connection, seed={"tool"})["tool"]
    assert one.raised == ("setuid", "network-service", "essential", "required", "seed")
    assert one.lowered == ("apparmor", "sandbox", "non-root")
    assert not one.unread
    told = points(one)
    assert told["setuid"].evidence == "usr/bin/tool (setuid)"
    assert told["network-service"].evidence == "usr/bin/tool imports listen and accept, started by t.service"
    assert told["required"].evidence == "tool is required"
    assert told["apparmor"].evidence == "tool (enforce)"
    assert told["sandbox"].evidence == "t.service 4 directives"
    assert told["non-root"].evidence == "t.service as tool"
    assert one.score == 12 + 12 + 9 + 6 + 6 + 6 - 2 - 1 - 1


@pytest.mark.parametrize(
    ("sql", "gone"),
    [
        ("UPDATE profile SET mode = 'complain'", "apparmor"),
        ("UPDATE service SET user = 'root'", "non-root"),
        ("UPDATE service SET user = NULL", "non-root"),
        ("UPDATE directive SET value = 'no' WHERE position = 0", "sandbox"),
        ("UPDATE directive SET section = 'Unit' WHERE position = 0", "sandbox"),
    ],
)
def test_what_confines_nothing_lowers_nothing(sql: str, gone: str) -> None:
    connection = judged(Pack(objects=(BAD,)), rules=(LOW,))
    daemon(connection)
    assert gone in listed(connection)["tool"].lowered
    connection.execute(sql)
    one = listed(connection)["tool"]
    assert gone not in one.lowered
    assert f"{gone}: not read" not in [part.what for part in one.summands]


def test_full_hardening_lowers() -> None:
    hardened = rule(severity="low", query="SELECT id AS elf_id, 'x' AS subject FROM elf")
    good, bad = Object(), Object(path="usr/bin/x", columns={"relro": "partial"})
    assert listed(judged(Pack(objects=(good,)), rules=(hardened,)))["tool"].lowered == ("hardened",)
    assert listed(judged(Pack(objects=(good, bad)), rules=(hardened,)))["tool"].lowered == ()


def test_a_source_without_findings_is_told_where_it_is_named() -> None:
    connection = judged(Pack())
    assert scores(connection, WEIGHTS, TODAY) == []
    (one,) = scores(connection, WEIGHTS, TODAY, wanted=("tool",))
    assert (one.score, one.listed) == (0, False)


def changed(path: str, value: object) -> dict[str, Any]:
    whole = tomli.loads((RULES / "score.toml").read_text())
    *tables, key = path.split(".")
    table = whole
    for name in tables:
        table = table[name]
    if value is None:
        del table[key]
    else:
        table[key] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("points.low", None, "points"),
        ("points.low", "ten", "points.low"),
        ("points.low", -1, "points.low"),
        ("points.awful", 3, "points"),
        ("colour", "red", "colour"),
        ("raised.setuid", 1.5, "raised.setuid"),
        ("lowered.apparmor", 90, "lowered: expected less than 100 together"),
        ("sandbox.least", 0, "sandbox.least"),
        ("sandbox.least", 99, "sandbox.least: expected at most the 19 directives"),
        ("raised.network-service", None, "network-service"),
    ],
)
def test_a_wrong_weight_names_file_and_key(path: str, value: object, message: str, tmp_path: Path) -> None:
    def shown(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f'"{name}" = {shown(one)}' for name, one in value.items()) + "}"
        return msgspec.json.encode(value).decode()

    file = tmp_path / "score.toml"
    file.write_text("".join(f'"{name}" = {shown(one)}\n' for name, one in changed(path, value).items()))
    with pytest.raises(RuleError) as caught:
        load_weights([RULES, tmp_path])
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


def test_own_weights_take_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "score.toml").write_text((RULES / "score.toml").read_text().replace("low = 10", "low = 11", 1))
    assert isinstance(WEIGHTS, Weights)
    assert load_weights([RULES, tmp_path]).points.low == 11
    with pytest.raises(RuleError, match=r"score\.toml: expected"):
        load_weights([])
