"""Lists of reviewed files: what is not as it was reviewed is named; what grows old is told, then refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from archscan.baseline.manifest import Age, Entry, parsed, read, require, reviewed, rule_files, text, within
from archscan.errors import BaselineError

DAY = date(2026, 3, 1)
ANY_AGE = Age()
A, B = "a" * 64, "b" * 64
KNOWN = (Entry(A, "mine/a/x.toml", DAY, "jane"), Entry(B, "server.baseline", DAY, "jo"))


def _required(files: dict[str, str], age: Age = ANY_AGE, today: date = DAY) -> str | None:
    return require("R", KNOWN, files, ["mine/"], age, today)


def test_what_is_as_reviewed_is_taken() -> None:
    assert _required({"mine/a/x.toml": A}) is None
    assert require("R", KNOWN, {"server.baseline": B}, [], Age(), DAY) is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"mine/a/x.toml": B}, "R: mine/a/x.toml is modified"),
        ({"mine/a/x.toml": A, "mine/a/y.toml": B}, "R: mine/a/y.toml is not reviewed"),
        ({}, "R: mine/a/x.toml is missing"),
        ({"mine/b/x.toml": A}, "R: mine/b/x.toml is not reviewed; mine/a/x.toml is missing"),
        ({"mine/a/x.toml": A, **{f"mine/{n:02}.toml": A for n in range(20)}}, "R: mine/00.toml is not reviewed; "),
    ],
)
def test_what_is_other_is_named(files: dict[str, str], message: str) -> None:
    with pytest.raises(BaselineError) as error:
        _required(files)
    assert str(error.value).startswith(message)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("days", "age", "result"),
    [
        (0, Age(14, 28), None),
        (14, Age(14, 28), None),
        (15, Age(14, 28), "nag"),
        (28, Age(14, 28), "nag"),
        (29, Age(14, 28), "block"),
        (1, Age(0, 0), "block"),
        (0, Age(0, 0), None),
        (10_000, Age(), None),
        (10_000, Age(14, None), "nag"),
        (5, Age(None, 4), "block"),
        (-1, Age(), "block"),  # a day that is still to come would never grow old
    ],
)
def test_age_nags_then_blocks(days: int, age: Age, result: str | None) -> None:
    today = DAY + timedelta(days=days)
    if result == "block":
        with pytest.raises(BaselineError, match=r"review again|still to come"):
            _required({"mine/a/x.toml": A}, age, today)
        return
    told = _required({"mine/a/x.toml": A}, age, today)
    assert (told is not None) == (result == "nag")
    assert told is None or f"{days} days old (2026-03-01, jane), more than {age.nag}" in told


def test_only_what_is_asked_for_grows_old() -> None:
    old = (Entry(B, "other.baseline", date(2000, 1, 1), "jo"), *KNOWN)
    assert require("R", old, {"server.baseline": B}, [], Age(1, 2), DAY) is None


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    entries = (Entry(A, "a b.toml", DAY, "jane\n# x"), Entry(B, "z", DAY, "jane\n# x"),
               Entry(B, "archscan:x.toml", DAY + timedelta(days=1), "jo"))  # fmt: skip
    path = tmp_path / "R"
    path.write_text("".join(text(entries)))
    assert path.read_text().count("\n# ") == 0
    assert read(path) == entries
    assert "".join(text(read(path))) == path.read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x", "R:1: expected `Format: archscan-reviewed/1`"),
        ("Reviewed: soon", "R:3: Reviewed: expected a day"),
        ("Reviewed: 2026-01-01\nBy: jo\nzz  path", "R:5: 'zz  path': expected"),
        (f"Reviewed: 2026-01-01\n{A}  path", "R:4: expected `Reviewed: ` and `By: ` above"),
        (f"Reviewed: 2026-01-01\nBy: jo\n\n{A}  path", "R:6: expected `Reviewed: ` and `By: ` above"),
        (f"Reviewed: 2026-01-01\nBy: jo\n{A}  path\n{A}  path", "R:6: 'path': expected once"),
    ],
)
def test_a_broken_list_names_its_line(content: str, message: str) -> None:
    data = content if content == "x" else f"Format: archscan-reviewed/1\n\n{content}\n"
    with pytest.raises(BaselineError) as error:
        parsed("R", data.encode())
    assert str(error.value).startswith(message)


def test_another_review_keeps_what_it_is_not_about() -> None:
    later = DAY + timedelta(days=3)
    made = reviewed(KNOWN, {"mine/a/y.toml": B}, ["mine/"], "ann", later)
    assert made == (KNOWN[1], Entry(B, "mine/a/y.toml", later, "ann"))


def test_every_data_file_counts_also_behind_links(tmp_path: Path) -> None:
    for name in ("mine/crypto/a.toml", "mine/context/b.toml", "mine/README.md", "elsewhere/c.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "mine/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine/linked/loop").symlink_to(tmp_path / "mine")
    found = rule_files(tmp_path / "mine", tmp_path / "R")
    assert {"mine/crypto/a.toml", "mine/context/b.toml"} <= set(found)
    assert [path for path in found if path.endswith("c.toml")]
    assert len(found) == 3
    shipped = rule_files(tmp_path / "mine", tmp_path / "R", shipped=True)
    assert "archscan:crypto/a.toml" in shipped


@pytest.mark.parametrize(
    ("path", "scopes", "result"),
    [
        ("mine/a.toml", ["mine/"], True),
        ("mine2/a.toml", ["mine/"], False),
        ("x.baseline", [""], False),
        ("crypto/a.toml", [""], True),
        ("archscan:crypto/a.toml", [""], False),
        ("archscan:crypto/a.toml", ["archscan:"], True),
        ("mine/a.toml", [], False),
    ],
)
def test_a_folder_of_rules_has_rules_alone(path: str, scopes: list[str], result: bool) -> None:
    assert within(path, scopes) == result
