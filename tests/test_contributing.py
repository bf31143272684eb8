"""CONTRIBUTING.md, followed step by step in a copy of the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy in which every file that the document shows has been written."""
    copy = tmp_path / "checkout"
    for name in ("archscan", "rules", "reports", "corpus"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(
        r"^ *```\w+ (\S+)\n(.*?)^ *```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 4
    for path, text in blocks:
        file = copy / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return copy


def _run(checkout: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_rule_is_well_formed_and_finds_its_hit(checkout: Path, tmp_path: Path) -> None:
    assert "well formed" in _run(checkout, "archscan", "rules", "check")
    _run(checkout, "corpus", str(tmp_path / "debs"), "uses-rpath", "hardened")
    db = str(tmp_path / "a.db")
    _run(checkout, "archscan", "scan", "-q", "--db", db, str(tmp_path / "debs"))
    sql = "SELECT path FROM open_finding WHERE rule_id = 'uses-rpath'"
    found = _run(checkout, "archscan", "query", "--db", db, "--format", "csv", "--sql", sql)
    assert found.split() == ["path", "usr/bin/old"]


def test_the_library_is_in_the_catalogue(checkout: Path) -> None:
    assert "libthing" in _run(checkout, "archscan", "catalogue", "show", "thing_md5_init")


def test_the_steps_name_what_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert "EXTRACTOR" in (ROOT / "archscan/scan/__init__.py").read_text()
    for command in re.findall(r"`archscan (\w+)", text):
        assert command in ("query", "rules", "catalogue"), command
