"""debconf-devel(7)."""

from __future__ import annotations

import pytest

from archscan.files.control import debconf
from archscan.model import Directive
from tests.files.hostile import survives


def test_templates_with_type_and_default() -> None:
    text = b"""Template: thing/port
Type: string
Default: 80
_Description: Which port?
 Long text.
Default-de.UTF-8: 81

Template: thing/really
Type: boolean

# nothing
Type: note

Template: thing/last
Type: select
Default: a b"""
    assert debconf.templates("DEBIAN/templates", text).directives == (
        Directive(1, "string", "thing/port", "80"),
        Directive(8, "boolean", "thing/really", ""),
        Directive(14, "select", "thing/last", "a b"),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("db_input high thing/port || true", [("thing/port", "high")]),
        ('  db_input "critical" "thing/x-y" ;', [("thing/x-y", "critical")]),
        ("if db_input medium a/b; then db_input low a/c; fi", [("a/b", "medium"), ("a/c", "low")]),
        ('db_input "$priority" thing/port', [("thing/port", "$priority")]),
        ("db_input medium thing/$x || :", [("thing/$x", "medium")]),
        ("input('high', 'thing/port');", [("thing/port", "high")]),
        ("input(high => 'x')", []),
        ('db.input(debconf.HIGH, "thing/port")', [("thing/port", "high")]),
        ("# db_input high thing/port", []),
        ("db_input often thing/port", []),
        ("read input thing/port", []),
    ],
)
def test_questions_with_their_priority(line: str, expected: list[tuple[str, str]]) -> None:
    found = list(debconf.questions(b"#!/bin/sh\n" + line.encode()))
    assert [(one.name, one.value) for one in found] == expected
    assert {(one.line, one.section) for one in found} <= {(2, "question")}


def test_hostile_bytes() -> None:
    survives(debconf.templates, "DEBIAN/templates")
