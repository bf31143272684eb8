"""What docs/consumers.md shows works: commands of the shell, Python, and the formats that it lists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archscan.cli.report import FORMATS
from tests.reports import scans

TEXT = (Path(__file__).parents[2] / "docs/consumers.md").read_text(encoding="utf-8")
EXAMPLES = [(kind, text) for kind, text in re.findall(r"```(sh|python)\n(.*?)```", TEXT, re.DOTALL)]


@pytest.fixture(scope="module")
def folder(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader would try them: a folder with archscan.db, and what the first example writes."""
    found = tmp_path_factory.mktemp("consumers")
    (found / "bin").mkdir()
    program = found / "bin" / "archscan"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m archscan "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    scans.scanned(corpus_debs, found / "archscan.db")
    assert EXAMPLES[0][0] == "sh"
    run(EXAMPLES[0], found)
    return found


def run(example: tuple[str, str], folder: Path) -> str:
    kind, text = example
    command = ["sh", "-euc", text] if kind == "sh" else [sys.executable, "-c", text]
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": root}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES[1:], ids=lambda example: example[1].split("\n")[0][:50])
def test_an_example_gives_something(example: tuple[str, str], folder: Path) -> None:
    assert run(example, folder).strip()


def test_every_format_has_a_row() -> None:
    assert set(re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE)) == set(FORMATS)
