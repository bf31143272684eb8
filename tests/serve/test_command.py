"""``archscan serve`` as a program: it says where it answers, answers, and ends in order."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def started(path: Path, temporary: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "archscan", "serve", "--db", str(path), "--port", "0"]
    return subprocess.Popen(
        [*command, "--temporary", str(temporary), *more], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_it_answers_and_ends_in_order(ending: signal.Signals, hostile: Path, tmp_path: Path) -> None:
    with started(hostile, tmp_path) as process:
        assert process.stdout
        line = process.stdout.readline()
        match = re.match(r"(http://127\.0\.0\.1:\d+/) ", line)
        try:
            assert match, (line, process.stderr.read() if process.stderr and process.poll() is not None else "")
            if ending is signal.SIGINT:
                with urllib.request.urlopen(match[1], timeout=30) as answer:
                    assert b"Package, path, symbol or finding" in answer.read()
            assert list(tmp_path.iterdir())
        finally:
            process.send_signal(ending)
            out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (0, "", "")
    assert not list(tmp_path.iterdir()), "indices were left behind"


def test_what_is_wrong_is_one_line(hostile: Path, tmp_path: Path) -> None:
    with started(tmp_path / "missing.db", tmp_path) as process:
        _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error.count("\n") == 1
    assert "there is no such database" in error
