"""A data file as a table, or an error that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli

from archscan.errors import RuleError

if TYPE_CHECKING:
    from pathlib import Path


def table_of(path: Path) -> dict[str, Any]:
    """What a TOML file says. Raises RuleError where it cannot be read or is none."""
    try:
        return tomli.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: expected TOML: {error}") from error
