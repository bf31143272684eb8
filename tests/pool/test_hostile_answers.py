"""Whoever takes over a child may write what they like: it is a problem, the first process stays small and goes on."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from tests.pool.hostile_answers import ATTACKS

_ANSWER_BYTES = 256 << 20
_HONEST = ("tiny-files", "texts", "packages", "logs")  # what could be said, and is taken
_QUICK = ("length", "empty-logs", "nested", "logs", "close", "named")
_LIMIT = {"dribble": "timeout", "too-much": "limit"}


def _check(workers: int, answer_bytes: int, attacks: tuple[str, ...], most: int) -> None:
    command = [sys.executable, "-m", "tests.pool.hostile_answers", str(workers), str(answer_bytes), *attacks]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [msgspec.json.decode(line) for line in said.splitlines()]
    assert sorted(row[0] for row in rows) == sorted(name for one in attacks for name in (one, f"honest after {one}"))
    for name, peak, _, records, characters, problems in rows:
        assert peak < most, (name, peak)
        assert records <= 100  # of each job
        assert characters <= 100 * 21_000
        if name.startswith("honest"):
            assert problems == [], name
        elif name not in _HONEST:
            assert problems[0].startswith(_LIMIT.get(name, "internal")), (name, problems)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hostile_answer_is_a_problem(workers: int) -> None:
    _check(workers, 24 << 20, _QUICK, 200 << 20)


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_process_stays_small(workers: int) -> None:
    """Of answers as long as they may be, of which some hold what takes the most memory for its bytes."""
    _check(workers, _ANSWER_BYTES, tuple(ATTACKS), 3 << 30)
