"""One object of units with different flags, held against the flags as the packages built here are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy.ground_truth import amd64_only, checked
from tests.debug import truth
from tests.debug.building import program, split

_WITHOUT = ("-O2", "-fno-stack-protector", "-fno-stack-clash-protection", "-fPIE", "-fcf-protection=none")


@amd64_only
@pytest.mark.parametrize("bare", [("used.c",), ("main.c", "used.c"), ("main.c", "plain.c", "used.c"), ()])
def test_the_units_without_are_found(bare: tuple[str, ...], tmp_path: Path) -> None:
    stripped, debug = split(program(tmp_path, dict.fromkeys(bare, _WITHOUT)))
    rows = {row.feature: row for row in checked("mixed", truth.Pair("usr/bin/program", stripped, debug))}
    row = rows["stack_protector"]
    assert (row.told, row.verdict) == {0: ("all", "yes"), 3: ("none", "no")}.get(len(bare), ("some", "partial"))
    assert (row.wrong, row.wronged, row.strange) == ((), (), ())
    assert row.right == row.met == row.shown == 3 - len(bare)
    assert bool(row.sites) is bool(bare)
