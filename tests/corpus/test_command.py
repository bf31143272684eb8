"""``python -m corpus`` builds what it is asked for, and says in one line what it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archscan.errors import ArchscanError
from corpus.__main__ import main
from corpus.target import run, target

if TYPE_CHECKING:
    from pathlib import Path


def test_named_recipes_are_built_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "new/out"), "relocatable"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(tmp_path / f"new/out/relocatable_1.0-1_{target().architecture}.deb")]
    assert (tmp_path / "new/out").is_dir()
    assert all((tmp_path / line).read_bytes().startswith(b"!<arch>\n") for line in printed)


def test_an_unknown_recipe_is_a_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "no-such-recipe"]) == 2
    assert capsys.readouterr().err.startswith("corpus: no-such-recipe: expected a recipe: ")


def test_without_arguments_it_tells_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m corpus OUT" in capsys.readouterr().err


def test_a_failing_command_is_told_with_its_words_and_complaint(tmp_path: Path) -> None:
    with pytest.raises(ArchscanError, match=r"^gcc no-such-file\.c: exit 1: "):
        run(["gcc", "no-such-file.c"], folder=str(tmp_path))


def test_a_missing_program_is_told_by_name() -> None:
    with pytest.raises(ArchscanError, match=r"no-such-program: .*expected it on the PATH"):
        run(["no-such-program"])


def test_the_target_agrees_with_the_compiler() -> None:
    found = target()
    macro = {
        "amd64": "__x86_64__", "arm64": "__aarch64__", "armhf": "__arm__", "i386": "__i386__",
        "loong64": "__loongarch__", "ppc64el": "__powerpc64__", "riscv64": "__riscv", "s390x": "__s390x__",
    }  # fmt: skip
    assert run(["gcc", "-dM", "-E", "-x", "c", "/dev/null"]).count(f"#define {macro[found.architecture]} ") == 1
