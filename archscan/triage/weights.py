"""What findings and circumstances weigh: ``rules/score.toml``, read strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from archscan.errors import RuleError
from archscan.rules.toml import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_Number = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Percent = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
_ALL = 100


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="kebab"):
    pass


class Points(_Strict, frozen=True):
    """Points of a finding by its severity."""

    negligible: _Number
    low: _Number
    medium: _Number
    high: _Number
    critical: _Number


class Age(_Strict, frozen=True):
    """From which age in days on a finding weighs so many per cent more."""

    days: _Number
    percent: _Percent


class Listed(_Strict, frozen=True):
    """How many findings of a severity put a source on the list; None: however many do not."""

    negligible: _Number | None = None
    low: _Number | None = None
    medium: _Number | None = None
    high: _Number | None = None
    critical: _Number | None = None


class Raised(_Strict, frozen=True):
    """Per cent that circumstances add."""

    setuid: _Percent
    setgid: _Percent
    capabilities: _Percent
    network_service: _Percent
    can_listen: _Percent
    essential: _Percent
    required: _Percent
    important: _Percent
    standard: _Percent
    seed: _Percent


class Lowered(_Strict, frozen=True):
    """Per cent that circumstances take off."""

    apparmor: _Percent
    sandbox: _Percent
    non_root: _Percent
    hardened: _Percent


class Sandbox(_Strict, frozen=True):
    """How many of which directives make a sandbox."""

    least: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    directives: tuple[str, ...]


class Weights(_Strict, frozen=True):
    """All of the file."""

    points: Points
    age: Age
    listed: Listed
    raised: Raised
    lowered: Lowered
    sandbox: Sandbox


def load_weights(directories: Sequence[Path]) -> Weights:
    """The weights of the last of the directories that has a ``score.toml``. Raises RuleError: file, key, expected."""
    paths = [path for directory in directories if (path := directory / "score.toml").exists()]
    if not paths:
        raise RuleError("score.toml: expected in one of the folders of rules")
    path = paths[-1]
    try:
        found = msgspec.convert(table_of(path), Weights)
    except msgspec.ValidationError as error:
        raise RuleError(f"{path}: {error}") from error
    if sum(msgspec.structs.astuple(found.lowered)) >= _ALL:
        raise RuleError(f"{path}: lowered: expected less than {_ALL} together, or work would be less than none")
    if found.sandbox.least > len(set(found.sandbox.directives)):
        raise RuleError(f"{path}: sandbox.least: expected at most the {len(found.sandbox.directives)} directives")
    return found
