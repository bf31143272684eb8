"""Signs do not hold where something is around that they name with ``unless``."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscan.errors import RuleError
from archscan.rules.contexts import load_contexts, match

SIGN = "[[sign]]\nnote = 'it says so'\nconfidence = 'likely'\ntexts = ['password']\n"


def _written(folder: Path, more: str) -> Path:
    (folder / "context").mkdir()
    (folder / "context" / "password.toml").write_text(SIGN + more)
    return folder


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({"texts": "password"}, True),
        ({"texts": "password\nas symkey"}, False),
        ({"texts": "password", "functions": "as symkey"}, False),
        ({"texts": "password", "paths": "usr/lib/pbkdf.pm"}, False),
        ({"texts": "password", "calls": "as symkey"}, True),
        ({"texts": "password\nas SYMKEY"}, False),
        ({"texts": "as symkey"}, False),
    ],
)
def test_what_is_named_must_be_absent(facts: dict[str, str], holds: bool, tmp_path: Path) -> None:
    (known,) = load_contexts([_written(tmp_path, "unless = ['(?i)^as symkey$', 'pbkdf']\n")])
    assert (match(known, facts) is not None) == holds


def test_a_wrong_expression_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="sign 1: unless: expected a regular expression"):
        load_contexts([_written(tmp_path, "unless = ['(']\n")])
