"""Rules about what only machine code tells, on verdicts put in by hand: they need no compiler for each processor."""

from __future__ import annotations

import pytest

from archscan.rules.apply import apply
from tests.rules.facts import Object, Pack, database, put
from tests.rules.test_equal import SHIPPED

TRIXIE = "2025-03-01T00:00:00+00:00"
BOOKWORM = "2022-03-01T00:00:00+00:00"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390"}


def reported(
    columns: dict[str, str], architecture: str = "amd64", built: str = TRIXIE, version: str = "1-1"
) -> set[tuple[str, ...]]:
    """Rule, subject, severity and place of each finding about a program with these verdicts."""
    connection = database()
    item = Object(columns={**columns, "machine": MACHINES[architecture]})
    put(connection, Pack(objects=(item,), architecture=architecture, built=built, version=version))
    apply(connection, SHIPPED, 1, changed_only=True)
    return set(connection.execute("SELECT rule_id, subject, severity, fix_where FROM finding").fetchall())


@pytest.mark.parametrize(
    ("architecture", "built", "verdict", "severity", "where"),
    [
        ("amd64", TRIXIE, "no", "low", "build-flag"),
        ("amd64", TRIXIE, "partial", "low", "build-flag"),
        ("amd64", BOOKWORM, "no", "negligible", "rebuild"),
        ("s390x", TRIXIE, "no", "negligible", "build-flag"),
    ],
)
def test_a_stack_that_can_clash(architecture: str, built: str, verdict: str, severity: str, where: str) -> None:
    found = reported({"stack_clash": verdict}, architecture, built)
    assert found == {("no-stack-clash-protection", "stack_clash", severity, where)}


@pytest.mark.parametrize(
    ("architecture", "built", "column", "severity", "where"),
    [
        ("amd64", TRIXIE, "ibt_compiled", "low", "build-flag"),
        ("amd64", BOOKWORM, "ibt_compiled", "negligible", "rebuild"),
        ("arm64", TRIXIE, "bti_compiled", "low", "build-flag"),
        ("arm64", TRIXIE, "pac_compiled", "low", "build-flag"),
    ],
)
def test_no_landing_pads(architecture: str, built: str, column: str, severity: str, where: str) -> None:
    marks = {column.replace("compiled", "marked"): "no"}
    found = reported({column: "no", **marks}, architecture, built)
    assert found == {("no-landing-pads", column, severity, where)}


@pytest.mark.parametrize("verdict", ["yes", "partial"])
def test_a_lost_mark_is_a_fault_where_the_toolchain_could_have_kept_it(verdict: str) -> None:
    lost = {"bti_compiled": verdict, "bti_marked": "no", "pac_compiled": "yes", "pac_marked": "no"}
    assert reported(lost, "arm64") == {("landing-pads-lost", "bti_marked", "low", "assembler")}
    assert reported(lost, "arm64", BOOKWORM) == {("landing-pads-lost", "bti_marked", "negligible", "rebuild")}
    assert reported({**lost, "bti_marked": "yes"}, "arm64") == set()


def test_a_mark_that_the_start_files_take_away_is_no_fault_of_a_package() -> None:
    lost = {"ibt_compiled": "yes", "ibt_marked": "no"}
    assert reported(lost) == set()
    assert reported(lost, version="1-1ubuntu1") == {("landing-pads-lost", "ibt_marked", "negligible", "assembler")}


@pytest.mark.parametrize("verdict", ["yes", "n/a", "unknown"])
def test_what_is_there_or_not_known_is_not_reported(verdict: str) -> None:
    columns = dict.fromkeys(("stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled"), verdict)
    assert reported(columns) == set()
