"""What becomes a bug, what does not and why, and where it goes."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from archscan.bugs import drafting, filing, record, review
from archscan.bugs.material import REASONS, counted
from archscan.bugs.places import BY_FUNCTION, THROUGHOUT
from archscan.bugs.suite import Suite, source_versions, suite
from archscan.errors import BugError, UsageError
from archscan.model import Elf
from archscan.rules.expectations import load_expectations
from tests.bugs.facts import BAD, NO_PIE, NOW, ROOT, crypto, draft, drafted, found, pack, reasons
from tests.rules.facts import Object, rule
from tests.triage.facts import judged, set_

REBUILD = "SELECT e.id AS elf_id, 'pie' AS subject, 'rebuild' AS fix_where FROM elf e WHERE e.pie = 'no'"
CALL = {"function": "main", "address": "0x1000"}


def texts(connection: sqlite3.Connection) -> list[str]:
    return [one.text for one in record.bugs(connection)]


def publish(connection: sqlite3.Connection, where: str, name: str, version: str, read: bool = True) -> None:
    """Have a suite publish a package."""
    with connection:
        connection.execute(
            "INSERT OR IGNORE INTO archive_index (origin, suite, component, architecture, base, sha256, first_scan, "
            "last_scan) VALUES ('Debian', ?, 'main', 'amd64', 'x', ?, 1, 1)", (where, "0" * 64)
        )  # fmt: skip
        connection.execute(
            "INSERT INTO publication (suite, component, name, version, version_key, architecture, source, sha256, "
            "filename, package_id, first_scan, last_scan, index_id) SELECT ?, 'main', ?, ?, ?, 'amd64', ?, ?, 'f', "
            "(SELECT id FROM package WHERE name = ? AND version = ? AND ?), 1, 1, "
            "(SELECT id FROM archive_index WHERE suite = ?)",
            (where, name, version, version, name, f"{len(version):064x}", name, version, read, where),
        )


def test_a_bug_has_the_version_of_the_suite_and_what_debian_asks_for() -> None:
    connection = drafted(pack(version="1.0-1+b2"), pack("other", source="two"))
    first, second = record.bugs(connection)
    head = first.text.split("\n\n")[1].splitlines()
    assert head == ["Source: tool", "Version: 1.0-1", "Severity: minor", "User: jane@example.org", "Usertags: pie"]
    assert first.subject == "tool: is loaded at a fixed address (no PIE)"
    assert (second.source, second.target, second.state) == ("two", "debian", "drafted")
    assert f"\narchscan-fp: {first.fingerprint}\n" in first.text
    assert "Tags:" not in first.text


def test_one_bug_for_each_source_and_family() -> None:
    twice = (BAD, Object(path="usr/bin/second", columns={"kind": "executable", "pie": "no"}),
             Object(path="usr/bin/md5", calls=(CALL,)))  # fmt: skip
    connection = drafted(pack(objects=twice), pack("tool-bin", source="tool"), rules=(NO_PIE, crypto()))
    assert [(one.source, one.family, one.severity) for one in record.bugs(connection)] == [
        ("tool", "no-pie", "minor"),
        ("tool", "uses-md5", "normal"),
    ]
    assert "/usr/bin/second" in texts(connection)[0]
    assert "tool (amd64), tool-bin (amd64)" in texts(connection)[0]


@pytest.mark.parametrize(
    ("severities", "caps", "expected"),
    [
        ([("medium", "likely")], [], "wishlist"),
        ([("medium", "certain")], [], "minor"),
        ([("high", "likely"), ("medium", "certain")], [], "normal"),
        ([("critical", "certain")], [], "normal"),
        ([("high", "certain")], ["minor"], "minor"),
        ([("high", "certain")], ["normal", "wishlist"], "wishlist"),
        ([("negligible", "certain")], [], "wishlist"),
    ],
)
def test_severities_are_mapped_and_capped(severities: list[tuple[str, str]], caps: list[str], expected: str) -> None:
    found_severity, human = filing.severity(severities, caps)
    assert found_severity == expected
    assert bool(human) == any(severity == "critical" for severity, _ in severities)


@pytest.mark.parametrize("state", ["false-positive", "not-affected", "ignored", "waiver", "deferred", "accepted"])
def test_what_is_decided_is_not_drafted(state: str) -> None:
    connection = judged(pack(), rules=(NO_PIE,))
    set_(connection, state=state, reason="r", authority="a")
    assert reasons(found(connection)) == ["decided"]


def _lacking(code: str, **site: str) -> Object:
    why = {"stack_protector": {"code": code, "text": "t", "sites": [site] if site else []}}
    return Object(columns={"stack_protector": "no", "reasons": json.dumps(why)})


@pytest.mark.parametrize(
    ("subject", "item", "place"),
    [
        ("relative", Object(), "/usr/bin/tool"),
        ("stack_protector", _lacking("no-canary"), "/usr/bin/tool"),
        ("stack_protector", _lacking("some-units-without", name="parse", address="0x10"), "parse"),
        ("stack_protector", _lacking("some-units-without", name="sub_10", address="0x10"), None),
    ],
)
def test_an_object_is_the_place_of_what_it_is_or_lacks_throughout(
    subject: str, item: Object, place: str | None
) -> None:
    by = rule(query=f"SELECT e.id AS elf_id, '{subject}' AS subject FROM elf e")
    made = found(judged(pack(objects=(item,)), rules=(by,)))
    if place is None:
        assert dict(counted(made.left, made.slight)) == {"placeless": 1}
    else:
        (where,) = made.matters[0].found[0].places
        assert place in (where.path, where.function)


def test_what_compilers_decide_is_called_as_in_the_table_and_in_the_documentation() -> None:
    told = (ROOT / "docs/reasons.md").read_text(encoding="utf-8")
    assert {code for code in THROUGHOUT if f"| `{code}` | " not in told} == set()
    assert {name for name in BY_FUNCTION if name not in Elf.__struct_fields__} == set()


def test_what_is_needed_is_drafted_all_the_same() -> None:
    connection = judged(pack(), rules=(NO_PIE,))
    set_(connection, state="needed")
    assert len(found(connection).matters) == 1


@pytest.mark.parametrize(
    ("made_by", "objects", "reason"),
    [
        (rule(severity="low"), (BAD,), {"slight": 1}),
        (rule(confidence="possible"), (BAD,), {"possible": 1}),
        (rule(query=REBUILD), (BAD,), {"rebuild": 1}),
        (rule(severity="negligible", query=REBUILD), (BAD,), {"rebuild": 1}),
        (rule(query="SELECT e.id AS elf_id, 'stack_protector' AS subject FROM elf e"), (BAD,), {"placeless": 1}),
        (crypto(), (Object(calls=({"function": "sub_1000", "symbol": None},)),), {"placeless": 1}),
    ],
)  # fmt: skip
def test_other_findings_are_left_with_a_reason(made_by: Any, objects: Any, reason: dict[str, int]) -> None:
    made = found(judged(pack(objects=objects), rules=(made_by,)))
    assert made.matters == ()
    assert dict(counted(made.left, made.slight)) == reason
    assert set(reason) <= set(REASONS)


def test_what_a_protocol_mandates_is_never_drafted() -> None:
    connection = judged(pack(objects=(Object(calls=(CALL,)),)), rules=(crypto(),))
    assert len(found(connection).matters) == 1
    with connection:
        connection.execute("UPDATE crypto_context SET context = 'protocol-mandated'")
    made = found(connection)
    assert (made.matters, reasons(made)) == ((), ["mandated"])
    by_protocol = crypto(query="SELECT e.id AS elf_id, 'md5' AS subject, 'RADIUS' AS protocol FROM elf e")
    assert reasons(found(judged(pack(), rules=(by_protocol,)))) == ["mandated"]
    slight = found(judged(pack(), rules=(crypto(severity="low", query=by_protocol.query),)))
    assert dict(slight.slight) == {"mandated": 1}


def test_a_rule_may_forbid_or_cap_its_bugs() -> None:
    connection = judged(pack(), rules=(NO_PIE,))
    assert reasons(found(connection, caps={"no-pie": "never"})) == ["never"]
    assert found(connection, caps={"no-pie": "wishlist"}).matters[0].severity == "wishlist"
    assert found(connection, most="wishlist").matters[0].severity == "wishlist"


def test_an_older_version_is_not_reported() -> None:
    connection = judged(pack(version="1.0-1"), pack(version="2.0-1", objects=(Object(),), architecture="arm64"),
                        rules=(NO_PIE,))  # fmt: skip
    assert reasons(found(connection)) == ["elsewhere"]


def test_the_overridden_is_not_reported() -> None:
    hint = rule(severity="medium")
    connection = judged(pack(), rules=(hint,))
    with connection:
        connection.execute("UPDATE occurrence SET overridden = 1")
        connection.execute("UPDATE finding SET overridden = 1")
    assert reasons(found(connection)) == ["overridden"]


def test_a_name_that_no_tracker_takes_is_left() -> None:
    made = found(judged(pack("x", source="a b\\x0aSeverity: grave"), rules=(NO_PIE,)))
    assert reasons(made) == ["nameless"]


# --- where to ---


@pytest.mark.parametrize(
    ("distribution", "version", "maintainer", "wanted", "expected"),
    [
        ("debian", "1.0-1", "a", None, ("debian", "1.0-1")),
        ("ubuntu", "1.0-1", "a", None, ("debian", "1.0-1")),
        ("ubuntu", "1.0-1build2", "a", None, ("debian", "1.0-1")),
        ("ubuntu", "1.0-1build2.1", "a", None, ("debian", "1.0-1")),
        ("ubuntu", "1.0-1ubuntu1", "a", None, ("launchpad", "1.0-1ubuntu1")),
        ("ubuntu", "1.0-1ubuntu1build1", "a", None, ("launchpad", "1.0-1ubuntu1build1")),
        ("ubuntu", "1.0", "Jane <jane@lists.ubuntu.com>", None, ("launchpad", "1.0")),
        ("ubuntu", "1.0", "Jane <jane@debian.org>", None, ("debian", "1.0")),
        ("ubuntu", "1.0-1ubuntu1", "a", "upstream", ("upstream", "1.0-1ubuntu1")),
        ("debian", "1.0-1build-1", "a", None, ("debian", "1.0-1build-1")),
    ],
)
def test_a_bug_goes_where_the_source_was_changed(
    distribution: str, version: str, maintainer: str, wanted: str | None, expected: tuple[str, str]
) -> None:
    where = filing.filing(distribution, version, maintainer, wanted)
    assert (where.target, where.version) == expected


def test_launchpad_gets_its_own_words() -> None:
    connection = judged(pack(version="1.0-1ubuntu1"), rules=(NO_PIE,))
    with connection:
        connection.execute("INSERT OR REPLACE INTO package_release (package_id, distribution, said) "
                           "SELECT id, 'ubuntu', 'version' FROM package")  # fmt: skip
    draft(connection)
    (one,) = record.bugs(connection)
    assert one.target == "launchpad"
    assert one.text.endswith("\n affects ubuntu/tool\n status new\n importance low\n tag pie\n done\n")
    assert "\nSource:" not in one.text
    commands = [line for line in one.text.splitlines() if line.startswith((" ", "\t"))]
    assert len(commands) == 5  # nothing else in the mail is taken for a command


def test_a_compiler_gets_one_bug_for_all_its_programs() -> None:
    toolchain = rule(severity="negligible",
                     query=REBUILD.replace("rebuild", "toolchain"))  # fmt: skip
    go = Object(columns={"kind": "executable", "pie": "no", "language": "go"})
    connection = drafted(pack("a1", objects=(go,)), pack("b1", objects=(go,)), rules=(toolchain,))
    (one,) = record.bugs(connection)
    assert (one.source, one.severity, one.version) == ("golang-defaults", "wishlist", None)
    assert "is not in the suite" in one.human
    assert "a1 (amd64)" in one.text
    assert "b1 (amd64)" in one.text
    assert len(record.findings(connection, one.id)) == 2


# --- suites ---


def test_the_development_suite_is_found_or_asked_for() -> None:
    distributions = load_expectations([ROOT / "rules"])
    connection = judged(pack(), rules=(NO_PIE,))
    with pytest.raises(UsageError, match="say so: --suite sid"):
        suite(connection, distributions, None)
    assert suite(connection, distributions, "sid") == Suite("sid", published=False)
    publish(connection, "bookworm", "tool", "1.0-1")
    with pytest.raises(UsageError, match="no development suite"):
        suite(connection, distributions, None)
    with pytest.raises(UsageError, match="expected one that the database knows: bookworm"):
        suite(connection, distributions, "sid")
    publish(connection, "unstable", "tool", "1.0-1")
    assert suite(connection, distributions, None) == Suite("unstable", published=True)
    release = next(one for one in distributions if one.name == "ubuntu").releases[-1].name
    publish(connection, release, "tool", "1.0-1")
    with pytest.raises(UsageError, match="several development suites"):
        suite(connection, distributions, None)


def test_only_the_version_of_the_suite_counts() -> None:
    connection = judged(pack(version="1.0-1"), rules=(NO_PIE,))
    publish(connection, "bookworm", "tool", "1.0-1")
    publish(connection, "sid", "tool", "1.0-1")
    sid, bookworm = Suite("sid", published=True), Suite("bookworm", published=True)
    assert len(found(connection, sid).matters) == 1
    publish(connection, "sid", "tool", "1.0-10", read=False)  # not read yet, so nothing is known of it
    assert source_versions(connection, sid) == {"tool": "1.0-10"}
    assert reasons(found(connection, sid)) == ["elsewhere"]
    assert len(found(connection, bookworm).matters) == 1


# --- places ---


def test_functions_lines_and_symbols_are_told() -> None:
    connection = drafted(pack(objects=(Object(calls=(CALL, {**CALL, "function": "sub_2000", "address": "0x2000"})),)),
                         rules=(crypto(),))  # fmt: skip
    (text,) = texts(connection)
    rows = [line.split() for line in text.splitlines() if line.startswith(("/usr", "path"))]
    assert rows[0] == ["path", "function", "symbol", "what", "in"]
    assert ["/usr/bin/tool", "-", "EVP_Digest", "md5", "hash", "tool", "(amd64)"] in rows
    assert ["/usr/bin/tool", "main", "EVP_Digest", "md5", "hash", "tool", "(amd64)"] in rows


def test_debug_symbols_give_the_line_and_the_name() -> None:
    item = Object(columns={"build_id": "ab"}, calls=({"function": "sub_1000"},))
    connection = judged(pack(objects=(item,)), rules=(crypto(),))
    with connection:
        connection.execute("INSERT INTO debug_info (id, build_id, machine, bits, filename, path, sha256, units) "
                           "VALUES (1, 'ab', 'x86_64', 64, 'f', 'p', ?, 1)", ("0" * 64,))  # fmt: skip
        connection.execute("INSERT INTO source_line VALUES (1, '0x1000', 'src/sign.c', 42, 'sign_it')")
    draft(connection)
    (text,) = texts(connection)
    assert "src/sign.c:42" in text
    assert "sign_it" in text


# --- again ---


def test_drafting_again_changes_nothing_and_a_new_version_is_written_anew() -> None:
    connection = drafted(pack())
    assert draft(connection).same == (1,)
    with connection:
        review.approve(connection, record.bug(connection, 1), NOW)
    judged(pack(version="1.1-1"), into=connection, rules=(NO_PIE,), scan=2)
    done = draft(connection, NOW + timedelta(days=1))
    one = record.bug(connection, 1)
    assert done.anew == (1,)
    assert (one.state, one.version) == ("drafted", "1.1-1")  # what was approved was another text
    assert [state for _, state, _ in record.history(connection, 1)] == ["drafted", "approved", "drafted"]


def test_what_is_mended_before_it_is_sent_is_skipped() -> None:
    connection = drafted(pack())
    judged(pack(version="1.1-1", objects=(Object(),)), into=connection, rules=(NO_PIE,), scan=2)
    assert draft(connection).dropped == (1,)
    assert record.bug(connection, 1).state == "skipped"


def test_an_edited_text_is_kept_and_must_be_approved_again() -> None:
    connection = drafted(pack())
    one = record.bug(connection, 1)
    with connection:
        drafting.edited(connection, one, one.text.replace("What to do", "What might help"), NOW)
    judged(pack(version="1.1-1"), into=connection, rules=(NO_PIE,), scan=2)
    assert draft(connection).edited == (1,)
    assert "What might help" in record.bug(connection, 1).text


def test_no_second_bug_in_another_campaign_or_after_the_first_left() -> None:
    connection = drafted(pack())
    done = draft(connection, name="other")
    assert (done.new, [one.reason for one in done.reported]) == ((), ["reported"])


def test_a_team_with_many_packages_gets_one_mail() -> None:
    packs = [pack(f"lib{number}-perl", maintainer="Perl Group <perl@example.org>") for number in range(6)]
    connection = drafted(*packs, pack("alone"), team_from=5)
    bugs = {one.kind: one for one in record.bugs(connection)}
    assert set(bugs) == {"team", "report"}
    team = bugs["team"]
    assert team.recipient == "perl@example.org"
    assert team.subject.startswith("6 packages of yours: is loaded")
    assert all(f"lib{number}-perl 1.0-1" in team.text for number in range(6))
    assert "Severity:" not in team.text
    again = draft(connection, team_from=5)
    assert (sorted(again.same), again.new) == ([1, 2], ())
    with connection:
        review.approve(connection, team, NOW)


def test_a_team_without_an_address_gets_bugs_and_a_very_large_one_a_mail_that_fits() -> None:
    nobody = [pack(f"lib{number}", maintainer="Nobody <no body\\x0aBcc: x@example.org>") for number in range(6)]
    assert {one.kind for one in record.bugs(drafted(*nobody))} == {"report"}
    many = [pack(f"golang-{number:04}-{'x' * 80}", maintainer="Go <go@example.org>") for number in range(400)]
    (one,) = record.bugs(drafted(*many))
    assert len(one.text.encode()) < 50_000
    assert "… and 100 more.\n" in one.text
    assert all(f"golang-{number:04}" in one.attached for number in range(400))


def test_near_bugs_are_asked_about() -> None:
    close = rule("partial-pie", title="Is loaded half at a fixed address (no PIE)")
    connection = drafted(pack(), rules=(NO_PIE, close))
    first, second = record.bugs(connection)
    with connection:
        review.approve(connection, first, NOW)
    with pytest.raises(BugError, match="may be known already; look, and give --anyway"):
        review.approve(connection, second, NOW)
    with connection:
        assert review.approve(connection, second, NOW, anyway=True).state == "approved"


def test_a_known_bug_of_somebody_else_is_near() -> None:
    connection = drafted(pack())
    with connection:
        connection.execute("INSERT INTO known_bug VALUES ('debian', 77, 'tool', 'tool: please build with PIE', 0, "
                           "'[]', '[]', '[]', '2026')")  # fmt: skip
    assert review.near(connection, record.bug(connection, 1)) == ["debian #77: tool: please build with PIE"]
