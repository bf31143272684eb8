"""The sample of uses keeps to its shares, and the tables of what was checked are of their form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from archscan.model import Context
from tests.accuracy import contexts, drawing
from tests.accuracy.context_rows import Row, sample

FOLDER = Path(contexts.__file__).parent
LATER = ("contexts-4.txt", "contexts-5.txt", "contexts-6.txt", "contexts-7.txt", "contexts-7b.txt")
SECOND = ("contexts-2.txt", "contexts-2b.txt", "contexts-2c.txt", "contexts-2d.txt", "contexts-2e.txt")


def row(number: int, *, source: str, symbol: str, context: str) -> Row:
    return Row(source, source, "1", "usr/bin/x", f"0x{number:x}", "f", symbol, "md5", context, "likely", "", "")


MANY = [
    row(number, source=f"s{number % 20}", symbol=f"f{number % 13}", context=("unknown", "mac", "kdf")[number % 3])
    for number in range(600)
]


def test_a_sample_keeps_to_its_shares() -> None:
    drawn = sample(MANY, 100, 1)
    assert len(drawn) == len(set(drawn)) == 100
    assert drawn == [one for one in MANY if one in set(drawn)]
    assert max(Counter(one.symbol for one in drawn).values()) <= 15
    assert max(Counter(one.source for one in drawn).values()) <= 12
    assert {one.context for one in drawn} == {"unknown", "mac", "kdf"}
    assert sum(one.context == "unknown" for one in drawn) <= 30


def test_the_seed_decides() -> None:
    assert sample(MANY, 30, 1) == sample(MANY, 30, 1) != sample(MANY, 30, 2)


def test_where_little_is_left_the_sample_is_smaller() -> None:
    of_one = [row(number, source="s", symbol="f", context="mac") for number in range(50)]
    assert len(sample(of_one, 100, 1)) == 12


def test_the_tables_are_of_their_form() -> None:
    checked = contexts.uses()
    assert {word for one in checked for word in (one.context, *one.true.split(", "))} <= set(Context)
    assert contexts.findings()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("USES", "\tyes\t", "\tsurely\t", "right: expected yes or no"),
        ("USES", "\tpassword\tupstream", "\t\tupstream", "expected a place in the source and a context"),
        ("FINDINGS", "\tno\t", "\t\t", "expected yes or no"),
    ],
)
def test_a_line_that_is_not_right_is_an_error(
    name: str, old: str, new: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = getattr(contexts, name).read_text(encoding="utf-8")
    assert old in text
    table = tmp_path / "table.tsv"
    table.write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(contexts, name, table)
    with pytest.raises(ValueError, match=expected):
        contexts.uses() if name == "USES" else contexts.findings()


def test_no_package_was_looked_at_before_it_was_drawn() -> None:
    seen = set(drawing.names())
    for name in ("contexts-seen.txt", "contexts-1.txt", "contexts-1b.txt", *SECOND, *LATER):
        drawn = (FOLDER / name).read_text().split()
        assert len(drawn) == len(set(drawn)) >= 28
        assert name == "contexts-seen.txt" or not seen & set(drawn)
        seen |= set(drawn)


def test_what_was_checked_of_a_sample_is_of_its_packages() -> None:
    lists = {
        "2": (60, ("contexts-1.txt", "contexts-1b.txt")),
        "3": (60, SECOND),
        "4": (46, ("contexts-4.txt",)),
        "5": (7, ("contexts-5.txt",)),
        "6": (5, ("contexts-6.txt",)),
        "7": (19, ("contexts-7.txt", "contexts-7b.txt")),
    }
    for number, (least, names) in lists.items():
        drawn = {package for name in names for package in (FOLDER / name).read_text().split()}
        checked = [one.package for one in contexts.uses() if one.sample == number]
        checked += [one.package for one in contexts.findings() if one.sample == number]
        assert len(checked) >= least
        assert set(checked) <= drawn
