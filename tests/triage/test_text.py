"""The file of decisions: the same bytes again, or an error that names the line."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscan.errors import DecisionError
from archscan.store.decisions import STATES, WITH_VERSION
from archscan.triage.decision import Decision, checked
from archscan.triage.record import add, decisions
from archscan.triage.text import FORMAT, parsed, text
from tests.triage.facts import fresh

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
_HOSTILE = st.sampled_from(
    ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\x1b[31mred", "\u202egnp.exe", "a\nState: released 1", " x ",
     "\\x41\\", "'; DROP TABLE decision; --", "\u2028", "\x85", "\ufeff", "\r", "# no comment", "Reason: x"]
)  # fmt: skip
_WORDS = st.one_of(_TEXT, _HOSTILE)
_MAYBE = st.one_of(st.none(), _WORDS)
_VERSION = st.from_regex("[0-9]{1,3}[a-z0-9.+~-]{0,6}", fullmatch=True)
_DAYS = st.dates().map(lambda day: day.isoformat()).filter(lambda day: not day.startswith("0"))


@st.composite
def made(draw: st.DrawFn) -> Decision:
    globs = {name: draw(_MAYBE) for name in ("rule", "source", "package", "path")}
    by_finding = draw(st.booleans()) or not any(globs.values())
    state = draw(st.sampled_from(STATES))
    return checked(
        Decision(
            **({"fingerprint": draw(st.from_regex("[0-9a-f]{64}", fullmatch=True))} if by_finding else globs),
            state=state,
            version=draw(_VERSION) if state in WITH_VERSION else None,
            versions=draw(st.one_of(st.none(), _VERSION.map(lambda one: f">= {one}"))),
            release=draw(st.one_of(st.none(), st.sampled_from(["sid", "debian/bookworm", "stretch/updates"]))),
            until=draw(st.one_of(st.none(), _DAYS)),
            made=draw(_DAYS) + draw(st.sampled_from(["", "T10:00:00+00:00"])),
            evidence=draw(st.one_of(st.none(), st.just("0123456789abcdef fedcba9876543210"))),
            about=draw(_MAYBE),
            authority=draw(_WORDS),
            reason=draw(_WORDS),
        )
    )


def written(found: list[Decision]) -> bytes:
    return "".join(text(found)).encode()


@settings(deadline=None)
@given(st.lists(made(), max_size=4))
def test_what_is_written_is_read_and_written_again_byte_for_byte(found: list[Decision]) -> None:
    data = written(found)
    again = parsed("f", data)
    assert set(again) == set(found)
    assert written(list(again)) == data
    assert data.count(b"\n\n") == len(set(found))  # no value begins a line of its own
    assert not any(line.startswith(b"#") for line in data.splitlines())


@settings(deadline=None, max_examples=10)
@given(st.lists(made(), max_size=4))
def test_the_database_gives_back_the_file(found: list[Decision]) -> None:
    data = written(found)
    with closing(fresh()) as connection:
        with connection:
            assert add(connection, parsed("f", data)) == len(set(found))
            assert add(connection, parsed("f", data)) == 0
        assert written(list(decisions(connection))) == data


HEAD = f"Format: {FORMAT}\n\n"
GOOD = f"Finding: {'a' * 64}\nState: needed\nMade: 2026-01-01\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "f:1: expected `Format: archscan-decisions/1`"),
        ("Format: other/2\n", "f:1: expected `Format"),
        (HEAD + "hello\n", "f:3: 'hello': expected one of the fields Finding, Rule"),
        (HEAD + GOOD + "Colour: red\n", "f:6: 'Colour: red': expected one of"),
        (HEAD + GOOD + "State: needed\n", "f:6: State: expected once; an empty line ends a decision"),
        (HEAD + GOOD + "Reason:\n", "f:6: Reason: expected a value"),
        (HEAD + GOOD + "Reason: a\\b\n", r"f:6: Reason: expected \\ for a backslash"),
        (HEAD + GOOD + "Reason: \\xff\n", r"f:6: Reason: expected \xNN to be bytes of UTF-8"),
        (HEAD + GOOD.replace("needed", "released"), "f:4: State: released: expected a version after it"),
        (HEAD + GOOD.replace("needed", "needed 1"), "f:4: State: expected one of DNE"),
        (HEAD + GOOD.replace("needed", "ignored"), "f:3: Reason: expected one"),
        (HEAD + GOOD.replace("a" * 64, "a" * 63), "f:3: Finding: expected a fingerprint"),
        (HEAD + GOOD + "\n" + GOOD.replace("Made: 2026-01-01", "Made: today"), "f:9: Made: expected a time"),
        (HEAD + GOOD + "Until: 2026-13-01\n", "f:6: Until: expected a day"),
        (HEAD + GOOD + "Versions: > 1\n", "f:6: Versions: expected relations"),
        (HEAD + "Rule: x\n" + GOOD, "f:4: Finding: expected either a finding"),
        (HEAD + "State: needed\nMade: 2026\n", "f:3: Finding: expected a finding, or at least one of"),
        (HEAD + GOOD + "# a comment\n\x1b[31m: x\n", "f:7: '\\x1b[31m: x': expected one of"),
        (HEAD + GOOD + "Reason: a\\x00b\n", "f:6: Reason: expected no NUL"),
        (HEAD + GOOD + f"Reason: {'x' * 1_000_000}\n", "f:6: Reason: expected at most 2,000 characters"),
    ],
)
def test_a_broken_file_names_its_line(data: str, message: str) -> None:
    with pytest.raises(DecisionError) as caught:
        parsed("f", data.encode())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_what_is_no_text_is_an_error() -> None:
    with pytest.raises(DecisionError, match="f:3: expected UTF-8"):
        parsed("f", HEAD.encode() + b"Reason: \xff\n")


def test_comments_blank_lines_and_order_do_not_matter() -> None:
    data = f"# ours\nFormat: {FORMAT}\r\n\n\n# why\n  \nMade: 2026-01-01\r\nState: needed\nFinding: {'a' * 64}"
    (one,) = parsed("f", b"\xef\xbb\xbf" + data.encode())
    assert written([one]).decode() == HEAD + GOOD


def test_one_bad_decision_of_many_adds_none() -> None:
    with closing(fresh()) as connection:
        good = [Decision(rule=f"r{number}", state="needed", made="2026") for number in range(3)]
        with pytest.raises(DecisionError), connection:
            add(connection, [*good, Decision(rule="x", state="ignored", made="2026")])
        assert list(decisions(connection)) == []


def test_selectors_come_first_and_findings_by_what_they_were() -> None:
    found = [
        Decision(fingerprint="a" * 64, state="needed", made="2026", about="no-pie zz"),
        Decision(fingerprint="b" * 64, state="needed", made="2026", about="no-pie aa"),
        Decision(rule="z*", state="needed", made="2026"),
        Decision(rule="a*", state="needed", made="2027"),
        Decision(rule="a*", state="not-affected", made="2026"),
    ]
    lines = [line for line in written(found).decode().splitlines() if line.startswith(("Finding", "Rule", "State"))]
    assert lines == ["Rule: a*", "State: not-affected", "Rule: a*", "State: needed", "Rule: z*", "State: needed",
                     f"Finding: {'b' * 64}", "State: needed", f"Finding: {'a' * 64}", "State: needed"]  # fmt: skip


def test_a_decision_that_others_inserted_is_written_too() -> None:
    with closing(fresh()) as connection:
        connection.execute(
            "INSERT INTO decision (fingerprint, state, reason, authority, made)"
            " VALUES (?, 'accepted', 'r', 'me', '2026')",
            ("0" * 64,),
        )
        data = written(list(decisions(connection)))
        assert parsed("f", data) == tuple(decisions(connection))
