"""Verdicts from code against the flags of each compile unit, on packages that are built here."""

from __future__ import annotations

import pytest

from tests.accuracy.builds import PROVING, pairs
from tests.accuracy.ground_truth import AMD64, Checked, amd64_only, checked
from tests.debug.source_packages import folder

pytestmark = [pytest.mark.full, amd64_only]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Checked]:
    work = tmp_path_factory.mktemp("unpacked")
    found = [row for recipe, pair in pairs(folder(), work) for row in checked(recipe.name, pair)]
    missing = {recipe.name for recipe in PROVING} - {row.build for row in found}
    assert not missing, "could not be built"
    return found


@pytest.mark.parametrize("feature", AMD64.shown)
def test_a_function_that_has_it_lies_in_a_unit_that_was_told_so(feature: str, rows: list[Checked]) -> None:
    some = [row for row in rows if row.feature == feature]
    assert [(row.build, row.wrong) for row in some if row.wrong] == []
    assert sum(row.right for row in some) >= 10


@pytest.mark.parametrize("feature", AMD64.shown)
def test_every_one_that_objdump_shows_is_seen(feature: str, rows: list[Checked]) -> None:
    some = [row for row in rows if row.feature == feature]
    assert [(row.build, row.met, row.shown) for row in some if row.met != row.shown] == []
    assert sum(row.shown for row in some) >= 9


def test_a_place_that_is_named_lies_in_a_unit_without(rows: list[Checked]) -> None:
    assert [(row.build, row.feature, row.wronged) for row in rows if row.wronged] == []
    assert [(row.build, row.feature, row.strange) for row in rows if row.strange] == []
    assert sum(row.sites for row in rows) >= 8


def test_no_object_is_accused_whose_units_were_all_told_so(rows: list[Checked]) -> None:
    accused = {(row.build, row.feature) for row in rows if row.told == "all" and row.verdict not in ("yes", "n/a")}
    assert not accused


def test_no_object_is_praised_whose_units_were_not_told(rows: list[Checked]) -> None:
    """Without the flag none is `yes`; the stack protector is `no`, for each of these has an array on some stack."""
    bare = [row for row in rows if row.told == "none"]
    assert {row.verdict for row in bare} <= {"no", "n/a"}
    protected = {row.verdict for row in bare if row.feature == "stack_protector"}
    assert protected == {"no"}
