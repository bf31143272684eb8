import itertools
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.model.version import module_key
from archscan.reports import queries

ORDER = (
    "v0.0.0-20200101000000-abcdef", "v0.0.0-20210101000000-012345", "0.1.0", "v1.0.0-alpha", "1.0.0-alpha.1",
    "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.2", "1.0.2k", "v1.2.3",
    "v1.2.4-0.20210101000000-abcdefabcdef", "v1.2.4", "go1.21rc1", "go1.21", "1.21.3", "v2.0.0+incompatible", "10.0",
)  # fmt: skip


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ORDER)))
def test_versions_of_modules_are_in_order(lower: str, higher: str) -> None:
    assert module_key(lower) < module_key(higher)


def test_what_stands_in_front_and_behind_counts_for_nothing() -> None:
    assert module_key("v1.2.0") == module_key("1.2.0") == module_key("1.2.0+build.7")


@given(st.text(max_size=50))
def test_any_text_has_a_key(text: str) -> None:
    assert isinstance(module_key(text), str)


def test_free_sql_has_both_functions(empty: sqlite3.Connection) -> None:
    sql = (
        "SELECT version_key('1.0~rc1') < version_key('1.0'), module_key('v1.9') < module_key('1.10'), "
        "version_key(NULL), module_key(NULL)"
    )
    with queries.ask(empty, sql, {}) as answer:
        assert list(answer.rows) == [(1, 1, None, None)]
