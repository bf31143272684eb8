"""One finding as the database has it."""

from __future__ import annotations

import sqlite3

import pytest

from archscan.errors import UsageError
from archscan.reports.finding import finding


def test_every_finding_can_be_read(filled: sqlite3.Connection) -> None:
    found = [finding(filled, str(name)) for (name,) in filled.execute("SELECT id FROM finding")]
    assert found
    assert all(one["occurrences"] for one in found)
    assert all({"rule", "title", "why", "fix", "subject"} <= one.keys() for one in found)


def test_the_newest_package_comes_first(filled: sqlite3.Connection) -> None:
    for (name,) in filled.execute("SELECT id FROM finding"):
        current = [one["current"] for one in finding(filled, str(name))["occurrences"]]
        assert current == sorted(current, reverse=True)


def test_a_word_is_no_finding(filled: sqlite3.Connection) -> None:
    with pytest.raises(UsageError, match="expected the number of a finding"):
        finding(filled, "sudo' OR 1=1")
