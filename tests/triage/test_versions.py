import sqlite3

import pytest
from debian.debian_support import Version
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import DecisionError
from archscan.model.version import version_key
from archscan.triage.versions import version_range

_VERSIONS = st.from_regex(r"([0-2]:)?[0-9]{1,2}(\.[0-9]{1,2}|[a-z]|~|\+){0,3}(-[0-9]{1,2}([+~][a-z0-9]{1,3})?)?",
                          fullmatch=True)  # fmt: skip
_TRUE = {
    "<<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    "=": lambda one, other: one == other,
    ">=": lambda one, other: one >= other,
    ">>": lambda one, other: one > other,
}


@given(st.lists(st.tuples(st.sampled_from(sorted(_TRUE)), _VERSIONS), min_size=1, max_size=3), _VERSIONS)
def test_a_range_has_the_versions_that_dpkg_says(pairs: list[tuple[str, str]], one: str) -> None:
    text = ", ".join(f"{op} {version}" for op, version in pairs)
    expected = all(_TRUE[op](Version(one), Version(version)) for op, version in pairs)
    try:
        found = version_range(text)
    except DecisionError:
        assert not expected
        return
    connection = sqlite3.connect(":memory:")
    sql = "SELECT (?2 IS NULL OR ?1 >= ?2) AND (?3 IS NULL OR ?1 < ?3)"
    assert connection.execute(sql, (version_key(one), found.from_key, found.below_key)).fetchone() == (expected,)
    connection.close()
    assert version_range(found.text) == found


@pytest.mark.parametrize("text", ["", "1.0", "> 1", ">=", ">= 1,", ">= a b", "== 1", ">= 1;<< 2", ">= " + "1" * 300])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(DecisionError, match="expected"):
        version_range(text)
