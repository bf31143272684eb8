"""Verdicts from code against the flags of each compile unit, for arm64."""

from __future__ import annotations

import pytest

from tests.accuracy.arm64 import WAYS, rows
from tests.accuracy.ground_truth import ARM64, Checked

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Checked]:
    return rows(tmp_path_factory.mktemp("arm64") / "work")


@pytest.mark.parametrize("feature", ARM64.shown)
def test_what_is_said_of_functions_is_what_their_units_were_told(feature: str, found: list[Checked]) -> None:
    some = [row for row in found if row.feature == feature]
    assert len(some) == 2 * len(WAYS)
    assert [(row.build, row.wrong) for row in some if row.wrong] == []
    assert [(row.build, row.met, row.shown) for row in some if row.met != row.shown] == []
    assert sum(row.shown for row in some) >= 10


@pytest.mark.parametrize("feature", ARM64.shown)
def test_the_object_is_called_what_its_units_are(feature: str, found: list[Checked]) -> None:
    expected = {"all": {"yes", "n/a"}, "some": {"partial", "yes", "n/a"}, "none": {"no", "n/a"}}
    for row in found:
        if row.feature == feature:
            assert row.verdict in expected[row.told], (row.build, row)
            assert (row.wronged, row.strange) == ((), ()), row.build
    # Units of both kinds have hundreds of functions here, so that nothing but `partial` is true of these.
    mixed = {
        row.verdict for row in found if row.feature == feature and row.build in ("functions-first", "functions-second")
    }
    assert mixed == {"partial"}
